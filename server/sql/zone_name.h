// Time zones by the names that users write.
#pragma once

#include <absl/time/time.h>

#include <string_view>

#include "segments/result.h"

namespace freshet {

// As load_time_zone; kInvalid suggests the nearest name that there is.
Result<absl::TimeZone> find_time_zone(std::string_view name);

}  // namespace freshet
