// What SQL asks of the KPI engine for the table of a KPI that no SELECT over
// rows gives: its value at each of some groups. The engine comes as a function
// (KpiTables), since this folder knows nothing of KPIs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/query/runner.h"

namespace freshet {

// One question, about the KPI at one moment.
struct KpiCellQuestion {
  std::string kpi;
  // Where it is not bounded: from the first event of the KPI's datasets, to
  // `now` or the newest event.
  Interval interval;
  ExpressionPtr filter;               // over dimensions, unresolved; or null
  std::vector<ExpressionPtr> groups;  // over dimensions, unresolved
  std::optional<Granularity> bucket;  // of the time, in `zone`
  absl::TimeZone zone;  // of buckets, days() and the windows of formulas
  // If not 0: only of the first so many buckets, or the last.
  size_t most_buckets = 0;
  bool last_buckets = false;
  Timestamp now;
  Limits limits;
  CancelFlag cancel;
  bool why_not = false;  // as Query::why_not
  // The statement's rows of a dataset.
  std::function<std::optional<DatasetSnapshot>(const std::string&)> snapshot;
};

struct KpiCells {
  // Its groups, the start of its bucket if there is one, its value. A cell in
  // which nothing stands has no row, unless there are neither groups nor a
  // bucket.
  ValueRows rows;
  bool all_buckets = true;                 // not cut by most_buckets
  std::map<std::string, Provenance> read;  // by dataset
};

}  // namespace freshet
