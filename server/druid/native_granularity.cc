#include "server/druid/native_granularity.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "server/druid/native_member.h"
#include "server/druid/native_sql.h"
#include "server/sql/letters.h"
#include "server/sql/zone_name.h"

namespace freshet {
namespace {

struct NamedPeriod {
  std::string_view name, period;
};
constexpr NamedPeriod kPeriods[] = {{"second", "PT1S"},
                                    {"minute", "PT1M"},
                                    {"five_minute", "PT5M"},
                                    {"ten_minute", "PT10M"},
                                    {"fifteen_minute", "PT15M"},
                                    {"thirty_minute", "PT30M"},
                                    {"hour", "PT1H"},
                                    {"six_hour", "PT6H"},
                                    {"eight_hour", "PT8H"},
                                    {"day", "P1D"},
                                    {"week", "P1W"},
                                    {"month", "P1M"},
                                    {"quarter", "P3M"},
                                    {"year", "P1Y"}};

std::string period_of(std::string_view word) {
  std::string lower = to_lower(word);
  for (const NamedPeriod& known : kPeriods) {
    if (known.name == lower) return std::string(known.period);
  }
  return lower;
}

Result<std::string> period_of_duration(const JsonValue& granularity) {
  const JsonValue* duration = granularity.find("duration");
  int64_t ms = 0;
  if (duration && duration->as_int()) ms = *duration->as_int();
  if (duration && duration->as_string()) {
    (void)absl::SimpleAtoi(*duration->as_string(), &ms);
  }
  if (ms <= 0 || ms % 1000 != 0) {
    return invalid("'duration' of a granularity is whole seconds, in ms");
  }
  return fmt::format("PT{}S", ms / 1000);
}

Result<std::string> period_of_object(const JsonValue& granularity) {
  std::string_view type = native_type(granularity);
  if (type == "all" || type == "none") return std::string(type);
  const JsonValue* origin = granularity.find("origin");
  if (origin && !origin->is_null()) {
    return Error{ErrorCode::kUnsupported,
                 "an origin of time buckets is not supported"};
  }
  if (type == "duration") return period_of_duration(granularity);
  return native_text(granularity, "period");
}

}  // namespace

std::string NativeGranularity::bucket_of(const std::string& time) const {
  if (kind == Kind::kAll) return "";
  if (kind == Kind::kNone) return time;
  return fmt::format("TIME_FLOOR({}, {}, NULL, {})", time, sql_text(period),
                     sql_text(zone_name));
}

Result<NativeGranularity> native_granularity(const JsonValue* granularity) {
  NativeGranularity out;
  if (!granularity || granularity->is_null()) return out;
  if (const std::string* word = granularity->as_string()) {
    out.period = period_of(*word);
  } else if (granularity->as_object()) {
    TRY_ASSIGN(out.period, period_of_object(*granularity));
    TRY_ASSIGN(auto zone, native_optional_text(*granularity, "timeZone"));
    out.zone_name = zone.value_or("UTC");
  } else {
    return invalid(
        fmt::format("'granularity' must be a text or an object, not "
                    "{}",
                    granularity->type_name()));
  }
  if (out.period == "all") return out;
  if (out.period == "none") {
    out.kind = NativeGranularity::Kind::kNone;
    out.buckets = Granularity(Granularity::Unit::kMillis, 1);
    return out;
  }
  out.kind = NativeGranularity::Kind::kBuckets;
  TRY_ASSIGN(out.buckets, Granularity::parse(out.period));
  TRY_ASSIGN(out.zone, find_time_zone(out.zone_name));
  return out;
}

}  // namespace freshet
