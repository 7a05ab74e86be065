#include "server/kpi/window_values.h"

#include <algorithm>

#include "server/kpi/calendar.h"

namespace freshet {
namespace {

using Kind = FormulaWindow::Kind;

ExpressionPtr both(const ExpressionPtr& a, const ExpressionPtr& b) {
  if (!a) return b;
  if (!b) return a;
  return call("and", {a, b});
}

ExpressionPtr filter_of(const WindowPart& window, const BaseQueries& outer) {
  const SameStores* stores = outer.clock().stores;
  if (window.kind != Kind::kSameStores || !stores) return outer.filter();
  return both(outer.filter(), stores->filter);
}

CalendarStep step_of(const WindowSpan& span) {
  return {span.months, span.days, span.ms};
}

}  // namespace

WindowValues::WindowValues(const WindowPart& window, BaseQueries& outer)
    : window_(window),
      outer_(outer),
      plan_(*window.inner),
      inner_(plan_, outer.data(), filter_of(window, outer), outer.clock()),
      clock_(outer.clock()) {
  nothing_ =
      window.kind == Kind::kSameStores && clock_.stores && clock_.stores->none;
}

bool WindowValues::over_time() const {
  return window_.kind == Kind::kTimeAverage || window_.kind == Kind::kTimeMin ||
         window_.kind == Kind::kTimeMax;
}

Timestamp WindowValues::back(Timestamp t) const {
  return step_back(t, step_of(window_.span), clock_.zone);
}

double WindowValues::days(Interval range) const {
  return length_in_days(range, clock_.zone);
}

WindowValues::Span WindowValues::span_of(Interval range,
                                         Timestamp moment) const {
  Timestamp end = std::min(moment, range.end);
  switch (window_.kind) {
    case Kind::kRolling:
      return {{back(moment), moment}, moment};
    case Kind::kToDate: {
      auto grain = window_.span.bucket();
      Timestamp start = grain->floor(Timestamp{moment.ms - 1}, clock_.zone);
      return {{start, moment}, moment};
    }
    case Kind::kBefore:
      return {{back(range.start), back(end)}, back(end)};
    case Kind::kOpening:
      return {{range.start, range.start}, range.start};
    default:
      return {range, moment};
  }
}

void WindowValues::set(const BaseValues& inner, double days,
                       BaseValues& out) const {
  if (nothing_) return;
  out[window_.slot] = plan_.evaluate(inner, days).value;
  if (window_.rows_slot) {
    auto rows = static_cast<int64_t>(plan_.num_rows(inner));
    out[*window_.rows_slot] = Value(rows);
  }
}

Status WindowValues::add_rows(Interval range, Timestamp moment,
                              const std::vector<std::string>& by,
                              BaseTable& out) {
  if (over_time()) return add_over_time(range, moment, by, out);
  Span span = span_of(range, moment);
  TRY_ASSIGN(BaseTable table, inner_.rows(span.range, span.moment, by));
  double length = days(span.range);
  for (const auto& [key, values] : table) {
    out.try_emplace(key, outer_.plan().empty());
  }
  const BaseValues empty = plan_.empty();
  for (auto& [key, values] : out) {
    auto found = table.find(key);
    set(found == table.end() ? empty : found->second, length, values);
  }
  return {};
}

// Values of the buckets [first, last) that have one: their mean or extreme.
Value WindowValues::over_time_of(const std::vector<BaseValues>& values,
                                 size_t first, size_t last,
                                 const Buckets& buckets, Interval range) const {
  Value best, sum;
  int64_t count = 0;
  for (size_t i = first; i < last; ++i) {
    Interval part{std::max(buckets.starts[i], range.start),
                  std::min(buckets.ends[i], range.end)};
    Value value = plan_.evaluate(values[i], days(part)).value;
    if (value.is_null()) continue;
    sum = count == 0 ? value : add_numbers(sum, value);
    int order = count == 0 ? 0 : Value::compare(value, best);
    bool better = window_.kind == Kind::kTimeMin ? order < 0 : order > 0;
    if (count == 0 || better) best = value;
    ++count;
  }
  if (count == 0 || window_.kind != Kind::kTimeAverage) return best;
  return Value(sum.to_double() / static_cast<double>(count));
}

Result<Buckets> WindowValues::buckets_of_window(Interval passed) const {
  TRY_ASSIGN(Granularity grain, window_.span.bucket());
  auto buckets = cut_buckets(grain, passed, clock_.zone, grain.to_string());
  if (buckets) return buckets;
  return at_path("range", invalid("the range is too long for " +
                                  std::string(window_function(window_.kind)) +
                                  "() of this kpi: more than " +
                                  std::to_string(kMaxBuckets) +
                                  " buckets of '" + grain.to_string() + "'"));
}

Status WindowValues::add_over_time(Interval range, Timestamp moment,
                                   const std::vector<std::string>& by,
                                   BaseTable& out) {
  Interval passed{range.start, std::min(range.end, moment)};
  TRY_ASSIGN(Buckets buckets, buckets_of_window(passed));
  if (buckets.starts.empty()) return {};
  TRY_ASSIGN(SeriesTable table, inner_.series_by(passed, moment, buckets, by));
  for (const auto& [key, values] : table) {
    BaseValues& row = out.try_emplace(key, outer_.plan().empty()).first->second;
    row[window_.slot] = over_time_of(values, 0, values.size(), buckets, passed);
  }
  if (!window_.rows_slot) return {};
  TRY_ASSIGN(BaseTable counted, inner_.rows(passed, moment, by));
  for (const auto& [key, values] : counted) {
    BaseValues& row = out.try_emplace(key, outer_.plan().empty()).first->second;
    auto rows = static_cast<int64_t>(plan_.num_rows(values));
    row[*window_.rows_slot] = Value(rows);
  }
  return {};
}

std::vector<BaseValues>& WindowValues::series_in(SeriesTable& out,
                                                 const GroupKey& key,
                                                 size_t buckets) const {
  auto [entry, is_new] = out.try_emplace(key);
  if (is_new) entry->second.assign(buckets, outer_.plan().empty());
  return entry->second;
}

Status WindowValues::add_series(Interval range, Timestamp now,
                                const Buckets& buckets,
                                const std::vector<std::string>& by,
                                SeriesTable& out) {
  if (over_time()) return series_over_time(range, now, buckets, by, out);
  if (window_.kind == Kind::kOpening) {
    return series_of_openings(range, now, buckets, by, out);
  }
  if (window_.kind == Kind::kSameStores) {
    TRY_ASSIGN(SeriesTable table, inner_.series_by(range, now, buckets, by));
    for (const auto& [key, values] : table) {
      std::vector<BaseValues>& series =
          series_in(out, key, buckets.starts.size());
      for (size_t i = 0; i < values.size(); ++i) {
        Interval part{std::max(buckets.starts[i], range.start),
                      std::min(buckets.ends[i], range.end)};
        set(values[i], days(part), series[i]);
      }
    }
    return {};
  }
  return series_of_spans(spans_of(range, now, buckets), buckets, by, out);
}

std::vector<WindowValues::Span> WindowValues::spans_of(
    Interval range, Timestamp now, const Buckets& buckets) const {
  std::vector<Span> spans;
  for (size_t i = 0; i < buckets.starts.size(); ++i) {
    Interval part{std::max(buckets.starts[i], range.start),
                  std::min(buckets.ends[i], range.end)};
    spans.push_back(span_of(part, std::min(part.end, now)));
  }
  return spans;
}

void WindowValues::fill_missing(Interval range, Timestamp now,
                                const Buckets& buckets,
                                SeriesTable& out) const {
  if (nothing_ || over_time() || window_.kind == Kind::kOpening) return;
  const std::vector<Span> spans = spans_of(range, now, buckets);
  for (auto& [key, series] : out) {
    for (size_t i = 0; i < spans.size(); ++i) {
      if (spans[i].range.empty() || !series[i][window_.slot].is_null()) {
        continue;
      }
      set(plan_.empty(), days(spans[i].range), series[i]);
    }
  }
}

// Where the buckets of the window lie in ours, all at once; else the value at
// the end of each of ours.
Status WindowValues::series_over_time(Interval range, Timestamp now,
                                      const Buckets& buckets,
                                      const std::vector<std::string>& by,
                                      SeriesTable& out) {
  Interval passed{range.start, std::min(range.end, now)};
  TRY_ASSIGN(Buckets fine, buckets_of_window(passed));
  bool nested = std::all_of(
      buckets.starts.begin(), buckets.starts.end(), [&](Timestamp start) {
        return start <= passed.start || start >= passed.end ||
               std::binary_search(fine.starts.begin(), fine.starts.end(),
                                  start);
      });
  const Buckets& used = nested ? fine : buckets;
  if (used.starts.empty()) return {};
  TRY_ASSIGN(SeriesTable table, inner_.series_by(passed, now, used, by));
  for (const auto& [key, values] : table) {
    std::vector<BaseValues>& series =
        series_in(out, key, buckets.starts.size());
    size_t first = 0;
    for (size_t i = 0; i < buckets.starts.size(); ++i) {
      size_t last = first;
      while (last < values.size() && used.starts[last] < buckets.ends[i]) {
        ++last;
      }
      if (buckets.starts[i] < passed.end) {
        series[i][window_.slot] =
            over_time_of(values, first, last, used, passed);
      }
      first = last;
    }
  }
  return {};
}

// A bucket opens where the one before it closed.
Status WindowValues::series_of_openings(Interval range, Timestamp now,
                                        const Buckets& buckets,
                                        const std::vector<std::string>& by,
                                        SeriesTable& out) {
  if (buckets.starts.empty()) return {};
  TRY_ASSIGN(SeriesTable closings, inner_.series_by(range, now, buckets, by));
  TRY_ASSIGN(BaseTable before,
             inner_.rows({range.start, range.start}, range.start, by));
  for (const auto& [key, values] : closings) {
    std::vector<BaseValues>& series =
        series_in(out, key, buckets.starts.size());
    auto found = before.find(key);
    if (found != before.end()) set(found->second, 0, series[0]);
    for (size_t i = 1; i < series.size(); ++i) {
      set(values[i - 1], 0, series[i]);
    }
  }
  return {};
}

// All spans are whole buckets of the same grain, as an hour is an hour later:
// one query.
Result<bool> WindowValues::shifted_series(const std::vector<Span>& spans,
                                          const Buckets& buckets,
                                          const std::vector<std::string>& by,
                                          SeriesTable& out) {
  // Those that have not begun have nothing to shift.
  size_t count = spans.size();
  while (count > 0 && spans[count - 1].range.empty()) --count;
  if (count == 0) return true;
  Buckets shifted{buckets.grain, buckets.zone, {}, {}};
  for (size_t i = 0; i < count; ++i) {
    const Interval& range = spans[i].range;
    Timestamp start = buckets.grain.floor(range.start, buckets.zone);
    Timestamp end = buckets.grain.next(start, buckets.zone);
    bool first = i == 0, last = i + 1 == count;
    if ((!first && start != range.start) || (!last && end != range.end) ||
        (!first && start != shifted.ends.back()) || range.empty() ||
        range.end > end) {
      return false;
    }
    shifted.starts.push_back(start);
    shifted.ends.push_back(end);
  }
  Interval range{spans[0].range.start, spans[count - 1].range.end};
  TRY_ASSIGN(SeriesTable table,
             inner_.series_by(range, spans[count - 1].moment, shifted, by));
  for (const auto& [key, values] : table) {
    std::vector<BaseValues>& series = series_in(out, key, spans.size());
    for (size_t i = 0; i < count; ++i) {
      set(values[i], days(spans[i].range), series[i]);
    }
  }
  return true;
}

// The spans that are whole buckets, from the base values of these: which ones
// those are.
Result<std::vector<bool>> WindowValues::merged_series(
    const std::vector<Span>& spans, const Buckets& buckets,
    const std::vector<std::string>& by, SeriesTable& out) {
  std::vector<bool> done(spans.size(), false);
  if (!plan_.mergeable(true)) return done;
  Interval all = spans.front().range;
  for (const Span& span : spans) {
    all.start = std::min(all.start, span.range.start);
    all.end = std::max(all.end, span.range.end);
  }
  auto cut =
      cut_buckets(buckets.grain, all, buckets.zone, buckets.grain.to_string());
  if (!cut) return done;  // one by one, if there are few
  std::vector<std::pair<size_t, size_t>> places(spans.size());
  for (size_t i = 0; i < spans.size(); ++i) {
    auto first = std::lower_bound(cut->starts.begin(), cut->starts.end(),
                                  spans[i].range.start);
    auto last = std::lower_bound(cut->ends.begin(), cut->ends.end(),
                                 spans[i].range.end);
    bool at_start =
        first != cut->starts.end() && *first == spans[i].range.start;
    bool at_end = last != cut->ends.end() && (*last == spans[i].range.end ||
                                              spans[i].range.end == all.end);
    if (!at_start || !at_end) continue;
    done[i] = true;
    places[i] = {static_cast<size_t>(first - cut->starts.begin()),
                 static_cast<size_t>(last - cut->ends.begin()) + 1};
  }
  TRY_ASSIGN(SeriesTable table, inner_.series_by(all, all.end, *cut, by));
  for (const auto& [key, values] : table) {
    std::vector<BaseValues>& series = series_in(out, key, spans.size());
    for (size_t i = 0; i < spans.size(); ++i) {
      if (!done[i]) continue;
      BaseValues merged = plan_.empty();
      for (size_t b = places[i].first; b < places[i].second; ++b) {
        plan_.merge(merged, values[b]);
      }
      set(merged, days(spans[i].range), series[i]);
    }
  }
  return done;
}

Status WindowValues::series_of_spans(const std::vector<Span>& spans,
                                     const Buckets& buckets,
                                     const std::vector<std::string>& by,
                                     SeriesTable& out) {
  if (spans.empty()) return {};
  if (window_.kind == Kind::kBefore) {
    TRY_ASSIGN(bool shifted, shifted_series(spans, buckets, by, out));
    if (shifted) return {};
  }
  std::vector<bool> done(spans.size(), false);
  if (window_.kind != Kind::kBefore) {
    TRY_ASSIGN(done, merged_series(spans, buckets, by, out));
  }
  size_t left =
      static_cast<size_t>(std::count(done.begin(), done.end(), false));
  if (left > kMostWindowQueries) {
    return Error{ErrorCode::kInvalid,
                 "the grain is too fine for the range: " +
                     std::string(window_function(window_.kind)) + "() over " +
                     std::to_string(left) + " buckets, at most " +
                     std::to_string(kMostWindowQueries),
                 0, 0};
  }
  for (size_t i = 0; i < spans.size(); ++i) {
    if (done[i]) continue;
    // Those behind the clock are all the same.
    bool same = i > 0 && spans[i] == spans[i - 1];
    BaseTable table;
    if (!same) {
      TRY_ASSIGN(table, inner_.rows(spans[i].range, spans[i].moment, by));
    }
    for (const auto& [key, values] : table) series_in(out, key, spans.size());
    for (auto& [key, series] : out) {
      if (same) {
        series[i][window_.slot] = series[i - 1][window_.slot];
        continue;
      }
      auto found = table.find(key);
      set(found == table.end() ? plan_.empty() : found->second,
          days(spans[i].range), series[i]);
    }
  }
  return {};
}

}  // namespace freshet
