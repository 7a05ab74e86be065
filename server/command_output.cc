#include "server/command_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "server/command.h"

namespace freshet {
namespace {

// The errno of the first write to standard output that failed. A variable of
// the process, as the stream is.
int output_error = 0;

void note_failure() {
  if (output_error == 0) output_error = errno == 0 ? EIO : errno;
}

void hold(int number, int flags) {
  if (::fcntl(number, F_GETFD) != -1 || errno != EBADF) return;
  int opened = ::open("/dev/null", flags);
  if (opened < 0 || opened == number) return;
  (void)::dup2(opened, number);
  ::close(opened);
}

}  // namespace

void hold_standard_streams() {
  hold(STDIN_FILENO, O_RDONLY);
  hold(STDOUT_FILENO, O_RDONLY);  // writing it fails with EBADF
  hold(STDERR_FILENO, O_WRONLY);
}

void write_output(std::string_view text) {
  if (output_error != 0) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    note_failure();
  }
}

void write_notice(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0) note_failure();
}

bool output_lost() { return output_error != 0; }

int finish_output(int code) {
  flush_output();
  if (output_error == 0 && std::ferror(stdout)) output_error = EIO;
  if (output_error == 0) return code;
  if (output_error == EPIPE) return code == kExitDone ? kExitPipeClosed : code;
  print_notice("freshet: standard output cannot be written: {}\n",
               std::strerror(output_error));
  return kExitEnvironment;
}

}  // namespace freshet
