// Deliveries: every finished order of the company as a function of seed, pace
// and its number. Orders are made of them, and the tours that bring them.
// Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/demo/arrivals.h"
#include "server/demo/retail_world.h"
#include "server/demo/story.h"

namespace freshet {

struct Delivery {
  int64_t step = 0;
  uint64_t index = 0;  // in the step
  Timestamp arrived;
  Timestamp time;  // when it was finished; now and then before it arrived
  Timestamp ordered, promised;
  int64_t took = 0;  // in 64ths of an hour
  bool cancelled = false;
  bool app = false;  // else web
  size_t store = 0, carrier = 0;
  int64_t member = -1;
  int64_t lines = 0, lines_first_ship = 0, lines_right = 0;
  int64_t qty = 0, qty_first_ship = 0, qty_delivered = 0;
  int64_t value_cents = 0;
  bool backordered = false, undamaged = true, documents_right = true;
};

class Deliveries {
 public:
  // `late`: share that is told minutes late.
  Deliveries(uint64_t seed, double per_second, double late);

  const Arrivals& arrivals() const { return arrivals_; }
  // REQUIRES: i < arrivals().count(step).
  Delivery read(int64_t step, uint64_t i) const;
  void append_id(std::string& out, int64_t step, uint64_t i) const;

  // A tour brings what a carrier has for a region in six hours.
  static constexpr int64_t kStepsATour = 36;
  static int64_t tour_of(int64_t step);
  // "OUT-07948211-Velocargo-Galicia"
  void append_tour(std::string& out, int64_t tour, size_t carrier,
                   const std::string& region) const;

 private:
  void draw_goods(Random& random, Delivery& d) const;

  const uint64_t seed_;
  const double late_;
  std::shared_ptr<const RetailWorld> world_;
  const Arrivals arrivals_;
};

}  // namespace freshet
