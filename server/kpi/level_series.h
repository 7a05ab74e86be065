// Semi-additive values over time: the newest value of each key is carried
// forward from bucket to bucket and summed over the keys.
#pragma once

#include <cstddef>
#include <vector>

#include "server/kpi/kpi_plan.h"
#include "server/query/runner.h"

namespace freshet {

struct LevelSeries {
  std::vector<size_t> slots;
  QueryResult before;   // keys..., a newest value a slot
  QueryResult changes;  // keys..., bucket start, a newest value a slot
};

bool same_keys(const std::vector<ExpressionPtr>& a,
               const std::vector<ExpressionPtr>& b);

// Sets the slots of each bucket to the sum at its end; null as long as there
// is no key. `starts` ascend; `out` has one entry a bucket.
void carry_forward(const LevelSeries& levels, size_t num_keys,
                   const std::vector<Timestamp>& starts,
                   std::vector<BaseValues>& out);

}  // namespace freshet
