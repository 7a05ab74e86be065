// Times as text by a pattern, calendar days and months in a zone, and buckets
// from an origin.
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "segments/floor_divide.h"
#include "server/query/calendar_step.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/time_pattern.h"

namespace freshet {
namespace {

constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kTimestamp{ValueType::kTimestamp};
constexpr ExpressionType kString{ValueType::kString};
constexpr int64_t kMostDays = 366 * 10000;

// Whether an event may have this time; sums of others overflow.
bool in_range(int64_t ms) { return Interval().contains(Timestamp{ms}); }

void overflow(Vector& out, size_t lane) {
  out.need_states();
  out.states[lane] = kLaneOverflow;
}

// Longs and text are read as times.
Status expect_time(Expression& call, size_t i) {
  ExpressionPtr& argument = call.arguments[i];
  if (argument->type == kTimestamp) return {};
  ValueType type = argument->type.type;
  if (type != ValueType::kNull && type != ValueType::kLong &&
      type != ValueType::kString) {
    return type_error(call);
  }
  auto cast = as_type(argument, kTimestamp);
  std::const_pointer_cast<Expression>(cast)->zone = call.zone;
  argument = cast;
  return {};
}

Result<TimePattern> pattern_of(const Expression& call) {
  const Expression& given = *call.arguments[1];
  const std::string* text = given.literal.as_string();
  if (!text) return type_error(call);
  auto pattern = TimePattern::parse(*text);
  if (pattern) return pattern;
  return Error{pattern.error().code, pattern.error().message, given.line,
               given.column};
}

// time_format(t, pattern), pattern a constant.
Result<ExpressionType> check_format(Expression& call) {
  TRY(expect_time(call, 0));
  TRY_ASSIGN(TimePattern pattern, pattern_of(call));
  (void)pattern;
  return kString;
}

std::shared_ptr<Vector> evaluate_format(const FunctionCall& call) {
  auto out = result_vector(call);
  auto pattern = pattern_of(call.expression);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    out->strings[i] = call.context.arena.copy(
        pattern->format(Timestamp{a.longs[a.at(i)]}, call.expression.zone));
  }
  return out;
}

// time_parse(text, pattern): null for a text that does not fit.
Result<ExpressionType> check_parse(Expression& call) {
  call.arguments[0] = as_type(call.arguments[0], kString);
  TRY_ASSIGN(TimePattern pattern, pattern_of(call));
  (void)pattern;
  return kTimestamp;
}

std::shared_ptr<Vector> evaluate_parse(const FunctionCall& call) {
  auto out = result_vector(call);
  auto pattern = pattern_of(call.expression);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    auto time = pattern->read(a.strings[a.at(i)], call.expression.zone);
    if (time) {
      out->longs[i] = time->ms;
    } else {
      out->set_null(i);
    }
  }
  return out;
}

absl::CivilSecond civil_of(int64_t ms, const absl::TimeZone& zone) {
  return zone.At(absl::FromUnixMillis(ms)).cs;
}

// add_days(t, days), add_months(t, months): of the zone's calendar.
Result<ExpressionType> check_add(Expression& call) {
  TRY(expect_time(call, 0));
  TRY(expect(call, 1, kLong));
  return kTimestamp;
}

