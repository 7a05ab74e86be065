#include "server/kpi/answer_data.h"

#include <algorithm>

namespace freshet {
namespace {

void add_new(std::vector<std::string>& into,
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

FrozenDataset freeze(DatasetSnapshot snapshot) {
  FrozenDataset out;
  snapshot.timeline =
      frozen(snapshot.timeline ? *snapshot.timeline : Timeline());
  for (const auto& segment : snapshot.timeline->sealed) {
    out.time_range = cover(out.time_range, segment->time_range());
  }
  out.snapshot = std::move(snapshot);
  return out;
}

// Of an answer that no query has served yet.
Provenance provenance_of(const DatasetSnapshot& snapshot) {
  Provenance out;
  out.as_of = snapshot.as_of;
  out.lag_ms = snapshot.lag_ms;
  out.complete = snapshot.complete;
  out.offsets = snapshot.offsets;
  out.late_or_rejected = snapshot.late_or_rejected;
  return out;
}

}  // namespace

Error dataset_not_ready(const std::string& name) {
  return {ErrorCode::kUnavailable, "the dataset is not ready: " + name, 0, 0};
}

Result<std::shared_ptr<const FrozenDataset>> FrozenDatasets::get(
    const std::string& name) {
  std::shared_ptr<const FrozenDataset>& taken = taken_[name];
  if (!taken) {
    auto snapshot = snapshot_(name);
    if (!snapshot) {
      return dataset_not_ready(name);
    }
    FrozenDataset frozen = freeze(std::move(*snapshot));
    if (restated_) frozen.restated = restated_(name);
    taken = std::make_shared<const FrozenDataset>(std::move(frozen));
  }
  return taken;
}

Result<AnswerData> AnswerData::take(Runner& runner, FrozenDatasets& frozen,
                                    const std::vector<std::string>& datasets,
                                    const Limits& limits, CancelFlag cancel,
                                    bool why_not, SharedScans* scans) {
  AnswerData data(runner, limits, std::move(cancel));
  data.why_not_ = why_not;
  if (!why_not) data.scans_ = scans;
  for (const std::string& name : datasets) {
    Dataset dataset;
    TRY_ASSIGN(dataset.data, frozen.get(name));
    dataset.provenance = provenance_of(dataset.data->snapshot);
    data.datasets_.emplace(name, std::move(dataset));
  }
  return data;
}

void AnswerData::limit(Query& query) const {
  query.limits = limits_;
  query.why_not = why_not_;
}

void AnswerData::add(const QueryResult& result, const std::string& dataset) {
  Provenance& merged = datasets_.at(dataset).provenance;
  const Provenance& one = result.provenance;
  merged.complete = merged.complete && one.complete;
  merged.exact = merged.exact && one.exact;
  merged.segments = std::max(merged.segments, one.segments);
  merged.rows_scanned += one.rows_scanned;
  merged.rows_matched += one.rows_matched;
  add_new(merged.served_by, one.served_by);
  add_new(merged.why_not, one.why_not);
}

Result<QueryResult> AnswerData::ask(const Query& query) const {
  return runner_->run_on(query, datasets_.at(query.dataset).data->snapshot,
                         cancel_);
}

Result<QueryResult> AnswerData::run(Query query) {
  limit(query);
  TRY_ASSIGN(QueryResult result, ask(query));
  add(result, query.dataset);
  return result;
}

void AnswerData::foresee(Query query) {
  if (!scans_) return;
  limit(query);
  scans_->foresee(query);
}

Result<AnswerData::Rows> AnswerData::rows(Query query) {
  limit(query);
  Rows out;
  std::optional<SharedScans::Found> found;
  if (scans_) {
    found = scans_->find(query, [this](const Query& one) { return ask(one); });
  }
  if (found) {
    out = {std::move(found->result), std::move(found->columns)};
  } else {
    TRY_ASSIGN(QueryResult result, ask(query));
    out.result = std::make_shared<QueryResult>(std::move(result));
    for (size_t i = 0; i < query.aggregates.size(); ++i) {
      out.columns.push_back(query.groups.size() + i);
    }
  }
  add(*out.result, query.dataset);
  return out;
}

Timestamp AnswerData::as_of() const {
  Timestamp least = kMaxTimestamp;
  for (const auto& [name, d] : datasets_) {
    least = std::min(least, d.data->snapshot.as_of);
  }
  return least;
}

bool AnswerData::restated(Interval bucket) const {
  return std::any_of(datasets_.begin(), datasets_.end(), [&](const auto& d) {
    const auto& times = d.second.data->restated;
    return times && times->covers(bucket);
  });
}

Interval AnswerData::time_range() const {
  Interval all{Timestamp{0}, Timestamp{0}};
  for (const auto& [name, d] : datasets_) all = cover(all, d.data->time_range);
  return all;
}

bool AnswerData::too_early(Interval range, bool other_time) const {
  Interval all = time_range();
  return as_of() <= range.start &&
         (all.empty() || (!other_time && all.end <= range.start));
}

bool AnswerData::before_all(Interval range, bool other_time) const {
  Interval all = time_range();
  return !other_time && !all.empty() && range.end <= all.start;
}

std::map<std::string, Provenance> AnswerData::provenances() const {
  std::map<std::string, Provenance> out;
  for (const auto& [name, d] : datasets_) out.emplace(name, d.provenance);
  return out;
}

Provenance AnswerData::provenance() const {
  Provenance out;
  out.as_of = as_of();
  for (const auto& [name, d] : datasets_) merge_datasets(out, d.provenance);
  return out;
}

}  // namespace freshet
