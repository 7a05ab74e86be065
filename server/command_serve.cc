// freshet serve: runs until SIGTERM or SIGINT; SIGHUP reloads the model.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include "server/command.h"
#include "server/command_output.h"

namespace freshet {

int report_error(const Error& error) {
  print_notice("freshet: {}\n", error.message);
  switch (error.code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
    case ErrorCode::kCorrupt:
      return kExitInvalid;
    default:
      return kExitEnvironment;
  }
}

namespace {

sigset_t serve_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void block_signals() {
  sigset_t signals = serve_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void unblock_hangup() {
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &hangup, nullptr);
}

void serve_until_signal(Application& application) {
  sigset_t signals = serve_signals();
  for (int number = 0; sigwait(&signals, &number) == 0;) {
    if (number != SIGHUP) return;
    (void)application.reload();
  }
}

int command_serve(const ServeOptions& options) {
  block_signals();
  auto application = Application::start(options);
  if (!application) return report_error(application.error());
  spdlog::info("Freshet {} at {}", FRESHET_VERSION, (*application)->url());
  serve_until_signal(**application);
  spdlog::info("stopping: draining requests, sealing what is open");
  (*application)->stop();
  spdlog::info("stopped");
  return kExitDone;
}

}  // namespace freshet
