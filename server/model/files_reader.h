// source: { files: {...} }
#pragma once

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

// `place` names the dataset.
FilesSourceModel read_files(const ConfigNode& node, DatasetModel& dataset,
                            const std::string& place, FaultList& faults);

// The dataset among `datasets` that looks for the same files as `dataset` where
// one of the two takes them away from the other; or null.
const DatasetModel* rival_for_files(const DatasetModel& dataset,
                                    const std::vector<DatasetModel>& datasets);

}  // namespace freshet
