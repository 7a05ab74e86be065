#include "server/api/counted_queries.h"

#include "server/kpi/drivers.h"

namespace freshet {
namespace {

void count(Metrics& metrics, const std::string& kind,
           const Provenance* answered) {
  metrics.query(kind, answered != nullptr,
                answered ? answered->elapsed_ms / 1000 : 0,
                answered ? answered->rows_scanned : 0);
}

// Counts what has a provenance and hands it on.
template <class Answer>
Result<Answer> counted(Metrics& metrics, const std::string& kind,
                       Result<Answer> answer) {
  count(metrics, kind, answer ? &answer->provenance : nullptr);
  return answer;
}

}  // namespace

Result<QueryResult> CountedSql::run(const SqlRequest& request) {
  return counted(metrics_, kind_, sql_.run(request));
}

Result<KpiAnswer> CountedKpis::answer(const KpiRequest& request,
                                      CancelFlag cancel) {
  return counted(metrics_, "kpi", kpis_->answer(request, std::move(cancel)));
}

std::vector<Result<KpiAnswer>> CountedKpis::answer_all(
    const std::vector<KpiRequest>& requests, CancelFlag cancel) {
  auto answers = kpis_->answer_all(requests, std::move(cancel));
  for (const Result<KpiAnswer>& answer : answers) {
    count(metrics_, "kpi", answer ? &answer->provenance : nullptr);
  }
  return answers;
}

Result<KpiDrivers> CountedKpis::drivers(const DriversRequest& request,
                                        CancelFlag cancel) {
  return counted(metrics_, "kpi", kpis_->drivers(request, std::move(cancel)));
}

Result<KpiFreshness> CountedKpis::freshness(const std::string& kpi) {
  return kpis_->freshness(kpi);
}

}  // namespace freshet
