// freshet init and freshet validate.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "server/command.h"
#include "server/command_http.h"
#include "server/json/json_value.h"
#include "server/kpi/lineage.h"
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

namespace {

void print_faults(const ModelLoad& load, const std::string& folder) {
  for (const ModelFault& fault : load.faults) {
    if (fault.line > 0) {
      fmt::print("{}:{}: {}\n", fault.file, fault.line, fault.message);
    } else {
      fmt::print("{}: {}\n", fault.file.empty() ? folder : fault.file,
                 fault.message);
    }
  }
}

// Which cube serves which KPI, and what none does.
void print_cubes(const Model& model) {
  for (const DatasetModel& dataset : model.datasets) {
    for (size_t i = 0; i < dataset.cubes.size(); ++i) {
      const CubeSpec& cube = dataset.cubes[i];
      std::string name = dataset.name + "." + cube.name, kpis;
      for (const KpiModel& kpi : model.kpis) {
        if (std::find(kpi.cubes.begin(), kpi.cubes.end(), name) !=
            kpi.cubes.end()) {
          kpis += (kpis.empty() ? "" : ", ") + kpi.name;
        }
      }
      fmt::print("cube {}{} by {}, {}: serves {}\n", name,
                 i < dataset.given_cubes() ? "" : " (derived)",
                 cube.dimensions.empty()
                     ? "nothing"
                     : fmt::format("{}", fmt::join(cube.dimensions, ", ")),
                 cube.granularity.to_string(), kpis.empty() ? "no KPI" : kpis);
    }
  }
  for (const KpiModel& kpi : model.kpis) {
    for (const std::string& why : kpi.reads_rows) {
      fmt::print("no cube for {}: {}\n", kpi.name, why);
    }
  }
}

// What the change would break on the server.
int print_impact(const Model& model, const ValidateOptions& options) {
  std::vector<std::string> headers;
  if (!options.token.empty()) {
    headers.push_back("Authorization: Bearer " + options.token);
  }
  auto reply = HttpClient().get(options.against + "/api/v1/lineage", headers);
  if (!reply) return report_error(reply.error());
  if (reply->status != 200) {
    return report_error(Error{ErrorCode::kUnavailable,
                              options.against + "/api/v1/lineage: status " +
                                  std::to_string(reply->status),
                              0, 0});
  }
  auto body = parse_json(reply->body);
  if (!body) return report_error(body.error());
  auto lines = impact_of(model, *body);
  if (!lines) return report_error(lines.error());
  for (const std::string& line : *lines) fmt::print("{}\n", line);
  if (lines->empty()) {
    fmt::print("nothing that {} serves is dropped or changes its type\n",
               options.against);
  }
  return kExitDone;
}

}  // namespace

int command_validate(const ValidateOptions& options) {
  const std::string& folder = options.folder;
  ModelLoad load = load_model(folder);
  print_faults(load, folder);
  int impact = kExitDone;
  if (!options.against.empty() && load.read) {
    impact = print_impact(*load.read, options);
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
  print_cubes(*load.model);
  return impact;
}

}  // namespace freshet
