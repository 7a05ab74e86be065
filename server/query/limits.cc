#include "server/query/limits.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

namespace freshet {

Error limit_error(const Limits& limits, uint64_t Limits::* value,
                  std::string_view what, std::string_view advice) {
  std::string name;
  for (const LimitSetting& setting : kLimitSettings) {
    if (setting.value == value) name = setting.name;
  }
  return Error{ErrorCode::kLimit,
               fmt::format("{} than its limit; {}, or raise {} in freshet.yaml "
                           "(FRESHET_{} in the environment): {}",
                           what, advice, name, absl::AsciiStrToUpper(name),
                           limits.*value)};
}

Error deadline_error(int64_t timeout_ms) {
  return Error{ErrorCode::kDeadline,
               fmt::format("the query ran longer than its time; ask for less, "
                           "set 'timeout' in its context, or raise "
                           "query_timeout in freshet.yaml "
                           "(FRESHET_QUERY_TIMEOUT in the environment): {} ms",
                           timeout_ms)};
}

void begin_limits(Limits& limits) {
  if (limits.begun != std::chrono::steady_clock::time_point{}) return;
  limits.begun = std::chrono::steady_clock::now();
}

Status set_timeout(Limits& limits, int64_t timeout_ms) {
  if (timeout_ms <= limits.max_timeout_ms) {
    limits.timeout_ms = timeout_ms;
    return {};
  }
  return invalid(fmt::format(
      "the timeout asked for, {} ms, is longer than query_max_timeout of "
      "freshet.yaml allows: {} ms",
      timeout_ms, limits.max_timeout_ms));
}

}  // namespace freshet
