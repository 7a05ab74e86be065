// Filters of native queries.
#include <fmt/format.h>

#include <algorithm>

#include "server/druid/native_sql.h"
#include "server/sql/interval_text.h"

namespace freshet {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

std::string number_text(const JsonValue& value) {
  return value.as_int() ? fmt::format("{}", *value.as_int())
                        : fmt::format("{}", *value.as_double());
}

}  // namespace

std::string sql_text(std::string_view text) { return quoted(text, '\''); }
std::string sql_name(std::string_view name) { return quoted(name, '"'); }

Error native_unsupported(std::string_view what, std::string_view type) {
  return Error{ErrorCode::kUnsupported,
               fmt::format("{} is not supported: {}", what, type)};
}

bool native_flag(const JsonValue& node, const char* name) {
  const JsonValue* member = node.find(name);
  return member && member->as_bool() && *member->as_bool();
}

std::string_view native_type(const JsonValue& node) {
  const JsonValue* type = node.find("type");
  return type && type->as_string() ? std::string_view(*type->as_string())
                                   : std::string_view();
}

Result<std::string> native_text(const JsonValue& node, const char* name) {
  const JsonValue* member = node.find(name);
  if (member && member->as_string()) return *member->as_string();
  return invalid(fmt::format("'{}' must be a text", name));
}

Result<std::vector<Interval>> native_intervals(const JsonValue& intervals) {
  if (native_type(intervals) == "intervals" && intervals.find("intervals")) {
    return native_intervals(*intervals.find("intervals"));
  }
  JsonArray one = {intervals};
  const JsonArray* list = intervals.as_array() ? intervals.as_array() : &one;
  std::vector<Interval> out;
  for (size_t i = 0; i < list->size(); ++i) {
    std::string place =
        list == &one ? "intervals" : fmt::format("intervals[{}]", i);
    const std::string* text = (*list)[i].as_string();
    if (text == nullptr) {
      return invalid(fmt::format("{}: an interval is a text START/END, not {}",
                                 place, (*list)[i].type_name()));
    }
    auto interval = parse_interval(*text);
    if (!interval) {
      return invalid(fmt::format("{}: {}", place, interval.error().message));
    }
    out.push_back(*interval);
  }
  std::sort(out.begin(), out.end(),
            [](Interval a, Interval b) { return a.start < b.start; });
  // What overlaps is read once.
  std::vector<Interval> merged;
  for (Interval next : out) {
    if (!merged.empty() && next.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, next.end);
    } else {
      merged.push_back(next);
    }
  }
  return merged;
}

std::string within(const std::string& sql,
                   const std::vector<Interval>& intervals) {
  std::string out;
  for (Interval i : intervals) {
    std::string one;
    if (i.start > kMinTimestamp) {
      one = fmt::format("{} >= MILLIS_TO_TIMESTAMP({})", sql, i.start.ms);
    }
    if (i.end < kMaxTimestamp) {
      one += fmt::format("{}{} < MILLIS_TO_TIMESTAMP({})",
                         one.empty() ? "" : " AND ", sql, i.end.ms);
    }
    if (one.empty()) return "true";
    if (intervals.size() == 1) return one;
    out += (out.empty() ? "(" : " OR (") + one + ")";
  }
  return out.empty() ? "false" : "(" + out + ")";
}

Status NativeSql::add_virtual_columns(const JsonValue& query) {
  const JsonValue* list = query.find("virtualColumns");
  if (!list || !list->as_array()) return {};
  for (const JsonValue& entry : *list->as_array()) {
    if (native_type(entry) != "expression") {
      return native_unsupported("this virtual column", native_type(entry));
    }
    TRY_ASSIGN(std::string name, native_text(entry, "name"));
    TRY_ASSIGN(std::string text, native_text(entry, "expression"));
    virtual_columns_[name] = "(" + text + ")";
  }
  return {};
}

Result<std::string> NativeSql::column(std::string_view name) const {
  auto at = virtual_columns_.find(name);
  if (at != virtual_columns_.end()) return at->second;
  if (schema_.find(name)) return sql_name(name);
  std::vector<std::string> known;
  for (const ColumnSpec& spec : schema_.columns) known.push_back(spec.name);
  std::string near = nearest_name(name, known);
  return invalid(fmt::format(
      "unknown column{}: {}",
      near.empty() ? "" : fmt::format(" (did you mean {}?)", near), name));
}

