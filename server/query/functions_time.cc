// time_floor, time_ceil, extract_*, millis conversions.
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <limits>
#include <optional>

#include "segments/floor_divide.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kTimestamp{ValueType::kTimestamp};

// Longs and text are read as times.
Status expect_time(Expression& call) {
  auto& argument = call.arguments[0];
  if (argument->type == kTimestamp) return {};
  if (argument->type.type != ValueType::kNull &&
      argument->type.type != ValueType::kLong &&
      argument->type.type != ValueType::kString) {
    return type_error(call);
  }
  auto cast = as_type(argument, kTimestamp);
  std::const_pointer_cast<Expression>(cast)->zone = call.zone;
  argument = cast;
  return {};
}

Result<ExpressionType> check_time(Expression& call) {
  TRY(expect_time(call));
  return kTimestamp;
}

Result<ExpressionType> check_part(Expression& call) {
  TRY(expect_time(call));
  return kLong;
}

std::shared_ptr<Vector> evaluate_floor(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  // Constant arguments come only with one lane in all.
  call.expression.granularity.floor_batch(a.longs, call.expression.zone,
                                          out->longs);
  return out;
}

std::shared_ptr<Vector> evaluate_ceil(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  const Expression& e = call.expression;
  for (size_t i = 0; i < call.size; ++i) {
    Timestamp t{a.longs[a.at(i)]};
    Timestamp floor = e.granularity.floor(t, e.zone);
    out->longs[i] = (floor == t ? t : e.granularity.next(t, e.zone)).ms;
  }
  return out;
}

constexpr int64_t kDaySeconds = 24 * 3600;
// 2400-01-01: before it a zone lists its changes one by one.
constexpr int64_t kListedUntil = 13569465600;

// Local seconds since 1970 of instants. Remembers the span of time around the
// last one in which the zone keeps its offset.
class LocalClock {
 public:
  explicit LocalClock(const absl::TimeZone& zone) : zone_(zone) {}
  int64_t at(int64_t ms) {
    const int64_t second = floor_divide(ms, 1000);
    if (second < from_ || second >= to_) look_up(second);
    return second + offset_;
  }

 private:
  void look_up(int64_t second) {
    const absl::Time time = absl::FromUnixSeconds(second);
    offset_ = zone_.At(time).offset;
    absl::TimeZone::CivilTransition change;
    // A change at `time` itself starts the span.
    const absl::Time after = time + absl::Seconds(1);
    from_ = zone_.PrevTransition(after, &change)
                ? instant_of(change)
                : std::numeric_limits<int64_t>::min();
    to_ =
        zone_.NextTransition(time, &change) ? instant_of(change) : kListedUntil;
    if (second >= kListedUntil) {
      from_ = second;
      to_ = second + 1;
    }
  }
  // Of clocks set back, the second time they show it.
  int64_t instant_of(const absl::TimeZone::CivilTransition& change) const {
    const absl::TimeZone::TimeInfo info = zone_.At(change.to);
    return absl::ToUnixSeconds(info.kind == absl::TimeZone::TimeInfo::REPEATED
                                   ? info.trans
                                   : info.pre);
  }

  absl::TimeZone zone_;
  int64_t from_ = 0, to_ = 0, offset_ = 0;
};

int64_t monday_first(absl::CivilDay day) {
  return static_cast<int64_t>(absl::GetWeekday(day)) + 1;
}

// ISO 8601: the week of the year that holds this week's Thursday.
absl::CivilDay thursday_of(absl::CivilDay day) {
  return day + (4 - monday_first(day));
}

// A part of the day, of local seconds.
template <int64_t (*kPart)(int64_t local)>
std::shared_ptr<Vector> evaluate_clock(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  LocalClock clock(call.expression.zone);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = kPart(clock.at(a.longs[a.at(i)]));
  }
  return out;
}

int64_t second(int64_t local) { return local - floor_divide(local, 60) * 60; }
int64_t minute(int64_t local) {
  return (local - floor_divide(local, 3600) * 3600) / 60;
}
int64_t hour(int64_t local) {
  return (local - floor_divide(local, kDaySeconds) * kDaySeconds) / 3600;
}
int64_t day_of_week(int64_t local) {
  // 1970-01-01 was a Thursday.
  const int64_t from_monday = floor_divide(local, kDaySeconds) + 3;
  return from_monday - floor_divide(from_monday, 7) * 7 + 1;
}

