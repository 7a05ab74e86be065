#include "server/demo/event_sink.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace freshet {
namespace {

class FileSink final : public EventSink {
 public:
  FileSink(std::FILE* file, std::string path)
      : file_(file), path_(std::move(path)) {}
  ~FileSink() override {
    if (file_) std::fclose(file_);
  }

  Status append(uint32_t, std::string_view event) override {
    bool written =
        std::fwrite(event.data(), 1, event.size(), file_) == event.size() &&
        std::fputc('\n', file_) != EOF;
    return written ? Status{} : failed("write");
  }
  Status flush() override {
    return std::fflush(file_) == 0 ? Status{} : failed("write");
  }
  Status finish() override {
    TRY(flush());
    // A pipe or terminal cannot be synced, and need not be.
    if (fsync(fileno(file_)) != 0 && errno != EINVAL && errno != EROFS)
      return failed("sync");
    return {};
  }

 private:
  Error failed(const char* what) const {
    return {ErrorCode::kIo,
            fmt::format("cannot {} {}: {}", what, path_, std::strerror(errno))};
  }
  std::FILE* file_;
  std::string path_;
};

constexpr std::string_view kKafka = "kafka://";
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

}  // namespace

Result<std::unique_ptr<EventSink>> open_file_sink(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file)
    return Error{ErrorCode::kIo, fmt::format("cannot write {}: {}", path,
                                             std::strerror(errno))};
  return std::unique_ptr<EventSink>(std::make_unique<FileSink>(file, path));
}

Result<EventTarget> parse_event_target(std::string_view text) {
  if (text.empty()) return invalid("--to is empty: name a file or an address");
  if (text.starts_with(kKafka)) {
    std::string_view rest = text.substr(kKafka.size());
    size_t slash = rest.find('/');
    if (slash == 0 || slash == std::string_view::npos ||
        slash + 1 == rest.size() ||
        rest.find('/', slash + 1) != std::string_view::npos)
      return invalid(
          fmt::format("--to wants kafka://HOST:PORT/TOPIC: {}", text));
    return EventTarget{EventTarget::Kind::kKafka,
                       std::string(rest.substr(0, slash)),
                       std::string(rest.substr(slash + 1))};
  }
  if (text.starts_with(kHttp) || text.starts_with(kHttps)) {
    while (text.ends_with('/')) text.remove_suffix(1);
    if (text.ends_with(':')) return invalid("--to wants http://HOST:PORT");
    return EventTarget{EventTarget::Kind::kHttp, std::string(text), ""};
  }
  if (size_t scheme = text.find("://"); scheme != std::string_view::npos)
    return invalid(
        fmt::format("--to takes a file, kafka:// or http://, not '{}'", text));
  return EventTarget{EventTarget::Kind::kFile, std::string(text), ""};
}

}  // namespace freshet
