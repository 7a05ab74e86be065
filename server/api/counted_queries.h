// Counted queries: what answers questions, with every answer counted in the
// metrics freshet_queries_total, freshet_query_seconds and
// freshet_query_rows_scanned_total by kind: sql, druid_sql, druid_native, kpi.
//
// As thread-safe as what is counted.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/http/metrics.h"
#include "server/kpi/kpi.h"
#include "server/sql/sql.h"

namespace freshet {

// `sql` and `metrics` must outlive it.
class CountedSql final : public Sql {
 public:
  CountedSql(Sql& sql, Metrics& metrics, std::string kind)
      : sql_(sql), metrics_(metrics), kind_(std::move(kind)) {}
  Result<QueryResult> run(const SqlRequest& request) override;

 private:
  Sql& sql_;
  Metrics& metrics_;
  const std::string kind_;
};

// Whoever asks: the API, dashboards that are pushed, alert rules. `metrics`
// must outlive it.
class CountedKpis final : public Kpis {
 public:
  CountedKpis(std::unique_ptr<Kpis> kpis, Metrics& metrics)
      : kpis_(std::move(kpis)), metrics_(metrics) {}
  Result<KpiAnswer> answer(const KpiRequest& request,
                           CancelFlag cancel) override;
  std::vector<Result<KpiAnswer>> answer_all(
      const std::vector<KpiRequest>& requests, CancelFlag cancel) override;
  Result<KpiDrivers> drivers(const DriversRequest& request,
                             CancelFlag cancel) override;
  Result<KpiFreshness> freshness(const std::string& kpi) override;

 private:
  const std::unique_ptr<Kpis> kpis_;
  Metrics& metrics_;
};

}  // namespace freshet
