// FileLock: a file that one holder at a time has (flock). Given back when it is
// destroyed, or by the system when the process ends in whatever way.
#pragma once

#include <string>
#include <utility>

#include "segments/result.h"

namespace freshet {

class FileLock {
 public:
  // Makes the file if it is absent. kConflict while somebody else has it, also
  // within this process; kIo.
  static Result<FileLock> take(const std::string& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace freshet
