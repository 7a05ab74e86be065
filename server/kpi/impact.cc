// What a model lacks of a served one, and what that breaks.
#include <algorithm>
#include <set>

#include "server/json/json_value.h"
#include "server/kpi/lineage.h"

namespace freshet {
namespace {

std::string text_of(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

const JsonArray& list_of(const JsonValue& object, std::string_view key) {
  static const JsonArray kNone;
  const JsonValue* value = object.find(key);
  const JsonArray* list = value ? value->as_array() : nullptr;
  return list ? *list : kNone;
}

// "2 KPIs: a, b"; nothing for none.
void add_users(std::string& out, const JsonArray& names, const char* one,
               const char* many) {
  if (names.empty()) return;
  if (!out.empty()) out += "; ";
  out += std::to_string(names.size()) + " " + (names.size() == 1 ? one : many) +
         ":";
  const char* separator = " ";
  for (const JsonValue& name : names) {
    if (!name.as_string()) continue;
    out += separator + *name.as_string();
    separator = ", ";
  }
}

std::string users_of(const JsonValue& part) {
  std::string out;
  add_users(out, list_of(part, "kpis"), "KPI", "KPIs");
  add_users(out, list_of(part, "dashboards"), "dashboard", "dashboards");
  add_users(out, list_of(part, "alerts"), "alert", "alerts");
  return out;
}

void tell(std::vector<std::string>& out, const std::string& change,
          const std::string& users) {
  out.push_back(change +
                (users.empty() ? " breaks nothing" : " breaks " + users));
}

void compare_columns(const DatasetModel& dataset, const JsonValue& served,
                     std::vector<std::string>& out) {
  for (const JsonValue& column : list_of(served, "columns")) {
    std::string name = text_of(column, "name");
    auto found = dataset.schema->find(name);
    if (!found) {
      tell(out, dataset.name + ": dropping " + name, users_of(column));
      continue;
    }
    std::string type = to_string(dataset.schema->columns[*found].type);
    std::string was = text_of(column, "type");
    if (type == was) continue;
    std::string users = users_of(column);
    out.push_back(dataset.name + ": changing " + name + " from " + was +
                  " to " + type +
                  (users.empty() ? " affects nothing" : " affects " + users));
  }
}

bool has_name(const JsonArray& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const JsonValue& one) {
    return one.as_string() && *one.as_string() == name;
  });
}

void add_once(JsonArray& out, const JsonArray& names) {
  for (const JsonValue& name : names) {
    if (name.as_string() && !has_name(out, *name.as_string())) {
      out.push_back(name);
    }
  }
}

// What needs the KPI `name`: those made of it, and what shows or watches any.
std::string users_of_kpi(const JsonValue& served, const std::string& name) {
  JsonArray kpis, dashboards, alerts;
  for (const JsonValue& kpi : list_of(served, "kpis")) {
    bool over = has_name(list_of(kpi, "uses"), name);
    if (over) kpis.push_back(text_of(kpi, "kpi"));
    if (!over && text_of(kpi, "kpi") != name) continue;
    add_once(dashboards, list_of(kpi, "dashboards"));
    add_once(alerts, list_of(kpi, "alerts"));
  }
  std::string out;
  add_users(out, kpis, "KPI", "KPIs");
  add_users(out, dashboards, "dashboard", "dashboards");
  add_users(out, alerts, "alert", "alerts");
  return out;
}

void compare_kpis(const Model& model, const JsonValue& served,
                  std::set<std::string>& seen, std::vector<std::string>& out) {
  for (const JsonValue& kpi : list_of(served, "kpis")) {
    std::string name = text_of(kpi, "kpi");
    if (model.kpi(name) || !seen.insert(name).second) continue;
    tell(out, "dropping the KPI " + name, users_of_kpi(served, name));
  }
}

}  // namespace

Result<std::vector<std::string>> impact_of(const Model& model,
                                           const JsonValue& served) {
  const JsonValue* list = served.find("lineage");
  if (!list || !list->as_array()) {
    return Error{ErrorCode::kInvalid,
                 "the server's answer is no lineage: it lacks \"lineage\"", 0,
                 0};
  }
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const JsonValue& one : *list->as_array()) {
    std::string name = text_of(one, "dataset");
    const DatasetModel* dataset = model.dataset(name);
    if (dataset) {
      compare_columns(*dataset, one, out);
    } else {
      std::string users;
      JsonArray kpis;
      for (const JsonValue& kpi : list_of(one, "kpis")) {
        if (const JsonValue* text = kpi.find("kpi")) kpis.push_back(*text);
      }
      add_users(users, kpis, "KPI", "KPIs");
      add_users(users, list_of(one, "dashboards"), "dashboard", "dashboards");
      add_users(users, list_of(one, "alerts"), "alert", "alerts");
      tell(out, "dropping the dataset " + name, users);
    }
    compare_kpis(model, one, seen, out);
  }
  return out;
}

}  // namespace freshet
