// Semi-additive values over time: the newest value of each key is carried
// forward from bucket to bucket and summed over the keys.
#pragma once

#include <cstddef>
#include <vector>

#include "server/kpi/base_values.h"
#include "server/query/runner.h"

namespace freshet {

struct LevelSeries {
  std::vector<size_t> slots;
  size_t num_groups = 0;
  size_t num_keys = 0;
  QueryResult before;   // groups..., keys..., a newest value a slot
  QueryResult changes;  // groups..., keys..., bucket start, a newest value ...
};

bool same_keys(const std::vector<ExpressionPtr>& a,
               const std::vector<ExpressionPtr>& b);

// Sets the slots of each bucket of each group to the sum at its end; null as
// long as there is no key. `starts` ascend; a new group begins as `empty`.
// kLimit: check_series_size().
Status carry_forward(const LevelSeries& levels,
                     const std::vector<Timestamp>& starts,
                     const BaseValues& empty, SeriesTable& out);

}  // namespace freshet
