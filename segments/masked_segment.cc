#include "segments/masked_segment.h"

#include <atomic>
#include <cassert>
#include <optional>
#include <string>

#include "segments/file_format.h"
#include "segments/live_snapshot.h"

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
      : segment_(std::move(segment)), hidden_(std::move(hidden)) {}

  const std::string& id() const override { return segment_->id(); }
  const Schema& schema() const override { return segment_->schema(); }
  uint32_t num_rows() const override { return segment_->num_rows(); }
  Interval time_range() const override { return segment_->time_range(); }
  bool sealed() const override { return segment_->sealed(); }
  // Made when first asked for: masks change often, few are asked.
  uint64_t content_hash() const override {
    uint64_t hash = content_hash_.load(std::memory_order_relaxed);
    if (hash != 0) return hash;
    hash = masked_hash(segment_->content_hash(), *hidden_);
    content_hash_.store(hash, std::memory_order_relaxed);
    return hash;
  }
  uint64_t size_bytes() const override { return segment_->size_bytes(); }
  Result<const Column*> column(std::string_view name) const override {
    return segment_->column(name);
  }
  Result<const Rollup*> rollup() const override { return segment_->rollup(); }
  const Bitmap* hidden_rows() const override { return hidden_.get(); }
  uint64_t mark() const override { return segment_->mark(); }
  Status status(uint64_t mark) const override { return segment_->status(mark); }
  std::optional<Error> fault() const override { return segment_->fault(); }
  void verify_again() const override { segment_->verify_again(); }

  const std::shared_ptr<const Segment>& whole() const { return segment_; }

 private:
  const std::shared_ptr<const Segment> segment_;
  const std::shared_ptr<const Bitmap> hidden_;
  mutable std::atomic<uint64_t> content_hash_{0};  // 0: not yet made
};

// A live segment as a Timeline shows it: up to a row, and without some.
class LiveView final : public LiveSegment {
 public:
  LiveView(std::shared_ptr<const LiveSegment> live,
           std::optional<uint32_t> bound, std::shared_ptr<const Bitmap> hidden)
      : live_(std::move(live)), bound_(bound), hidden_(std::move(hidden)) {}

  // Only const ones are given out, so the writer's part is never called.
  void append(const ColumnBatch&, std::span<const uint32_t>) override {
    assert(false);
  }
  void append(const ColumnBatch&) override { assert(false); }
  void freeze() override { assert(false); }

  std::shared_ptr<const Segment> snapshot() const override {
    auto segment = snapshot_of(*live_, num_rows());
    if (hidden_ == nullptr) return segment;
    return with_hidden(std::move(segment), hidden_);
  }
  const std::string& id() const override { return live_->id(); }
  const std::shared_ptr<const Schema>& schema() const override {
    return live_->schema();
  }
  Interval granule() const override { return live_->granule(); }
  uint32_t num_rows() const override {
    return bound_ ? *bound_ : live_->num_rows();
  }
  uint64_t size_bytes() const override { return live_->size_bytes(); }

  const std::shared_ptr<const LiveSegment>& whole() const { return live_; }
  std::optional<uint32_t> bound() const { return bound_; }
  const std::shared_ptr<const Bitmap>& hidden() const { return hidden_; }

 private:
  const std::shared_ptr<const LiveSegment> live_;
  const std::optional<uint32_t> bound_;  // nothing: all that are published
  const std::shared_ptr<const Bitmap> hidden_;  // may be null
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
    const std::shared_ptr<const LiveSegment>& live,
    std::shared_ptr<const Bitmap> hidden) {
  auto* view = dynamic_cast<const LiveView*>(live.get());
  if (view == nullptr) {
    return std::make_shared<LiveView>(live, std::nullopt, std::move(hidden));
  }
  return std::make_shared<LiveView>(view->whole(), view->bound(),
                                    std::move(hidden));
}

std::shared_ptr<const LiveSegment> with_rows(
    const std::shared_ptr<const LiveSegment>& live, uint32_t num_rows) {
  auto* view = dynamic_cast<const LiveView*>(live.get());
  if (view == nullptr) {
    return std::make_shared<LiveView>(live, num_rows, nullptr);
  }
  return std::make_shared<LiveView>(view->whole(), num_rows, view->hidden());
}

std::shared_ptr<const Segment> without_hidden(
    const std::shared_ptr<const Segment>& segment) {
  auto* masked = dynamic_cast<const MaskedSegment*>(segment.get());
  return masked != nullptr ? masked->whole() : segment;
}

std::shared_ptr<const LiveSegment> without_hidden(
    const std::shared_ptr<const LiveSegment>& live) {
  auto* view = dynamic_cast<const LiveView*>(live.get());
  return view != nullptr ? view->whole() : live;
}

}  // namespace freshet
