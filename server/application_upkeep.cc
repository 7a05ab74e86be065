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
constexpr int64_t kWorthwhile = int64_t{64} << 20;

struct Pages {
  int64_t total = 0, resident = 0, shared = 0;
};

Pages own_pages() {
  std::ifstream file("/proc/self/statm");
  Pages pages;
  file >> pages.total >> pages.resident >> pages.shared;
  return pages;
}

// Resident and free, at least: blocks of their own count as touched throughout.
int64_t held_bytes() {
  const Pages pages = own_pages();
  int64_t anonymous = (pages.resident - pages.shared) * sysconf(_SC_PAGESIZE);
  struct mallinfo2 info = ::mallinfo2();
  return anonymous - static_cast<int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

// These are the most that malloc would come to by itself, as blocks are freed.
MemoryRelease::MemoryRelease() {
  constexpr int kMapped = 32 << 20;  // bytes from which a block is mapped alone
  (void)::mallopt(M_MMAP_THRESHOLD, kMapped);
  (void)::mallopt(M_TRIM_THRESHOLD, 2 * kMapped);
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
  return own_pages().resident * sysconf(_SC_PAGESIZE);
}

}  // namespace freshet
