// Granularity of time.h: calendar buckets cut in a zone.
#include <absl/time/civil_time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "segments/time.h"

namespace freshet {
namespace {

constexpr int64_t kHour = 3600 * 1000;
constexpr int64_t kAfterAllTime = kMaxTimestamp.ms + 1;

// A stretch of time in which the zone keeps one offset.
struct OffsetSpan {
  int64_t begin = 0, end = 0;  // empty: nothing cached
  int64_t offset = 0;
  bool contains(int64_t t) const { return begin <= t && t < end; }
};

int64_t to_ms(absl::Time t) { return absl::ToUnixMillis(t); }

OffsetSpan span_of(int64_t t, const absl::TimeZone& zone) {
  absl::Time time = absl::FromUnixMillis(t);
  OffsetSpan span{INT64_MIN, INT64_MAX, zone.At(time).offset * int64_t{1000}};
  absl::TimeZone::CivilTransition step;
  if (zone.NextTransition(time, &step)) {
    span.end = to_ms(zone.At(step.to).post);
  }
  // Prev is strict and counts in seconds, so look from one later to find a
  // change exactly at t.
  const absl::Time after = absl::FromUnixSeconds(absl::ToUnixSeconds(time) + 1);
  if (zone.PrevTransition(after, &step)) {
    span.begin = to_ms(zone.At(step.to).post);
  }
  return span;
}

int64_t floor_to(int64_t value, int64_t step) {
  int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

// The instant at which a wall-clock time is first reached.
int64_t instant(absl::CivilSecond civil, const absl::TimeZone& zone) {
  absl::TimeZone::TimeInfo info = zone.At(civil);
  bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return to_ms(skipped ? info.trans : info.pre);
}

// A calendar bucket: start, and the civil start of the next.
struct CivilBucket {
  absl::CivilSecond start, next;
};

CivilBucket civil_bucket(absl::CivilSecond t, Granularity::Unit unit,
                         int64_t count) {
  using Unit = Granularity::Unit;
  absl::CivilDay day(t);
  if (unit == Unit::kMillis) {  // whole hours, from midnight
    int64_t hours = count / kHour;
    absl::CivilHour start(day.year(), day.month(), day.day(),
                          t.hour() / hours * hours);
    return {absl::CivilSecond(start), absl::CivilSecond(start + hours)};
  }
  if (unit == Unit::kDay) {
    return {absl::CivilSecond(day), absl::CivilSecond(day + 1)};
  }
  if (unit == Unit::kWeek) {
    absl::CivilDay monday = absl::PrevWeekday(day + 1, absl::Weekday::monday);
    return {absl::CivilSecond(monday), absl::CivilSecond(monday + 7)};
  }
  absl::CivilMonth month(t);
  absl::CivilMonth start = month - (month.month() - 1) % count;
  return {absl::CivilSecond(start), absl::CivilSecond(start + count)};
}

struct Bucket {
  int64_t start = 0, next = 0;  // empty: nothing cached
  bool contains(int64_t t) const { return start <= t && t < next; }
};

// Cuts times of one granularity and zone; remembers the last bucket and the
// last stretch of constant offset.
class Cutter {
 public:
  Cutter(const Granularity& granularity, const absl::TimeZone& zone)
      : unit_(granularity.unit()), count_(granularity.count()), zone_(zone) {}

  const Bucket& bucket(int64_t t) {
    if (!bucket_.contains(t)) cut(t);
    return bucket_;
  }

 private:
  void cut(int64_t t) {
    if (unit_ == Granularity::Unit::kAll) {
      bucket_ = {kMinTimestamp.ms, kAfterAllTime};
    } else if (unit_ == Granularity::Unit::kMillis && count_ <= kHour) {
      cut_by_offset(t);
    } else {
      absl::CivilSecond local = zone_.At(absl::FromUnixMillis(t)).cs;
      CivilBucket civil = civil_bucket(local, unit_, count_);
      bucket_ = {instant(civil.start, zone_), instant(civil.next, zone_)};
    }
  }

  // A change of offset inside a bucket cuts it, so that each instant is in
  // one bucket even where the clock moves by less than the bucket.
  void cut_by_offset(int64_t t) {
    if (!span_.contains(t)) span_ = span_of(t, zone_);
    int64_t start = floor_to(t + span_.offset, count_) - span_.offset;
    bucket_ = {std::max(start, span_.begin),
               std::min(start + count_, span_.end)};
  }

  Granularity::Unit unit_;
  int64_t count_;
  absl::TimeZone zone_;
  OffsetSpan span_;
  Bucket bucket_;
};

struct NamedGrain {
  std::string_view name;
  Granularity::Unit unit;
  int64_t count;
};

constexpr int64_t kMinuteMs = 60'000;
constexpr std::array<NamedGrain, 17> kNamedGrains = {{
    {"all", Granularity::Unit::kAll, 1},
    {"second", Granularity::Unit::kMillis, 1000},
    {"minute", Granularity::Unit::kMillis, kMinuteMs},
    {"five_minute", Granularity::Unit::kMillis, 5 * kMinuteMs},
    {"ten_minute", Granularity::Unit::kMillis, 10 * kMinuteMs},
    {"fifteen_minute", Granularity::Unit::kMillis, 15 * kMinuteMs},
    {"thirty_minute", Granularity::Unit::kMillis, 30 * kMinuteMs},
    {"hour", Granularity::Unit::kMillis, kHour},
    {"six_hour", Granularity::Unit::kMillis, 6 * kHour},
    {"eight_hour", Granularity::Unit::kMillis, 8 * kHour},
    {"day", Granularity::Unit::kDay, 1},
    {"week", Granularity::Unit::kWeek, 1},
    {"month", Granularity::Unit::kMonth, 1},
    {"quarter", Granularity::Unit::kMonth, 3},
    {"year", Granularity::Unit::kMonth, 12},
    {"P1D", Granularity::Unit::kDay, 1},
    {"P1W", Granularity::Unit::kWeek, 1},
}};

Error not_a_granularity(std::string_view text) {
  return invalid(
      "not a granularity (minute, hour, day, week, month, quarter, year, or a "
      "period such as PT15M): " +
      std::string(text));
}

// "PnM" or "PnY" as months; 0 if it is neither.
int64_t months_of(std::string_view text) {
  if (text.size() < 3 || text.size() > 4 || text[0] != 'P') return 0;
  int64_t count = 0;
  for (char c : text.substr(1, text.size() - 2)) {
    if (c < '0' || c > '9') return 0;
    count = count * 10 + (c - '0');
  }
  if (text.back() == 'Y') return count == 1 ? 12 : 0;
  return text.back() == 'M' ? count : 0;
}

}  // namespace

Result<Granularity> Granularity::parse(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const NamedGrain& grain : kNamedGrains) {
    if (grain.name == lower || grain.name == text) {
      return Granularity(grain.unit, grain.count);
    }
  }
  if (int64_t months = months_of(text); months > 0 && 12 % months == 0) {
    return Granularity(Unit::kMonth, months);
  }
  if (!text.starts_with("PT")) return not_a_granularity(text);
  Result<int64_t> ms = parse_duration_ms(text);
  if (!ms || *ms <= 0) return not_a_granularity(text);
  // Buckets must tile the hour, or the day in whole hours.
  bool tiles = *ms <= kHour ? kHour % *ms == 0
                            : *ms % kHour == 0 && 24 * kHour % *ms == 0;
  if (!tiles) {
    return invalid("granularity does not divide an hour or a day: " +
                   std::string(text));
  }
  return Granularity(Unit::kMillis, *ms);
}

std::string Granularity::to_string() const {
  switch (unit_) {
    case Unit::kAll:
      return "all";
    case Unit::kDay:
      return fmt::format("P{}D", count_);
    case Unit::kWeek:
      return fmt::format("P{}W", count_);
    case Unit::kMonth:
      if (count_ % 12 == 0) return fmt::format("P{}Y", count_ / 12);
      return fmt::format("P{}M", count_);
    case Unit::kMillis:
      break;
  }
  if (count_ % kHour == 0) return fmt::format("PT{}H", count_ / kHour);
  if (count_ % kMinuteMs == 0) {
    return fmt::format("PT{}M", count_ / kMinuteMs);
  }
  return fmt::format("PT{}S", count_ / 1000);
}

Timestamp Granularity::floor(Timestamp t, const absl::TimeZone& zone) const {
  return Timestamp{Cutter(*this, zone).bucket(t.ms).start};
}

Timestamp Granularity::next(Timestamp t, const absl::TimeZone& zone) const {
  return Timestamp{Cutter(*this, zone).bucket(t.ms).next};
}

void Granularity::floor_batch(std::span<const int64_t> in,
                              const absl::TimeZone& zone,
                              std::span<int64_t> out) const {
  Cutter cutter(*this, zone);
  Bucket bucket;
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t t = in[i];
    if (!bucket.contains(t)) bucket = cutter.bucket(t);
    out[i] = bucket.start;
  }
}

}  // namespace freshet
