#include "server/sql/running_queries.h"

namespace freshet {

RunningQueries::Handle::Handle(RunningQueries& owner, std::string id,
                               CancelFlag flag)
    : owner_(owner), id_(std::move(id)), flag_(std::move(flag)) {
  MutexLock lock(owner_.mutex_);
  owner_.flags_.emplace(id_, flag_);
}

RunningQueries::Handle::~Handle() {
  MutexLock lock(owner_.mutex_);
  auto [begin, end] = owner_.flags_.equal_range(id_);
  for (auto at = begin; at != end; ++at) {
    if (at->second != flag_) continue;
    owner_.flags_.erase(at);
    return;
  }
}

bool RunningQueries::cancel(std::string_view id) {
  MutexLock lock(mutex_);
  auto [begin, end] = flags_.equal_range(id);
  for (auto at = begin; at != end; ++at) at->second->store(true);
  return begin != end;
}

void RunningQueries::cancel_all() {
  MutexLock lock(mutex_);
  for (auto& [id, flag] : flags_) flag->store(true);
}

size_t RunningQueries::size() const {
  MutexLock lock(mutex_);
  return flags_.size();
}

}  // namespace freshet
