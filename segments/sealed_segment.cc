#include "segments/sealed_segment.h"

#include <vector>

#include "segments/file_format.h"
#include "segments/mutex.h"
#include "segments/sealed_column.h"
#include "segments/sealed_cube.h"
#include "segments/sealed_file.h"
#include "segments/verified_columns.h"

namespace freshet {
namespace {

class SealedSegment final : public Segment {
 public:
  SealedSegment(const std::string& path, SealedBytes file)
      : file_(path, std::move(file.file), file.trailer),
        id_(file.footer.id),
        num_rows_(file.footer.num_rows),
        time_range_(file.footer.time_range),
        content_hash_(file.footer.content_hash),
        has_cubes_(!file.footer.cubes.empty()),
        columns_(file_, path, file.footer.columns.size(),
                 [this](size_t position) { return open_column(position); }) {
    if (file.footer.rollup) {
      rollup_ = std::make_unique<const Rollup>(std::move(*file.footer.rollup));
    }
    for (ColumnFooter& column : file.footer.columns) {
      schema_.columns.push_back(std::move(column.spec));
    }
  }

  const std::string& id() const override { return id_; }
  const Schema& schema() const override { return schema_; }
  uint32_t num_rows() const override { return num_rows_; }
  Interval time_range() const override { return time_range_; }
  bool sealed() const override { return true; }
  uint64_t content_hash() const override { return content_hash_; }
  uint64_t size_bytes() const override { return file_.file().size(); }
  uint64_t mark() const override { return file_.mark(); }
  Status status(uint64_t mark) const override { return file_.status(mark); }
  std::optional<Error> fault() const override { return file_.fault(); }
  void verify_again() const override { file_.verify_again(); }

  Result<const Column*> column(std::string_view name) const override {
    std::optional<size_t> position = schema_.find(name);
    if (!position) return nullptr;
    return columns_.column(*position);
  }

  Result<const Rollup*> rollup() const override { return rollup_.get(); }

  Result<const std::vector<Cube>*> cubes() const override {
    if (!has_cubes_) return nullptr;
    MutexLock lock(mutex_);
    if (!cubes_) {
      Result<Footer> footer = file_.read_footer();
      if (!footer) return in_file(file_.path(), footer.error());
      TRY_ASSIGN(auto opened, open_cubes(file_, *footer));
      cubes_ = std::make_unique<std::vector<Cube>>(std::move(opened));
    }
    return cubes_.get();
  }

 private:
  // The footer is read again here rather than kept, since most segments of a
  // large folder are never asked for a column.
  Result<std::unique_ptr<SealedColumn>> open_column(size_t position) const {
    TRY_ASSIGN(Footer footer, file_.read_footer());
    return SealedColumn::open(file_.file(), footer, position);
  }

  mutable VerifiedFile file_;
  const std::string id_;
  const uint32_t num_rows_;
  const Interval time_range_;
  const uint64_t content_hash_;
  const bool has_cubes_;
  std::unique_ptr<const Rollup> rollup_;  // null: not rolled up
  Schema schema_;
  mutable VerifiedColumns columns_;
  mutable Mutex mutex_;
  mutable std::unique_ptr<std::vector<Cube>> cubes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::shared_ptr<const Segment>> open_segment(const std::string& path) {
  TRY_ASSIGN(SealedBytes file, open_sealed_bytes(path));
  return std::shared_ptr<const Segment>(
      std::make_shared<SealedSegment>(path, std::move(file)));
}

}  // namespace freshet
