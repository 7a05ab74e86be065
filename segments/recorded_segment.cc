#include "segments/recorded_segment.h"

#include <atomic>
#include <filesystem>
#include <system_error>

#include "segments/mutex.h"
#include "segments/sealed_segment.h"

namespace freshet {
namespace {

class RecordedSegment final : public Segment {
 public:
  RecordedSegment(std::shared_ptr<const std::string> folder,
                  SegmentRecord record, bool sound)
      : folder_(std::move(folder)),
        record_(std::move(record)),
        failed_(!sound) {}

  const std::string& id() const override { return record_.id; }
  const Schema& schema() const override {
    static const Schema kNothing;
    auto segment = opened();
    return segment ? (*segment)->schema() : kNothing;
  }
  uint32_t num_rows() const override { return record_.num_rows; }
  Interval time_range() const override { return record_.time_range; }
  bool sealed() const override { return true; }
  uint64_t content_hash() const override { return record_.content_hash; }
  uint64_t size_bytes() const override { return record_.bytes; }
  Result<const Column*> column(std::string_view name) const override {
    TRY_ASSIGN(const Segment* segment, opened());
    return segment->column(name);
  }
  Result<const std::vector<Cube>*> cubes() const override {
    TRY_ASSIGN(const Segment* segment, opened());
    return segment->cubes();
  }
  Result<const Rollup*> rollup() const override {
    TRY_ASSIGN(const Segment* segment, opened());
    return segment->rollup();
  }
  uint64_t mark() const override {
    const Segment* segment = ready();
    return segment == nullptr ? 0 : segment->mark();  // which begins at 0
  }
  Status status(uint64_t mark) const override {
    if (const Segment* segment = ready()) return segment->status(mark);
    if (!failed_.load(std::memory_order_relaxed)) return {};
    TRY_ASSIGN(const Segment* segment, opened());
    return segment->status(mark);
  }
  std::optional<Error> fault() const override {
    if (const Segment* segment = ready()) return segment->fault();
    if (!failed_.load(std::memory_order_relaxed)) return std::nullopt;
    auto segment = opened();
    return segment ? (*segment)->fault() : std::optional(segment.error());
  }
  void verify_again() const override {
    if (const Segment* segment = ready()) segment->verify_again();
  }

 private:
  const Segment* ready() const {
    return ready_.load(std::memory_order_acquire);
  }

  Result<const Segment*> opened() const {
    if (const Segment* segment = ready()) return segment;
    MutexLock lock(mutex_);
    if (segment_) return segment_.get();
    auto segment = open();
    failed_.store(!segment, std::memory_order_relaxed);
    if (!segment) return segment.error();
    segment_ = std::move(*segment);
    ready_.store(segment_.get(), std::memory_order_release);
    return segment_.get();
  }

  Result<std::shared_ptr<const Segment>> open() const {
    std::string path = *folder_ + "/" + record_.file;
    std::error_code code;
    const uint64_t bytes = std::filesystem::file_size(path, code);
    if (code == std::errc::no_such_file_or_directory) {
      return Error{ErrorCode::kCorrupt,
                   path + ": the file of a committed segment is gone: " +
                       code.message()};
    }
    if (!code && bytes != record_.bytes) {
      return Error{ErrorCode::kCorrupt,
                   path + ": has " + std::to_string(bytes) +
                       " bytes, not the " + std::to_string(record_.bytes) +
                       " that were committed"};
    }
    TRY_ASSIGN(auto segment, open_segment(path));
    if (segment->id() != record_.id ||
        segment->content_hash() != record_.content_hash ||
        segment->num_rows() != record_.num_rows) {
      return Error{ErrorCode::kCorrupt,
                   path + ": not the file that was committed as " + record_.id};
    }
    return segment;
  }

  const std::shared_ptr<const std::string> folder_;
  const SegmentRecord record_;
  mutable std::atomic<const Segment*> ready_{nullptr};  // segment_, once set
  mutable std::atomic<bool> failed_;  // to open, when it was last looked at
  mutable Mutex mutex_;
  mutable std::shared_ptr<const Segment> segment_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const Segment> recorded_segment(
    std::shared_ptr<const std::string> folder, SegmentRecord record,
    bool sound) {
  return std::make_shared<RecordedSegment>(std::move(folder), std::move(record),
                                           sound);
}

}  // namespace freshet
