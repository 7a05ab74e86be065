// EventSink: where generated events go. The file sink is here; the application
// gives those for Kafka and HTTP. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// (append* finish)
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Takes one event for a partition; the text is copied or sent before it
  // returns. A sink without partitions ignores the number.
  virtual Status append(uint32_t partition, std::string_view event) = 0;
  // Sends what is held back: called when the run pauses to keep its pace.
  virtual Status flush() = 0;
  // Flushes, and waits until everything is stored for good.
  virtual Status finish() = 0;
  // After finish(): the next offset by partition as the other side told it;
  // empty if it tells none.
  virtual std::map<std::string, int64_t> offsets() const { return {}; }
};

// JSON lines to a file, which is replaced. kIo with the path if it cannot be
// written.
Result<std::unique_ptr<EventSink>> open_file_sink(const std::string& path);

// `--to` of `freshet generate`.
struct EventTarget {
  enum class Kind { kFile, kKafka, kHttp };
  Kind kind = Kind::kFile;
  std::string place;  // a path; HOST:PORT; or http://HOST:PORT
  std::string topic;  // kKafka
};
// "-", "drop/a.jsonl", "kafka://127.0.0.1:19092/pos.sales",
// "http://127.0.0.1:8080". kInvalid says what is missing.
Result<EventTarget> parse_event_target(std::string_view text);

}  // namespace freshet
