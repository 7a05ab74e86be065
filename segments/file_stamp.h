// FileStamp: what the file system says of a file without its bytes. Whoever
// writes to the file changes it, so equal stamps mean equal bytes, but for
// what FORMAT.md lists under "Changes under a reader".
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

namespace freshet {

struct FileStamp {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const struct stat& info);
// Of the file that has this name now; nothing if none has, or if the system
// does not tell. A few microseconds.
std::optional<FileStamp> stamp_of(const std::string& path);

// Whether a write from now on is sure to leave another stamp: the clock that
// stamps files has moved on since this one. It ticks every 4 to 10 ms; a file
// system that keeps whole seconds is known by its stamps.
bool is_settled(const FileStamp& stamp);

}  // namespace freshet
