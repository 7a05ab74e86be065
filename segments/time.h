// Time as Freshet keeps it: milliseconds since 1970-01-01T00:00:00Z, half-open
// intervals, and calendar granularities cut in an IANA zone.
#pragma once

#include <absl/time/time.h>

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// A point in time, in milliseconds since the Unix epoch, UTC.
struct Timestamp {
  int64_t ms = 0;
  auto operator<=>(const Timestamp&) const = default;
};

// The range of times an event may have: 0001-01-01 to 9999-12-31. Decoders
// reject anything outside.
inline constexpr Timestamp kMinTimestamp{-62135596800000};
inline constexpr Timestamp kMaxTimestamp{253402300799999};

// [start, end)
struct Interval {
  Timestamp start = kMinTimestamp;
  Timestamp end = Timestamp{kMaxTimestamp.ms + 1};
  bool operator==(const Interval&) const = default;
  bool contains(Timestamp t) const { return start <= t && t < end; }
  bool overlaps(const Interval& o) const {
    return start < o.end && o.start < end;
  }
  bool empty() const { return end <= start; }
};

// The wall clock, in milliseconds.
Timestamp now();
// For deadlines and durations: goes on as time does, whatever the wall clock is
// set to. Means nothing outside this process.
absl::Time steady_now();

// Zone by IANA name ("Europe/Madrid", "UTC", "Etc/UTC"); kInvalid with the
// name otherwise. Fixed offsets "+02:00" are accepted too.
Result<absl::TimeZone> load_time_zone(std::string_view name);

// ISO 8601 with exactly three fraction digits: "2026-11-22T10:41:07.120Z".
std::string to_iso8601(Timestamp t);
// The same in a zone: "2026-11-22T11:41:07.120+01:00" ("Z" for UTC).
std::string to_iso8601(Timestamp t, const absl::TimeZone& zone);

// Reads ISO 8601: a date alone is midnight; no offset means `zone`; "T" or a
// blank between date and time; up to nine fraction digits (cut to ms).
// kInvalid for anything else, and for times out of range.
Result<Timestamp> parse_iso8601(
    std::string_view text, const absl::TimeZone& zone = absl::UTCTimeZone());

// ISO 8601 period or a named grain as a calendar bucket: minute, five_minute,
// fifteen_minute, hour, day, week (from Monday), month, quarter, year,
// PT1S..PT24H, P1D, P1W, P1M, P3M, P1Y; "all" is one bucket for all time.
// Value type; cheap to copy.
class Granularity {
 public:
  enum class Unit : uint8_t { kAll, kMillis, kDay, kWeek, kMonth };

  Granularity() = default;
  Granularity(Unit unit, int64_t count) : unit_(unit), count_(count) {}
  static Result<Granularity> parse(std::string_view text);

  Unit unit() const { return unit_; }
  int64_t count() const { return count_; }
  bool operator==(const Granularity&) const = default;
  // "PT1H", "P1D", ... ; "all" for all.
  std::string to_string() const;

  // Start of the bucket that holds `t`, cut in `zone`. kMillis buckets of an
  // hour or less are cut on local wall-clock boundaries of the zone's offset,
  // so a DST night has 23 or 25 hour buckets and each instant is in one.
  Timestamp floor(Timestamp t, const absl::TimeZone& zone) const;
  // Start of the bucket after the one that holds `t`.
  Timestamp next(Timestamp t, const absl::TimeZone& zone) const;
  // floor() of each value; caches the last bucket, so sorted or clustered
  // input costs a comparison each. in and out may be the same.
  void floor_batch(std::span<const int64_t> in, const absl::TimeZone& zone,
                   std::span<int64_t> out) const;

 private:
  Unit unit_ = Unit::kAll;
  int64_t count_ = 1;  // ms for kMillis, else number of units
};

// Parses "7d", "10m", "90s", "400d", "12h", "2w", "500ms" or an ISO duration
// of fixed length (P7D, PT10M) as milliseconds. kInvalid otherwise.
Result<int64_t> parse_duration_ms(std::string_view text);

}  // namespace freshet
