#include "server/sql/time_bounds.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/query/evaluator.h"

namespace freshet {
namespace {

// The time a constant expression means; nothing for other expressions.
Result<std::optional<Timestamp>> constant_time(const ExpressionPtr& e,
                                               const absl::TimeZone& zone) {
  std::vector<std::string> columns;
  collect_columns(*e, columns);
  if (!columns.empty()) return std::optional<Timestamp>();
  if (const std::string* text = e->literal.as_string()) {
    auto time = parse_iso8601(*text, zone);
    if (!time) {
      return Error{time.error().code, time.error().message, e->line, e->column};
    }
    return std::optional<Timestamp>(*time);
  }
  TRY_ASSIGN(ExpressionPtr resolved, resolve(e, Schema{}));
  TRY_ASSIGN(std::optional<Value> value, constant_value(*resolved));
  if (!value || !value->as_timestamp()) return std::optional<Timestamp>();
  return std::optional<Timestamp>(*value->as_timestamp());
}

void apply(std::string_view op, Timestamp t, Interval& interval) {
  auto after = [](Timestamp v) {
    return v >= kMaxTimestamp ? Timestamp{kMaxTimestamp.ms + 1}
                              : Timestamp{v.ms + 1};
  };
  if (op == ">=" || op == "=") interval.start = std::max(interval.start, t);
  if (op == ">") interval.start = std::max(interval.start, after(t));
  if (op == "<") interval.end = std::min(interval.end, t);
  if (op == "<=" || op == "=") {
    interval.end = std::min(interval.end, after(t));
  }
}

std::string_view mirrored(std::string_view op) {
  if (op == "<") return ">";
  if (op == "<=") return ">=";
  if (op == ">") return "<";
  if (op == ">=") return "<=";
  return op;
}

// Whether `e` was a bound and is now in `interval`.
Result<bool> take_bound(const Expression& e, const absl::TimeZone& zone,
                        Interval& interval) {
  if (e.kind != Expression::Kind::kCall) return false;
  const auto& args = e.arguments;
  bool compares = e.name == "=" || e.name == "<" || e.name == "<=" ||
                  e.name == ">" || e.name == ">=";
  if (compares && args.size() == 2) {
    bool left = is_row_time(*args[0]);
    if (!left && !is_row_time(*args[1])) return false;
    TRY_ASSIGN(auto bound, constant_time(args[left ? 1 : 0], zone));
    if (!bound) return false;
    apply(left ? e.name : mirrored(e.name), *bound, interval);
    return true;
  }
  if (e.name == "between" && args.size() == 3 && is_row_time(*args[0])) {
    TRY_ASSIGN(auto low, constant_time(args[1], zone));
    TRY_ASSIGN(auto high, constant_time(args[2], zone));
    if (!low || !high) return false;
    apply(">=", *low, interval);
    apply("<=", *high, interval);
    return true;
  }
  return false;
}

}  // namespace

const Expression& without_time_cast(const Expression& e) {
  bool cast = e.kind == Expression::Kind::kCall && e.name == "cast" &&
              e.cast_type.type == ValueType::kTimestamp;
  return cast ? without_time_cast(*e.arguments[0]) : e;
}

bool is_row_time(const Expression& e) {
  const Expression& time = without_time_cast(e);
  return time.kind == Expression::Kind::kColumn && time.name == kTimeColumn;
}

void split_conjuncts(const ExpressionPtr& condition,
                     std::vector<ExpressionPtr>& out) {
  if (!condition) return;
  if (condition->kind == Expression::Kind::kCall && condition->name == "and") {
    for (const auto& part : condition->arguments) split_conjuncts(part, out);
  } else {
    out.push_back(condition);
  }
}

ExpressionPtr join_conjuncts(std::vector<ExpressionPtr> conjuncts) {
  if (conjuncts.empty()) return nullptr;
  if (conjuncts.size() == 1) return conjuncts[0];
  return call("and", std::move(conjuncts));
}

Result<Interval> take_time_bounds(std::vector<ExpressionPtr>& conjuncts,
                                  const absl::TimeZone& zone) {
  Interval interval;
  std::vector<ExpressionPtr> rest;
  for (const ExpressionPtr& part : conjuncts) {
    TRY_ASSIGN(bool taken, take_bound(*part, zone, interval));
    if (!taken) rest.push_back(part);
  }
  conjuncts = std::move(rest);
  return interval;
}

}  // namespace freshet
