#include "server/http/event_queue.h"

#include <algorithm>
#include <utility>

namespace freshet {
namespace {

// Of a character that ends a line, or the length. Each search is one memchr
// over the whole, unlike find_first_of.
size_t line_length(std::string_view text) {
  return std::min({text.find('\r'), text.find('\n'), text.size()});
}

void append_field(std::string& out, std::string_view name,
                  std::string_view value) {
  out.append(name).append(": ");
  while (true) {
    size_t end = std::min(line_length(value), value.find('\0'));
    out.append(value.substr(0, end));
    if (end == value.size()) break;
    value.remove_prefix(end + 1);
  }
  out += '\n';
}

}  // namespace

std::string event_text(std::string_view id, std::string_view event,
                       std::string_view data) {
  std::string out;
  out.reserve(data.size() + id.size() + event.size() + 32);
  if (!id.empty()) append_field(out, "id", id);
  if (!event.empty()) append_field(out, "event", event);
  while (true) {
    size_t end = line_length(data);
    append_field(out, "data", data.substr(0, end));
    if (end == data.size()) break;
    bool pair = data.substr(end, 2) == "\r\n";
    data.remove_prefix(end + (pair ? 2 : 1));
  }
  out += '\n';
  return out;
}

bool EventQueue::send(std::string_view id, std::string_view event,
                      std::string_view data) {
  std::string text = event_text(id, event, data);
  MutexLock lock(mutex_);
  if (closed_) return false;
  bool was_empty = pending_.empty();
  if (!was_empty && pending_.size() + text.size() > kCapacity) return false;
  if (was_empty) {
    pending_ = std::move(text);
  } else {
    pending_ += text;
  }
  if (was_empty && wake_) wake_();
  return true;
}

bool EventQueue::closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

void EventQueue::set_wake(std::function<void()> wake) {
  MutexLock lock(mutex_);
  if (closed_ || !pending_.empty()) wake();
  if (!closed_) wake_ = std::move(wake);
}

std::string EventQueue::take() {
  MutexLock lock(mutex_);
  return std::exchange(pending_, {});
}

void EventQueue::close() {
  MutexLock lock(mutex_);
  closed_ = true;
  if (wake_) wake_();
  wake_ = nullptr;
}

void EventQueue::abandon() {
  MutexLock lock(mutex_);
  closed_ = true;
  wake_ = nullptr;
}

}  // namespace freshet
