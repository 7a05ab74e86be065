// RunningQueries: the queries that can be cancelled by id now. Thread-safe.
// Ids need not be unique: cancel stops all that match.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "segments/mutex.h"
#include "server/query/runner.h"

namespace freshet {

class RunningQueries {
 public:
  // Ends the registration; the registry must outlive it.
  class Handle {
   public:
    Handle(RunningQueries& owner, std::string id, CancelFlag flag);
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

   private:
    RunningQueries& owner_;
    const std::string id_;
    const CancelFlag flag_;
  };

  // False if no query of this id runs.
  bool cancel(std::string_view id);
  // Stops everything: at shutdown.
  void cancel_all();
  size_t size() const;

 private:
  mutable Mutex mutex_;
  std::multimap<std::string, CancelFlag, std::less<>> flags_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
