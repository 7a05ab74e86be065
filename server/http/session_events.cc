// The part of Session that writes server-sent events.
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/session.h"

namespace freshet {
namespace {

constexpr double kWriteSeconds = 30;
// What a client may send after asking for a stream: nothing it would need.
constexpr size_t kMaxIgnored = 64 << 10;

// Goes before `text`, whose end is then a chunk's.
std::string begin_chunk(std::string& text) {
  std::string size = fmt::format("{:x}\r\n", text.size());
  text += "\r\n";
  return size;
}

}  // namespace

net::awaitable<void> Session::send_events(HandlerCall& call) {
  streaming_ = true;
  keep_alive_ = false;
  queue_ = call.queue;
  ResponseFrame frame;
  frame.request_id = request_id_;
  frame.keep_alive = false;
  frame.tls = connection_.is_tls();
  frame.chunked = !head_.http_1_0;
  call.response.content_type = "text/event-stream";
  // Proxies must neither buffer nor change it.
  call.response.headers.emplace_back("X-Accel-Buffering", "no");
  std::string head = response_head(call.response, frame);
  connection_.expires_after(kWriteSeconds);
  Outcome outcome = co_await connection_.write(head, {});
  connection_.expires_never();
  if (outcome == Outcome::kOk && head_.method != "HEAD") {
    net::co_spawn(connection_.executor(), watch_client(call.queue),
                  net::detached);
    co_await write_events(call);
  }
  call.queue->close();
  observe(call.response.status);
  // What the handler kept may wait for its own threads: not here.
  net::post(context_->workers, [kept = std::move(call.kept),
                                events = std::move(call.response.events)] {});
}

net::awaitable<void> Session::write_events(const HandlerCall& call) {
  EventQueue& queue = *call.queue;
  std::weak_ptr<Session> weak = shared_from_this();
  queue.set_wake([weak, executor = connection_.executor()] {
    net::post(executor, [weak] {
      if (auto self = weak.lock()) self->timer_.cancel();
    });
  });
  auto heartbeat = std::chrono::milliseconds(
      static_cast<int64_t>(context_->settings.heartbeat_seconds * 1000));
  Clock::time_point asked = Clock::now();
  while (true) {
    // A token that was changed ends the streams that were opened with it.
    if (Clock::now() - asked >= heartbeat) {
      asked = Clock::now();
      if (!allowed(call)) break;
    }
    std::string text = queue.take();
    if (text.empty()) {
      if (queue.closed() || context_->stopping) break;
      timer_.expires_after(heartbeat);
      auto [woken] =
          co_await timer_.async_wait(net::as_tuple(net::use_awaitable));
      if (woken) continue;  // cancelled: something to send, or the end
      text = ":\n\n";
    }
    std::string size = head_.http_1_0 ? "" : begin_chunk(text);
    connection_.expires_after(kWriteSeconds);
    Outcome outcome = co_await connection_.write(size, text);
    connection_.expires_never();  // the read that watches the client goes on
    if (outcome != Outcome::kOk) co_return;
  }
  if (head_.http_1_0) co_return;
  connection_.expires_after(1);
  co_await connection_.write("0\r\n\r\n", {});
}

// Reads what must not come, to learn of the end.
net::awaitable<void> Session::watch_client(std::shared_ptr<EventQueue> queue) {
  auto self = shared_from_this();
  std::string ignored;
  Outcome outcome = Outcome::kOk;
  while (outcome == Outcome::kOk && ignored.size() < kMaxIgnored) {
    outcome = co_await connection_.read_some(ignored, 4 << 10);
  }
  queue->close();
}

}  // namespace freshet
