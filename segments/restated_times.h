// RestatedTimes: where the past was changed. An event that arrives with a time
// before what answers had already called complete changes numbers that were
// shown as final; this keeps, for each minute of event time, how far the data
// was called complete when the last such event arrived. A bucket [a, b) is
// restated if one of its minutes took an event after it was complete, that is,
// when the data was called complete up to b or further.
//
// Kept in the metadata store under "restated/<dataset>/<day>", a key a day,
// written in the same commit as the rows. At most kMostMinutes are kept, the
// newest. Thread-safe: the ingestion thread notes, queries ask.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

class RestatedTimes {
 public:
  static constexpr size_t kMostMinutes = 200'000;

  // What is kept of `dataset`; days that ended before `oldest` are left out.
  // kCorrupt if it cannot be read.
  Status load(const MetadataStore& store, const std::string& dataset,
              Timestamp oldest);

  // An event arrived while the data was called complete up to `complete`.
  void note(Timestamp event, Timestamp complete);

  // Whether the bucket was changed after it was complete.
  bool covers(Interval bucket) const;

  // Keys and values of the days that changed since the last call, for the
  // commit of their rows.
  std::vector<std::pair<std::string, std::string>> take_changes(
      const std::string& dataset);

 private:
  void forget_oldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  // By minute since 1970: complete up to, ms.
  std::map<int64_t, int64_t> minutes_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> changed_days_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
