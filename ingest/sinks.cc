#include "ingest/sinks.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet {

Sinks::Sinks(std::string dataset, std::shared_ptr<const Schema> schema,
             Granularity partition_by, SegmentStore* store)
    : dataset_(std::move(dataset)),
      schema_(std::move(schema)),
      partition_by_(partition_by),
      store_(store),
      started_ms_(now().ms) {}

Sinks::Sink& Sinks::sink_of(int64_t ms) {
  if (last_ != nullptr && last_granule_.contains(Timestamp{ms})) return *last_;
  absl::TimeZone utc = absl::UTCTimeZone();
  Timestamp start = partition_by_.floor(Timestamp{ms}, utc);
  last_granule_ = {start, partition_by_.next(Timestamp{ms}, utc)};
  Sink& sink = sinks_[start.ms];
  if (sink.segment == nullptr) {
    sink.segment = LiveSegment::create(
        fmt::format("{}_live_{}_{}", dataset_, started_ms_, ++opened_), schema_,
        last_granule_);
    if (store_ != nullptr) store_->add_live(dataset_, sink.segment);
  }
  last_ = &sink;
  return sink;
}

void Sinks::appended(Sink& sink, uint64_t rows) {
  rows_ += rows;
  uint64_t bytes = sink.segment->size_bytes();
  bytes_ += bytes - sink.bytes;
  sink.bytes = bytes;
}

bool Sinks::one_granule(const std::vector<int64_t>& times) const {
  auto [least, greatest] = std::ranges::minmax(times);
  return last_granule_.contains(Timestamp{least}) &&
         last_granule_.contains(Timestamp{greatest});
}

void Sinks::append(const ColumnBatch& batch, const std::vector<uint8_t>& keep,
                   std::vector<Appended>* told) {
  if (batch.num_rows() == 0) return;
  const std::vector<int64_t>& times = batch.columns()[0].longs;
  bool all = std::ranges::find(keep, 0) == keep.end();
  if (all) {
    Sink& sink = sink_of(times[0]);
    if (told == nullptr && one_granule(times)) {
      sink.segment->append(batch);
      appended(sink, batch.num_rows());
      return;
    }
  }
  std::vector<Sink*> touched;
  for (uint32_t row = 0; row < batch.num_rows(); ++row) {
    if (!keep[row]) continue;
    Sink& sink = sink_of(times[row]);
    if (sink.rows.empty()) touched.push_back(&sink);
    sink.rows.push_back(row);
  }
  for (Sink* sink : touched) {
    if (told != nullptr) {
      told->push_back({sink->segment, sink->segment->num_rows(), sink->rows});
    }
    sink->segment->append(batch, sink->rows);
    appended(*sink, sink->rows.size());
    sink->rows.clear();
  }
}

std::vector<std::shared_ptr<LiveSegment>> Sinks::take() {
  std::vector<std::shared_ptr<LiveSegment>> taken;
  for (auto& [start, sink] : sinks_) {
    sink.segment->freeze();
    taken.push_back(std::move(sink.segment));
  }
  sinks_.clear();
  last_ = nullptr;
  rows_ = 0;
  bytes_ = 0;
  return taken;
}

}  // namespace freshet
