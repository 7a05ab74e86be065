#include "ingest/key_loader.h"

#include <algorithm>
#include <map>

#include "segments/sealed_segment.h"

namespace freshet {
namespace {

using Visit = std::function<void(const std::string&, const KeyedRow&)>;

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
        return Error{ErrorCode::kCancelled,
                     "stopped while keys were read: " + load_.dataset};
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

}  // namespace

Status load_keys(SegmentStore& store, const KeyLoad& load, KeyHasher& hasher,
                 const Visit& visit) {
  TRY_ASSIGN(auto records, store.metadata().segments(load.dataset));
  std::map<std::string_view, std::shared_ptr<const Segment>> by_id;
  auto timeline = store.timeline(load.dataset);
  for (const auto& segment : timeline->sealed) by_id[segment->id()] = segment;
  std::sort(records.begin(), records.end(),
            [](const SegmentRecord& a, const SegmentRecord& b) {
              return a.sequence < b.sequence;
            });
  SegmentReader reader(load, hasher, visit);
  for (const SegmentRecord& record : records) {
    auto known = by_id.find(record.id);
    if (known == by_id.end() || record.time_range.end < load.from) continue;
    const auto& segment = known->second;
    auto file = open_segment(store.data_folder() + "/segments/" + record.file);
    // Merged meanwhile: the timeline's own mapping still has the bytes.
    const Segment& readable = file ? **file : *segment;
    TRY(reader.read(readable, segment->hidden_rows()));
  }
  return {};
}

}  // namespace freshet
