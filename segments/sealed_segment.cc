#include "segments/sealed_segment.h"

#include <atomic>
#include <vector>

#include "segments/file_format.h"
#include "segments/mapped_file.h"
#include "segments/mutex.h"
#include "segments/sealed_column.h"
#include "segments/sealed_cube.h"
#include "segments/sealed_file.h"

namespace freshet {
namespace {

class SealedSegment final : public Segment {
 public:
  SealedSegment(std::string path, SealedBytes file)
      : path_(std::move(path)),
        file_(std::move(file.file)),
        trailer_(file.trailer),
        id_(file.footer.id),
        num_rows_(file.footer.num_rows),
        time_range_(file.footer.time_range),
        content_hash_(file.footer.content_hash),
        has_cubes_(!file.footer.cubes.empty()),
        columns_(file.footer.columns.size()) {
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
  uint64_t size_bytes() const override { return file_->size(); }
  Status status() const override { return file_->status(); }

  Result<const Column*> column(std::string_view name) const override {
    std::optional<size_t> position = schema_.find(name);
    if (!position) return nullptr;
    const SealedColumn* opened =
        columns_[*position].load(std::memory_order_acquire);
    if (opened != nullptr) return opened;
    auto column = open_column(*position);
    TRY(status());  // a better word for what fails its checksum then
    return column;
  }

  Result<const Rollup*> rollup() const override { return rollup_.get(); }

  Result<const std::vector<Cube>*> cubes() const override {
    if (!has_cubes_) return nullptr;
    MutexLock lock(mutex_);
    if (!cubes_) {
      TRY_ASSIGN(Footer footer, read_footer());
      TRY_ASSIGN(auto opened, open_cubes(path_, *file_, std::move(footer)));
      cubes_ = std::make_unique<std::vector<Cube>>(std::move(opened));
    }
    return cubes_.get();
  }

 private:
  // Verifies a column, once; a fault found is kept and given again.
  Result<const Column*> open_column(size_t position) const {
    MutexLock lock(mutex_);
    if (const SealedColumn* opened =
            columns_[position].load(std::memory_order_relaxed)) {
      return opened;
    }
    if (faults_.empty()) faults_.resize(columns_.size());
    if (faults_[position]) return *faults_[position];
    auto column = verified(position);
    if (!column) {
      faults_[position] = column.error();
      return column.error();
    }
    opened_.push_back(std::move(*column));
    columns_[position].store(opened_.back().get(), std::memory_order_release);
    return opened_.back().get();
  }

  // The footer is read again here rather than kept, since most segments of a
  // large folder are never asked for a column.
  Result<std::unique_ptr<SealedColumn>> verified(size_t position) const {
    TRY_ASSIGN(Footer footer, read_footer());
    auto column = SealedColumn::open(*file_, footer, position);
    if (!column) return in_file(path_, column.error());
    return column;
  }

  Result<Footer> read_footer() const {
    std::string_view bytes =
        file_->bytes(trailer_.footer_offset, trailer_.footer_length);
    Result<Footer> footer = decode_footer(bytes, trailer_);
    if (!footer) return in_file(path_, footer.error());
    return footer;
  }

  const std::string path_;
  const std::unique_ptr<MappedFile> file_;
  const Trailer trailer_;
  const std::string id_;
  const uint32_t num_rows_;
  const Interval time_range_;
  const uint64_t content_hash_;
  const bool has_cubes_;
  std::unique_ptr<const Rollup> rollup_;  // null: not rolled up
  Schema schema_;
  mutable std::vector<std::atomic<const SealedColumn*>> columns_;
  mutable Mutex mutex_;
  mutable std::vector<std::unique_ptr<SealedColumn>> opened_
      ABSL_GUARDED_BY(mutex_);
  mutable std::vector<std::optional<Error>> faults_ ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<std::vector<Cube>> cubes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::shared_ptr<const Segment>> open_segment(const std::string& path) {
  TRY_ASSIGN(SealedBytes file, open_sealed_bytes(path));
  return std::shared_ptr<const Segment>(
      std::make_shared<SealedSegment>(path, std::move(file)));
}

}  // namespace freshet
