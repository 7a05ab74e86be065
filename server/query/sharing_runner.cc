#include "server/query/sharing_runner.h"

#include <fmt/format.h>

#include "server/query/query_control.h"

namespace freshet {
namespace {

// How long a cancel waits at most to be seen by one that waits.
constexpr absl::Duration kLook = absl::Milliseconds(10);

void add(std::string& out, const ExpressionPtr& expression) {
  if (expression) out += to_text(*expression);
  out += '\n';
}

// Names may be any text.
void add(std::string& out, const std::string& name) {
  out += fmt::format("{}:{}\n", name.size(), name);
}

// Which rows a snapshot has: its timeline, how many live rows, and whether
// these are all: what began before an event came must not claim it for others.
std::string data_text(const DatasetSnapshot& data) {
  std::string out =
      fmt::format("{} {} {}", fmt::ptr(data.timeline.get()),
                  fmt::ptr(data.schema.get()), int{data.complete});
  for (const auto& live : data.timeline->live) {
    out += fmt::format(" {}", live->num_rows());
  }
  return out + '\n';
}

// Fails as `control` does.
Result<QueryResult> copied(const Result<QueryResult>& answer,
                           const QueryControl& control) {
  if (!answer) return answer.error();
  QueryResult out;
  out.columns = answer->columns;
  out.provenance = answer->provenance;
  out.rows.reserve(answer->rows.size());
  const auto& rows = answer->rows;
  TRY(in_runs(rows.size(), &control, [&](size_t begin, size_t count) {
    const auto from = rows.begin() + static_cast<ptrdiff_t>(begin);
    out.rows.insert(out.rows.end(), from, from + static_cast<ptrdiff_t>(count));
  }));
  return out;
}

// Only the run that it happened to is stopped by it.
bool stops_one(const Error& error) {
  return error.code == ErrorCode::kCancelled ||
         error.code == ErrorCode::kDeadline;
}

}  // namespace

std::string aggregate_text(const Aggregate& aggregate) {
  std::string out = fmt::format(
      "{} {} {}{} ", static_cast<int>(aggregate.function), aggregate.parameter,
      int{aggregate.sample}, int{aggregate.distinct});
  add(out, aggregate.separator);
  add(out, aggregate.argument);
  add(out, aggregate.filter);
  for (const auto& key : aggregate.keys) add(out, key);
  return out + '\n';
}

std::string query_text(const Query& query) {
  std::string out = fmt::format(
      "{} {} {} {}{}{}{}{} {} {} ", static_cast<int>(query.kind),
      query.interval.start.ms, query.interval.end.ms, int{query.distinct},
      int{query.use_cubes}, int{query.why_not}, int{query.use_cache},
      int{query.populate_cache},
      query.limit ? fmt::to_string(*query.limit) : "all", query.offset);
  add(out, query.dataset);
  add(out, query.filter);
  for (const auto& group : query.groups) {
    add(out, group.name);
    add(out, group.expression);
  }
  out += "aggregates\n";
  for (const Aggregate& aggregate : query.aggregates) {
    add(out, aggregate.name);
    out += aggregate_text(aggregate);
  }
  out += "having\n";
  add(out, query.having);
  for (const auto& output : query.select) {
    add(out, output.name);
    add(out, output.expression);
  }
  out += "order\n";
  for (const OrderBy& by : query.order_by) {
    add(out, by.name);
    out += fmt::format("{}{}\n", int{by.descending},
                       by.nulls_first ? int{*by.nulls_first} : 2);
  }
  for (const LimitSetting& setting : kLimitSettings) {
    out += fmt::format("{} ", query.limits.*setting.value);
  }
  return out;
}

Result<QueryResult> SharingRunner::run(const Query& query, CancelFlag cancel) {
  if (!query.use_cache) return runner_->run(query, std::move(cancel));
  const std::string text = query_text(query);
  while (true) {
    auto data = catalog().snapshot(query.dataset);
    if (!data) return runner_->run(query, std::move(cancel));
    std::string key = data_text(*data) + text;
    std::shared_ptr<Run> run;
    bool leads = false;
    {
      MutexLock lock(mutex_);
      std::shared_ptr<Run>& place = runs_[key];
      leads = place == nullptr;
      if (leads) place = std::make_shared<Run>();
      run = place;
      if (!leads) ++run->followers;
      if (leads) run->data = std::move(*data);
    }
    if (leads) return lead(query, key, *run, std::move(cancel));
    TRY_ASSIGN(auto answer, follow(query, *run, cancel));
    if (!answer) continue;
    shared_.fetch_add(1, std::memory_order_relaxed);
    return copied(*answer, QueryControl(query.limits, cancel));
  }
}

// The run leaves the list whatever happens, so that nobody waits for it in
// vain.
class SharingRunner::Lead {
 public:
  Lead(SharingRunner& owner, const std::string& key, Run& run)
      : owner_(owner), key_(key), run_(run) {}
  ~Lead() {
    if (finished_) return;
    finish(std::make_shared<const Result<QueryResult>>(
        Error{ErrorCode::kCancelled, "the shared run was given up"}));
  }
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;

  // Whether somebody waits for it; nobody comes after this.
  bool finish(std::shared_ptr<const Result<QueryResult>> answer) {
    finished_ = true;
    bool shared = false;
    {
      MutexLock lock(owner_.mutex_);
      run_.answer = std::move(answer);
      owner_.runs_.erase(key_);
      shared = run_.followers > 0;
    }
    if (shared) owner_.finished_.signal_all();
    return shared;
  }

 private:
  SharingRunner& owner_;
  const std::string& key_;
  Run& run_;
  bool finished_ = false;
};

Result<QueryResult> SharingRunner::lead(const Query& query,
                                        const std::string& key, Run& run,
                                        CancelFlag cancel) {
  Lead lead(*this, key, run);
  auto answer = std::make_shared<Result<QueryResult>>(
      runner_->run_on(query, run.data, cancel));
  if (!lead.finish(answer)) return std::move(*answer);
  return copied(*answer, QueryControl(query.limits, cancel));
}

Result<std::shared_ptr<const Result<QueryResult>>> SharingRunner::follow(
    const Query& query, const Run& run, const CancelFlag& cancel) {
  const QueryControl control(query.limits, cancel);
  MutexLock lock(mutex_);
  while (!run.answer) {
    TRY(control.check());
    finished_.wait_for(mutex_, kLook);
  }
  if (!*run.answer && stops_one(run.answer->error())) {
    return std::shared_ptr<const Result<QueryResult>>();
  }
  return run.answer;
}

}  // namespace freshet
