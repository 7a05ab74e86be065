// EventQueue: the events of one client between the thread that sends them and
// the event loop that writes them. Thread-safe; shared by both.
#pragma once

#include <functional>
#include <string>

#include "segments/mutex.h"
#include "server/http/http.h"

namespace freshet {

class EventQueue : public EventStream {
 public:
  static constexpr size_t kCapacity = 256 << 10;

  bool send(std::string_view id, std::string_view event,
            std::string_view data) override;
  bool closed() const override;

  // For the event loop. `wake` is called (from any thread) when the queue stops
  // being empty or is closed; at once if it already is. It must not block.
  void set_wake(std::function<void()> wake);
  // All queued text, in the format of text/event-stream.
  std::string take();
  // Further events are refused; `wake` is called a last time, then dropped.
  void close();
  // The same without calling `wake`.
  void abandon();

 private:
  mutable Mutex mutex_;
  std::string pending_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);
};

// One event in the format of text/event-stream: a field a line, a blank line at
// the end. Line ends in `data` become lines of their own; in the other fields
// they are left out.
std::string event_text(std::string_view id, std::string_view event,
                       std::string_view data);

}  // namespace freshet
