// What handlers may ask to change of the model's files while serving. The
// application implements it; thread-safe, one change at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/result.h"
#include "segments/time.h"
#include "server/model/model.h"

namespace freshet {

// One change of a definition.
struct DatasetVersion {
  uint64_t number = 0;  // from 1
  Timestamp when;
  std::string who;     // as far as it is known
  std::string action;  // "put", "delete"
  std::string text;    // the definition; of a delete the last one
};

// What has model files of its own: datasets/NAME.yaml and so on.
enum class ModelPart { kDataset, kKpi, kDashboard };

class DatasetDeployer {
 public:
  virtual ~DatasetDeployer() = default;
  // The model as it would be with `text` as the file of `name`; its faults if
  // it cannot be. A fault, too, if another part of the model would go with what
  // the file held before. Changes nothing.
  virtual ModelLoad check(ModelPart part, const std::string& name,
                          const std::string& text) const = 0;
  // Puts the file in force: checked, written to the model folder in one
  // step, loaded. Faults leave everything as it was. kConflict, kIo as a fault
  // without a file.
  virtual ModelLoad put(ModelPart part, const std::string& name,
                        const std::string& text, const std::string& who) = 0;
  // Takes the file away; a dataset's data stays on disk. Faults as above, for
  // example of KPIs that need it.
  virtual ModelLoad remove(ModelPart part, const std::string& name,
                           const std::string& who) = 0;
  // Oldest first.
  virtual Result<std::vector<DatasetVersion>> versions(
      ModelPart part, const std::string& name) const = 0;
};

}  // namespace freshet
