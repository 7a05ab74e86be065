#include "segments/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace freshet {

Result<FileLock> FileLock::take(const std::string& path) {
  auto failed = [&](int code) {
    return Error{
        ErrorCode::kIo,
        "cannot lock: " + std::generic_category().message(code) + ": " + path};
  };
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return failed(errno);
  FileLock lock(descriptor);
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    int code = errno;
    if (code == EINTR) continue;
    if (code != EWOULDBLOCK) return failed(code);
    return Error{ErrorCode::kConflict, "locked by somebody else: " + path};
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace freshet
