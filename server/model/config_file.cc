#include "server/model/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "segments/file_system.h"

namespace freshet {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Error unreadable(int code) {
  return invalid(std::string("cannot be read: ") + std::strerror(code));
}

std::string size_text(size_t bytes) {
  constexpr size_t kKib = 1024, kMib = kKib * kKib;
  return bytes >= kMib ? std::to_string(bytes / kMib) + " MiB"
                       : std::to_string(bytes / kKib) + " KiB";
}

Result<std::string> read_open(int file, size_t most) {
  struct stat info;
  if (::fstat(file, &info) != 0) return unreadable(errno);
  if (!S_ISREG(info.st_mode)) {
    return invalid(std::string("cannot be read: it is ") +
                   kind_of(info.st_mode) + ", not a regular file");
  }
  std::string text;
  char buffer[16384];
  for (;;) {
    ssize_t count = ::read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(errno);
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > most) {
      return invalid("is larger than " + size_text(most));
    }
  }
}

}  // namespace

Result<std::string> read_config_file(const std::string& path, size_t most) {
  int file = ::open(path.c_str(), kOpenToRead);
  if (file < 0 && errno == ENXIO) {
    return invalid("cannot be read: it is a socket, not a regular file");
  }
  if (file < 0) return unreadable(errno);
  auto text = read_open(file, most);
  ::close(file);
  return text;
}

}  // namespace freshet
