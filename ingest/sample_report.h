// What becomes of sample messages under a dataset's settings, field by field.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ingest/ingestion.h"
#include "ingest/source.h"

namespace freshet {

struct SampleReport {
  uint64_t messages = 0;
  uint64_t rows = 0, deletes = 0;            // deletes are rows too
  uint64_t filtered = 0;                     // by the filter
  uint64_t ignored = 0;                      // messages that ask for nothing
  std::map<std::string, uint64_t> rejected;  // messages by reason
  struct Fault {
    size_t message;  // position in the sample, from 0
    std::string reason, text;
  };
  std::vector<Fault> faults;  // the first 20
  // __time, then the columns of the schema; derived ones too.
  struct Field {
    std::string name, path;
    ColumnType type;
    uint64_t filled = 0;        // rows with a value
    uint64_t null = 0;          // rows without
    uint64_t wrong = 0;         // messages whose value does not fit
    std::string example;        // a value as stored
    std::string wrong_example;  // why one does not fit
  };
  std::vector<Field> fields;
};

// kInvalid if the settings make no decoder, kUnavailable if it cannot work now.
Result<SampleReport> report_sample(const IngestionSettings& settings,
                                   std::span<const RawMessage> messages);

}  // namespace freshet
