// Names shared by the readers: duplicates, columns, expressions.
#include <absl/strings/match.h>

#include <algorithm>

#include "server/model/model_reader.h"

namespace freshet {

bool DefinedNames::define(const std::string& kind, const std::string& name,
                          int line, FaultList& faults) {
  std::string place = faults.file() + ":" + std::to_string(line);
  auto [entry, added] = places_.emplace(std::pair(kind, name), place);
  if (!added) {
    faults.add(line, kind + " '" + name + "' is defined twice, first in " +
                         entry->second);
  }
  return added;
}

std::vector<std::string> column_names(const Schema& schema) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : schema.columns) names.push_back(column.name);
  return names;
}

bool check_column(const std::string& name, const Schema& schema,
                  const std::string& place, int line, FaultList& faults) {
  if (schema.find(name)) return true;
  faults.add(line, "unknown column '" + name + "' in " + place +
                       did_you_mean(name, column_names(schema)));
  return false;
}

bool check_columns(const Expression& expression, const Schema& schema,
                   const std::string& place, int line, FaultList& faults) {
  std::vector<std::string> used;
  collect_columns(expression, used);
  bool all = true;
  for (const std::string& name : used) {
    bool known = std::any_of(
        schema.columns.begin(), schema.columns.end(), [&](const ColumnSpec& c) {
          return absl::EqualsIgnoreCase(
              absl::string_view(c.name.data(), c.name.size()),
              absl::string_view(name.data(), name.size()));
        });
    if (!known) all = check_column(name, schema, place, line, faults) && all;
  }
  return all;
}

ExpressionPtr read_expression(const std::string& text, const Schema& schema,
                              const std::string& place, int line,
                              FaultList& faults, const LookupSource* lookups) {
  auto parsed = parse_expression(text, lookups);
  if (!parsed) {
    faults.add(line, place + ": " + parsed.error().message);
    return nullptr;
  }
  if (!check_columns(**parsed, schema, place, line, faults)) return nullptr;
  auto resolved = resolve(*parsed, schema);
  if (!resolved) {
    faults.add(line, place + ": " + resolved.error().message);
    return nullptr;
  }
  return *resolved;
}

}  // namespace freshet
