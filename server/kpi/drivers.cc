#include "server/kpi/drivers.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "segments/time.h"
#include "server/kpi/kpi_answerer.h"

namespace freshet {
namespace {

// The same number but for the dust of doubles.
bool ties(double a, double b, double scale) {
  return std::abs(a - b) <= 1e-9 * std::max(std::abs(scale), 1e-9);
}

double number(const Value& v) { return v.is_null() ? 0 : v.to_double(); }

// One value of a dimension at both times.
struct Part {
  Value key;
  Value now, before;
  double weight_now = 0, weight_before = 0;  // of a ratio: the divisor
};

struct Whole {
  Value now, before, change;
  double weight_now = 0, weight_before = 0;
};

Value sum_of(const std::vector<Part>& parts, Value Part::* member) {
  Value sum(int64_t{0});
  for (const Part& part : parts) {
    if (!(part.*member).is_null()) sum = add_numbers(sum, part.*member);
  }
  return sum;
}

bool amounts_tie(const std::vector<Part>& parts, const Whole& whole) {
  auto tie = [&](Value Part::* member, const Value& total) {
    Value sum = sum_of(parts, member);
    return Value::compare(sum, total) == 0 ||
           ties(sum.to_double(), number(total), number(total));
  };
  return tie(&Part::now, whole.now) && tie(&Part::before, whole.before);
}

// Whether the parts' ratios, weighted, are the whole's at both times.
bool ratios_tie(const std::vector<Part>& parts, const Whole& whole) {
  if (whole.weight_now == 0 || whole.weight_before == 0) return false;
  double now = 0, before = 0, weight_now = 0, weight_before = 0;
  for (const Part& part : parts) {
    now += part.weight_now * number(part.now);
    before += part.weight_before * number(part.before);
    weight_now += part.weight_now;
    weight_before += part.weight_before;
  }
  return ties(weight_now, whole.weight_now, whole.weight_now) &&
         ties(weight_before, whole.weight_before, whole.weight_before) &&
         ties(now / whole.weight_now, number(whole.now), number(whole.now)) &&
         ties(before / whole.weight_before, number(whole.before),
              number(whole.before));
}

Driver amount_driver(const Part& part, const Whole& whole) {
  Driver out{part.key, part.now, part.before, {}, {}, {}, {}, 0};
  Value zero(int64_t{0});
  out.contribution =
      subtract_numbers(part.now.is_null() ? zero : part.now,
                       part.before.is_null() ? zero : part.before);
  double all = std::abs(number(whole.now)) + std::abs(number(whole.before));
  if (all > 0) {
    out.support =
        (std::abs(number(part.now)) + std::abs(number(part.before))) / all;
  }
  return out;
}

Driver ratio_driver(const Part& part, const Whole& whole) {
  Driver out{part.key, part.now, part.before, {}, {}, {}, {}, 0};
  double w = part.weight_now / whole.weight_now;
  double w_before = part.weight_before / whole.weight_before;
  double r = number(part.now.is_null() ? part.before : part.now);
  double r_before = number(part.before.is_null() ? part.now : part.before);
  double middle = (number(whole.now) + number(whole.before)) / 2;
  out.support = (w + w_before) / 2;
  out.rate = out.support * (r - r_before);
  out.mix = (w - w_before) * ((r + r_before) / 2 - middle);
  out.contribution = Value(*out.rate + *out.mix);
  return out;
}

void add_up(Driver& into, const Driver& one) {
  into.contribution = into.contribution.is_null()
                          ? one.contribution
                          : add_numbers(into.contribution, one.contribution);
  if (one.rate) into.rate = into.rate.value_or(0) + *one.rate;
  if (one.mix) into.mix = into.mix.value_or(0) + *one.mix;
  into.support += one.support;
}

void set_share(Driver& driver, double change) {
  if (change != 0 && !driver.contribution.is_null()) {
    driver.share = driver.contribution.to_double() / change;
  }
}

double score_of(const DimensionDrivers& d, double change) {
  double apart = 0, moved = std::abs(change);
  auto take = [&](const Driver& driver) {
    double c = number(driver.contribution);
    apart += std::abs(c - change * driver.support);
    moved += std::abs(c);
  };
  for (const Driver& driver : d.drivers) take(driver);
  if (d.rest_count > 0) take(d.rest);
  return moved > 0 ? std::min(1.0, apart / moved) : 0;
}

// The greatest first; those without support, and those behind `top`, together.
void rank(std::vector<Driver> all, const DriversRequest& request, double change,
          DimensionDrivers& out) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Driver& a, const Driver& b) {
                     return std::abs(number(a.contribution)) >
                            std::abs(number(b.contribution));
                   });
  for (Driver& driver : all) {
    if (out.drivers.size() < request.top &&
        driver.support >= request.min_support) {
      set_share(driver, change);
      out.drivers.push_back(std::move(driver));
    } else {
      add_up(out.rest, driver);
      ++out.rest_count;
    }
  }
  set_share(out.rest, change);
  out.score = score_of(out, change);
}

}  // namespace

