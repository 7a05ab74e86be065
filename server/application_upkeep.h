// Upkeep: what a server looks after every second (RepeatedTask): secrets whose
// files were rotated, and memory that large queries left behind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "segments/file_stamp.h"

namespace freshet {

// Which of some files changed since they were last looked at. Not thread-safe.
class FileWatch {
 public:
  // From here on these. Those that were watched keep their stamps.
  void set(const std::set<std::string>& paths);
  // Whether one was changed, replaced, removed or put there.
  bool changed();

 private:
  // Nothing of a file that is not there.
  std::map<std::string, std::optional<FileStamp>> stamps_;
};

// Gives memory back that was freed but that malloc keeps: threads allocate from
// arenas of their own, of which a large query leaves hundreds of megabytes. The
// next one would only fault it in again (up to half as slow, if that is done
// each second), so it waits until the process is quiet, for a minute at most.
// Until then malloc is told to keep what it has. Not thread-safe.
class MemoryRelease {
 public:
  MemoryRelease();
  // Called every second.
  void look();

 private:
  bool quiet();

  bool worked_ = false;           // since the last time
  size_t free_ = 0;               // least bytes of malloc's since then
  double processor_seconds_ = 0;  // until the last look
  int quiet_looks_ = 0;
  int looks_ = 0;  // since the last time
};

// Memory of the process, as the system counts it.
int64_t resident_bytes();

}  // namespace freshet
