#include "server/demo/deliveries.h"

#include <algorithm>
#include <string_view>

#include "server/demo/event_generator.h"
#include "server/demo/event_text.h"

namespace freshet {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kPromisedHours = 48;
constexpr double kCancelled = 0.018;
constexpr double kShort = 0.028;      // something was missing
constexpr double kSplit = 0.035;      // not all of it was in stock
constexpr double kWrongLine = 0.004;  // picked wrong, of each line
constexpr double kDamaged = 0.006;
constexpr double kWrongPapers = 0.004;
constexpr double kLateFactor = 2.2;  // of the carrier's time, in the story

}  // namespace

Deliveries::Deliveries(uint64_t seed, double per_second, double late)
    : seed_(mix64(seed, "deliveries")),
      late_(late),
      world_(RetailWorld::make(seed)),
      arrivals_(seed, TrafficCurve::Shape::kDelivery, per_second) {}

int64_t Deliveries::tour_of(int64_t step) {
  return step / kStepsATour - (step % kStepsATour < 0 ? 1 : 0);
}

void Deliveries::append_id(std::string& out, int64_t step, uint64_t i) const {
  out.push_back('O');
  append_digits(out, seed_ % 1000, 3);
  append_digits(out, static_cast<uint64_t>(step), 7);
  out.push_back('-');
  append_digits(out, i, i < 10'000 ? 4 : 10);
}

void Deliveries::append_tour(std::string& out, int64_t tour, size_t carrier,
                             const std::string& region) const {
  out += "OUT-";
  append_digits(out, static_cast<uint64_t>(tour), 6);
  out.push_back('-');
  out += world_->carriers[carrier].name;
  out.push_back('-');
  out += region;
}

Delivery Deliveries::read(int64_t step, uint64_t i) const {
  Random random(mix64(seed_, static_cast<uint64_t>(step), i));
  Delivery d;
  d.step = step;
  d.index = i;
  d.arrived = d.time = arrivals_.time(step, i);
  if (random.chance(late_))
    d.time.ms -= 60'000 + static_cast<int64_t>(random.below(20 * 60'000));
  d.store =
      random.chance(0.75) ? world_->pick_store.draw(random) : world_->web();
  d.cancelled = random.chance(kCancelled);
  d.carrier = world_->pick_carrier.draw(random);
  d.app = !random.chance(0.6);
  d.member = random.chance(0.7)
                 ? static_cast<int64_t>(world_->pick_member.draw(random))
                 : -1;
  const RetailCarrier& carrier = world_->carriers[d.carrier];
  bool in_story = std::string_view(carrier.name) == kLateCarrier &&
                  story_at(Story::kLateCarrier, d.arrived).has_value();
  double mean = carrier.mean_hours * (in_story ? kLateFactor : 1);
  // Whole 64ths of an hour, so that the column says the same as the times.
  d.took = std::max<int64_t>(
      1, static_cast<int64_t>(random.gamma(4, mean) / kDoubleUnit));
  d.ordered = {d.time.ms - d.took * (kHourMs / 64)};
  d.promised = {(d.ordered.ms / kHourMs + 1 + kPromisedHours) * kHourMs};
  draw_goods(random, d);
  return d;
}

void Deliveries::draw_goods(Random& random, Delivery& d) const {
  d.qty = 1 + random.geometric(0.75, 40);
  d.lines = std::min<int64_t>(d.qty, 5);
  d.qty_first_ship = d.qty_delivered = d.qty;
  d.lines_first_ship = d.lines_right = d.lines;
  for (int64_t i = 0; i < d.lines; ++i) {
    const RetailArticle& article =
        world_->articles[world_->pick_article.draw(random)];
    d.value_cents += article.price_cents * ((d.qty - i + 4) / 5);
    if (random.chance(kWrongLine)) --d.lines_right;
  }
  if (random.chance(kSplit)) {
    // One line waits for the next delivery to the store.
    d.backordered = true;
    --d.lines_first_ship;
    d.qty_first_ship -= (d.qty + 4) / 5;
  }
  if (random.chance(kShort))
    d.qty_delivered =
        static_cast<int64_t>(random.below(static_cast<uint64_t>(d.qty)));
  d.undamaged = !random.chance(kDamaged);
  d.documents_right = !random.chance(kWrongPapers);
  if (!d.cancelled) return;
  d.qty_first_ship = d.qty_delivered = 0;
  d.lines_first_ship = d.lines_right = 0;
}

}  // namespace freshet
