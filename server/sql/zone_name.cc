#include "server/sql/zone_name.h"

#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "segments/time.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// Longer texts are not near any name.
constexpr size_t kLongestName = 40;

// Files of the zone database whose path looks like "Europe/Madrid", or "UTC".
std::vector<std::string> read_zone_names() {
  const char* given = std::getenv("TZDIR");
  fs::path root = given ? given : "/usr/share/zoneinfo";
  std::vector<std::string> out;
  std::error_code failed;
  fs::recursive_directory_iterator entry(root, failed), end;
  while (!failed && entry != end) {
    std::string name = entry->path().lexically_relative(root).string();
    bool hidden = name.empty() || name[0] < 'A' || name[0] > 'Z';
    std::error_code unknown;
    if (entry->is_directory(unknown)) {
      if (hidden) entry.disable_recursion_pending();
    } else if (!hidden && name.find('.') == std::string::npos) {
      out.push_back(std::move(name));
    }
    entry.increment(failed);
  }
  return out;
}

}  // namespace

Result<absl::TimeZone> find_time_zone(std::string_view name) {
  auto zone = load_time_zone(name);
  if (zone || name.empty() || name.size() > kLongestName) return zone;
  static const std::vector<std::string> kNames = read_zone_names();
  std::string near = nearest_name(name, kNames);
  if (near.empty()) return zone;
  return invalid(
      fmt::format("unknown time zone (did you mean '{}'?): {}", near, name));
}

}  // namespace freshet