Result<DimensionDrivers> KpiAnswerer::drivers_by(const std::string& dimension,
                                                 const DriversRequest& request,
                                                 const KpiDrivers& change) {
  Interval before = comparison_->range;
  TRY_ASSIGN(BaseTable now_table,
             queries().rows(range_, moment(range_), {dimension}));
  TRY_ASSIGN(BaseTable before_table,
             queries().rows(before, before.end, {dimension}));
  double days_now = days(range_), days_before = length_in_days(before, zone_);
  bool ratio = change.method == "rate_and_mix";
  std::map<GroupKey, Part, GroupKeyLess> by_key;
  for (const auto& [key, values] : now_table) {
    Part& part = by_key[key];
    part.now = plan_->evaluate(values, days_now).value;
    if (ratio) part.weight_now = plan_->divisor(values, days_now).value_or(0);
  }
  for (const auto& [key, values] : before_table) {
    Part& part = by_key[key];
    part.before = plan_->evaluate(values, days_before).value;
    if (ratio) {
      part.weight_before = plan_->divisor(values, days_before).value_or(0);
    }
  }
  std::vector<Part> parts;
  for (auto& [key, part] : by_key) {
    part.key = key[0];
    parts.push_back(part);
  }
  Whole whole{change.value, change.before, change.change, weight_now_,
              weight_before_};
  DimensionDrivers out;
  out.dimension = dimension;
  out.values = parts.size();
  bool mixed = ratio && ratios_tie(parts, whole);
  out.adds_up =
      mixed || (change.method == "contribution" && amounts_tie(parts, whole));
  std::vector<Driver> drivers;
  for (const Part& part : parts) {
    drivers.push_back(mixed ? ratio_driver(part, whole)
                            : amount_driver(part, whole));
  }
  rank(std::move(drivers), request, number(change.change), out);
  return out;
}

Result<KpiDrivers> KpiAnswerer::drivers(const DriversRequest& request) {
  absl::Time start = steady_now();
  TRY(begin());
  if (!comparison_) {
    return at_path("compare", invalid("drivers need a comparison: 'compare'"));
  }
  TRY(choose_stores());
  KpiDrivers out;
  out.kpi = kpi_;
  out.model = model_;
  out.range = range_;
  out.compare_range = comparison_->range;
  out.compare_kind = comparison_->kind;
  out.tz = request_.tz;
  out.min_support = request.min_support;
  double days_before = length_in_days(out.compare_range, zone_);
  TRY_ASSIGN(BaseValues now, queries().total(range_, moment(range_)));
  TRY_ASSIGN(BaseValues before,
             queries().total(out.compare_range, out.compare_range.end));
  explain_null(plan_->evaluate(now, days(range_)), now);
  out.value = out_.value;
  out.reason = out_.reason;
  if (!nothing_to_compare()) {
    out.before = plan_->evaluate(before, days_before).value;
  }
  out.change = subtract_numbers(out.value, out.before);
  weight_now_ = plan_->divisor(now, days(range_)).value_or(0);
  weight_before_ = plan_->divisor(before, days_before).value_or(0);
  bool weighed = plan_->divisor(now, 1).has_value();
  out.method = plan_->is_amount() ? "contribution"
               : weighed          ? "rate_and_mix"
                                  : "difference";
  if (out.reason.empty() && out.before.is_null()) {
    out.reason = "nothing to compare with in the compared range";
  }
  const std::vector<std::string>& by =
      request_.by.empty() ? kpi_->dimensions : request_.by;
  if (by.size() > kMostDriverDimensions) {
    return at_path("by",
                   invalid("at most " + std::to_string(kMostDriverDimensions) +
                           " dimensions at once: name some with 'by'"));
  }
  for (const std::string& dimension : by) {
    if (!out.reason.empty()) break;
    TRY_ASSIGN(DimensionDrivers one, drivers_by(dimension, request, out));
    out.dimensions.push_back(std::move(one));
  }
  std::stable_sort(out.dimensions.begin(), out.dimensions.end(),
                   [](const DimensionDrivers& a, const DimensionDrivers& b) {
                     return a.score > b.score;
                   });
  out.provenance = data_->provenance();
  out.provenance.elapsed_ms = absl::ToDoubleMilliseconds(steady_now() - start);
  return out;
}

}  // namespace freshet
