#include "server/kpi/kpi_cells.h"

#include <algorithm>

#include "server/kpi/base_values.h"
#include "server/kpi/same_stores.h"
#include "server/query/query_control.h"

namespace freshet {
namespace {

class CellAnswerer {
 public:
  // All must outlive it.
  CellAnswerer(Runner& runner, const Model& model,
               const KpiCellQuestion& question)
      : runner_(runner),
        model_(model),
        question_(question),
        control_(question.limits, question.cancel) {}

  Result<KpiCells> answer() {
    const KpiModel* kpi = model_.kpi(question_.kpi);
    if (!kpi) {
      return Error{ErrorCode::kNotFound,
                   "there is no KPI '" + question_.kpi + "'"};
    }
    TRY_ASSIGN(plan_, KpiPlan::create(model_, *kpi));
    FrozenDatasets frozen(question_.snapshot);
    TRY_ASSIGN(data_, AnswerData::take(runner_, frozen, plan_->datasets(),
                                       question_.limits, question_.cancel,
                                       question_.why_not));
    TRY(bound_range());
    name_groups();
    if (!range_.empty()) {
      TRY_ASSIGN(stores_,
                 find_same_stores(*plan_, *data_, clock(),
                                  {range_.start, clock().moment(range_)}, {}));
    }
    if (question_.bucket) {
      TRY(add_buckets());
    } else if (!by_.empty()) {
      TRY(add_rows());
    } else {
      TRY(add_total());
    }
    out_.read = data_->provenances();
    return std::move(out_);
  }

 private:
  AnswerClock clock() const {
    return {question_.now, question_.zone, stores_ ? &*stores_ : nullptr,
            &computed_};
  }
  BaseQueries queries() {
    return BaseQueries(*plan_, *data_, question_.filter, clock());
  }

  void name_groups() {
    for (const ExpressionPtr& group : question_.groups) {
      by_.push_back("#" + std::to_string(by_.size()));
      computed_[by_.back()] = group;
    }
  }

  // From the first event to now, or to the newest event, where the question
  // has no bounds.
  Status bound_range() {
    const Interval unbounded;
    range_ = question_.interval;
    const bool no_start = range_.start == unbounded.start;
    const bool no_end = range_.end == unbounded.end;
    if (!no_start && !no_end) return {};
    Interval known = data_->time_range();
    TRY(cover_other_times(*plan_, known));
    if (known.empty()) known = {question_.now, question_.now};
    if (no_start) range_.start = known.start;
    if (no_end) range_.end = std::max(question_.now, known.end);
    return {};
  }

  // The times that a KPI with a `time` of its own goes by.
  Status cover_other_times(const KpiPlan& plan, Interval& known) {
    for (const BasePart& part : plan.parts()) {
      if (part.time_column.empty()) continue;
      Query query;
      query.dataset = part.dataset;
      for (auto function :
           {Aggregate::Function::kMin, Aggregate::Function::kMax}) {
        Aggregate aggregate;
        aggregate.function = function;
        aggregate.argument = column(part.time_column);
        aggregate.name = std::to_string(query.aggregates.size());
        query.aggregates.push_back(std::move(aggregate));
      }
      TRY_ASSIGN(QueryResult found, data_->run(query));
      const Timestamp* first = found.rows[0][0].as_timestamp();
      const Timestamp* last = found.rows[0][1].as_timestamp();
      if (!first || !last) continue;
      if (known.empty()) known = {*first, *first};
      known.start = std::min(known.start, *first);
      known.end = std::max(known.end, Timestamp{last->ms + 1});
    }
    for (const WindowPart& window : plan.windows()) {
      TRY(cover_other_times(*window.inner, known));
    }
    return {};
  }

  Status add_cell(GroupKey cell, Value value) {
    constexpr size_t kRun = 4096;
    cell.push_back(std::move(value));
    out_.rows.push_back(std::move(cell));
    TRY(control_.check_groups(out_.rows.size()));
    return out_.rows.size() % kRun > 0 ? Status() : control_.check();
  }

  Status add_total() {
    if (range_.empty()) return add_cell({}, Value());
    TRY_ASSIGN(BaseValues values,
               queries().total(range_, clock().moment(range_)));
    const bool other_time = plan_->has_other_time();
    const bool nothing =
        plan_->is_empty(values) && (data_->too_early(range_, other_time) ||
                                    data_->before_all(range_, other_time));
    return add_cell({}, nothing ? Value() : value_of(values, range_));
  }

  Value value_of(const BaseValues& values, Interval range) const {
    return plan_->evaluate(values, clock().days(range)).value;
  }

  Status add_rows() {
    if (range_.empty()) return {};
    TRY_ASSIGN(BaseTable table,
               queries().rows(range_, clock().moment(range_), by_));
    for (const auto& [key, values] : table) {
      TRY(add_cell(key, value_of(values, range_)));
    }
    return {};
  }

  Status add_buckets() {
    if (range_.empty()) return {};
    TRY_ASSIGN(Buckets buckets,
               cut_buckets(*question_.bucket, range_, question_.zone,
                           question_.bucket->to_string()));
    keep_some(buckets);
    const Interval range{std::max(buckets.starts.front(), range_.start),
                         std::min(buckets.ends.back(), range_.end)};
    TRY_ASSIGN(SeriesTable table,
               queries().series_by(range, question_.now, buckets, by_));
    for (const auto& [key, series] : table) {
      TRY(check_series_size(table.size(), series.size()));
      for (size_t i = 0; i < series.size(); ++i) {
        const Timestamp start = buckets.starts[i];
        if (plan_->is_empty(series[i])) continue;
        if (start >= question_.now && plan_->has_levels()) continue;
        const Interval part{std::max(start, range.start),
                            std::min(buckets.ends[i], range.end)};
        GroupKey cell = key;
        cell.emplace_back(start);
        TRY(add_cell(std::move(cell), value_of(series[i], part)));
      }
    }
    return {};
  }

  // Of a look.
  void keep_some(Buckets& buckets) {
    auto& starts = buckets.starts;
    auto& ends = buckets.ends;
    const size_t most = question_.most_buckets;
    if (most == 0 || starts.size() <= most) return;
    out_.all_buckets = false;
    if (!question_.last_buckets) {
      starts.resize(most);
      ends.resize(most);
      return;
    }
    const auto skipped = static_cast<ptrdiff_t>(starts.size() - most);
    starts.erase(starts.begin(), starts.begin() + skipped);
    ends.erase(ends.begin(), ends.begin() + skipped);
  }

  Runner& runner_;
  const Model& model_;
  const KpiCellQuestion& question_;
  QueryControl control_;
  std::optional<KpiPlan> plan_;
  std::optional<AnswerData> data_;
  std::optional<SameStores> stores_;
  Interval range_;
  std::vector<std::string> by_;
  ComputedGroups computed_;
  KpiCells out_;
};

}  // namespace

Result<KpiCells> kpi_cells(Runner& runner, std::shared_ptr<const Model> model,
                           const KpiCellQuestion& question) {
  return CellAnswerer(runner, *model, question).answer();
}

}  // namespace freshet
