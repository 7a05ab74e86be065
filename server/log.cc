#include "server/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "segments/time.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

// {"time":"...Z","level":"info","message":"..."}; escaping by JsonWriter, so
// that nothing in a message can forge a line.
class JsonLines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              spdlog::memory_buf_t& out) override {
    auto since = message.time.time_since_epoch();
    Timestamp at{
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
    auto level = spdlog::level::to_string_view(message.level);
    JsonWriter line;
    line.begin_object();
    line.field("time", std::string_view(to_iso8601(at)));
    line.field("level", std::string_view(level.data(), level.size()));
    line.field("message", std::string_view(message.payload.data(),
                                           message.payload.size()));
    line.end_object();
    const std::string& text = line.text();
    out.append(text.data(), text.data() + text.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

}  // namespace

void set_up_logging(bool text) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("freshet", std::move(sink));
  if (text) {
    logger->set_pattern("%H:%M:%S.%e %-5l %v");
  } else {
    logger->set_formatter(std::make_unique<JsonLines>());
  }
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace freshet
