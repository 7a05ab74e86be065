// What a dataset's segments hold of its columns, and what these may become. A
// segment stays as it was written, so a column's type may only become wider: a
// narrower one would round, lose or hide what is stored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "segments/segment_store.h"
#include "segments/timeline.h"
#include "server/model/model.h"

namespace freshet {

// By column, the types in which rows of it are stored.
using StoredTypes = std::map<std::string, std::vector<ColumnType>>;

// Opens every segment. A damaged one says nothing, one without rows does not
// count.
StoredTypes stored_types(const Timeline& timeline);

// A fault for each column of the dataset whose type those it is stored in,
// under its name or an alias, may not become, at the line of the type. Allowed
// are the same type, long to decimal to double, and a decimal of more digits.
std::vector<ModelFault> type_faults(const DatasetModel& dataset,
                                    const StoredTypes& stored);

// Those over what is in `store`. Opens no segment where the types are those
// that were kept last: a start need not.
std::vector<ModelFault> type_faults(const DatasetModel& dataset,
                                    SegmentStore& store);
// Adds those of all datasets of the model, which then is none.
void refuse_types(ModelLoad& load, SegmentStore& store);

// Before rows are stored in other types than those that were kept.
Status forget_types(const DatasetModel& dataset, SegmentStore& store);
Status forget_types(const Model& model, SegmentStore& store);
// All rows to come are of these types. REQUIRES: there are no faults. What
// cannot be kept is looked at again by the next start.
void keep_types(const Model& model, SegmentStore& store);

}  // namespace freshet
