// Aggregations, post-aggregations and HAVING of native queries.
#include <fmt/format.h>

#include "server/druid/native_expression.h"
#include "server/druid/native_member.h"
#include "server/druid/native_sql.h"

namespace freshet {
namespace {

std::string filtered(std::string aggregate, const std::string& condition) {
  return aggregate + " FILTER (WHERE " + condition + ")";
}

}  // namespace

std::string NativeSql::output(std::string_view name) const {
  for (const Dimension& output : outputs_) {
    if (output.name == name) return output.sql;
  }
  return "";
}

Status NativeSql::add_aggregations(const JsonValue& query) {
  for (const char* key : {"aggregations", "postAggregations"}) {
    const JsonValue* list = query.find(key);
    if (!list || list->is_null()) continue;
    if (!list->as_array()) return invalid(fmt::format("'{}' is a list", key));
    for (const JsonValue& spec : *list->as_array()) {
      std::string sql;
      if (key[0] == 'a') {
        TRY_ASSIGN(sql, aggregation(spec));
      } else {
        TRY_ASSIGN(sql, post_aggregation(spec));
      }
      const JsonValue* named = spec.find("name") ? &spec : nullptr;
      if (!named) named = spec.find("aggregator");
      if (!named) named = &spec;
      TRY_ASSIGN(std::string name, native_text(*named, "name"));
      if (!output(name).empty()) {
        return invalid("two outputs have the name: " + name);
      }
      outputs_.push_back({std::move(sql), std::move(name)});
    }
  }
  return {};
}

// longSum, doubleMax, floatFirst, ...: `function` over the field.
Result<std::string> NativeSql::sum_of(const JsonValue& spec,
                                      std::string_view type,
                                      std::string_view function) const {
  std::string sql;
  Kind kind = Kind::kNumber;
  if (spec.find("fieldName")) {
    TRY_ASSIGN(std::string field, native_text(spec, "fieldName"));
    TRY_ASSIGN(sql, column(field));
    kind = kind_of(field);
  } else {
    TRY_ASSIGN(sql, native_expression(spec));
  }
  TRY_ASSIGN(auto time, native_optional_text(spec, "timeColumn"));
  if (time && *time != kTimeColumn) {
    return native_unsupported("this 'timeColumn'", *time);
  }
  if (kind == Kind::kText && !type.starts_with("string")) {
    sql = "CAST(" + sql + " AS DOUBLE)";
  }
  if (kind == Kind::kTime) sql = "TIMESTAMP_TO_MILLIS(" + sql + ")";
  return fmt::format("{}({})", function, sql);
}

Result<std::string> NativeSql::distinct_of(const JsonValue& spec) const {
  const JsonValue* fields = spec.find("fields");
  if (!fields) fields = spec.find("fieldNames");
  if (!fields) fields = spec.find("fieldName");
  if (!fields) return invalid("'fieldName' is missing");
  const JsonArray* list = fields->as_array();
  if (list && list->size() != 1) {
    return native_unsupported("a count of distinct values over several fields",
                              native_type(spec));
  }
  TRY_ASSIGN(Dimension one, dimension(list ? (*list)[0] : *fields));
  return "COUNT(DISTINCT " + one.sql + ")";
}

// The fixed scripts that one well-known BI client sends for numbers in text
// columns; no other is run.
Result<std::string> NativeSql::script(const JsonValue& spec) const {
  TRY_ASSIGN(std::string text, native_text(spec, "fnAggregate"));
  const JsonValue* fields = spec.find("fieldNames");
  bool one = fields && fields->as_array() && fields->as_array()->size() == 1 &&
             (*fields->as_array())[0].as_string();
  const char* function = nullptr;
  if (text.find("return current + (parseFloat(x) || 0)") != text.npos) {
    function = "SUM";
  } else if (text.find("Math.min(current, parseFloat(x))") != text.npos) {
    function = "MIN";
  } else if (text.find("Math.max(current, parseFloat(x))") != text.npos) {
    function = "MAX";
  }
  if (!one || !function) {
    return native_unsupported("this aggregation", "javascript");
  }
  TRY_ASSIGN(std::string sql, column(*(*fields->as_array())[0].as_string()));
  return fmt::format("{}(CAST({} AS DOUBLE))", function, sql);
}

Result<std::string> NativeSql::aggregation(const JsonValue& spec) {
  std::string_view type = native_type(spec);
  if (type == "count") return std::string("COUNT(*)");
  if (type == "filtered") {
    const JsonValue* inner = spec.find("aggregator");
    if (!inner) return invalid("'aggregator' of a filtered one is missing");
    TRY_ASSIGN(std::string condition, filter(spec.find("filter")));
    TRY_ASSIGN(std::string sql, aggregation(*inner));
    if (native_type(*inner) == "filtered") {
      return native_unsupported("this aggregation", "filtered in filtered");
    }
    if (native_type(*inner) == "quantilesDoublesSketch") {
      TRY_ASSIGN(std::string name, native_text(*inner, "name"));
      sketches_[name].condition = condition;
    }
    return condition.empty() ? sql : filtered(std::move(sql), condition);
  }
  if (type == "cardinality" || type == "hyperUnique" ||
      type.starts_with("HLLSketch") || type == "thetaSketch") {
    return distinct_of(spec);
  }
  if (type == "quantilesDoublesSketch") {
    TRY_ASSIGN(std::string name, native_text(spec, "name"));
    TRY_ASSIGN(std::string field, native_text(spec, "fieldName"));
    TRY_ASSIGN(std::string sql, column(field));
    sketches_[name] = {sql, ""};
    return "COUNT(" + sql + ")";
  }
  if (type == "javascript") return script(spec);
  if (type == "doubleMean") return sum_of(spec, type, "AVG");
  static constexpr std::string_view kTypes[] = {"long", "double", "float",
                                                "string"};
  static constexpr std::pair<std::string_view, std::string_view> kFunctions[] =
      {{"Sum", "SUM"},        {"Min", "MIN"},     {"Max", "MAX"},
       {"First", "EARLIEST"}, {"Last", "LATEST"}, {"Any", "ANY_VALUE"}};
  for (std::string_view prefix : kTypes) {
    if (!type.starts_with(prefix)) continue;
    for (auto [suffix, function] : kFunctions) {
      if (type.substr(prefix.size()) == suffix) {
        return sum_of(spec, type, function);
      }
    }
  }
  return native_unsupported("this aggregation", type);
}

Result<std::string> NativeSql::arithmetic(const JsonValue& spec) const {
  TRY_ASSIGN(std::string fn, native_text(spec, "fn"));
  const JsonValue* fields = spec.find("fields");
  if (!fields || !fields->as_array() || fields->as_array()->size() < 2) {
    return invalid("'fields' of arithmetic are two or more");
  }
  std::string out;
  for (const JsonValue& field : *fields->as_array()) {
    TRY_ASSIGN(std::string next, post_aggregation(field));
    if (out.empty()) {
      out = next;
    } else if (fn == "+" || fn == "-" || fn == "*") {
      out = fmt::format("({} {} {})", out, fn, next);
    } else if (fn == "/" || fn == "quotient") {
      // Division by zero is 0 in Druid's "/", and no number in its quotient.
      std::string ratio = fmt::format("(CAST({} AS DOUBLE) / {})", out, next);
      out = fn == "/" ? fmt::format("(CASE WHEN {} = 0 THEN 0.0e0 ELSE {} END)",
                                    next, ratio)
                      : ratio;
    } else if (fn == "pow") {
      out = fmt::format("POWER({}, {})", out, next);
    } else {
      return native_unsupported("this arithmetic", fn);
    }
  }
  return out;
}

Result<std::string> NativeSql::quantile(const JsonValue& spec) const {
  const JsonValue* field = spec.find("field");
  if (!field) return invalid("'field' of a quantile is missing");
  TRY_ASSIGN(std::string name, native_text(*field, "fieldName"));
  auto sketch = sketches_.find(name);
  if (sketch == sketches_.end()) {
    return invalid("not a quantilesDoublesSketch: " + name);
  }
  const JsonValue* part = spec.find("fraction");
  double fraction = part && part->as_double() ? *part->as_double()
                    : part && part->as_int()
                        ? static_cast<double>(*part->as_int())
                        : -1;
  if (fraction < 0 || fraction > 1) {
    return invalid("'fraction' of a quantile is a number from 0 to 1");
  }
  const auto& [column, condition] = sketch->second;
  std::string sql = fmt::format("APPROX_QUANTILE({}, {})", column, fraction);
  return condition.empty() ? sql : filtered(std::move(sql), condition);
}

Result<std::string> NativeSql::post_aggregation(const JsonValue& spec) const {
  std::string_view type = native_type(spec);
  if (type == "arithmetic") return arithmetic(spec);
  if (type == "quantilesDoublesSketchToQuantile") return quantile(spec);
  if (type == "constant") {
    const JsonValue* value = spec.find("value");
    if (!value || (!value->as_int() && !value->as_double())) {
      return invalid("'value' of a constant is a number");
    }
    return constant(*value, Kind::kNumber)->value();
  }
  const JsonValue* inner = spec.find("field");
  bool estimate = type == "HLLSketchEstimate" || type == "thetaSketchEstimate";
  if (estimate && inner) return post_aggregation(*inner);
  if (type == "fieldAccess" || type == "finalizingFieldAccess" ||
      type == "hyperUniqueCardinality") {
    TRY_ASSIGN(std::string name, native_text(spec, "fieldName"));
    std::string sql = output(name);
    if (sql.empty()) return invalid("no aggregation has the name: " + name);
    return sql;
  }
  bool greatest = type == "doubleGreatest" || type == "longGreatest";
  bool least = type == "doubleLeast" || type == "longLeast";
  const JsonValue* fields = spec.find("fields");
  if ((greatest || least) && fields && fields->as_array()) {
    std::string list;
    for (const JsonValue& field : *fields->as_array()) {
      TRY_ASSIGN(std::string one, post_aggregation(field));
      list += (list.empty() ? "" : ", ") + one;
    }
    return fmt::format("{}({})", greatest ? "GREATEST" : "LEAST", list);
  }
  return native_unsupported("this post-aggregation", type);
}

Result<std::string> NativeSql::having(
    const JsonValue& having, const std::vector<Dimension>& dimensions) const {
  std::string_view type = native_type(having);
  auto parts = [&](std::string_view word) -> Result<std::string> {
    const JsonValue* specs = having.find("havingSpecs");
    if (!specs || !specs->as_array() || specs->as_array()->empty()) {
      return invalid("'havingSpecs' must be a list");
    }
    std::string out;
    for (const JsonValue& spec : *specs->as_array()) {
      TRY_ASSIGN(std::string one, this->having(spec, dimensions));
      out += (out.empty() ? "" : fmt::format(" {} ", word)) + one;
    }
    return "(" + out + ")";
  };
  if (type == "and") return parts("AND");
  if (type == "or") return parts("OR");
  const JsonValue* inner = having.find("havingSpec");
  if (type == "not" && inner) {
    TRY_ASSIGN(std::string one, this->having(*inner, dimensions));
    return "((" + one + ") IS NOT TRUE)";
  }
  const char* op = type == "greaterThan" ? ">"
                   : type == "lessThan"  ? "<"
                   : type == "equalTo"   ? "="
                                         : nullptr;
  const JsonValue* value = having.find("value");
  if (op && value) {
    TRY_ASSIGN(std::string name, native_text(having, "aggregation"));
    std::string sql = output(name);
    if (sql.empty()) return invalid("no aggregation has the name: " + name);
    TRY_ASSIGN(auto number, constant(*value, Kind::kNumber));
    if (!number) return invalid("'value' of a having must be a number");
    return fmt::format("({} {} {})", sql, op, *number);
  }
  if (type == "dimSelector" && value) {
    TRY_ASSIGN(std::string name, native_text(having, "dimension"));
    for (const Dimension& d : dimensions) {
      if (d.name != name) continue;
      if (value->is_null()) return "(" + d.sql + " IS NULL)";
      TRY_ASSIGN(auto text, constant(*value, Kind::kText));
      return fmt::format("({} = {})", d.sql, text.value());
    }
    return invalid("no dimension has the name: " + name);
  }
  return native_unsupported("this having", type);
}

}  // namespace freshet
