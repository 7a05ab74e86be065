// Where a dataset's events come from, from the model to what ingestion takes.
#pragma once

#include <string>

#include "ingest/file_ingestion.h"
#include "ingest/kafka_source.h"
#include "server/model/model.h"

namespace freshet {

KafkaSettings kafka_settings(const KafkaSourceModel& kafka,
                             const DatasetModel& dataset);
// A folder is meant from the model's.
FileSettings file_settings(const FilesSourceModel& model,
                           const std::string& folder);

// Everything that, when it changes, needs the stream to start anew; holds
// secrets. With the types of the lookups that it reads, if there is a model.
std::string fingerprint(const DatasetModel& dataset);
std::string fingerprint(const DatasetModel& dataset, const Model& model);

}  // namespace freshet
