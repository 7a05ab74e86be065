// StepGenerator: events that follow from what happened in the company, step by
// step: each base step may bring about events some steps before and after it.
// An event belongs to a run if it arrives in its range, so that histories and
// live traffic meet without a gap. Used by one thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "server/demo/arrivals.h"
#include "server/demo/company.h"
#include "server/demo/retail_generator.h"

namespace freshet {

// Event: a struct with `Timestamp time` and `size_t store`; values first.
template <class Event>
class StepGenerator : public RetailGenerator {
 protected:
  // Events are at most `before` steps earlier and `after` steps later than
  // their base step.
  StepGenerator(const DatasetModel& dataset, const GeneratorOptions& options,
                double per_day, int64_t before, int64_t after)
      : RetailGenerator(dataset, stretched(options),
                        TrafficCurve::Shape::kStock),
        scale_(rounded(pace_ * 86'400 / per_day)),
        asked_(options),
        before_(before),
        at_(step_of(options_.start)),
        filled_(at_ - after) {
    shape_.group_column = "store";
  }

  virtual void fill(int64_t step, std::vector<Event>& out) = 0;
  virtual void write(std::string& line, const Event& event,
                     EventFacts& facts) = 0;

  bool step(EventFacts& facts) final {
    while (next_ == ready_.size())
      if (!advance()) return false;
    event_ = &ready_[next_++];
    facts.time = squeezed(event_->time);
    facts.group = static_cast<int32_t>(event_->store);
    facts.first_of_key = false;
    return true;
  }
  void write(std::string& line, EventFacts& facts) final {
    write(line, *event_, facts);
  }

  // 1: the company as it is. A run of a number of rows gets a company of the
  // size that makes as many.
  const double scale_;
  double sales_per_second() const {
    return TrafficLevel{}.sales_per_day * scale_ / 86'400;
  }
  double orders_per_second() const {
    return TrafficLevel{}.orders_per_day * scale_ / 86'400;
  }

 private:
  // The same to the last bit as that of the sales, so that the receipts are.
  static double rounded(double scale) { return std::round(scale * 1e9) / 1e9; }
  static constexpr int64_t kDayMs = 86'400'000;

  // Rows in less than a day are those of a day before, in quick motion.
  static GeneratorOptions stretched(GeneratorOptions options) {
    if (options.rows && options.end.ms - options.start.ms < kDayMs)
      options.start.ms = options.end.ms - kDayMs;
    return options;
  }
  Timestamp squeezed(Timestamp t) const {
    if (asked_.start == options_.start) return t;
    double share = static_cast<double>(t.ms - options_.start.ms) / kDayMs;
    auto length = static_cast<double>(asked_.end.ms - asked_.start.ms);
    return {asked_.start.ms + static_cast<int64_t>(share * length)};
  }

  // The events of the next step, which are all known once the base steps that
  // reach back into it are.
  bool advance() {
    if (is_over(step_start(at_))) return false;
    while (filled_ <= at_ + before_) fill(filled_++, pending_);
    Timestamp end = step_start(++at_);
    auto later = std::partition(pending_.begin(), pending_.end(),
                                [&](const Event& e) { return e.time < end; });
    ready_.clear();
    next_ = 0;
    for (auto e = pending_.begin(); e != later; ++e)
      if (e->time >= options_.start && !is_over(e->time)) ready_.push_back(*e);
    pending_.erase(pending_.begin(), later);
    std::sort(ready_.begin(), ready_.end(), [](const Event& a, const Event& b) {
      return a.order() < b.order();
    });
    return true;
  }

  const GeneratorOptions asked_;
  const int64_t before_;
  int64_t at_;      // the step whose events come next
  int64_t filled_;  // base steps before it are filled
  std::vector<Event> pending_, ready_;
  size_t next_ = 0;
  const Event* event_ = nullptr;
};

}  // namespace freshet
