// FairTurns: so many requests run at a time; the clients of those that wait
// take turns, so that one with a hundred does not keep another waiting for all
// of them. Used on the event loop only.
//
//   enter, then (once it runs) leave.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

namespace freshet {

class FairTurns {
 public:
  enum class Place { kRuns, kWaits, kRefused };

  // REQUIRES: both at least 1.
  FairTurns(size_t at_once, size_t max_waiting)
      : free_(at_once), max_waiting_(max_waiting) {}

  // kWaits: `wake` is called by somebody's leave() when it may run. kRefused:
  // `max_waiting` requests of this client wait already.
  Place enter(const std::string& client, std::function<void()> wake);
  // Ends the turn of one that ran.
  void leave();
  size_t waiting() const { return waiting_; }

 private:
  size_t free_;
  const size_t max_waiting_;
  size_t waiting_ = 0;
  std::map<std::string, std::deque<std::function<void()>>> clients_;
  std::deque<std::string> order_;  // clients with waiting ones, next first
};

}  // namespace freshet
