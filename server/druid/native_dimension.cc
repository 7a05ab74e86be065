// Dimension specs and extraction functions of native queries.
#include <fmt/format.h>

#include "server/druid/druid_request.h"
#include "server/druid/native_granularity.h"
#include "server/druid/native_member.h"
#include "server/druid/native_sql.h"

namespace freshet {
namespace {

constexpr int64_t kMostLetters = int64_t{1} << 31;  // as in Druid

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
  TRY_ASSIGN(bool keep, druid_flag(spec, "retainMissingValue"));
  return replaced(std::move(found), sql, spec, keep);
}

Result<std::string> NativeSql::time_format(std::string sql,
                                           const JsonValue& fn) const {
  TRY_ASSIGN(auto pattern, native_optional_text(fn, "format"));
  TRY_ASSIGN(auto zone, native_optional_text(fn, "timeZone"));
  TRY_ASSIGN(auto locale, native_optional_text(fn, "locale"));
  if (locale && !locale->starts_with("en")) {
    return native_unsupported("this 'locale'", *locale);
  }
  TRY_ASSIGN(bool millis, druid_flag(fn, "asMillis"));
  if (millis) return native_unsupported("this member", "asMillis");
  const JsonValue* floor = fn.find("granularity");
  if (floor && !floor->is_null()) {
    TRY_ASSIGN(NativeGranularity granularity, native_granularity(floor));
    sql = granularity.bucket_of(sql);
    if (sql.empty()) return native_unsupported("this 'granularity'", "all");
  }
  // A time of another zone must not look like UTC.
  const char* iso = zone.value_or("UTC") == "UTC"
                        ? "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
                        : "yyyy-MM-dd'T'HH:mm:ss.SSSZZ";
  return fmt::format("TIME_FORMAT({}, {}, {})", sql,
                     sql_text(pattern.value_or(iso)),
                     sql_text(zone.value_or("UTC")));
}

Result<std::string> NativeSql::extracted(std::string sql,
                                         const JsonValue& fn) const {
  std::string_view type = native_type(fn);
  auto number = [&](const char* name) -> Result<int64_t> {
    const JsonValue* member = fn.find(name);
    const int64_t* value = member ? member->as_int() : nullptr;
    if (value && *value >= 0 && *value < kMostLetters) return *value;
    return invalid(fmt::format("'{}' of {} must be a whole number from 0 to {}",
                               name, type, kMostLetters - 1));
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
  if (type == "timeFormat") return time_format(std::move(sql), fn);
  if (type == "regex") {
    TRY_ASSIGN(std::string pattern, native_text(fn, "expr"));
    int64_t group = 1;
    if (fn.find("index")) {
      TRY_ASSIGN(group, number("index"));
    }
    TRY_ASSIGN(bool replace, druid_flag(fn, "replaceMissingValue"));
    return replaced(fmt::format("REGEXP_EXTRACT({}, {}, {})", sql,
                                sql_text(pattern), group),
                    sql, fn, !replace);
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
  TRY_ASSIGN(auto output, native_optional_text(spec, "outputName"));
  if (output) out.name = *output;
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
  TRY_ASSIGN(auto wanted, native_choice(spec, "outputType",
                                        {"STRING", "LONG", "FLOAT", "DOUBLE"}));
  const Kind kind = kind_of(name);
  out.text = kind == Kind::kText;
  if (kind == Kind::kTime) {
    out.sql = "TIMESTAMP_TO_MILLIS(" + out.sql + ")";
  } else if ((kind == Kind::kNumber || kind == Kind::kTruth) &&
             wanted.value_or("STRING") == "STRING") {
    out.sql = "CAST(" + out.sql + " AS VARCHAR)";  // as Druid gives them
  }
  return out;
}

}  // namespace freshet
