#include "server/application_metrics.h"

#include <algorithm>

namespace freshet {

void set_dataset_metrics(Metrics& metrics, const std::string& dataset,
                         const IngestionProgress& progress,
                         const Timeline& timeline) {
  uint64_t rejected = 0, bytes = 0, lag = 0;
  double stopped = 0;
  uint64_t damaged = timeline.missing.size();
  for (const auto& [reason, count] : progress.rejected) rejected += count;
  for (const auto& segment : timeline.sealed) {
    bytes += segment->size_bytes();
    if (segment->fault()) ++damaged;
  }
  for (const PartitionProgress& partition : progress.partitions) {
    lag += static_cast<uint64_t>(std::max<int64_t>(0, partition.lag()));
    stopped += partition.error.empty() ? 0 : 1;
  }
  auto gauge = [&](const char* metric, const char* help, double value) {
    metrics.set_gauge(metric, help, "dataset", dataset, value);
  };
  auto counter = [&](const char* metric, const char* help, double value) {
    metrics.set_counter(metric, help, "dataset", dataset, value);
  };
  counter("freshet_ingested_rows_total", "Rows appended since start",
          static_cast<double>(progress.rows));
  counter("freshet_ingested_bytes_total", "Event bytes read since start",
          static_cast<double>(progress.bytes));
  counter("freshet_rejected_events_total", "Events in the dead letters",
          static_cast<double>(rejected));
  counter("freshet_dead_letters_replayed_total",
          "Dead letters that became rows after all",
          static_cast<double>(progress.replayed));
  counter("freshet_dead_letters_dropped_total",
          "Dead letters dropped as the oldest beyond the limits",
          static_cast<double>(progress.dead_letters.dropped));
  gauge("freshet_lag_records", "Records not yet queryable",
        static_cast<double>(lag));
  gauge("freshet_lag_seconds", "Age of the newest queryable event's arrival",
        static_cast<double>(progress.lag_ms) / 1000);
  gauge("freshet_live_rows", "Rows not yet sealed",
        static_cast<double>(progress.live_rows));
  gauge("freshet_sealed_segments", "Sealed segment files",
        static_cast<double>(timeline.sealed.size()));
  gauge("freshet_sealed_bytes", "Bytes of sealed segment files",
        static_cast<double>(bytes));
  gauge("freshet_ingestion_up", "1 while all of the source is read",
        progress.state == IngestionState::kRunning ? 1 : 0);
  gauge("freshet_partitions_stopped",
        "Partitions that are not read until somebody mends them", stopped);
  gauge("freshet_damaged_segments",
        "Segment files that are gone or known to be damaged",
        static_cast<double>(damaged));
}

void set_scrub_metrics(Metrics& metrics, const Scrubber& scrubber) {
  const ScrubTotals totals = scrubber.totals();
  auto counter = [&](const char* name, const char* help, uint64_t value) {
    metrics.set_counter(name, help, "", "", static_cast<double>(value));
  };
  counter("freshet_scrubbed_bytes_total",
          "Segment bytes read again from the disk", totals.bytes);
  counter("freshet_scrub_passes_total", "Times that all of them were read",
          totals.passes);
  metrics.set_gauge("freshet_scrub_damaged_segments",
                    "Segment files that were bad when last read", "", "",
                    static_cast<double>(scrubber.damaged().size()));
}

void set_query_metrics(Metrics& metrics, const PartialCache* cache,
                       uint64_t shared) {
  auto counter = [&](const char* name, const char* help, uint64_t value) {
    metrics.set_counter(name, help, "", "", static_cast<double>(value));
  };
  counter("freshet_queries_shared_total",
          "Queries answered by another's run of the same", shared);
  if (!cache) return;
  const PartialCache::Totals totals = cache->totals();
  counter("freshet_query_cache_hits_total",
          "Sealed segments answered from what was kept", totals.hits);
  counter("freshet_query_cache_misses_total",
          "Sealed segments that had to be read", totals.misses);
  counter("freshet_query_cache_evicted_total",
          "Kept answers that made room for others", totals.evicted);
  auto gauge = [&](const char* name, const char* help, uint64_t value) {
    metrics.set_gauge(name, help, "", "", static_cast<double>(value));
  };
  gauge("freshet_query_cache_bytes", "Memory of kept answers", totals.bytes);
  gauge("freshet_query_cache_entries", "Kept answers", totals.entries);
}

}  // namespace freshet
