#include "ingest/key_loader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "segments/sealed_segment.h"

namespace freshet {
namespace {

using Visit = std::function<void(const std::string&, const KeyedRow&)>;

constexpr int kMostAttempts = 10'000;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(1);

Error stopped_error(const KeyLoad& load) {
  return {ErrorCode::kCancelled,
          "stopped while keys were read: " + load.dataset};
}

class SegmentReader {
 public:
  SegmentReader(const KeyLoad& load, KeyHasher& hasher, const Visit& visit)
      : load_(load), hasher_(hasher), visit_(visit) {
    columns_ = load.settings.columns;
    num_keys_ = columns_.size();
    if (load.settings.order_by) columns_.push_back(*load.settings.order_by);
    columns_.push_back(0);  // __time
  }

  Status read(const Segment& segment, const Bitmap* hidden) {
    const uint64_t mark = segment.mark();
    TRY_ASSIGN(SegmentKeys keys,
               SegmentKeys::open(segment, *load_.schema, columns_));
    for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
      if (load_.stopped && load_.stopped()) {
        return stopped_error(load_);
      }
      read_block(segment, block, keys.read(block), hidden);
    }
    return segment.status(mark);
  }

 private:
  void read_block(const Segment& segment, uint32_t block,
                  std::span<const KeyValues> values, const Bitmap* hidden) {
    std::span<const KeyValues> key = values.first(num_keys_);
    for (uint32_t i = 0; i < segment.block_rows(block); ++i) {
      KeyedRow row;
      row.row = block * kBlockRows + i;
      if (hidden != nullptr && hidden->contains(row.row)) continue;
      std::optional<KeyHash> hash = hasher_.hash(key, i);
      if (!hash) continue;
      row.key = *hash;
      row.time = values.back().longs[i];
      if (load_.settings.order_by) row.order = order_of(values[num_keys_], i);
      visit_(segment.id(), row);
    }
  }

  const KeyLoad& load_;
  KeyHasher& hasher_;
  const Visit& visit_;
  std::vector<size_t> columns_;
  size_t num_keys_;
};

struct LoadedSegment {
  SegmentRecord record;
  std::shared_ptr<const Segment> segment;
};

// The segments in order of their arrival; nothing where the records and the
// timeline were of different moments, between which a segment was replaced.
Result<std::optional<std::vector<LoadedSegment>>> segments_of(
    SegmentStore& store, const std::string& dataset) {
  auto timeline = store.timeline(dataset);
  TRY_ASSIGN(auto records, store.metadata().segments(dataset));
  std::map<std::string_view, const SegmentRecord*> by_id;
  for (const SegmentRecord& record : records) by_id[record.id] = &record;
  std::vector<LoadedSegment> segments;
  for (const auto& segment : timeline->sealed) {
    auto known = by_id.find(segment->id());
    if (known == by_id.end()) {
      return std::optional<std::vector<LoadedSegment>>();
    }
    segments.push_back({*known->second, segment});
  }
  std::ranges::sort(segments, {}, [](const LoadedSegment& one) {
    return one.record.sequence;
  });
  return std::optional(std::move(segments));
}

}  // namespace

Status load_keys(SegmentStore& store, const KeyLoad& load, KeyHasher& hasher,
                 const Visit& visit) {
  std::optional<std::vector<LoadedSegment>> segments;
  for (int attempt = 0; !segments; ++attempt) {
    if (load.stopped && load.stopped()) return stopped_error(load);
    if (attempt == kMostAttempts) {
      return Error{ErrorCode::kConflict,
                   "segments have no record: " + load.dataset};
    }
    if (attempt > 0) std::this_thread::sleep_for(kBetweenAttempts);
    TRY_ASSIGN(segments, segments_of(store, load.dataset));
  }
  auto aliases = store.aliases(load.dataset);
  SegmentReader reader(load, hasher, visit);
  for (const auto& [record, segment] : *segments) {
    if (record.time_range.end < load.from) continue;
    auto file = open_segment(store.data_folder() + "/segments/" + record.file);
    // Merged meanwhile: the timeline's own mapping still has the bytes.
    auto readable = file ? with_aliases(*file, aliases) : segment;
    TRY(reader.read(*readable, segment->hidden_rows()));
  }
  return {};
}

}  // namespace freshet
