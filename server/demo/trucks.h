// Trucks: every delivery of a supplier as a function of seed, pace and its
// number. Shipments tell how it went, temperatures what its sensor said. Used
// by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/demo/arrivals.h"
#include "server/demo/retail_world.h"
#include "server/demo/story.h"

namespace freshet {

struct RetailSupplier {
  const char* name;
  const char* category;
  double mean_lead_days;
  bool cold;  // needs 2 to 8 degrees
};

struct Truck {
  int64_t step = 0;  // of its arrival
  uint64_t index = 0;
  size_t supplier = 0, carrier = 0, store = 0;
  Timestamp departed, checked_in, checked_out, put_away;
  int64_t lead = 0;  // order to arrival, in 64ths of a day
  int64_t dock = 0;  // arrival to shelf, in 64ths of an hour
  int64_t dwell_minutes = 0;
  int64_t units = 0;
  int64_t freight_cents = 0;
  bool warm = false;  // of the story
};

class Trucks {
 public:
  Trucks(uint64_t seed, double per_second);

  const std::vector<RetailSupplier>& suppliers() const { return suppliers_; }
  const Arrivals& arrivals() const { return arrivals_; }
  // REQUIRES: i < arrivals().count(step).
  Truck read(int64_t step, uint64_t i) const;
  void append_id(std::string& out, int64_t step, uint64_t i) const;

  // A journey is shorter than this, so are the times at the dock.
  static constexpr int64_t kMostStepsBefore = 78, kMostStepsAfter = 400;

  static constexpr int64_t kReadingMs = 600'000;
  static int64_t readings(const Truck& truck);
  // Degrees in 64ths, of one of the readings, from 0.
  int64_t temperature(const Truck& truck, int64_t reading) const;

 private:
  Truck draw(int64_t step, uint64_t i) const;
  void find_warm(const StoryWindow& window) const;

  const uint64_t seed_;
  std::shared_ptr<const RetailWorld> world_;
  std::vector<RetailSupplier> suppliers_;
  WeightedChoice pick_supplier_;
  std::vector<double> loads_;  // units to a truck, by supplier
  const Arrivals arrivals_;
  mutable int64_t warm_of_ = INT64_MIN;  // fortnight whose warm truck is known
  mutable int64_t warm_step_ = INT64_MIN;
  mutable uint64_t warm_index_ = 0;
};

}  // namespace freshet
