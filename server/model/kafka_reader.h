// `kafka` of a dataset's source: brokers, topics and patterns, which
// partitions, properties of the client, tokens. Its keys stand beside those of
// the format.
#pragma once

#include <string>

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

KafkaSourceModel read_kafka(const ConfigNode& node, DatasetModel& dataset,
                            const std::string& place, FaultList& faults);

}  // namespace freshet
