// How an amount came in over the same days of earlier weeks, and so how much of
// a running range's target is to be expected by a moment of it:
//
//   expected = target * sum over the weeks (amount up to the same moment)
//                     / sum over the weeks (amount of the whole range)
//
// over up to kPastWeeks weeks for which there are data from the range's start
// on. Without one, and for ranges longer than a week, the share is the elapsed
// part of the range.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/mutex.h"
#include "server/kpi/base_values.h"
#include "server/kpi/kpi_plan.h"

namespace freshet {

inline constexpr int kPastWeeks = 4;

// Immutable.
class PastWeeks {
 public:
  struct Share {
    double of_target = 0;  // 0 .. 1
    int weeks = 0;         // it was taken from; 0: elapsed time
  };

  // Runs a query a week over the rows of `data` that pass `filter` (may be
  // null).
  static Result<PastWeeks> read(const KpiPlan& plan, AnswerData& data,
                                const ExpressionPtr& filter, Interval range,
                                const absl::TimeZone& zone);
  // REQUIRES: `t` lies in `range`, which is the one of read().
  Share share_by(Timestamp t, Interval range, const absl::TimeZone& zone) const;

 private:
  struct Week {
    std::vector<Timestamp> starts, ends;
    std::vector<double> amounts;
  };
  std::vector<Week> weeks_;  // [k]: k + 1 weeks back; empty without data
};

// Keeps what was read for kKeepPastWeeks, so that a dashboard does not read the
// past at each refresh. Thread-safe.
class PastWeeksBook {
 public:
  // Null if it was not kept, or too long ago.
  std::shared_ptr<const PastWeeks> find(const std::string& key, Timestamp now);
  void keep(const std::string& key, std::shared_ptr<const PastWeeks> weeks,
            Timestamp now);

 private:
  struct Entry {
    std::shared_ptr<const PastWeeks> weeks;
    Timestamp read;
  };
  Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
