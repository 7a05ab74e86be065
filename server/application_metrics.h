// What /metrics tells of datasets, of the scrub and of the queries' memory;
// counters are set to what they stand at.
#pragma once

#include <string>

#include "ingest/ingestion.h"
#include "segments/scrubber.h"
#include "segments/timeline.h"
#include "server/http/metrics.h"
#include "server/query/partial_cache.h"

namespace freshet {

// Events read, where they stand, and the segments they are in.
void set_dataset_metrics(Metrics& metrics, const std::string& dataset,
                         const IngestionProgress& progress,
                         const Timeline& timeline);

void set_scrub_metrics(Metrics& metrics, const Scrubber& scrubber);

// `cache`, or null: none is kept. `shared`: queries that took another's run.
void set_query_metrics(Metrics& metrics, const PartialCache* cache,
                       uint64_t shared);

}  // namespace freshet
