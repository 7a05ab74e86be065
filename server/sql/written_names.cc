#include "server/sql/written_names.h"

#include <fmt/core.h>

#include <map>

namespace freshet {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

const char* function_name(Aggregate::Function f) {
  static constexpr const char* kNames[] = {"COUNT",
                                           "SUM",
                                           "MIN",
                                           "MAX",
                                           "AVG",
                                           "COUNT DISTINCT",
                                           "EARLIEST",
                                           "LATEST",
                                           "quantile",
                                           "sum of last",
                                           "approx_distinct",
                                           "APPROX_QUANTILE",
                                           "variance",
                                           "deviation",
                                           "BIT_AND",
                                           "BIT_OR",
                                           "BIT_XOR",
                                           "STRING_AGG",
                                           "ARRAY_AGG"};
  return kNames[static_cast<size_t>(f)];
}

// A quoted name of `names` gives way to what it stands for.
std::string replaced(std::string_view message, const Names& names) {
  std::string out;
  while (!message.empty()) {
    char quote = message[0];
    size_t end = quote == '"' || quote == '\'' ? message.find(quote, 1)
                                               : std::string_view::npos;
    auto found = end == std::string_view::npos
                     ? names.end()
                     : names.find(message.substr(1, end - 1));
    if (found == names.end()) {
      out += quote;
      message.remove_prefix(1);
    } else {
      out += found->second;
      message.remove_prefix(end + 1);
    }
  }
  return out;
}

}  // namespace

std::string with_written_names(std::string_view message, const Query& query,
                               const Relation& relation) {
  Names columns;
  for (const VisibleColumn& column : relation.columns) {
    if (!column.computed && column.physical != column.name) {
      columns[column.physical] = fmt::format("\"{}\"", column.name);
    }
  }
  Names all = columns;
  auto add = [&](const std::string& name, std::string text) {
    bool own = relation.dataset.empty()
                   ? false
                   : relation.data.schema->find(name).has_value();
    if (!own) all[name] = replaced(text, columns);
  };
  for (const Aggregate& a : query.aggregates) {
    add(a.name, fmt::format("{}({})", function_name(a.function),
                            a.argument ? to_text(*a.argument) : "*"));
  }
  for (const auto& group : query.groups) {
    add(group.name, to_text(*group.expression));
  }
  return replaced(message, all);
}

}  // namespace freshet
