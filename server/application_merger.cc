#include "server/application_merger.h"

#include <spdlog/spdlog.h>

#include "server/application_dataset_settings.h"

namespace freshet {
namespace {

void report(const std::string& dataset, const Result<MergeStats>& result) {
  if (result) {
    spdlog::info("dataset {}: {} segments merged, {} rows, {} bytes to {}",
                 dataset, result->segments_read, result->rows,
                 result->bytes_read, result->bytes);
  } else if (result.error().code == ErrorCode::kConflict) {
    spdlog::info("dataset {}: a merge was given up: {}", dataset,
                 result.error().message);
  } else {
    spdlog::warn("dataset {}: merge failed, the segments stay as they are: {}",
                 dataset, result.error().message);
  }
}

}  // namespace

std::unique_ptr<Merger> start_merger(SegmentStore& store) {
  auto merger = std::make_unique<Merger>(store, report);
  merger->start();
  return merger;
}

void set_merge_policies(Merger& merger, const Model* before,
                        const Model& model) {
  for (const DatasetModel& dataset : model.datasets) {
    MergePolicy policy;
    policy.target = {dataset.merge_rows, dataset.merge_bytes};
    policy.options = ingestion_settings(dataset, nullptr).seal;
    policy.bytes_per_second = dataset.merge_rate;
    merger.set_policy(dataset.name, std::move(policy));
  }
  if (before == nullptr) return;
  for (const DatasetModel& dataset : before->datasets) {
    if (!model.dataset(dataset.name)) merger.remove_policy(dataset.name);
  }
}

void set_segment_metrics(Metrics& metrics, const std::string& dataset,
                         const MergeTotals& merged, const DropStats& dropped,
                         const Timeline& timeline) {
  auto counter = [&](const char* metric, const char* help, auto value) {
    metrics.set_counter(metric, help, "dataset", dataset,
                        static_cast<double>(value));
  };
  counter("freshet_merges_total", "Background merges", merged.merges);
  counter("freshet_merge_failures_total", "Background merges that failed",
          merged.failures);
  counter("freshet_merged_rows_total", "Rows written by merges", merged.rows);
  counter("freshet_merge_read_bytes_total", "Segment bytes read by merges",
          merged.bytes_read);
  counter("freshet_merge_written_bytes_total",
          "Segment bytes written by merges", merged.bytes_written);
  counter("freshet_retention_segments_total", "Segments past retention",
          dropped.segments);
  counter("freshet_retention_bytes_total",
          "Bytes given back by segments past retention", dropped.bytes);
  uint64_t hidden = 0;
  for (const auto& [id, rows] : timeline.hidden) hidden += rows->cardinality();
  metrics.set_gauge("freshet_hidden_rows",
                    "Rows deleted or replaced, not yet merged away", "dataset",
                    dataset, static_cast<double>(hidden));
}

}  // namespace freshet
