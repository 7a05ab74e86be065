// What a dataset of the model is to ingestion and to its segments.
#pragma once

#include "ingest/ingestion.h"
#include "segments/segment_store.h"
#include "server/model/model.h"
#include "server/query/lookup_source.h"

namespace freshet {

// How the model's dataset is read: what Ingestion and bulk_load take. `lookups`
// (null: none) as in make_transform.
IngestionSettings ingestion_settings(const DatasetModel& dataset,
                                     const LookupSource* lookups);

// The former names of its columns, for SegmentStore::set_aliases.
DatasetAliases dataset_aliases(const DatasetModel& dataset);

}  // namespace freshet
