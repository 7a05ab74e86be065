// time_floor, time_ceil, extract_*, millis conversions, add_months.
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

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

Result<ExpressionType> check_add_months(Expression& call) {
  TRY(expect_time(call));
  TRY(expect(call, 1, kLong));
  return kTimestamp;
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

// The civil time of clustered instants: the offset is looked up again only
// when the hour changes (zones change their offset on quarter hours at the
// finest, see kOffsetSpan).
class CivilClock {
 public:
  explicit CivilClock(const absl::TimeZone& zone) : zone_(zone) {}
  absl::CivilSecond at(int64_t ms) {
    int64_t second = ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
    int64_t span = second >= 0 ? second / kOffsetSpan
                               : -((-second + kOffsetSpan - 1) / kOffsetSpan);
    if (!valid_ || span != span_) {
      auto info = zone_.At(absl::FromUnixSeconds(second));
      // Offsets before standard time have seconds; never cache those.
      valid_ = info.offset % static_cast<int>(kOffsetSpan) == 0;
      span_ = span;
      offset_ = info.offset;
    }
    return absl::CivilSecond(1970, 1, 1, 0, 0, 0) + (second + offset_);
  }

 private:
  static constexpr int64_t kOffsetSpan = 900;
  absl::TimeZone zone_;
  bool valid_ = false;
  int64_t span_ = 0;
  int64_t offset_ = 0;
};

int64_t monday_first(absl::CivilDay day) {
  return static_cast<int64_t>(absl::GetWeekday(day)) + 1;
}

// ISO 8601: the week of the year that holds this week's Thursday.
absl::CivilDay thursday_of(absl::CivilDay day) {
  return day + (4 - monday_first(day));
}

using Part = int64_t (*)(absl::CivilSecond, int64_t ms);

int64_t week(absl::CivilSecond t, int64_t) {
  absl::CivilDay thursday = thursday_of(absl::CivilDay(t));
  return (absl::GetYearDay(thursday) - 1) / 7 + 1;
}

template <int64_t (*kPart)(absl::CivilSecond, int64_t)>
std::shared_ptr<Vector> evaluate_part(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  CivilClock clock(call.expression.zone);
  for (size_t i = 0; i < call.size; ++i) {
    int64_t ms = a.longs[a.at(i)];
    out->longs[i] = kPart(clock.at(ms), ms);
  }
  return out;
}

int64_t millisecond(absl::CivilSecond, int64_t ms) {
  return ((ms % 1000) + 1000) % 1000;
}
int64_t second(absl::CivilSecond t, int64_t) { return t.second(); }
int64_t minute(absl::CivilSecond t, int64_t) { return t.minute(); }
int64_t hour(absl::CivilSecond t, int64_t) { return t.hour(); }
int64_t day(absl::CivilSecond t, int64_t) { return t.day(); }
int64_t day_of_week(absl::CivilSecond t, int64_t) {
  return monday_first(absl::CivilDay(t));
}
int64_t day_of_year(absl::CivilSecond t, int64_t) {
  return absl::GetYearDay(absl::CivilDay(t));
}
int64_t month(absl::CivilSecond t, int64_t) { return t.month(); }
int64_t quarter(absl::CivilSecond t, int64_t) {
  return (t.month() - 1) / 3 + 1;
}
int64_t year(absl::CivilSecond t, int64_t) { return t.year(); }
int64_t iso_year(absl::CivilSecond t, int64_t) {
  return thursday_of(absl::CivilDay(t)).year();
}
int64_t epoch(absl::CivilSecond, int64_t ms) {
  return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

// Calendar months in the zone; a day past the month's end becomes its last.
int64_t plus_months(int64_t ms, int64_t months, const absl::TimeZone& zone) {
  absl::Time t = absl::FromUnixMillis(ms);
  absl::CivilSecond civil = zone.At(t).cs;
  absl::CivilMonth target = absl::CivilMonth(civil) + months;
  absl::CivilDay last = absl::CivilDay(target + 1) - 1;
  int day_of_month = std::min(civil.day(), last.day());
  absl::CivilSecond moved(target.year(), target.month(), day_of_month,
                          civil.hour(), civil.minute(), civil.second());
  return absl::ToUnixMillis(zone.At(moved).pre) + millisecond(civil, ms);
}

std::shared_ptr<Vector> evaluate_add_months(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  constexpr int64_t kMost = 12 * 10000;
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t months = b.longs[b.at(i)];
    if (months > kMost || months < -kMost) {
      out->need_states();
      out->states[i] = kLaneOverflow;
      continue;
    }
    out->longs[i] = plus_months(a.longs[a.at(i)], months, call.expression.zone);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_same_number(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) out->longs[i] = a.longs[a.at(i)];
  return out;
}

Result<ExpressionType> check_to_time(Expression& call) {
  TRY(expect(call, 0, kLong));
  return kTimestamp;
}

constexpr Function kFunctions[] = {
    {"time_floor", 1, 1, check_time, evaluate_floor},
    {"time_ceil", 1, 1, check_time, evaluate_ceil},
    {"add_months", 2, 2, check_add_months, evaluate_add_months},
    {"timestamp_to_millis", 1, 1, check_part, evaluate_same_number},
    {"millis_to_timestamp", 1, 1, check_to_time, evaluate_same_number},
    {"extract_millisecond", 1, 1, check_part, evaluate_part<millisecond>},
    {"extract_second", 1, 1, check_part, evaluate_part<second>},
    {"extract_minute", 1, 1, check_part, evaluate_part<minute>},
    {"extract_hour", 1, 1, check_part, evaluate_part<hour>},
    {"extract_day", 1, 1, check_part, evaluate_part<day>},
    {"extract_dow", 1, 1, check_part, evaluate_part<day_of_week>},
    {"extract_isodow", 1, 1, check_part, evaluate_part<day_of_week>},
    {"extract_doy", 1, 1, check_part, evaluate_part<day_of_year>},
    {"extract_week", 1, 1, check_part, evaluate_part<week>},
    {"extract_month", 1, 1, check_part, evaluate_part<month>},
    {"extract_quarter", 1, 1, check_part, evaluate_part<quarter>},
    {"extract_year", 1, 1, check_part, evaluate_part<year>},
    {"extract_isoyear", 1, 1, check_part, evaluate_part<iso_year>},
    {"extract_epoch", 1, 1, check_part, evaluate_part<epoch>},
};

}  // namespace

std::span<const Function> time_functions() { return kFunctions; }

}  // namespace freshet