// A part of the date, computed once for neighbours of one day.
template <int64_t (*kPart)(absl::CivilDay)>
std::shared_ptr<Vector> evaluate_date(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  LocalClock clock(call.expression.zone);
  std::optional<int64_t> last_day;
  int64_t part = 0;
  for (size_t i = 0; i < call.size; ++i) {
    const int64_t day = floor_divide(clock.at(a.longs[a.at(i)]), kDaySeconds);
    if (day != last_day) {
      part = kPart(absl::CivilDay(1970, 1, 1) + day);
      last_day = day;
    }
    out->longs[i] = part;
  }
  return out;
}

int64_t day(absl::CivilDay t) { return t.day(); }
int64_t day_of_year(absl::CivilDay t) { return absl::GetYearDay(t); }
int64_t week(absl::CivilDay t) {
  return (absl::GetYearDay(thursday_of(t)) - 1) / 7 + 1;
}
int64_t month(absl::CivilDay t) { return t.month(); }
int64_t quarter(absl::CivilDay t) { return (t.month() - 1) / 3 + 1; }
int64_t year(absl::CivilDay t) { return t.year(); }
int64_t iso_year(absl::CivilDay t) { return thursday_of(t).year(); }

// A part of the instant itself.
template <int64_t (*kPart)(int64_t ms)>
std::shared_ptr<Vector> evaluate_instant(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = kPart(a.longs[a.at(i)]);
  }
  return out;
}

int64_t millisecond(int64_t ms) { return ms - floor_divide(ms, 1000) * 1000; }
int64_t epoch(int64_t ms) { return floor_divide(ms, 1000); }

std::shared_ptr<Vector> evaluate_same_number(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) out->longs[i] = a.longs[a.at(i)];
  return out;
}

// Null beyond the years that a time may have, as a cast.
std::shared_ptr<Vector> evaluate_to_time(const FunctionCall& call) {
  auto out = evaluate_same_number(call);
  for (size_t i = 0; i < call.size; ++i) {
    if (!Interval().contains(Timestamp{out->longs[i]})) out->set_null(i);
  }
  return out;
}

Result<ExpressionType> check_to_time(Expression& call) {
  TRY(expect(call, 0, kLong));
  return kTimestamp;
}

constexpr Function kFunctions[] = {
    {"time_floor", 1, 1, check_time, evaluate_floor},
    {"time_ceil", 1, 1, check_time, evaluate_ceil},
    {"timestamp_to_millis", 1, 1, check_part, evaluate_same_number},
    {"millis_to_timestamp", 1, 1, check_to_time, evaluate_to_time},
    {"extract_millisecond", 1, 1, check_part, evaluate_instant<millisecond>},
    {"extract_second", 1, 1, check_part, evaluate_clock<second>},
    {"extract_minute", 1, 1, check_part, evaluate_clock<minute>},
    {"extract_hour", 1, 1, check_part, evaluate_clock<hour>},
    {"extract_day", 1, 1, check_part, evaluate_date<day>},
    {"extract_dow", 1, 1, check_part, evaluate_clock<day_of_week>},
    {"extract_isodow", 1, 1, check_part, evaluate_clock<day_of_week>},
    {"extract_doy", 1, 1, check_part, evaluate_date<day_of_year>},
    {"extract_week", 1, 1, check_part, evaluate_date<week>},
    {"extract_month", 1, 1, check_part, evaluate_date<month>},
    {"extract_quarter", 1, 1, check_part, evaluate_date<quarter>},
    {"extract_year", 1, 1, check_part, evaluate_date<year>},
    {"extract_isoyear", 1, 1, check_part, evaluate_date<iso_year>},
    {"extract_epoch", 1, 1, check_part, evaluate_instant<epoch>},
};

}  // namespace

std::span<const Function> time_functions() { return kFunctions; }

}  // namespace freshet