std::shared_ptr<Vector> evaluate_add_days(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t days = b.longs[b.at(i)], t = a.longs[a.at(i)];
    if (days > kMostDays || days < -kMostDays || !in_range(t)) {
      overflow(*out, i);
    } else {
      out->longs[i] = plus_days(t, days, call.expression.zone);
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_add_months(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  constexpr int64_t kMost = 12 * 10000;
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t months = b.longs[b.at(i)];
    if (months > kMost || months < -kMost) {
      overflow(*out, i);
    } else {
      out->longs[i] =
          plus_months(a.longs[a.at(i)], months, call.expression.zone);
    }
  }
  return out;
}

// Whole months from `from` to `to`, negative if it is before.
int64_t months_between(int64_t from, int64_t to, const absl::TimeZone& zone) {
  int64_t months = absl::CivilMonth(civil_of(to, zone)) -
                   absl::CivilMonth(civil_of(from, zone));
  if (months > 0 && plus_months(from, months, zone) > to) --months;
  if (months < 0 && plus_months(from, months, zone) < to) ++months;
  return months;
}

Result<ExpressionType> check_months_between(Expression& call) {
  TRY(expect_time(call, 0));
  TRY(expect_time(call, 1));
  return kLong;
}

std::shared_ptr<Vector> evaluate_months_between(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t from = a.longs[a.at(i)], to = b.longs[b.at(i)];
    if (!in_range(from) || !in_range(to)) {
      overflow(*out, i);
    } else {
      out->longs[i] = months_between(from, to, call.expression.zone);
    }
  }
  return out;
}

// Start of bucket `n` that is counted from `origin`.
int64_t bucket_start(const Granularity& g, int64_t origin, int64_t n,
                     const absl::TimeZone& zone) {
  switch (g.unit()) {
    case Granularity::Unit::kDay:
      return plus_days(origin, n * g.count(), zone);
    case Granularity::Unit::kWeek:
      return plus_days(origin, n * g.count() * 7, zone);
    case Granularity::Unit::kMonth:
      return plus_months(origin, n * g.count(), zone);
    default:
      return origin + n * g.count();
  }
}

// The number of the bucket that holds `t`.
int64_t bucket_of(const Granularity& g, int64_t t, int64_t origin,
                  const absl::TimeZone& zone) {
  constexpr int64_t kDay = 24 * 3600 * 1000;
  int64_t n;
  if (g.unit() == Granularity::Unit::kMonth) {
    n = floor_divide(months_between(origin, t, zone), g.count());
  } else {
    int64_t unit = g.unit() == Granularity::Unit::kDay    ? kDay
                   : g.unit() == Granularity::Unit::kWeek ? 7 * kDay
                                                          : 1;
    n = floor_divide(t - origin, unit * g.count());
  }
  // A day of 23 or 25 hours, or a month cut at its end, may be one off.
  while (bucket_start(g, origin, n, zone) > t) --n;
  while (bucket_start(g, origin, n + 1, zone) <= t) ++n;
  return n;
}

// time_floor_from(t, origin), time_ceil_from(t, origin)
Result<ExpressionType> check_from(Expression& call) {
  TRY(expect_time(call, 0));
  TRY(expect_time(call, 1));
  return kTimestamp;
}

template <bool kUp>
std::shared_ptr<Vector> evaluate_from(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  const Expression& e = call.expression;
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t t = a.longs[a.at(i)], origin = b.longs[b.at(i)];
    if (!in_range(t) || !in_range(origin)) {
      overflow(*out, i);
      continue;
    }
    if (e.granularity.unit() == Granularity::Unit::kAll) {
      out->longs[i] = origin;
      continue;
    }
    int64_t n = bucket_of(e.granularity, t, origin, e.zone);
    int64_t start = bucket_start(e.granularity, origin, n, e.zone);
    if (kUp && start != t) {
      start = bucket_start(e.granularity, origin, n + 1, e.zone);
    }
    out->longs[i] = start;
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"time_format", 2, 2, check_format, evaluate_format},
    {"time_parse", 2, 2, check_parse, evaluate_parse},
    {"add_days", 2, 2, check_add, evaluate_add_days},
    {"add_months", 2, 2, check_add, evaluate_add_months},
    {"months_between", 2, 2, check_months_between, evaluate_months_between},
    {"time_floor_from", 2, 2, check_from, evaluate_from<false>},
    {"time_ceil_from", 2, 2, check_from, evaluate_from<true>},
};

}  // namespace

std::span<const Function> calendar_functions() { return kFunctions; }

}  // namespace freshet
