#include "server/demo/receipts.h"

#include <algorithm>
#include <cstring>

#include "server/demo/event_text.h"

namespace freshet {
namespace {

constexpr double kMoreLines = 2.0 / 3;  // three lines on average
constexpr int kMostLines = 30;
constexpr double kPromoLift = 2.5;
constexpr double kReturns = 0.02;   // share of receipts
constexpr double kVouchers = 0.03;  // share of members' receipts
constexpr int64_t kStepsADay = 144;

// So evenly spread that few receipts have about the mean number of lines.
size_t lines_of(int64_t step, uint64_t i) {
  double u = unit_interval(static_cast<uint64_t>(step) * 0xc13fa9a902a6328fu +
                           i * 0x91e10da5c79e7b1du);
  size_t lines = 1;
  for (double more = kMoreLines; lines < kMostLines && u > 1 - more;
       more *= kMoreLines)
    ++lines;
  return lines;
}

}  // namespace

int64_t Receipt::net_cents() const {
  int64_t sum = 0;
  for (const ReceiptLine& line : lines) sum += line.net_cents();
  return sum;
}

Receipts::Receipts(uint64_t seed, double lines_per_second, double late)
    : seed_(mix64(seed, "receipts")),
      late_(late),
      // A line is scanned every second or two, but a receipt is over before the
      // next ones come, so that lines are nearly in order of time.
      longest_gap_ms_(static_cast<int64_t>(
          std::min(2000.0, 1000 / std::max(lines_per_second, 1e-9)))),
      world_(RetailWorld::make(seed)),
      arrivals_(seed, TrafficCurve::Shape::kSales,
                lines_per_second / kLinesEach) {
  uint64_t bits = seed_;
  for (int k = 0; k < 4; ++k, bits /= 36)
    prefix_ += "0123456789abcdefghijklmnopqrstuvwxyz"[bits % 36];
}

void Receipts::append_id(std::string& out, int64_t step, uint64_t i) const {
  out += prefix_;
  append_digits(out, static_cast<uint64_t>(step), 7);
  out.push_back('-');
  append_digits(out, i, i < 10'000 ? 4 : 10);
}

const RetailWorld::Week& Receipts::week(int64_t number) const {
  RetailWorld::Week& known = weeks_[static_cast<uint64_t>(number) % 8];
  if (known.price_cents.empty() || known.number != number)
    known = world_->week(number);
  return known;
}

bool Receipts::may_be_return(int64_t step, uint64_t i) const {
  return unit_interval(mix64(seed_ + 1, static_cast<uint64_t>(step), i)) <
         kReturns;
}

// A receipt of three to thirty days ago; false if there was next to none.
bool Receipts::find_original(Random& random, Receipt& receipt) const {
  int64_t step = receipt.step - 3 * kStepsADay -
                 static_cast<int64_t>(random.below(27 * kStepsADay));
  for (int tries = 0; tries < 1000; ++tries, --step) {
    uint64_t n = arrivals_.count(step);
    uint64_t first = n > 0 ? random.below(n) : 0;
    for (uint64_t i = first; i < n; ++i) {
      if (may_be_return(step, i)) continue;
      receipt.original_step = step;
      receipt.original_index = i;
      return true;
    }
  }
  return false;
}

Random Receipts::draw_head(Receipt& r) const {
  Random random(mix64(seed_, static_cast<uint64_t>(r.step), r.index));
  r.arrived = r.time = arrivals_.time(r.step, r.index);
  if (random.chance(late_))
    r.time.ms -= 60'000 + static_cast<int64_t>(random.below(20 * 60'000));
  r.line_gap_ms = static_cast<int64_t>(static_cast<double>(longest_gap_ms_) *
                                       (0.3 + 0.7 * random.uniform()));
  bool online = random.chance(arrivals_.online_share(r.step));
  r.channel = !online ? "store" : random.chance(0.6) ? "web" : "app";
  // Most online orders are picked in a store.
  bool from_store = !online || random.chance(0.75);
  r.store = from_store ? world_->pick_store.draw(random) : world_->web();
  auto registers = static_cast<uint64_t>(world_->stores[r.store].registers);
  r.register_number = online ? 0 : 1 + random.below(registers);
  r.member = random.chance(online ? 0.7 : 0.35)
                 ? static_cast<int64_t>(world_->pick_member.draw(random))
                 : -1;
  bool cashes = random.chance(kVouchers);
  r.voucher = r.member >= 0 && cashes ? r.member % 500 : -1;
  auto ring = online ? story_at(Story::kVoucherRing, r.arrived) : std::nullopt;
  r.ring = ring && r.index % 3 == 0;
  if (r.ring) {
    r.channel = "app";
    r.member =
        kFirstRingMember +
        static_cast<int64_t>(random.below(static_cast<uint64_t>(kRingMembers)));
    r.voucher = ring->number;
  }
  return random;
}

void Receipts::read_head(int64_t step, uint64_t i, Receipt& r) const {
  r.step = step;
  r.index = i;
  r.lines.clear();
  r.is_return = false;
  Random random = draw_head(r);
  if (r.ring || !may_be_return(step, i)) return;
  r.is_return = find_original(random, r);
  if (!r.is_return) return;
  // Goods go back to where they came from, at this receipt's time.
  Receipt original;
  original.step = r.original_step;
  original.index = r.original_index;
  draw_head(original);
  r.store = original.store;
  r.register_number = original.register_number;
  r.channel = original.channel;
  r.member = original.member;
  r.voucher = original.voucher;
}

void Receipts::read(int64_t step, uint64_t i, Receipt& r) const {
  read_head(step, i, r);
  size_t lines = lines_of(step, i);
  if (r.is_return) {
    Receipt original;
    read(r.original_step, r.original_index, original);
    lines = std::min(lines, original.lines.size());
    for (size_t k = 0; k < lines; ++k) {
      ReceiptLine line = original.lines[k];
      line.qty = -line.qty;
      line.discount_cents = -line.discount_cents;
      line.cost_cents = -line.cost_cents;
      r.lines.push_back(line);
    }
    return;
  }
  Random random(mix64(seed_ + 2, static_cast<uint64_t>(step), i));
  for (size_t k = 0; k < lines; ++k) draw_line(random, r);
}

// Articles on promotion are taken kPromoLift times as often; what is out of
// stock in the story is not taken.
size_t Receipts::pick_article(Random& random, const Receipt& r) const {
  const auto& promo =
      week(RetailWorld::week_number(r.arrived.ms)).promo_percent;
  bool missing = world_->stores[r.store].region == kStockOutRegion &&
                 story_at(Story::kStockOut, r.arrived).has_value();
  while (true) {
    size_t i = world_->pick_article.draw(random);
    if (missing && i == world_->missing_article) continue;
    if (promo[i] > 0 || random.chance(1 / kPromoLift)) return i;
  }
}

void Receipts::draw_line(Random& random, Receipt& r) const {
  const auto& now = week(RetailWorld::week_number(r.arrived.ms));
  ReceiptLine line;
  line.article = pick_article(random, r);
  line.price_cents = now.price_cents[line.article];
  line.qty = 1 + random.geometric(0.3, 11);
  int64_t full = line.qty * line.price_cents;
  if (int percent = now.promo_percent[line.article]; percent > 0) {
    line.promoted = true;
    line.discount_cents = (full * percent + 50) / 100;
  }
  if (r.voucher >= 0)
    line.discount_cents += (full - line.discount_cents + 5) / 10;
  line.cost_cents = line.qty * world_->articles[line.article].cost_cents;
  r.lines.push_back(line);
}

}  // namespace freshet
