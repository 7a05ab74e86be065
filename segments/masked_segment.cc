#include "segments/masked_segment.h"

#include <cassert>
#include <string>

#include "segments/file_format.h"

namespace freshet {
namespace {

uint64_t masked_hash(uint64_t content, const Bitmap& hidden) {
  if (content == 0) return 0;
  std::string bytes(hidden.frozen_size(), '\0');
  hidden.write_frozen(bytes.data());
  uint64_t mixed = checksum_of(bytes) ^ (content * 0x9e3779b97f4a7c15);
  return mixed == 0 ? 1 : mixed;
}

class MaskedSegment final : public Segment {
 public:
  MaskedSegment(std::shared_ptr<const Segment> segment,
                std::shared_ptr<const Bitmap> hidden)
      : segment_(std::move(segment)),
        hidden_(std::move(hidden)),
        content_hash_(masked_hash(segment_->content_hash(), *hidden_)) {}

  const std::string& id() const override { return segment_->id(); }
  const Schema& schema() const override { return segment_->schema(); }
  uint32_t num_rows() const override { return segment_->num_rows(); }
  Interval time_range() const override { return segment_->time_range(); }
  bool sealed() const override { return segment_->sealed(); }
  uint64_t content_hash() const override { return content_hash_; }
  uint64_t size_bytes() const override { return segment_->size_bytes(); }
  Result<const Column*> column(std::string_view name) const override {
    return segment_->column(name);
  }
  Result<const Rollup*> rollup() const override { return segment_->rollup(); }
  const Bitmap* hidden_rows() const override { return hidden_.get(); }
  Status status() const override { return segment_->status(); }

  const std::shared_ptr<const Segment>& whole() const { return segment_; }

 private:
  const std::shared_ptr<const Segment> segment_;
  const std::shared_ptr<const Bitmap> hidden_;
  const uint64_t content_hash_;
};

class MaskedLive final : public LiveSegment {
 public:
  MaskedLive(std::shared_ptr<const LiveSegment> live,
             std::shared_ptr<const Bitmap> hidden)
      : live_(std::move(live)), hidden_(std::move(hidden)) {}

  // Only const ones are given out, so the writer's part is never called.
  void append(const ColumnBatch&, std::span<const uint32_t>) override {
    assert(false);
  }
  void append(const ColumnBatch&) override { assert(false); }
  void freeze() override { assert(false); }

  std::shared_ptr<const Segment> snapshot() const override {
    return with_hidden(live_->snapshot(), hidden_);
  }
  const std::string& id() const override { return live_->id(); }
  const std::shared_ptr<const Schema>& schema() const override {
    return live_->schema();
  }
  Interval granule() const override { return live_->granule(); }
  uint32_t num_rows() const override { return live_->num_rows(); }
  uint64_t size_bytes() const override { return live_->size_bytes(); }

  const std::shared_ptr<const LiveSegment>& whole() const { return live_; }

 private:
  const std::shared_ptr<const LiveSegment> live_;
  const std::shared_ptr<const Bitmap> hidden_;
};

}  // namespace

std::shared_ptr<const Segment> with_hidden(
    std::shared_ptr<const Segment> segment,
    std::shared_ptr<const Bitmap> hidden) {
  assert(segment->hidden_rows() == nullptr);
  assert(hidden->maximum().value_or(0) < segment->num_rows());
  return std::make_shared<MaskedSegment>(std::move(segment), std::move(hidden));
}

std::shared_ptr<const LiveSegment> with_hidden(
    std::shared_ptr<const LiveSegment> live,
    std::shared_ptr<const Bitmap> hidden) {
  return std::make_shared<MaskedLive>(std::move(live), std::move(hidden));
}

std::shared_ptr<const Segment> without_hidden(
    const std::shared_ptr<const Segment>& segment) {
  auto* masked = dynamic_cast<const MaskedSegment*>(segment.get());
  return masked != nullptr ? masked->whole() : segment;
}

std::shared_ptr<const LiveSegment> without_hidden(
    const std::shared_ptr<const LiveSegment>& live) {
  auto* masked = dynamic_cast<const MaskedLive*>(live.get());
  return masked != nullptr ? masked->whole() : live;
}

}  // namespace freshet
