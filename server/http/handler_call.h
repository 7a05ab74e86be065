// One request on a worker thread: undo the body's coding, call the handler,
// compress its answer. Knows nothing of sockets.
#pragma once

#include <memory>

#include "server/http/event_queue.h"
#include "server/http/http.h"
#include "server/http/request_head.h"

namespace freshet {

struct HandlerCall {
  HttpRequest request;
  Router::Match match;
  HttpResponse response;
  // With an event stream: its queue, and what the handler wants kept.
  std::shared_ptr<EventQueue> queue;
  std::shared_ptr<void> kept;
};

// The answer of the route for what is refused before its handler.
HttpResponse refused(const Router::Match& match, const Refusal& refusal,
                     const std::string& request_id);

// Fills in what comes after `match`. Does not throw: a throwing handler is
// logged and answered with 500 and no details.
void run_handler(HandlerCall& call);

}  // namespace freshet
