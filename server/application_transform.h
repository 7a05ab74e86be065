// The model's derived columns and filter as ingestion's Transform: where the
// query engine's expressions meet decoded rows.
#pragma once

#include <memory>

#include "ingest/transform.h"
#include "server/model/model.h"

namespace freshet {

// Null if the dataset has neither derived columns nor a filter. `lookups`
// (null: there are none) are what these read, as they are at each batch; it
// must outlive the transform.
std::shared_ptr<const Transform> make_transform(const DatasetModel& dataset,
                                                const LookupSource* lookups);

}  // namespace freshet
