// freshet init and freshet validate.
#include <fmt/format.h>

#include <cstdio>

#include "server/command.h"
#include "server/model/model.h"

namespace freshet {

int command_init(const std::string& folder) {
  Status written = write_starter_model(folder);
  if (!written) return report_error(written.error());
  fmt::print(
      "Wrote the starter model to {0}. Next:\n"
      "  freshet validate {0}\n"
      "  freshet serve --model {0} --data {0}-data\n",
      folder);
  return kExitDone;
}

int command_validate(const std::string& folder) {
  ModelLoad load = load_model(folder);
  for (const ModelFault& fault : load.faults) {
    if (fault.line > 0) {
      fmt::print("{}:{}: {}\n", fault.file, fault.line, fault.message);
    } else {
      fmt::print("{}: {}\n", fault.file.empty() ? folder : fault.file,
                 fault.message);
    }
  }
  if (!load.model) return kExitInvalid;
  if (load.model->datasets.empty()) {
    fmt::print(
        "{0}: holds no dataset, so there is nothing to serve; freshet init {0} "
        "writes the starter model\n",
        folder);
    return kExitInvalid;
  }
  fmt::print("{}: {} datasets, {} KPIs, {} dashboards, {} alerts; no faults\n",
             folder, load.model->datasets.size(), load.model->kpis.size(),
             load.model->dashboards.size(), load.model->alerts.size());
  return kExitDone;
}

}  // namespace freshet
