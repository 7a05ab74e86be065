// freshet init and freshet validate.
#include <fmt/format.h>

#include <algorithm>

#include "server/command.h"
#include "server/command_http.h"
#include "server/command_output.h"
#include "server/json/json_value.h"
#include "server/kpi/lineage.h"
#include "server/model/model.h"
#include "server/model/stored_types.h"

namespace freshet {

int command_init(const std::string& folder) {
  Status written = write_starter_model(folder);
  if (!written) return report_error(written.error());
  print_output(
      "Wrote the starter model to {0}. Next:\n"
      "  freshet validate {0}\n"
      "  freshet serve --model {0} --data {0}-data\n",
      folder);
  return kExitDone;
}

namespace {

void print_faults(const ModelLoad& load, const std::string& folder) {
  for (const ModelFault& fault : load.faults) {
    std::string place = place_of(fault);
    print_output("{}: {}\n", place.empty() ? folder : place, fault.message);
  }
}

Result<HttpReply> get_of_server(const ValidateOptions& options,
                                const std::string& path) {
  return HttpClient(options.token).get(options.against + path, {});
}

Result<JsonValue> read_reply(const ValidateOptions& options,
                             const std::string& path, const HttpReply& reply) {
  if (reply.status != 200) {
    return Error{
        reply.error_code(),
        fmt::format("{}{}: status {}", options.against, path, reply.status), 0,
        0};
  }
  return parse_json(reply.body);
}

Result<JsonValue> ask_server(const ValidateOptions& options,
                             const std::string& path) {
  TRY_ASSIGN(HttpReply reply, get_of_server(options, path));
  return read_reply(options, path, reply);
}

// What the server's answer says; a type that this version does not know, and
// what is no answer, say nothing.
StoredTypes read_types(const JsonValue& answer) {
  StoredTypes types;
  const JsonValue* columns = answer.find("columns");
  if (!columns || !columns->as_array()) return types;
  for (const JsonValue& column : *columns->as_array()) {
    const JsonValue* name = column.find("name");
    const JsonValue* list = column.find("types");
    if (!name || !name->as_string() || !list || !list->as_array()) continue;
    for (const JsonValue& one : *list->as_array()) {
      if (!one.as_string()) continue;
      auto type = parse_column_type(*one.as_string());
      if (type) types[*name->as_string()].push_back(*type);
    }
  }
  return types;
}

// Adds what the server would refuse since its data is stored in other types.
Status add_type_faults(const ValidateOptions& options, ModelLoad& load) {
  for (const DatasetModel& dataset : load.read->datasets) {
    const std::string path = "/api/v1/datasets/" + dataset.name + "/types";
    TRY_ASSIGN(HttpReply reply, get_of_server(options, path));
    if (reply.status == 404) continue;  // it has none of that name
    TRY_ASSIGN(JsonValue answer, read_reply(options, path, reply));
    for (ModelFault& fault : type_faults(dataset, read_types(answer))) {
      load.faults.push_back(std::move(fault));
      load.model = nullptr;
    }
  }
  return {};
}

// What a cube takes on the server: "; 1234 bytes in 3 segments of 56789".
// Nothing for one that it does not have.
std::string served_cost(const ValidateOptions& options, const std::string& kpi,
                        const std::string& cube) {
  auto served = ask_server(options, "/api/v1/kpis/" + kpi);
  const JsonValue* cubes = served ? served->find("cubes") : nullptr;
  if (!cubes || !cubes->as_array()) return "";
  for (const JsonValue& one : *cubes->as_array()) {
    auto number = [&](const char* key) {
      const JsonValue* value = one.find(key);
      return value && value->as_int() ? *value->as_int() : 0;
    };
    const JsonValue* name = one.find("cube");
    if (!name || !name->as_string() || *name->as_string() != cube) continue;
    return fmt::format("; {} bytes in {} segments of {}", number("bytes"),
                       number("segments"), number("segment_bytes"));
  }
  return "";
}

// Which cube serves which KPI, and what none does; with a server to compare
// with, what its cubes of these names cost there.
void print_cubes(const Model& model, const ValidateOptions& options) {
  for (const DatasetModel& dataset : model.datasets) {
    for (size_t i = 0; i < dataset.cubes.size(); ++i) {
      const CubeSpec& cube = dataset.cubes[i];
      std::string name = dataset.name + "." + cube.name, kpis, cost;
      for (const KpiModel& kpi : model.kpis) {
        if (std::find(kpi.cubes.begin(), kpi.cubes.end(), name) !=
            kpi.cubes.end()) {
          if (kpis.empty() && !options.against.empty()) {
            cost = served_cost(options, kpi.name, name);
          }
          kpis += (kpis.empty() ? "" : ", ") + kpi.name;
        }
      }
      print_output("cube {}{} by {}, {}: serves {}{}\n", name,
                   i < dataset.given_cubes() ? "" : " (derived)",
                   cube.dimensions.empty()
                       ? "nothing"
                       : fmt::format("{}", fmt::join(cube.dimensions, ", ")),
                   cube.granularity.to_string(), kpis.empty() ? "no KPI" : kpis,
                   cost);
    }
  }
  for (const KpiModel& kpi : model.kpis) {
    for (const std::string& why : kpi.reads_rows) {
      print_output("no cube for {}: {}\n", kpi.name, why);
    }
  }
}

// What the change would break on the server. Only of a model that is
// `faultless` it can be said that it breaks nothing.
int print_impact(const Model& model, bool faultless,
                 const ValidateOptions& options) {
  auto body = ask_server(options, "/api/v1/lineage");
  if (!body) return report_error(body.error());
  auto lines = impact_of(model, *body);
  if (!lines) return report_error(lines.error());
  for (const std::string& line : *lines) print_output("{}\n", line);
  if (lines->empty() && faultless) {
    print_output("nothing that {} serves is dropped or changes its type\n",
                 options.against);
  }
  return kExitDone;
}

}  // namespace

int command_validate(const ValidateOptions& options) {
  const std::string& folder = options.folder;
  ModelLoad load = load_model(folder);
  Status asked;
  bool compares = !options.against.empty() && load.read;
  if (compares) asked = add_type_faults(options, load);
  print_faults(load, folder);
  int impact = kExitDone;
  if (!asked) {
    impact = report_error(asked.error());
  } else if (compares) {
    impact = print_impact(*load.read, load.model != nullptr, options);
  }
  if (!load.model) return kExitInvalid;
  if (load.model->datasets.empty()) {
    print_output(
        "{0}: holds no dataset, so there is nothing to serve; freshet init {0} "
        "writes the starter model\n",
        folder);
    return kExitInvalid;
  }
  print_output(
      "{}: {} datasets, {} KPIs, {} dashboards, {} alerts; no faults\n", folder,
      load.model->datasets.size(), load.model->kpis.size(),
      load.model->dashboards.size(), load.model->alerts.size());
  print_cubes(*load.model, options);
  return impact;
}

}  // namespace freshet
