// A first definition of a dataset from sample messages: JSON objects, Debezium
// or AWS DMS envelopes. A person should look at it: a sample does not say what
// may come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "segments/schema.h"

namespace freshet {

struct InferredField {
  std::string name;  // fit for a column
  std::string path;
  ColumnType type;
  std::string time_format;  // of a timestamp: "auto", "millis", ...
  bool high_cardinality = false;
  uint64_t filled = 0;  // messages that have a value
  std::string example;
};

struct InferredDataset {
  std::string format;                 // json | debezium | dms
  std::string time_field;             // empty: the message's own time
  uint64_t messages = 0;              // that could be read
  std::vector<InferredField> fields;  // in the order in which they were met
  std::vector<std::string> arrays;    // paths that no column can hold
  std::vector<std::string> odd;       // fields whose names no path can say
  std::vector<std::string> empty;     // paths that were null wherever they were
};

// kInvalid if none of the messages is a JSON object.
Result<InferredDataset> infer_dataset(std::span<const RawMessage> messages);

// Its model file.
std::string inferred_yaml(const InferredDataset& dataset,
                          const std::string& name, const std::string& brokers,
                          const std::string& topic);

}  // namespace freshet
