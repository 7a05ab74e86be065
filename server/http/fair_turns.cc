#include "server/http/fair_turns.h"

#include <utility>

namespace freshet {

FairTurns::Place FairTurns::enter(const std::string& client,
                                  std::function<void()> wake) {
  if (free_ > 0) {
    --free_;
    return Place::kRuns;
  }
  auto& waiting = clients_[client];
  if (waiting.size() >= max_waiting_) return Place::kRefused;
  if (waiting.empty()) order_.push_back(client);
  waiting.push_back(std::move(wake));
  ++waiting_;
  return Place::kWaits;
}

void FairTurns::leave() {
  if (order_.empty()) {
    ++free_;
    return;
  }
  std::string client = std::move(order_.front());
  order_.pop_front();
  auto at = clients_.find(client);
  std::function<void()> wake = std::move(at->second.front());
  at->second.pop_front();
  --waiting_;
  if (at->second.empty()) {
    clients_.erase(at);
  } else {
    order_.push_back(std::move(client));
  }
  wake();
}

}  // namespace freshet
