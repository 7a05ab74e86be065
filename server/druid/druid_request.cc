#include "server/druid/druid_request.h"

#include <absl/random/random.h>
#include <absl/strings/numbers.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/sql/letters.h"
#include "server/sql/number_literal.h"
#include "server/sql/rewrite.h"
#include "server/sql/zone_name.h"

namespace freshet {
namespace {

constexpr size_t kLongestId = 200;

std::string made_up_id() {
  absl::BitGen random;
  uint64_t a = absl::Uniform<uint64_t>(random);
  uint64_t b = absl::Uniform<uint64_t>(random);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32,
                     (a >> 16) & 0xFFFF, a & 0xFFF, (b >> 48 & 0x3FFF) | 0x8000,
                     b & 0xFFFFFFFFFFFF);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() &&
               hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 +
                               hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Context values come as numbers or as texts of numbers.
Result<std::optional<int64_t>> read_number(const JsonValue& context,
                                           const char* name) {
  const JsonValue* member = context.find(name);
  if (member == nullptr || member->is_null()) return std::optional<int64_t>();
  int64_t number = 0;
  if (member->as_int()) number = *member->as_int();
  bool bad = member->as_string()
                 ? !absl::SimpleAtoi(*member->as_string(), &number)
                 : !member->as_int();
  if (bad || number < 0) {
    return invalid(
        fmt::format("context key {} must be a whole number from 0", name));
  }
  return std::optional<int64_t>(number);
}

Status read_context(const JsonValue& context, DruidSqlRequest& out) {
  const JsonValue* zone = context.find("sqlTimeZone");
  if (zone && !zone->is_null()) {
    if (!zone->as_string()) return invalid("sqlTimeZone must be a text");
    TRY_ASSIGN(out.sql.zone, find_time_zone(*zone->as_string()));
  }
  TRY_ASSIGN(auto outer_limit, read_number(context, "sqlOuterLimit"));
  if (outer_limit) out.sql.outer_limit = static_cast<uint64_t>(*outer_limit);
  TRY_ASSIGN(out.sql.approximate_distinct,
             druid_flag(context, "useApproximateCountDistinct"));
  return {};
}

// The body's context; null if there is none.
Result<const JsonValue*> context_of(const JsonValue& body) {
  const JsonValue* context = body.find("context");
  if (!context || context->is_null()) {
    return static_cast<const JsonValue*>(nullptr);
  }
  if (context->as_object()) return context;
  return invalid(
      fmt::format("context must be an object, not {}", context->type_name()));
}

// Nothing if it is no number. A number of JSON is what it is written as.
std::optional<Value> decimal_value(const JsonValue& v) {
  if (v.as_int()) return Value(Decimal{*v.as_int(), 0});
  const std::string* written = v.as_string();
  if (!written && !v.as_double()) return std::nullopt;
  const std::string text =
      written ? *written : fmt::format("{}", *v.as_double());
  double number = 0;
  if (text.find_first_not_of("+-.0123456789eE") != std::string::npos ||
      !absl::SimpleAtod(text, &number)) {
    return std::nullopt;
  }
  Value out = number_literal(text);
  return out.as_long() ? Value(Decimal{*out.as_long(), 0}) : out;
}

// The zone of the statement's times; SET goes before the context.
absl::TimeZone zone_of(const SqlRequest& request) {
  absl::TimeZone out = request.zone;
  auto rewritten = rewrite(request.text, SqlDialect::kQuery);
  if (!rewritten) return out;  // as running it will say
  for (const Setting& setting : rewritten->settings) {
    auto zone = same_letters(setting.key, "sqlTimeZone")
                    ? find_time_zone(setting.value)
                    : out;
    if (zone) out = *zone;
  }
  return out;
}

// Times without an offset are in `zone`, as those of literals are.
Result<Value> parameter_value(const std::string& type, const JsonValue& v,
                              const absl::TimeZone& zone) {
  Error mismatch = invalid(
      fmt::format("parameter of type {} cannot be a {}", type, v.type_name()));
  if (v.is_null()) return Value();
  std::string t = to_lower(type);
  if (t == "varchar" || t == "char") {
    if (v.as_string()) return Value(*v.as_string());
    return mismatch;
  }
  if (t == "bigint" || t == "integer" || t == "smallint" || t == "tinyint") {
    if (v.as_int()) return Value(*v.as_int());
    return mismatch;
  }
  if (t == "double" || t == "float" || t == "real") {
    if (v.as_int()) return Value(static_cast<double>(*v.as_int()));
    if (v.as_double()) return Value(*v.as_double());
    return mismatch;
  }
  if (t == "decimal") {
    if (auto exact = decimal_value(v)) return *exact;
    return mismatch;
  }
  if (t == "boolean") {
    if (v.as_bool()) return Value(*v.as_bool());
    return mismatch;
  }
  if (t == "timestamp" || t == "date") {
    if (v.as_int()) return Value(Timestamp{*v.as_int()});
    if (!v.as_string()) return mismatch;
    TRY_ASSIGN(Timestamp time, parse_iso8601(*v.as_string(), zone));
    return Value(time);
  }
  return invalid(fmt::format("unknown type of a parameter: {}", type));
}

Status read_parameters(const JsonValue& list, DruidSqlRequest& out) {
  if (list.is_null()) return {};
  if (!list.as_array()) {
    return invalid(
        fmt::format("parameters must be an array, not {}", list.type_name()));
  }
  const absl::TimeZone zone = zone_of(out.sql);
  for (const JsonValue& entry : *list.as_array()) {
    const JsonValue* type = entry.find("type");
    const JsonValue* value = entry.find("value");
    if (!type || !type->as_string()) {
      return invalid("each parameter needs a type");
    }
    TRY_ASSIGN(Value made, parameter_value(*type->as_string(),
                                           value ? *value : JsonValue(), zone));
    out.sql.parameters.push_back(std::move(made));
  }
  return {};
}

Status read_shape(const JsonValue& body, DruidResultShape& shape) {
  const JsonValue* format = body.find("resultFormat");
  if (format && !format->is_null()) {
    std::string name =
        format->as_string() ? to_lower(*format->as_string()) : "";
    static constexpr std::string_view kNames[] = {
        "object", "array", "objectlines", "arraylines", "csv"};
    auto at = std::find(std::begin(kNames), std::end(kNames), name);
    if (at == std::end(kNames)) {
      return invalid(fmt::format("unknown resultFormat: {}", name));
    }
    shape.format = static_cast<DruidFormat>(at - std::begin(kNames));
  }
  TRY_ASSIGN(shape.header, druid_flag(body, "header"));
  TRY_ASSIGN(shape.types_header, druid_flag(body, "typesHeader"));
  TRY_ASSIGN(shape.sql_types_header, druid_flag(body, "sqlTypesHeader"));
  if (!shape.header && (shape.types_header || shape.sql_types_header)) {
    return invalid("typesHeader and sqlTypesHeader need header: true");
  }
  return {};
}

Status read_json_body(std::string_view text, DruidSqlRequest& out) {
  TRY_ASSIGN(JsonValue body, parse_json(text));
  if (!body.as_object()) {
    return invalid(fmt::format("the body must be a JSON object, not {}",
                               body.type_name()));
  }
  const JsonValue* query = body.find("query");
  if (!query || !query->as_string()) {
    return invalid("the body needs a text named \"query\"");
  }
  out.sql.text = *query->as_string();
  TRY(read_shape(body, out.shape));
  TRY_ASSIGN(out.sql.id, druid_query_id(body, "sqlQueryId"));
  TRY(read_druid_timeout(body, out.sql.limits));
  TRY(read_druid_switches(body, out.sql));
  TRY_ASSIGN(const JsonValue* context, context_of(body));
  if (context) TRY(read_context(*context, out));
  if (const JsonValue* parameters = body.find("parameters")) {
    TRY(read_parameters(*parameters, out));
  }
  return {};
}

}  // namespace

Result<bool> druid_flag(const JsonValue& body, const char* name,
                        bool otherwise) {
  const JsonValue* member = body.find(name);
  if (member == nullptr || member->is_null()) return otherwise;
  if (member->as_bool()) return *member->as_bool();
  const std::string* text = member->as_string();  // as some clients write it
  if (text && (*text == "true" || *text == "false")) return *text == "true";
  return invalid(
      fmt::format("{} must be a boolean, not {}", name, member->type_name()));
}

Result<std::string> druid_query_id(const JsonValue& body, const char* key) {
  TRY_ASSIGN(const JsonValue* context, context_of(body));
  const JsonValue* id = context ? context->find(key) : nullptr;
  if (!id || !id->as_string() || id->as_string()->empty()) return made_up_id();
  const std::string& text = *id->as_string();
  bool printable = std::all_of(text.begin(), text.end(),
                               [](char c) { return c >= ' ' && c < 127; });
  if (printable && text.size() <= kLongestId) return text;
  return invalid(fmt::format("{} must be at most {} printable ASCII letters",
                             key, kLongestId));
}

Status read_druid_switches(const JsonValue& body, SqlRequest& request) {
  TRY_ASSIGN(const JsonValue* context, context_of(body));
  if (!context) return {};
  TRY_ASSIGN(bool no_cubes, druid_flag(*context, "noProjections"));
  request.use_cubes = !no_cubes;
  TRY_ASSIGN(request.use_cache, druid_flag(*context, "useCache", true));
  TRY_ASSIGN(request.populate_cache,
             druid_flag(*context, "populateCache", true));
  return {};
}

Status read_druid_timeout(const JsonValue& body, Limits& limits) {
  TRY_ASSIGN(const JsonValue* context, context_of(body));
  if (!context) return {};
  TRY_ASSIGN(auto timeout, read_number(*context, "timeout"));
  return timeout && *timeout > 0 ? set_timeout(limits, *timeout) : Status();
}

Result<DruidSqlRequest> parse_druid_request(std::string_view content_type,
                                            std::string_view body,
                                            const Limits& limits) {
  DruidSqlRequest out;
  out.sql.limits = limits;
  std::string type = to_lower(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  if (type == "text/plain") {
    out.sql.text = std::string(body);
  } else if (type == "application/x-www-form-urlencoded") {
    out.sql.text = url_decoded(body);
  } else if (type.empty() || type == "application/json") {
    TRY(read_json_body(body, out));
  } else {
    return invalid(fmt::format("unsupported Content-Type: {}", type));
  }
  if (out.sql.id.empty()) out.sql.id = made_up_id();
  return out;
}

}  // namespace freshet
