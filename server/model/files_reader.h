// source: { files: {...} }
#pragma once

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

// `place` names the dataset.
FilesSourceModel read_files(const ConfigNode& node, DatasetModel& dataset,
                            const std::string& place, FaultList& faults);

}  // namespace freshet
