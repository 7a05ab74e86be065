#include "server/model/model.h"

#include <algorithm>

#include "server/model/config_map.h"
#include "server/query/exact_decimal.h"

namespace freshet {
namespace {

template <class T>
const T* find_named(const std::vector<T>& list, std::string_view name) {
  for (const T& one : list) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

const DatasetModel* Model::dataset(std::string_view name) const {
  return find_named(datasets, name);
}
const LookupModel* Model::lookup(std::string_view name) const {
  return find_named(lookups, name);
}
const KpiModel* Model::kpi(std::string_view name) const {
  return find_named(kpis, name);
}
const DashboardModel* Model::dashboard(std::string_view name) const {
  return find_named(dashboards, name);
}
const ContactModel* Model::contact(std::string_view name) const {
  return find_named(contacts, name);
}

bool Threshold::holds(const Value& v) const {
  int order = Value::compare(v, Value(value));
  if (op == ">") return order > 0;
  if (op == ">=") return order >= 0;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == "=") return order == 0;
  return op == "<>" && order != 0;
}

std::string Threshold::to_string() const {
  return op + " " + Value(value).to_text();
}

Result<Threshold> parse_threshold(std::string_view text) {
  std::string_view rest = trimmed(text);
  for (std::string_view later : {"change", "percent", "outside", "anomaly"}) {
    if (rest.starts_with(later)) {
      return Error{ErrorCode::kUnsupported,
                   "'" + std::string(later) +
                       "' isn't available in this "
                       "version; compare with a number, as in '> 0.08', not '" +
                       std::string(text) + "'"};
    }
  }
  for (std::string_view op : {">=", "<=", "<>", ">", "<", "="}) {
    if (!rest.starts_with(op)) continue;
    auto value = exact_decimal(trimmed(rest.substr(op.size())));
    if (!value) break;
    return Threshold{std::string(op), *value};
  }
  return invalid(
      "a threshold is one of > >= < <= = <> and a number, as in '> 0.08', not "
      "'" +
      std::string(text) + "'");
}

}  // namespace freshet
