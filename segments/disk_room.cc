#include "segments/disk_room.h"

#include <sys/statvfs.h>

#include <algorithm>

namespace freshet {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;

// A twentieth, but enough for a flush and not a waste of a large disk.
uint64_t reserved(uint64_t total) {
  return std::clamp(total / 20, 4 * kMegabyte, 64 * kMegabyte);
}

}  // namespace

std::optional<std::string> disk_shortage(const std::string& folder,
                                         uint64_t bytes) {
  struct statvfs info;
  if (::statvfs(folder.c_str(), &info) != 0) return std::nullopt;
  uint64_t total = static_cast<uint64_t>(info.f_blocks) * info.f_frsize;
  uint64_t free = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  if (free >= reserved(total) + bytes) return std::nullopt;
  return "no space left for " + std::to_string(bytes) + " bytes, " +
         std::to_string(free / kMegabyte) + " MB are free and " +
         std::to_string(reserved(total) / kMegabyte) +
         " MB stay reserved: " + folder;
}

}  // namespace freshet
