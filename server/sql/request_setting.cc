#include "server/sql/request_setting.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/letters.h"
#include "server/sql/rewrite.h"
#include "server/sql/zone_name.h"

namespace freshet {
namespace {

Result<bool> flag_of(std::string_view key, std::string_view value) {
  if (same_letters(value, "true")) return true;
  if (same_letters(value, "false")) return false;
  return invalid(fmt::format("{} is true or false, not {}", key, value));
}

Result<int64_t> number_of(std::string_view key, std::string_view value) {
  int64_t number = 0;
  if (absl::SimpleAtoi(std::string(value), &number) && number >= 0) {
    return number;
  }
  return invalid(
      fmt::format("{} is a whole number from 0, not {}", key, value));
}

}  // namespace

Status apply_setting(std::string_view key, std::string_view value,
                     SqlRequest& request) {
  if (same_letters(key, "sqlTimeZone")) {
    TRY_ASSIGN(request.zone, find_time_zone(value));
  } else if (same_letters(key, "sqlOuterLimit")) {
    TRY_ASSIGN(int64_t limit, number_of(key, value));
    request.outer_limit = static_cast<uint64_t>(limit);
  } else if (same_letters(key, "timeout")) {
    TRY_ASSIGN(int64_t timeout, number_of(key, value));
    if (timeout > 0) TRY(set_timeout(request.limits, timeout));
  } else if (same_letters(key, "noProjections")) {
    TRY_ASSIGN(bool off, flag_of(key, value));
    request.use_cubes = !off;
  } else if (same_letters(key, "useApproximateCountDistinct")) {
    TRY_ASSIGN(request.approximate_distinct, flag_of(key, value));
  } else if (same_letters(key, "useCache")) {
    TRY_ASSIGN(request.use_cache, flag_of(key, value));
  } else if (same_letters(key, "populateCache")) {
    TRY_ASSIGN(request.populate_cache, flag_of(key, value));
  }
  return {};
}

void apply_settings(SqlRequest& request) {
  constexpr std::string_view kSet = "set";  // most texts have none
  bool any = std::search(request.text.begin(), request.text.end(), kSet.begin(),
                         kSet.end(), [](char a, char b) {
                           return absl::ascii_tolower(
                                      static_cast<unsigned char>(a)) == b;
                         }) != request.text.end();
  if (!any) return;
  auto sql = rewrite(request.text, SqlDialect::kQuery);
  if (!sql) return;
  for (const Setting& setting : sql->settings) {
    if (!apply_setting(setting.key, setting.value, request)) return;
  }
}

}  // namespace freshet
