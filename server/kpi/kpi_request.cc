// Requests from query parameters and JSON bodies.
#include <absl/strings/numbers.h>

#include <charconv>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/kpi/kpi_answerer.h"
#include "server/model/dimension_filter.h"

namespace freshet {
namespace {

const std::vector<std::string> kKeys = {"kpi", "range",  "from",    "to",
                                        "tz",  "grain",  "by",      "order",
                                        "top", "filter", "compare", "why_not"};

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    size_t comma = text.find(',');
    names.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return names;
}

std::string* text_member(KpiRequest& request, std::string_view key) {
  if (key == "kpi") return &request.kpi;
  if (key == "range") return &request.range;
  if (key == "from") return &request.from;
  if (key == "to") return &request.to;
  if (key == "tz") return &request.tz;
  if (key == "grain") return &request.grain;
  if (key == "order") return &request.order;
  if (key == "filter") return &request.filter;
  if (key == "compare") return &request.compare;
  return nullptr;
}

Error unknown_key(const std::string& key) {
  std::string near = nearest_name(key, kKeys);
  return at_path(
      key, invalid("unknown key '" + key + "' in a KPI request" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?")));
}

Result<uint32_t> parse_top(std::string_view text) {
  uint32_t top = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), top);
  if (error != std::errc() || end != text.data() + text.size() || top == 0) {
    return at_path("top", invalid("'top' is a whole number from 1 to " +
                                  std::to_string(kMaxTop) + ", not '" +
                                  std::string(text) + "'"));
  }
  return top;
}

Status set_text(KpiRequest& request, const std::string& key,
                const std::string& value, bool& has_range) {
  if (key == "by") {
    request.by = split_names(value);
    return {};
  }
  if (key == "top") {
    TRY_ASSIGN(request.top, parse_top(value));
    return {};
  }
  if (key == "why_not") {
    if (value != "true" && value != "false") {
      return at_path(
          key, invalid("'why_not' is true or false, not '" + value + "'"));
    }
    request.why_not = value == "true";
    return {};
  }
  std::string* member = text_member(request, key);
  if (!member) return unknown_key(key);
  has_range = has_range || (key == "range" && !value.empty());
  // An empty parameter is one that was left out.
  if (!value.empty()) *member = value;
  return {};
}

Result<KpiRequest> checked(KpiRequest request, bool has_range) {
  if (request.kpi.empty()) {
    return at_path("kpi", invalid("the key 'kpi' is missing"));
  }
  if (has_range && (!request.from.empty() || !request.to.empty())) {
    return at_path("range", invalid("give either 'range' or 'from' and 'to', "
                                    "not both"));
  }
  return request;
}

Status set_json(KpiRequest& request, const std::string& key,
                const JsonValue& value, bool& has_range) {
  if (const std::string* text = value.as_string()) {
    return set_text(request, key, *text, has_range);
  }
  bool known = key == "by" || key == "top" || key == "why_not" ||
               text_member(request, key);
  if (!known) return unknown_key(key);
  if (value.is_null()) return {};
  if (key == "why_not" && value.as_bool()) {
    request.why_not = *value.as_bool();
    return {};
  }
  if (key == "top" && (value.as_int() || value.as_double())) {
    JsonWriter text;
    text.tree(value);
    TRY_ASSIGN(request.top, parse_top(text.text()));
    return {};
  }
  if (key == "by" && value.as_array()) {
    request.by.clear();
    for (const JsonValue& name : *value.as_array()) {
      if (!name.as_string()) {
        return at_path("by",
                       invalid(std::string("'by' is a list of names, not of ") +
                               name.type_name()));
      }
      request.by.push_back(*name.as_string());
    }
    return {};
  }
  return at_path(key,
                 invalid("'" + key + "' in a KPI request cannot be of type " +
                         value.type_name()));
}

}  // namespace

Result<KpiRequest> parse_kpi_request(
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  KpiRequest request;
  bool has_range = false;
  std::vector<std::string> seen;
  for (const auto& [key, value] : parameters) {
    for (const std::string& earlier : seen) {
      if (earlier == key) {
        return at_path(key,
                       invalid("the parameter '" + key + "' is given twice"));
      }
    }
    seen.push_back(key);
    TRY(set_text(request, key, value, has_range));
  }
  return checked(std::move(request), has_range);
}

Result<KpiRequest> parse_kpi_request(const JsonValue& body) {
  const JsonObject* object = body.as_object();
  if (!object) {
    return invalid(std::string("a KPI request is an object, not ") +
                   body.type_name());
  }
  KpiRequest request;
  bool has_range = false;
  for (const auto& [key, value] : *object) {
    TRY(set_json(request, key, value, has_range));
  }
  return checked(std::move(request), has_range);
}

namespace {

// The filter with the values of parts of the time as numbers.
Result<ExpressionPtr> with_numbers(const ExpressionPtr& filter) {
  const std::vector<ExpressionPtr>& arguments = filter->arguments;
  const std::string name =
      !arguments.empty() && arguments[0]->kind == Expression::Kind::kColumn
          ? arguments[0]->name
          : "";
  const bool part = is_part_of_time(name);
  const bool hour = name == "__hour";
  const int64_t least = hour ? 0 : 1, most = hour ? 23 : 7;
  auto out = std::make_shared<Expression>(*filter);
  for (ExpressionPtr& argument : out->arguments) {
    if (argument->kind == Expression::Kind::kCall) {
      TRY_ASSIGN(argument, with_numbers(argument));
    } else if (part && argument->kind == Expression::Kind::kLiteral) {
      const std::string text = argument->literal.to_text();
      int64_t number = -1;
      if (!absl::SimpleAtoi(text, &number) || number < least || number > most) {
        return invalid("'" + name + "' in a filter is a number from " +
                       std::to_string(least) + " to " + std::to_string(most) +
                       ", not '" + text + "'");
      }
      argument = literal(Value(number));
    }
  }
  return ExpressionPtr(std::move(out));
}

}  // namespace

Result<ExpressionPtr> parse_kpi_filter(std::string_view filter,
                                       const KpiModel& kpi) {
  return parse_kpi_filter(filter, kpi.dimensions, "kpi '" + kpi.name + "'");
}

Result<ExpressionPtr> parse_kpi_filter(std::string_view filter,
                                       std::vector<std::string> dimensions,
                                       std::string_view whose) {
  const std::vector<std::string>& parts = parts_of_time();
  dimensions.insert(dimensions.end(), parts.begin(), parts.end());
  TRY_ASSIGN(ExpressionPtr parsed,
             parse_dimension_filter(filter, dimensions, whose));
  if (!parsed) return parsed;
  return with_numbers(parsed);
}

}  // namespace freshet
