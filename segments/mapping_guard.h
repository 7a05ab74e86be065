// MappingGuard: reads of a mapped file that the system cannot serve (the file
// was cut short, the disk fails) give zeros instead of ending the process.
//
// The kernel answers such a read with SIGBUS. The handler, installed with the
// first guard, puts a page of zeros over the page that was touched and marks
// the guard; the read goes on. So a reader must stay inside the mapping
// whatever bytes it finds, and ask faulted() after its last read before it
// uses what it read: the mark is set before the read returns, on the same
// thread. A SIGBUS outside of guarded mappings goes to the handler before.
#pragma once

#include <cstddef>

namespace freshet {

// Maps a file, or zeros (MAP_ANONYMOUS, descriptor -1), to be read at `begin`
// in place of what is mapped there, though others read it. False: see errno.
// May be called in a signal handler.
bool map_over(void* begin, size_t bytes, int flags, int descriptor);

class MappingGuard {
 public:
  // Guards [data, data + size), a mapping, until destroyed; destroy it before
  // the mapping goes.
  MappingGuard(const void* data, size_t size);
  ~MappingGuard();
  MappingGuard(const MappingGuard&) = delete;
  MappingGuard& operator=(const MappingGuard&) = delete;

  // Whether a read has met bytes that could not be read. Any thread.
  bool faulted() const;
  // Takes the mark away, when what was missing is mapped anew.
  void forgive();

 private:
  size_t slot_;
};

}  // namespace freshet
