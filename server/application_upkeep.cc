#include "server/application_upkeep.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace freshet {

void FileWatch::set(const std::set<std::string>& paths) {
  std::map<std::string, std::optional<Stamp>> stamps;
  // A new one has no stamp, so that it is found changed once: it may have been
  // since somebody read it.
  for (const std::string& path : paths) stamps[path] = stamps_[path];
  stamps_ = std::move(stamps);
}

bool FileWatch::changed() {
  bool any = false;
  for (auto& [path, stamp] : stamps_) {
    Stamp now = stamp_of(path);
    any = any || now != stamp;
    stamp = now;
  }
  return any;
}

FileWatch::Stamp FileWatch::stamp_of(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec};
}

namespace {

// Below this, giving back and faulting in again costs more than it frees.
constexpr int64_t kWorthwhile = int64_t{64} << 20;

// Resident and free, at least: blocks of their own count as touched throughout.
int64_t held_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0, shared = 0;
  file >> total >> resident >> shared;
  int64_t anonymous = (resident - shared) * sysconf(_SC_PAGESIZE);
  struct mallinfo2 info = ::mallinfo2();
  return anonymous - static_cast<int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

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
  quiet_looks_ = busy ? 0 : quiet_looks_ + 1;
  return quiet_looks_ >= kQuietLooks;
}

void MemoryRelease::look() {
  constexpr int kMostLooks = 60;
  ++looks_;
  if (!quiet() && looks_ < kMostLooks) return;
  int64_t held = held_bytes();
  kept_ = std::min(kept_, std::max<int64_t>(held, 0));
  if (held - kept_ < kWorthwhile) return;
  looks_ = 0;
  (void)::malloc_trim(0);
  kept_ = std::max<int64_t>(held_bytes(), 0);
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace freshet
