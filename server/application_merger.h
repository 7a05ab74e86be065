// The store's background merges as the application runs them: policies from
// the model, a line in the log for each, counters.
#pragma once

#include <memory>
#include <string>

#include "ingest/ingestion.h"
#include "segments/merger.h"
#include "server/http/metrics.h"
#include "server/model/model.h"

namespace freshet {

// Started; merges nothing before it has policies.
std::unique_ptr<Merger> start_merger(SegmentStore& store);

// Merges what the model names, as it says; leaves alone what is gone from it.
void set_merge_policies(Merger& merger, const Model* before,
                        const Model& model);

// What became of the dataset's segments: merged, hidden, past retention.
void set_segment_metrics(Metrics& metrics, const std::string& dataset,
                         const MergeTotals& merged, const DropStats& dropped,
                         const Timeline& timeline);

}  // namespace freshet
