// Receipts: every receipt of the company as a function of seed, pace and its
// number. Sales are made of them; loyalty points, carts, returns and forecasts
// speak of them. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/demo/arrivals.h"
#include "server/demo/retail_world.h"
#include "server/demo/story.h"

namespace freshet {

inline constexpr int64_t kFirstRingMember = 49'900;

struct ReceiptLine {
  size_t article = 0;
  int64_t qty = 0;                             // negative: brought back
  int64_t price_cents = 0;                     // of one unit
  int64_t discount_cents = 0, cost_cents = 0;  // of the line
  bool promoted = false;
  int64_t net_cents() const { return qty * price_cents - discount_cents; }
};

struct Receipt {
  int64_t step = 0;
  uint64_t index = 0;  // in the step
  Timestamp arrived;
  Timestamp time;  // now and then minutes before it arrived
  int64_t line_gap_ms = 0;
  size_t store = 0;
  uint64_t register_number = 0;   // 0: online
  const char* channel = "store";  // store | web | app
  int64_t member = -1;            // number of the loyalty member
  int64_t voucher = -1;           // number of its voucher, good for 10 %
  bool ring = false;              // of the story of the voucher
  bool is_return = false;         // goods of `original` are brought back
  int64_t original_step = 0;
  uint64_t original_index = 0;
  std::vector<ReceiptLine> lines;

  Timestamp line_time(size_t line) const {
    return {time.ms + line_gap_ms * static_cast<int64_t>(line)};
  }
  int64_t net_cents() const;
};

class Receipts {
 public:
  // `late`: share that arrives minutes late.
  Receipts(uint64_t seed, double lines_per_second, double late);

  static constexpr double kLinesEach = 2.976;  // on average, returns too

  const Arrivals& arrivals() const { return arrivals_; }
  const RetailWorld& world() const { return *world_; }
  // REQUIRES: i < arrivals().count(step).
  void read(int64_t step, uint64_t i, Receipt& receipt) const;
  // All but the lines, much quicker.
  void read_head(int64_t step, uint64_t i, Receipt& receipt) const;
  // Very quick; false means it is none.
  bool may_be_return(int64_t step, uint64_t i) const;
  void append_id(std::string& out, int64_t step, uint64_t i) const;

 private:
  bool find_original(Random& random, Receipt& receipt) const;
  Random draw_head(Receipt& receipt) const;
  void draw_line(Random& random, Receipt& receipt) const;
  size_t pick_article(Random& random, const Receipt& receipt) const;
  const RetailWorld::Week& week(int64_t number) const;

  const uint64_t seed_;
  const double late_;
  const int64_t longest_gap_ms_;
  std::shared_ptr<const RetailWorld> world_;
  const Arrivals arrivals_;
  std::string prefix_;
  mutable RetailWorld::Week weeks_[8];  // by number % 8
};

}  // namespace freshet
