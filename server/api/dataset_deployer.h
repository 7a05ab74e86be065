// What handlers may ask to change the model's datasets while serving. The
// application implements it; thread-safe, one change at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/result.h"
#include "segments/time.h"
#include "server/model/model.h"

namespace freshet {

// One change of a dataset's definition.
struct DatasetVersion {
  uint64_t number = 0;  // from 1
  Timestamp when;
  std::string who;     // as far as it is known
  std::string action;  // "put", "delete"
  std::string text;    // the definition; of a delete the last one
};

class DatasetDeployer {
 public:
  virtual ~DatasetDeployer() = default;
  // The model as it would be with `text` as the definition of `dataset`; its
  // faults if it cannot be. Changes nothing.
  virtual ModelLoad check(const std::string& dataset,
                          const std::string& text) const = 0;
  // Puts the definition in force: checked, written to the model folder in one
  // step, loaded. Faults leave everything as it was. kConflict, kIo as a fault
  // without a file.
  virtual ModelLoad put(const std::string& dataset, const std::string& text,
                        const std::string& who) = 0;
  // Takes the definition away; the data stays on disk. Faults as above, for
  // example of KPIs that need it.
  virtual ModelLoad remove(const std::string& dataset,
                           const std::string& who) = 0;
  // Oldest first.
  virtual Result<std::vector<DatasetVersion>> versions(
      const std::string& dataset) const = 0;
};

}  // namespace freshet
