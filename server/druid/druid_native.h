// Druid's native queries, POST /druid/v2: JSON in, JSON out, over SQL. Shapes:
// Druid documentation, "Native queries".
#pragma once

#include <string_view>

#include "server/druid/druid_sql.h"

namespace freshet {

// timeseries, topN, groupBy, scan, search, timeBoundary, segmentMetadata and
// dataSourceMetadata. Errors are Druid's error object. While it runs, the query
// can be cancelled by its context's queryId.
DruidResponse answer_druid_native(Sql& sql, const DatasetCatalog& catalog,
                                  std::string_view body,
                                  const DruidCaller& caller);

}  // namespace freshet