NativeSql::Kind NativeSql::kind_of(std::string_view name) const {
  auto at = schema_.find(name);
  if (!at) return Kind::kNumber;  // a virtual column: as the value is written
  switch (schema_.columns[*at].type.kind) {
    case ColumnKind::kString:
      return Kind::kText;
    case ColumnKind::kTimestamp:
      return Kind::kTime;
    default:
      return Kind::kNumber;
  }
}

Result<std::string> NativeSql::constant(const JsonValue& value,
                                        Kind kind) const {
  if (value.is_null()) return std::string("NULL");
  if (value.as_bool()) {
    std::string truth = *value.as_bool() ? "true" : "false";
    return kind == Kind::kText ? sql_text(truth) : truth;
  }
  const std::string* text = value.as_string();
  if (!text && !value.as_int() && !value.as_double()) {
    return invalid(
        fmt::format("a value of a filter cannot be {}", value.type_name()));
  }
  std::string plain = text ? *text : number_text(value);
  if (kind == Kind::kTime) {
    bool millis = plain.find_first_not_of("-0123456789") == std::string::npos;
    if (!millis) {
      TRY_ASSIGN(Timestamp time, parse_interval_time(plain));
      plain = fmt::format("{}", time.ms);
    }
    return "MILLIS_TO_TIMESTAMP(" + plain + ")";
  }
  return text || kind == Kind::kText ? sql_text(plain) : plain;
}

Result<std::string> NativeSql::subject(const JsonValue& filter,
                                       Kind* kind) const {
  const char* key = filter.find("dimension") ? "dimension" : "column";
  TRY_ASSIGN(std::string name, native_text(filter, key));
  TRY_ASSIGN(std::string sql, column(name));
  *kind = kind_of(name);
  const JsonValue* fn = filter.find("extractionFn");
  if (!fn || fn->is_null()) return sql;
  *kind = Kind::kText;
  return extracted(std::move(sql), *fn);
}

Result<std::string> NativeSql::connective(const JsonValue& filter,
                                          std::string_view word) const {
  const JsonValue* fields = filter.find("fields");
  if (!fields || !fields->as_array()) {
    return invalid("'fields' of a filter must be a list");
  }
  std::string out;
  for (const JsonValue& field : *fields->as_array()) {
    TRY_ASSIGN(std::string one, this->filter(&field));
    if (!out.empty()) out += fmt::format(" {} ", word);
    out += one;
  }
  if (out.empty()) return std::string(word == "AND" ? "true" : "false");
  return "(" + out + ")";
}

Result<std::string> NativeSql::equality(const JsonValue& filter,
                                        const char* value_key) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  const JsonValue* value = filter.find(value_key);
  if (!value || value->is_null()) return "(" + sql + " IS NULL)";
  TRY_ASSIGN(std::string text, constant(*value, kind));
  return fmt::format("({} = {})", sql, text);
}

Result<std::string> NativeSql::membership(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  const JsonValue* values = filter.find("values");
  if (!values) values = filter.find("sortedValues");
  if (!values || !values->as_array()) {
    return invalid("'values' of a filter must be a list");
  }
  std::string list;
  bool null = false;
  for (const JsonValue& value : *values->as_array()) {
    null = null || value.is_null();
    if (value.is_null()) continue;
    TRY_ASSIGN(std::string text, constant(value, kind));
    list += (list.empty() ? "" : ", ") + text;
  }
  std::string is_null = null ? sql + " IS NULL" : "";
  if (list.empty()) return null ? "(" + is_null + ")" : std::string("false");
  return fmt::format("({} IN ({}){}{})", sql, list, null ? " OR " : "",
                     is_null);
}

Result<std::string> NativeSql::bound(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  const JsonValue* ordering = filter.find("ordering");
  std::string order = ordering && ordering->as_string() ? *ordering->as_string()
                                                        : "lexicographic";
  if (order != "lexicographic" && order != "numeric") {
    return native_unsupported("this ordering", order);
  }
  if (kind == Kind::kText && order == "numeric") {
    sql = "CAST(" + sql + " AS DOUBLE)";
    kind = Kind::kNumber;
  }
  std::string out;
  auto add = [&](const char* key, bool strict, const char* op) -> Status {
    const JsonValue* value = filter.find(key);
    if (!value || value->is_null()) return {};
    TRY_ASSIGN(std::string text, constant(*value, kind));
    out += fmt::format("{}{} {}{} {}", out.empty() ? "" : " AND ", sql, op,
                       strict ? "" : "=", text);
    return {};
  };
  TRY(add(
      "lower",
      native_flag(filter, "lowerStrict") || native_flag(filter, "lowerOpen"),
      ">"));
  TRY(add(
      "upper",
      native_flag(filter, "upperStrict") || native_flag(filter, "upperOpen"),
      "<"));
  return out.empty() ? std::string("true") : "(" + out + ")";
}

