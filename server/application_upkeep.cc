#include "server/application_upkeep.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace freshet {

void FileWatch::set(const std::set<std::string>& paths) {
  std::erase_if(
      stamps_, [&](const auto& entry) { return !paths.contains(entry.first); });
  // A new one has the stamp of no file, so that it is found changed once: it
  // may have been since somebody read it.
  for (const std::string& path : paths) stamps_.try_emplace(path, FileStamp());
}

bool FileWatch::changed() {
  bool any = false;
  for (auto& [path, stamp] : stamps_) {
    std::optional<FileStamp> now = stamp_of(path);
    any = any || now != stamp;
    stamp = now;
  }
  return any;
}

namespace {

// Below this, giving back and faulting in again costs more than it frees.
constexpr size_t kWorthwhile = size_t{64} << 20;

}  // namespace

// What one query frees the next takes again, without a page fault for each
// page, until nobody asks: only the largest blocks are mapped alone (more
// malloc does not take), and the free end of an arena is given back late. Of
// the free ends malloc_trim() gives back only the main arena's: a thread's own
// one would keep up to 64 MiB, so that there is one beside it.
MemoryRelease::MemoryRelease() {
  constexpr int kMapped = 32 << 20, kFreeEnd = 256 << 20;  // bytes
  constexpr int kArenas = 2;
  (void)::mallopt(M_MMAP_THRESHOLD, kMapped);
  (void)::mallopt(M_TRIM_THRESHOLD, kFreeEnd);
  (void)::mallopt(M_ARENA_MAX, kArenas);
}

bool MemoryRelease::quiet() {
  constexpr double kBusySeconds = 0.2;
  constexpr int kQuietLooks = 2;
  struct rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) * 1e-6;
  };
  double now = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  bool busy = now - processor_seconds_ > kBusySeconds;
  processor_seconds_ = now;
  worked_ = worked_ || busy;
  quiet_looks_ = busy ? 0 : quiet_looks_ + 1;
  return quiet_looks_ >= kQuietLooks;
}

void MemoryRelease::look() {
  constexpr int kMostLooks = 60;
  ++looks_;
  if (!quiet() && looks_ < kMostLooks) return;
  looks_ = 0;
  // What was given back counts as free, too. It is used again by work, which
  // may be so slow on a busy machine that it goes unseen, and frees more.
  const size_t free = ::mallinfo2().fordblks;
  free_ = std::min(free_, free);
  if (free < kWorthwhile || (!worked_ && free - free_ < kWorthwhile)) return;
  worked_ = false;
  (void)::malloc_trim(0);
  free_ = ::mallinfo2().fordblks;
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;  // pages
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace freshet
