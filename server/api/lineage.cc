// GET /api/v1/lineage, /lineage/{d}.
#include "server/kpi/lineage.h"

#include "server/api/services.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

std::string text_of(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

// Of all rules in force: those of the model, and those set by PUT.
AlertUses rules_in_force(Services& services) {
  AlertUses out;
  auto list = parse_json(services.alerts.list_json());
  const JsonValue* alerts = list ? list->find("alerts") : nullptr;
  if (!alerts || !alerts->as_array()) return out;
  for (const JsonValue& alert : *alerts->as_array()) {
    out.emplace_back(text_of(alert, "alert"), text_of(alert, "kpi"));
  }
  return out;
}

HttpResponse list_lineage(Services& services) {
  auto model = services.model();
  AlertUses alerts = rules_in_force(services);
  JsonWriter out;
  out.begin_object().key("lineage").begin_array();
  for (const DatasetModel& dataset : model->datasets) {
    out.raw(to_json(lineage_of(*model, dataset, alerts), *model, now()));
  }
  out.end_array().end_object();
  return json_response(out.take());
}

HttpResponse show_lineage(Services& services, const HttpRequest& request) {
  auto model = services.model();
  const std::string& name = request.params.at("d");
  const DatasetModel* dataset = model->dataset(name);
  if (!dataset) {
    std::vector<std::string> known;
    for (const DatasetModel& d : model->datasets) known.push_back(d.name);
    std::string near = nearest_name(name, known);
    return error_response(
        {ErrorCode::kNotFound,
         "there is no dataset '" + name + "'" +
             (near.empty() ? "" : "; did you mean '" + near + "'?")},
        request.request_id);
  }
  AlertUses alerts = rules_in_force(services);
  return json_response(
      to_json(lineage_of(*model, *dataset, alerts), *model, now()));
}

}  // namespace

void add_lineage_routes(Router& router, Services& services) {
  router.add(
      "GET", "/api/v1/lineage", Access::kRead,
      [&services](const HttpRequest&) { return list_lineage(services); });
  router.add(
      "GET", "/api/v1/lineage/{d}", Access::kRead,
      [&services](const HttpRequest& r) { return show_lineage(services, r); });
}

}  // namespace freshet
