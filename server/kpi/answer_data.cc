#include "server/kpi/answer_data.h"

#include <algorithm>

namespace freshet {
namespace {

void add_served_by(std::vector<std::string>& into,
                   const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(into.begin(), into.end(), one) == into.end()) {
      into.push_back(one);
    }
  }
}

Interval cover(Interval a, Interval b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.start, b.start), std::max(a.end, b.end)};
}

}  // namespace

AnswerData::Dataset AnswerData::freeze(DatasetSnapshot snapshot) {
  Dataset out;
  auto frozen = std::make_shared<Timeline>();
  if (snapshot.timeline) {
    frozen->version = snapshot.timeline->version;
    frozen->missing = snapshot.timeline->missing;
    frozen->sealed = snapshot.timeline->sealed;
    for (const auto& live : snapshot.timeline->live) {
      auto rows = live->snapshot();
      if (rows->num_rows() == 0) continue;
      frozen->sealed.push_back(std::move(rows));
    }
  }
  for (const auto& segment : frozen->sealed) {
    out.time_range = cover(out.time_range, segment->time_range());
  }
  out.provenance.as_of = snapshot.as_of;
  out.provenance.lag_ms = snapshot.lag_ms;
  out.provenance.complete = snapshot.complete;
  out.provenance.offsets = snapshot.offsets;
  out.provenance.late_or_rejected = snapshot.late_or_rejected;
  snapshot.timeline = std::move(frozen);
  out.snapshot = std::move(snapshot);
  return out;
}

Result<AnswerData> AnswerData::take(Runner& runner,
                                    const std::vector<std::string>& datasets,
                                    CancelFlag cancel) {
  AnswerData data(runner, std::move(cancel));
  for (const std::string& name : datasets) {
    auto snapshot = runner.catalog().snapshot(name);
    if (!snapshot) {
      return Error{ErrorCode::kUnavailable, "the dataset is not ready: " + name,
                   0, 0};
    }
    data.datasets_.emplace(name, freeze(std::move(*snapshot)));
  }
  return data;
}

Result<QueryResult> AnswerData::run(const Query& query) {
  Dataset& dataset = datasets_.at(query.dataset);
  TRY_ASSIGN(QueryResult result,
             runner_->run_on(query, dataset.snapshot, cancel_));
  Provenance& merged = dataset.provenance;
  const Provenance& one = result.provenance;
  merged.exact = merged.exact && one.exact;
  merged.segments = std::max(merged.segments, one.segments);
  merged.rows_scanned += one.rows_scanned;
  merged.rows_matched += one.rows_matched;
  add_served_by(merged.served_by, one.served_by);
  return result;
}

Timestamp AnswerData::as_of() const {
  Timestamp least = kMaxTimestamp;
  for (const auto& [name, d] : datasets_) {
    least = std::min(least, d.snapshot.as_of);
  }
  return least;
}

Interval AnswerData::time_range() const {
  Interval all{Timestamp{0}, Timestamp{0}};
  for (const auto& [name, d] : datasets_) all = cover(all, d.time_range);
  return all;
}

Provenance AnswerData::provenance() const {
  Provenance out;
  out.as_of = as_of();
  for (const auto& [name, d] : datasets_) {
    const Provenance& p = d.provenance;
    out.lag_ms = std::max(out.lag_ms, p.lag_ms);
    out.complete = out.complete && p.complete;
    out.exact = out.exact && p.exact;
    out.segments += p.segments;
    out.rows_scanned += p.rows_scanned;
    out.rows_matched += p.rows_matched;
    out.late_or_rejected += p.late_or_rejected;
    add_served_by(out.served_by, p.served_by);
    for (const auto& [partition, range] : p.offsets) {
      auto [entry, added] = out.offsets.emplace(partition, range);
      if (added) continue;
      entry->second.first = std::min(entry->second.first, range.first);
      entry->second.second = std::max(entry->second.second, range.second);
    }
  }
  return out;
}

}  // namespace freshet
