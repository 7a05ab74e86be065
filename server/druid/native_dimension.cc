// Dimension specs and extraction functions of native queries.
#include <fmt/format.h>

#include "server/druid/native_sql.h"

namespace freshet {
namespace {

// What stands for a value that `fn` gives nothing for: another, itself or null.
Result<std::string> replaced(std::string found, const std::string& itself,
                             const JsonValue& fn, bool keep) {
  const char* instead_key = fn.find("replaceMissingValueWith")
                                ? "replaceMissingValueWith"
                                : "replaceMissingWith";
  const JsonValue* instead = fn.find(instead_key);
  if (!instead || instead->is_null()) {
    if (keep) return fmt::format("COALESCE({}, {})", found, itself);
    return found;
  }
  if (keep) {
    return invalid(fmt::format("'{}' cannot stand beside values that are kept",
                               instead_key));
  }
  TRY_ASSIGN(std::string text, native_text(fn, instead_key));
  return fmt::format("COALESCE({}, {})", found, sql_text(text));
}

// {"type":"map","map":{"a":"b"}}, written out.
Result<std::string> mapped(const std::string& sql, const JsonValue& lookup) {
  const JsonValue* map = lookup.find("map");
  if (!map || !map->as_object()) {
    return invalid("'map' of a lookup must be an object");
  }
  std::string cases;
  for (const auto& [from, to] : *map->as_object()) {
    if (!to.as_string()) {
      return invalid("a value of a lookup's 'map' must be a text");
    }
    cases += fmt::format(" WHEN {} THEN {}", sql_text(from),
                         sql_text(*to.as_string()));
  }
  if (cases.empty()) return std::string("CAST(NULL AS VARCHAR)");
  return fmt::format("(CASE {}{} END)", sql, cases);
}

}  // namespace

Result<std::string> native_dimension_name(const JsonValue& spec) {
  if (const std::string* alone = spec.as_string()) return *alone;
  return native_text(spec, "dimension");
}

// A lookup of the model by the name under `name_key`, or a map that is sent.
Result<std::string> NativeSql::looked_up(const std::string& sql,
                                         const JsonValue& spec,
                                         const char* name_key) const {
  const JsonValue* map = spec.find("lookup");
  std::string found;
  if (map && map->as_object()) {
    TRY_ASSIGN(found, mapped(sql, *map));
  } else {
    TRY_ASSIGN(std::string name, native_text(spec, name_key));
    found = fmt::format("LOOKUP({}, {})", sql, sql_text(name));
  }
  return replaced(std::move(found), sql, spec,
                  native_flag(spec, "retainMissingValue"));
}

Result<std::string> NativeSql::extracted(std::string sql,
                                         const JsonValue& fn) const {
  std::string_view type = native_type(fn);
  auto number = [&](const char* name) -> Result<int64_t> {
    const JsonValue* member = fn.find(name);
    if (member && member->as_int()) return *member->as_int();
    return invalid(fmt::format("'{}' of {} must be a number", name, type));
  };
  if (type == "identity") return sql;
  if (type == "upper" || type == "lower") {
    return fmt::format("{}({})", type, sql);
  }
  if (type == "strlen") return fmt::format("length({})", sql);
  if (type == "substring") {
    TRY_ASSIGN(int64_t index, number("index"));
    if (!fn.find("length"))
      return fmt::format("substring({}, {})", sql, index + 1);
    TRY_ASSIGN(int64_t length, number("length"));
    return fmt::format("substring({}, {}, {})", sql, index + 1, length);
  }
  if (type == "timeFormat") {
    std::string pattern = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", zone = "UTC";
    if (fn.find("format")) {
      TRY_ASSIGN(pattern, native_text(fn, "format"));
    }
    if (fn.find("timeZone")) {
      TRY_ASSIGN(zone, native_text(fn, "timeZone"));
    }
    return fmt::format("TIME_FORMAT({}, {}, {})", sql, sql_text(pattern),
                       sql_text(zone));
  }
  if (type == "regex") {
    TRY_ASSIGN(std::string pattern, native_text(fn, "expr"));
    int64_t group = 1;
    if (fn.find("index")) {
      TRY_ASSIGN(group, number("index"));
    }
    return replaced(fmt::format("REGEXP_EXTRACT({}, {}, {})", sql,
                                sql_text(pattern), group),
                    sql, fn, !native_flag(fn, "replaceMissingValue"));
  }
  if (type == "partial") {
    TRY_ASSIGN(std::string pattern, native_text(fn, "expr"));
    return fmt::format("(CASE WHEN REGEXP_LIKE({0}, {1}) THEN {0} END)", sql,
                       sql_text(pattern));
  }
  if (type == "registeredLookup" || type == "lookup") {
    return looked_up(sql, fn, "lookup");
  }
  const JsonValue* parts = fn.find("extractionFns");
  if (type == "cascade" && parts && parts->as_array()) {
    for (const JsonValue& part : *parts->as_array()) {
      TRY_ASSIGN(sql, extracted(std::move(sql), part));
    }
    return sql;
  }
  return native_unsupported("this extraction function", type);
}

Result<NativeSql::Dimension> NativeSql::dimension(const JsonValue& spec) const {
  TRY_ASSIGN(std::string name, native_dimension_name(spec));
  TRY_ASSIGN(std::string sql, column(name));
  Dimension out{sql, name};
  const JsonValue* output = spec.find("outputName");
  if (output && output->as_string()) out.name = *output->as_string();
  std::string_view type = spec.as_string() ? "default" : native_type(spec);
  if (type == "extraction") {
    const JsonValue* fn = spec.find("extractionFn");
    if (!fn) return invalid("'extractionFn' is missing");
    TRY_ASSIGN(out.sql, extracted(std::move(sql), *fn));
    return out;
  }
  if (type == "lookup") {
    TRY_ASSIGN(out.sql, looked_up(sql, spec, "name"));
    return out;
  }
  if (type != "default") return native_unsupported("this dimension spec", type);
  const JsonValue* wanted = spec.find("outputType");
  bool number =
      wanted && wanted->as_string() && *wanted->as_string() != "STRING";
  bool known = schema_.find(name).has_value();
  if (known && kind_of(name) == Kind::kTime) {
    out.sql = "TIMESTAMP_TO_MILLIS(" + out.sql + ")";
  } else if (known && kind_of(name) == Kind::kNumber && !number) {
    out.sql = "CAST(" + out.sql + " AS VARCHAR)";  // as Druid gives them
  }
  return out;
}

}  // namespace freshet
