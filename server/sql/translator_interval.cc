// Lengths of time added to times: INTERVAL arithmetic and TIME_SHIFT.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "server/sql/translator.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

constexpr ExpressionType kTimestampType{ValueType::kTimestamp};

// An INTERVAL literal, or sums and multiples of such.
bool is_interval(const SqlExpression& node) {
  if (node.kind == Kind::kInterval) return true;
  if (node.kind != Kind::kCall || node.arguments.empty()) return false;
  auto side = [](const SqlPtr& a) { return is_interval(*a); };
  const auto& sides = node.arguments;
  if (node.name == "*") return std::any_of(sides.begin(), sides.end(), side);
  if (node.name == "neg" || node.name == "+" || node.name == "-") {
    return std::all_of(sides.begin(), sides.end(), side);
  }
  return false;
}

Error not_beside_time(const SqlExpression& node) {
  return sql_error(ErrorCode::kInvalid,
                   "an INTERVAL can only be added to or taken from a time",
                   node);
}

// `factor` times; a fraction of months is none.
std::optional<TimeSpan> multiplied(const TimeSpan& span, const Value& factor) {
  TimeSpan out;
  if (const int64_t* whole = factor.as_long()) {
    bool overflow = __builtin_mul_overflow(span.months, *whole, &out.months);
    overflow |= __builtin_mul_overflow(span.ms, *whole, &out.ms);
    overflow |= __builtin_mul_overflow(span.days, *whole, &out.days);
    return overflow ? std::nullopt : std::optional(out);
  }
  double ms = std::round(static_cast<double>(span.ms) * factor.to_double());
  if (span.months != 0 || !(std::abs(ms) < 1e15)) return std::nullopt;
  out.ms = static_cast<int64_t>(ms);
  return out;
}

bool is_number(const Expression& e) {
  ValueType type = e.literal.type();
  return e.kind == Expression::Kind::kLiteral &&
         (type == ValueType::kLong || type == ValueType::kDouble ||
          type == ValueType::kDecimal);
}

}  // namespace

// time + count * span; `count` may be null for 1. Days are 24 hours, as in
// Druid's intervals; months follow the calendar of the zone.
Result<ExpressionPtr> Translator::shifted(const SqlExpression& node,
                                          ExpressionPtr time, TimeSpan span,
                                          ExpressionPtr count, bool negative) {
  int64_t sign = negative ? -1 : 1;
  auto times = [&](int64_t amount) {
    ExpressionPtr unit = made_literal(node, Value(sign * amount));
    return count ? made_call(node, "*", {count, unit}) : unit;
  };
  if (span.months != 0) {
    time = made_call(node, "add_months", {std::move(time), times(span.months)});
  }
  if (span.ms != 0 || span.months == 0) {
    bool is_text = time->literal.as_string() != nullptr;
    if (is_text) time = made_cast(node, std::move(time), kTimestampType);
    time = made_call(node, "+", {std::move(time), times(span.ms)});
  }
  return time;
}

Result<std::vector<Translator::SpanPart>> Translator::span_parts(
    const SqlExpression& node) {
  TRY(count_node(node));
  std::vector<SpanPart> out;
  if (node.kind == Kind::kInterval) {
    out.push_back({node.span, nullptr});
    return out;
  }
  if (node.name == "*") {
    bool left = is_interval(*node.arguments[0]);
    const SqlExpression& other = *node.arguments[left ? 1 : 0];
    if (is_interval(other)) return not_beside_time(node);
    TRY_ASSIGN(out, span_parts(*node.arguments[left ? 0 : 1]));
    TRY_ASSIGN(ExpressionPtr factor, translate(other));
    TRY(multiply(node, factor, out));
    return out;
  }
  const ExpressionPtr minus = made_literal(node, Value(int64_t{-1}));
  for (size_t i = 0; i < node.arguments.size(); ++i) {
    TRY_ASSIGN(auto parts, span_parts(*node.arguments[i]));
    bool negative = node.name == "neg" || (node.name == "-" && i == 1);
    if (negative) TRY(multiply(node, minus, parts));
    out.insert(out.end(), parts.begin(), parts.end());
  }
  return out;
}

Status Translator::multiply(const SqlExpression& node,
                            const ExpressionPtr& factor,
                            std::vector<SpanPart>& parts) {
  for (SpanPart& part : parts) {
    if (!is_number(*factor)) {
      part.count =
          part.count ? made_call(node, "*", {part.count, factor}) : factor;
      continue;
    }
    auto span = multiplied(part.span, factor->literal);
    if (!span) {
      return sql_error(ErrorCode::kInvalid,
                       fmt::format("an INTERVAL cannot be taken this often: {}",
                                   factor->literal.to_double()),
                       node);
    }
    part.span = *span;
  }
  return {};
}

// time + interval, interval + time, time - interval; null Result value if
// there is no interval.
Result<ExpressionPtr> Translator::plus_interval(const SqlExpression& node) {
  bool minus = node.name == "-";
  if ((!minus && node.name != "+") || node.arguments.size() != 2) {
    return is_interval(node) ? not_beside_time(node)
                             : Result<ExpressionPtr>(ExpressionPtr());
  }
  bool left = is_interval(*node.arguments[0]);
  bool right = is_interval(*node.arguments[1]);
  if (!left && !right) return ExpressionPtr();
  if (right == left || (left && minus)) return not_beside_time(node);
  TRY_ASSIGN(auto parts, span_parts(*node.arguments[left ? 0 : 1]));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[left ? 1 : 0]));
  for (const SpanPart& part : parts) {
    TRY_ASSIGN(time,
               shifted(node, std::move(time), part.span, part.count, minus));
  }
  return time;
}

// TIME_SHIFT(t, period, count [, zone])
Result<ExpressionPtr> Translator::time_shift_of(const SqlExpression& node) {
  TRY(check_arguments(node, 3, 4));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[0]));
  TRY_ASSIGN(std::string period, text_argument(node, 1));
  TRY_ASSIGN(ExpressionPtr count, translate(*node.arguments[2]));
  TRY_ASSIGN(absl::TimeZone zone, zone_argument(node, 3));
  auto span = parse_time_span(period);
  if (!span || !period.starts_with('P')) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("not an ISO 8601 period: {}", period), node);
  }
  return shift_in(node, zone, std::move(time), *span, std::move(count));
}

// By the calendar of the zone: a day there may have 23 or 25 hours.
Result<ExpressionPtr> Translator::shift_in(const SqlExpression& node,
                                           absl::TimeZone zone,
                                           ExpressionPtr time, TimeSpan span,
                                           ExpressionPtr count) {
  constexpr int64_t kDay = 24 * 3600 * 1000;
  absl::TimeZone outer = scope_.zone;
  scope_.zone = zone;
  auto step = [&](const char* function, int64_t amount) {
    ExpressionPtr unit = made_literal(node, Value(amount));
    time = made_call(node, function,
                     {std::move(time), made_call(node, "*", {count, unit})});
  };
  if (span.days != 0 && zone != absl::UTCTimeZone()) {
    if (span.months != 0) step("add_months", span.months);  // longest first
    step("add_days", span.days);
    span.ms -= span.days * kDay;
    span.months = 0;
  }
  Result<ExpressionPtr> out = time;
  if (span.ms != 0 || span.months != 0 || span.days == 0 ||
      zone == absl::UTCTimeZone()) {
    out = shifted(node, std::move(time), span, std::move(count), false);
  }
  scope_.zone = outer;
  return out;
}

}  // namespace freshet