Result<std::string> NativeSql::like(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  TRY_ASSIGN(std::string pattern, native_text(filter, "pattern"));
  if (kind != Kind::kText) sql = "CAST(" + sql + " AS VARCHAR)";
  std::string escape;
  const JsonValue* given = filter.find("escape");
  if (given && given->as_string() && !given->as_string()->empty()) {
    escape = " ESCAPE " + sql_text(*given->as_string());
  }
  return fmt::format("({} LIKE {}{})", sql, sql_text(pattern), escape);
}

Result<std::string> NativeSql::search(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  if (kind != Kind::kText) sql = "CAST(" + sql + " AS VARCHAR)";
  const JsonValue* query = filter.find("query");
  std::string_view type = query ? native_type(*query) : "";
  if (type == "all") return std::string("true");
  bool exact = query && (native_flag(*query, "caseSensitive") ||
                         native_flag(*query, "case_sensitive"));
  const char* function = exact ? "CONTAINS_STRING" : "ICONTAINS_STRING";
  if (type == "contains" || type == "insensitive_contains") {
    TRY_ASSIGN(std::string value, native_text(*query, "value"));
    return fmt::format("{}({}, {})", function, sql, sql_text(value));
  }
  const JsonValue* values = query ? query->find("values") : nullptr;
  if (type != "fragment" || !values || !values->as_array()) {
    return native_unsupported("this search", type);
  }
  std::string out = "true";
  for (const JsonValue& value : *values->as_array()) {
    if (!value.as_string()) return invalid("'values' must be texts");
    out += fmt::format(" AND {}({}, {})", function, sql,
                       sql_text(*value.as_string()));
  }
  return "(" + out + ")";
}

Result<std::string> NativeSql::between_times(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  const JsonValue* list = filter.find("intervals");
  if (!list) return invalid("'intervals' of a filter is missing");
  TRY_ASSIGN(auto intervals, native_intervals(*list));
  if (kind != Kind::kTime) sql = "MILLIS_TO_TIMESTAMP(" + sql + ")";
  return "(" + within(sql, intervals) + ")";
}

Result<std::string> NativeSql::filter(const JsonValue* filter) const {
  if (!filter || filter->is_null()) return std::string();
  std::string_view type = native_type(*filter);
  if (type == "and") return connective(*filter, "AND");
  if (type == "or") return connective(*filter, "OR");
  if (type == "not") {
    TRY_ASSIGN(std::string inner, this->filter(filter->find("field")));
    if (inner.empty()) return invalid("'field' of a filter is missing");
    // Two-valued, as Druid's native filters are.
    return "((" + inner + ") IS NOT TRUE)";
  }
  if (type == "selector" || type == "extraction") {
    return equality(*filter, "value");
  }
  if (type == "equals") return equality(*filter, "matchValue");
  if (type == "null") return equality(*filter, "");
  if (type == "in" || type == "inType") return membership(*filter);
  if (type == "bound" || type == "range") return bound(*filter);
  if (type == "like") return like(*filter);
  if (type == "search") return search(*filter);
  if (type == "interval") return between_times(*filter);
  if (type == "true" || type == "false") return std::string(type);
  if (type == "expression") {
    TRY_ASSIGN(std::string text, native_text(*filter, "expression"));
    return "(" + text + ")";
  }
  const JsonValue* two = filter->find("dimensions");
  if (type == "columnComparison" && two && two->as_array() &&
      two->as_array()->size() == 2) {
    TRY_ASSIGN(Dimension a, dimension((*two->as_array())[0]));
    TRY_ASSIGN(Dimension b, dimension((*two->as_array())[1]));
    return fmt::format("({} IS NOT DISTINCT FROM {})", a.sql, b.sql);
  }
  return native_unsupported("this filter", type);
}

}  // namespace freshet
