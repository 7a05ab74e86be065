#include "server/query/calendar_step.h"

#include <absl/time/civil_time.h>

#include <algorithm>

namespace freshet {
namespace {

int64_t within_second(int64_t ms) { return ((ms % 1000) + 1000) % 1000; }

absl::CivilSecond civil_of(int64_t ms, const absl::TimeZone& zone) {
  return zone.At(absl::FromUnixMillis(ms)).cs;
}

// The wall-clock time of `clock` on `day`.
int64_t instant_on(absl::CivilDay day, absl::CivilSecond clock,
                   const absl::TimeZone& zone) {
  absl::CivilSecond civil(day.year(), day.month(), day.day(), clock.hour(),
                          clock.minute(), clock.second());
  return absl::ToUnixMillis(zone.At(civil).pre);
}

}  // namespace

int64_t plus_days(int64_t ms, int64_t days, const absl::TimeZone& zone) {
  absl::CivilSecond civil = civil_of(ms, zone);
  return instant_on(absl::CivilDay(civil) + days, civil, zone) +
         within_second(ms);
}

int64_t plus_months(int64_t ms, int64_t months, const absl::TimeZone& zone) {
  absl::CivilSecond civil = civil_of(ms, zone);
  absl::CivilMonth target = absl::CivilMonth(civil) + months;
  int last = (absl::CivilDay(target + 1) - 1).day();
  absl::CivilDay day(target.year(), target.month(),
                     std::min(civil.day(), last));
  return instant_on(day, civil, zone) + within_second(ms);
}

}  // namespace freshet
