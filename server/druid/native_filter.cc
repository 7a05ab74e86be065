// Filters of native queries.
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/druid/druid_request.h"
#include "server/druid/native_expression.h"
#include "server/druid/native_member.h"
#include "server/druid/native_sql.h"
#include "server/sql/interval_text.h"
#include "server/sql/letters.h"

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

// A text as a constant of a kind; nothing if it spells none.
std::optional<std::string> number_of(const std::string& text) {
  double value = 0;
  if (text.find_first_not_of("+-.0123456789eE") != text.npos ||
      !absl::SimpleAtod(text, &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return text.starts_with('+') ? text.substr(1) : text;
}

std::optional<std::string> truth_of(const std::string& text) {
  if (text == "1" || text == "true") return "true";
  if (text == "0" || text == "false") return "false";
  return std::nullopt;
}

std::optional<std::string> time_of(const std::string& text) {
  int64_t ms = 0;
  if (!absl::SimpleAtoi(text, &ms)) {
    auto time = parse_interval_time(text);
    if (!time) return std::nullopt;
    ms = time->ms;
  }
  return fmt::format("MILLIS_TO_TIMESTAMP({})", ms);
}

}  // namespace

std::string sql_text(std::string_view text) { return quoted(text, '\''); }
std::string sql_name(std::string_view name) { return quoted(name, '"'); }

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
  if (!list || list->is_null()) return {};
  if (!list->as_array()) return invalid("'virtualColumns' must be a list");
  for (const JsonValue& entry : *list->as_array()) {
    if (native_type(entry) != "expression") {
      return native_unsupported("this virtual column", native_type(entry));
    }
    TRY_ASSIGN(std::string name, native_text(entry, "name"));
    TRY_ASSIGN(virtual_columns_[name], native_expression(entry));
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
  if (!at || virtual_columns_.contains(name)) return Kind::kWritten;
  switch (schema_.columns[*at].type.kind) {
    case ColumnKind::kString:
      return Kind::kText;
    case ColumnKind::kTimestamp:
      return Kind::kTime;
    case ColumnKind::kBool:
      return Kind::kTruth;
    default:
      return Kind::kNumber;
  }
}

Result<std::optional<std::string>> NativeSql::constant(const JsonValue& value,
                                                       Kind kind) const {
  const std::string* text = value.as_string();
  const bool* truth = value.as_bool();
  const bool number = value.as_int() || value.as_double();
  if (!text && !truth && !number) {
    return invalid(
        fmt::format("a value of a filter cannot be {}", value.type_name()));
  }
  std::string plain = text    ? *text
                      : truth ? std::string(*truth ? "true" : "false")
                              : number_text(value);
  switch (kind) {
    case Kind::kText:
      return std::optional(sql_text(plain));
    case Kind::kNumber:
      return number_of(plain);
    case Kind::kTruth:
      return truth_of(plain);
    case Kind::kTime:
      return time_of(plain);
    case Kind::kWritten:
      break;
  }
  return std::optional(text ? sql_text(plain) : plain);
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
    if (field.is_null()) continue;  // as Druid does
    TRY_ASSIGN(std::string one, this->filter(&field));
    if (!out.empty()) out += fmt::format(" {} ", word);
    out += one;
  }
  if (out.empty()) return invalid("'fields' of a filter are one or more");
  return "(" + out + ")";
}

Result<std::string> NativeSql::equality(const JsonValue& filter,
                                        const char* value_key) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  const JsonValue* value = filter.find(value_key);
  if (!value || value->is_null()) return "(" + sql + " IS NULL)";
  TRY_ASSIGN(auto text, constant(*value, kind));
  if (!text) return std::string("false");
  return fmt::format("({} = {})", sql, *text);
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
    TRY_ASSIGN(auto text, constant(value, kind));
    if (text) list += (list.empty() ? "" : ", ") + *text;
  }
  std::string is_null = null ? sql + " IS NULL" : "";
  if (list.empty()) return null ? "(" + is_null + ")" : std::string("false");
  return fmt::format("({} IN ({}){}{})", sql, list, null ? " OR " : "",
                     is_null);
}

// Druid's bound compares texts, of numbers too, unless told otherwise, and its
// range says of what type it is. Bounds of a time are times in either.
Result<bool> NativeSql::bound_by_numbers(const JsonValue& filter,
                                         Kind kind) const {
  if (native_type(filter) == "bound") {
    TRY_ASSIGN(bool alphanumeric, druid_flag(filter, "alphaNumeric"));
    if (alphanumeric) return native_unsupported("this bound", "alphaNumeric");
    TRY_ASSIGN(std::string ordering, native_ordering(filter, "ordering"));
    return ordering == "numeric";
  }
  TRY_ASSIGN(auto type, native_optional_text(filter, "matchValueType"));
  if (!type) return kind != Kind::kText;
  static constexpr std::string_view kNumbers[] = {"LONG", "FLOAT", "DOUBLE"};
  for (std::string_view number : kNumbers) {
    if (same_letters(*type, number)) return true;
  }
  if (same_letters(*type, "STRING")) return false;
  return native_unsupported("this matchValueType", *type);
}

