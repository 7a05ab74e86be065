// Granularities of native queries.
#pragma once

#include <string>

#include "segments/time.h"
#include "server/json/json_value.h"

namespace freshet {

struct NativeGranularity {
  enum class Kind { kAll, kNone, kBuckets };
  Kind kind = Kind::kAll;
  Granularity buckets;  // of milliseconds for kNone
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string period, zone_name = "UTC";

  // SQL of the bucket that holds `time`, which is SQL too; "" for all.
  std::string bucket_of(const std::string& time) const;
};

// Druid's words, ISO 8601 periods and objects {"type"}; all if absent.
// kUnsupported for an origin.
Result<NativeGranularity> native_granularity(const JsonValue* granularity);

}  // namespace freshet
