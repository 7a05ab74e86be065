// What drove a change: the contribution of each value of a dimension.
//
// An amount's change is the sum of the changes of its parts. A ratio R is the
// mean of its parts' ratios r weighted by their shares w of the divisor, and
// so, with ' for before and a bar for the mean of both times,
//
//   R - R' = sum of  wbar (r - r')        rate effect: the part itself changed
//              +     (w - w') (rbar - Rbar)   mix effect: it weighs otherwise
//
// which is exact, and zero for a part that is as it was. A part that is there
// at one time only has the ratio it had then: all of it is mix.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/kpi/kpi.h"

namespace freshet {

inline constexpr uint32_t kMostDrivers = 1000;       // a dimension
inline constexpr size_t kMostDriverDimensions = 20;  // a request

struct DriversRequest {
  KpiRequest kpi;  // `by`: the dimensions to look at, each alone; "" = all
  uint32_t top = 10;
  // Parts with a smaller share of the whole (of both times) are in the rest.
  double min_support = 0.01;
};

struct Driver {
  Value key;
  KpiNumber value, before, contribution;
  std::optional<double> share;      // of the whole change
  std::optional<double> rate, mix;  // of a ratio
  double support = 0;               // share of the whole
};

struct DimensionDrivers {
  std::string dimension;
  // 0: every part moved as the whole did; 1: few parts did it all. Half the
  // distance between the contributions and those by support:
  //   sum |c - change * support| / (sum |c| + |change|)
  double score = 0;
  // Whether the contributions and the rest are the change. Not for distinct
  // counts of things that are in many parts, nor for percentiles.
  bool adds_up = false;
  uint64_t values = 0;          // of the dimension, at both times
  std::vector<Driver> drivers;  // the greatest contributions first
  uint64_t rest_count = 0;
  Driver rest;  // contribution, share, rate and mix of all others
};

struct KpiDrivers {
  const KpiModel* kpi = nullptr;  // of `model`
  std::shared_ptr<const Model> model;
  Interval range, compare_range;
  std::string tz, compare_kind;
  KpiNumber value, before, change;
  std::string reason;  // why there is no change to explain
  // "contribution" of an amount, "rate_and_mix" of a ratio, "difference" of
  // numbers whose parts do not make up the whole.
  std::string method;
  double min_support = 0;
  std::vector<DimensionDrivers> dimensions;  // the highest score first
  Provenance provenance;
};

// From the parameters of GET /api/v1/kpis/{k}/drivers.
Result<DriversRequest> parse_drivers_request(
    std::vector<std::pair<std::string, std::string>> parameters);
std::string to_json(const KpiDrivers& drivers);

}  // namespace freshet
