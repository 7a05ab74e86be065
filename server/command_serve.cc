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

int command_serve(const ServeOptions& options) {
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto application = Application::start(options);
  if (!application) return report_error(application.error());
  spdlog::info("Freshet {} at {}", FRESHET_VERSION, (*application)->url());
  for (int number = 0; sigwait(&signals, &number) == 0;) {
    if (number != SIGHUP) break;
    (void)(*application)->reload();
  }
  spdlog::info("stopping: draining requests, sealing what is open");
  (*application)->stop();
  spdlog::info("stopped");
  return kExitDone;
}

}  // namespace freshet
