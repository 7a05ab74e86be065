// What a command says: its answer to standard output, notices to stderr. The
// one place that meets an output that is full, closed or a pipe that nobody
// reads: nothing here throws, and the first failure decides the exit code.
//
// Not thread-safe but for print_notice.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace freshet {

// As a shell reports a program that a closed pipe ended (128 + SIGPIPE): the
// reader had enough, which is no fault to speak of.
inline constexpr int kExitPipeClosed = 141;

// What is closed at start becomes /dev/null that refuses to be written (for
// standard output) or swallows (for stderr), so that no file of the data folder
// gets its number. Called first.
void hold_standard_streams();

// After a failure it does nothing.
void write_output(std::string_view text);

template <class... Args>
void print_output(fmt::format_string<Args...> format, Args&&... args) {
  write_output(fmt::format(format, std::forward<Args>(args)...));
}

// To stderr; where that cannot be written there is nobody to tell.
void write_notice(std::string_view text);

template <class... Args>
void print_notice(fmt::format_string<Args...> format, Args&&... args) {
  write_notice(fmt::format(format, std::forward<Args>(args)...));
}

// Writes what is buffered, now.
void flush_output();

// Whether a write has failed: there is no use in going on.
bool output_lost();

// Called last: the process's exit code, `code` unless output was lost. Then it
// is kExitEnvironment and stderr says why; or kExitPipeClosed, silently, where
// `code` was kExitDone.
int finish_output(int code);

}  // namespace freshet