Result<std::string> NativeSql::bound(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  TRY_ASSIGN(bool numbers, bound_by_numbers(filter, kind));
  if (kind == Kind::kTruth) sql = "CAST(" + sql + " AS BIGINT)";
  if (kind != Kind::kTime) {
    const bool cast = numbers ? kind != Kind::kNumber && kind != Kind::kTruth
                              : kind != Kind::kText;
    if (cast) {
      sql = fmt::format("CAST({} AS {})", sql, numbers ? "DOUBLE" : "VARCHAR");
    }
    kind = numbers ? Kind::kNumber : Kind::kText;
  }
  std::string out;
  auto add = [&](const char* key, bool strict, const char* op) -> Status {
    const JsonValue* value = filter.find(key);
    if (!value || value->is_null()) return {};
    TRY_ASSIGN(auto text, constant(*value, kind));
    if (!text) {
      return invalid(fmt::format(
          "'{}' of a filter must be a {}, not: {}", key,
          kind == Kind::kTime ? "time" : "number",
          value->as_string() ? *value->as_string() : value->type_name()));
    }
    out += fmt::format("{}{} {}{} {}", out.empty() ? "" : " AND ", sql, op,
                       strict ? "" : "=", *text);
    return {};
  };
  auto open = [&](const char* strict, const char* open) -> Result<bool> {
    TRY_ASSIGN(bool of_bound, druid_flag(filter, strict));
    TRY_ASSIGN(bool of_range, druid_flag(filter, open));
    return of_bound || of_range;
  };
  TRY_ASSIGN(bool lower_open, open("lowerStrict", "lowerOpen"));
  TRY_ASSIGN(bool upper_open, open("upperStrict", "upperOpen"));
  TRY(add("lower", lower_open, ">"));
  TRY(add("upper", upper_open, "<"));
  return out.empty() ? std::string("true") : "(" + out + ")";
}

Result<std::string> NativeSql::like(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  TRY_ASSIGN(std::string pattern, native_text(filter, "pattern"));
  if (kind != Kind::kText) sql = "CAST(" + sql + " AS VARCHAR)";
  std::string escape;
  TRY_ASSIGN(auto given, native_optional_text(filter, "escape"));
  if (given && !given->empty()) escape = " ESCAPE " + sql_text(*given);
  return fmt::format("({} LIKE {}{})", sql, sql_text(pattern), escape);
}

Result<std::string> NativeSql::search(const JsonValue& filter) const {
  Kind kind;
  TRY_ASSIGN(std::string sql, subject(filter, &kind));
  if (kind != Kind::kText) sql = "CAST(" + sql + " AS VARCHAR)";
  return searched(sql, filter.find("query"));
}

Result<std::string> NativeSql::searched(const std::string& text,
                                        const JsonValue* query) const {
  if (!query || !query->as_object()) {
    return invalid("'query' of a search must be an object");
  }
  std::string_view type = native_type(*query);
  if (type == "all") return std::string("true");
  TRY_ASSIGN(bool exact, druid_flag(*query, "caseSensitive"));
  TRY_ASSIGN(bool exact_too, druid_flag(*query, "case_sensitive"));
  const bool insensitive =
      type == "insensitive_contains" || !(exact || exact_too);
  const char* function = insensitive ? "ICONTAINS_STRING" : "CONTAINS_STRING";
  if (type == "contains" || type == "insensitive_contains") {
    TRY_ASSIGN(std::string value, native_text(*query, "value"));
    return fmt::format("{}({}, {})", function, text, sql_text(value));
  }
  if (type != "fragment") return native_unsupported("this search", type);
  TRY_ASSIGN(auto values, native_texts(*query, "values"));
  if (!values) return invalid("'values' of a search is missing");
  std::string out = "true";
  for (const std::string& value : *values) {
    out += fmt::format(" AND {}({}, {})", function, text, sql_text(value));
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
  if (!filter->as_object()) {
    return invalid(
        fmt::format("a filter must be an object, not {}", filter->type_name()));
  }
  std::string_view type = native_type(*filter);
  if (type == "and") return connective(*filter, "AND");
  if (type == "or") return connective(*filter, "OR");
  if (type == "not") {
    TRY_ASSIGN(std::string inner, this->filter(filter->find("field")));
    if (inner.empty()) return invalid("'field' of a filter is missing");
    // Null stays null: three-valued, as Druid's native filters are since 28.
    return "(NOT (" + inner + "))";
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
  if (type == "expression") return native_expression(*filter);
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
