#include "segments/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "segments/mutex.h"

namespace freshet {

// By the system call: a sanitizer takes mmap() for a write to what others read.
bool map_over(void* begin, size_t bytes, int flags, int descriptor) {
  return ::syscall(SYS_mmap, begin, bytes, long{PROT_READ},
                   long{flags | MAP_FIXED}, long{descriptor}, 0L) != -1;
}

namespace {

// A guarded range, readable in a signal handler. An entry is empty while `end`
// is 0; it is written end last and cleared end first, so that a handler that
// sees the same end twice around a read of begin has a pair.
struct Entry {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> faulted{false};
};

constexpr size_t kChunkEntries = 1024;
constexpr size_t kMaxChunks = 1024;  // a million mappings; Linux allows fewer

// A signal handler has nothing but globals to work with. Entries never move;
// chunks are kept for the life of the process.
std::atomic<Entry*> chunks[kMaxChunks];
std::atomic<size_t> num_chunks{0};
struct sigaction handler_before;

Entry& entry_of(size_t slot) {
  return chunks[slot / kChunkEntries].load(
      std::memory_order_acquire)[slot % kChunkEntries];
}

Entry* find_entry(uintptr_t address) {
  size_t count = num_chunks.load(std::memory_order_acquire);
  for (size_t c = 0; c < count; ++c) {
    Entry* entries = chunks[c].load(std::memory_order_acquire);
    for (size_t i = 0; i < kChunkEntries; ++i) {
      uintptr_t end = entries[i].end.load(std::memory_order_acquire);
      uintptr_t begin = entries[i].begin.load(std::memory_order_acquire);
      if (address < begin || address >= end) continue;
      if (entries[i].end.load(std::memory_order_acquire) == end) {
        return &entries[i];
      }
    }
  }
  return nullptr;
}

// Async-signal-safe: sysconf's value is taken beforehand.
uintptr_t page_bytes = 4096;

bool put_zero_page(uintptr_t address) {
  void* page = reinterpret_cast<void*>(address & ~(page_bytes - 1));
  return map_over(page, page_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (Entry* entry = find_entry(address)) {
    entry->faulted.store(true, std::memory_order_release);
    if (put_zero_page(address)) return;
  }
  if ((handler_before.sa_flags & SA_SIGINFO) != 0) {
    handler_before.sa_sigaction(signal, info, context);
    return;
  }
  // The default: the read is repeated when this returns and ends the process.
  ::sigaction(SIGBUS, &handler_before, nullptr);
}

// Free slots and the installation of the handler.
class Slots {
 public:
  Slots() {
    page_bytes = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action;
    std::memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, &handler_before);
  }

  size_t take() {
    MutexLock lock(mutex_);
    if (free_.empty()) add_chunk();
    size_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(size_t slot) {
    MutexLock lock(mutex_);
    free_.push_back(slot);
  }

 private:
  void add_chunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    size_t chunk = num_chunks.load(std::memory_order_relaxed);
    chunks[chunk].store(new Entry[kChunkEntries], std::memory_order_release);
    num_chunks.store(chunk + 1, std::memory_order_release);
    for (size_t i = kChunkEntries; i-- > 0;) {
      free_.push_back(chunk * kChunkEntries + i);
    }
  }

  Mutex mutex_;
  std::vector<size_t> free_ ABSL_GUARDED_BY(mutex_);
};

Slots& slots() {
  static Slots* all = new Slots;  // guards may go after static destructors
  return *all;
}

}  // namespace

MappingGuard::MappingGuard(const void* data, size_t size)
    : slot_(slots().take()) {
  Entry& entry = entry_of(slot_);
  entry.faulted.store(false, std::memory_order_relaxed);
  auto begin = reinterpret_cast<uintptr_t>(data);
  entry.begin.store(begin, std::memory_order_release);
  entry.end.store(begin + size, std::memory_order_release);
}

MappingGuard::~MappingGuard() {
  entry_of(slot_).end.store(0, std::memory_order_release);
  slots().give_back(slot_);
}

bool MappingGuard::faulted() const {
  return entry_of(slot_).faulted.load(std::memory_order_acquire);
}

void MappingGuard::forgive() {
  entry_of(slot_).faulted.store(false, std::memory_order_release);
}

}  // namespace freshet
