// RunningQueries: what asks the engine now and can be stopped: by id, because
// its client has left, or all at the server's stop. Thread-safe.
//
// One thread of its own looks after the clients, and only while some query
// runs: a query is cancelled at most kLook after its client has left.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "segments/mutex.h"
#include "server/query/runner.h"

namespace freshet {

class RunningQueries {
 public:
  static constexpr absl::Duration kLook = absl::Milliseconds(25);

  RunningQueries();
  ~RunningQueries();  // REQUIRES: no Handle is left
  RunningQueries(const RunningQueries&) = delete;
  RunningQueries& operator=(const RunningQueries&) = delete;

  // A registration; it ends with this. Ids need not be unique.
  class Handle {
   public:
    // `gone` tells whether the client has left; it is called by another
    // thread while this lives. Empty: there is no client.
    Handle(RunningQueries& owner, std::string id,
           std::function<bool()> gone = nullptr);
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    // Give it to everything that runs for this request.
    const CancelFlag& flag() const { return flag_; }
    // What to tell of `error`: a cancelled query ended because the server
    // stops, if it does (kUnavailable).
    Error told(const Error& error) const;
    // The same; and a request that began with `limits`, and of whose time most
    // was over when this was made, waited for its turn.
    Error told(const Error& error, const Limits& limits) const;

   private:
    friend class RunningQueries;
    RunningQueries& owner_;
    const std::function<bool()> gone_;
    const CancelFlag flag_;
    const std::chrono::steady_clock::time_point made_;
    std::multimap<std::string, Handle*, std::less<>>::iterator place_;
  };

  // Cancels all of this id; false if there is none.
  bool cancel(std::string_view id);
  // Cancels those that run and all that come after: at the server's stop.
  void cancel_all();
  size_t size() const;

 private:
  void look_after_clients();

  mutable Mutex mutex_;
  CondVar wake_;
  std::multimap<std::string, Handle*, std::less<>> handles_
      ABSL_GUARDED_BY(mutex_);
  bool looking_ ABSL_GUARDED_BY(mutex_) = false;  // not waiting for a query
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of them
};

}  // namespace freshet
