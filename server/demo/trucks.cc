#include "server/demo/trucks.h"

#include <algorithm>
#include <cmath>

#include "server/demo/event_generator.h"
#include "server/demo/event_text.h"

namespace freshet {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr double kUnitsPerTruck = 600;
constexpr double kMeanDwellMinutes = 85;
constexpr double kMeanDockHours = 9;
constexpr double kWarmSpell = 0.015;  // share of cold journeys, for a while

constexpr RetailSupplier kSuppliers[] = {
    {"Huerta del Sur", "Fresh food", 2, true},
    {"Lácteos Cantabria", "Fresh food", 3, true},
    {"Granja Roca", "Fresh food", 2.5, true},
    {"Molinos Reunidos", "Groceries", 6, false},
    {"Conservas Atlántico", "Groceries", 9, false},
    {"Arroces del Turia", "Groceries", 7, false},
    {"Panes de Aldea", "Bakery", 1.5, false},
    {"Bodegas Altamira", "Drinks", 8, false},
    {"Aguas de Sierra", "Drinks", 4, false},
    {"Limpia y Más", "Household", 7, false},
    {"Cosmética Jara", "Beauty", 10, false},
    {"Casa Moderna", "Home", 12, false},
    {"Voltia", "Electronics", 14, false},
};

double share_of(const RetailSupplier& supplier, const RetailWorld& world,
                double (*weight)(const RetailArticle&)) {
  double of = 0, all = 0, suppliers = 0;
  for (const RetailArticle& article : world.articles) {
    all += weight(article);
    if (std::string_view(article.category) == supplier.category)
      of += weight(article);
  }
  for (const RetailSupplier& other : kSuppliers)
    if (std::string_view(other.category) == supplier.category) ++suppliers;
  return of / all / suppliers;
}

}  // namespace

Trucks::Trucks(uint64_t seed, double per_second)
    : seed_(mix64(seed, "trucks")),
      world_(RetailWorld::make(seed)),
      suppliers_(std::begin(kSuppliers), std::end(kSuppliers)),
      arrivals_(seed_, TrafficCurve::Shape::kDelivery, per_second) {
  std::vector<double> shares;
  for (const RetailSupplier& supplier : suppliers_) {
    // A category has trucks by its articles, and their load is what it sells.
    shares.push_back(
        share_of(supplier, *world_, [](const RetailArticle&) { return 1.0; }));
    double sold = share_of(supplier, *world_, [](const RetailArticle& article) {
      return article.demand;
    });
    loads_.push_back(kUnitsPerTruck * sold / shares.back());
  }
  pick_supplier_ = WeightedChoice(shares);
}

void Trucks::append_id(std::string& out, int64_t step, uint64_t i) const {
  out += "IN-";
  append_digits(out, static_cast<uint64_t>(step), 7);
  out.push_back('-');
  append_digits(out, i, i < 1000 ? 3 : 10);
}

Truck Trucks::draw(int64_t step, uint64_t i) const {
  Random random(mix64(seed_, static_cast<uint64_t>(step), i));
  Truck t;
  t.step = step;
  t.index = i;
  t.supplier = pick_supplier_.draw(random);
  t.carrier = world_->pick_carrier.draw(random);
  t.store =
      random.chance(0.3) ? world_->web() : world_->pick_store.draw(random);
  t.checked_in = arrivals_.time(step, i);
  t.departed = {t.checked_in.ms - 4 * kHourMs -
                static_cast<int64_t>(random.below(8 * kHourMs))};
  t.dwell_minutes = std::clamp<int64_t>(
      static_cast<int64_t>(random.gamma(3, kMeanDwellMinutes)), 10, 1000);
  t.checked_out = {t.checked_in.ms + t.dwell_minutes * kMinuteMs};
  t.dock = std::clamp<int64_t>(
      static_cast<int64_t>(random.gamma(3, kMeanDockHours) / kDoubleUnit),
      t.dwell_minutes * 64 / 60 + 1, 64 * 60);
  t.put_away = {t.checked_in.ms + t.dock * (kHourMs / 64)};
  t.lead = std::max<int64_t>(
      32, static_cast<int64_t>(
              random.gamma(9, suppliers_[t.supplier].mean_lead_days) /
              kDoubleUnit));
  t.units = 1 + static_cast<int64_t>(loads_[t.supplier] *
                                     (0.6 + 0.8 * random.uniform()));
  t.freight_cents = 9'000 + static_cast<int64_t>(random.below(6'000)) +
                    (t.checked_in.ms - t.departed.ms) / kHourMs * 1'200;
  return t;
}

Truck Trucks::read(int64_t step, uint64_t i) const {
  Truck t = draw(step, i);
  auto window = story_at(Story::kWarmTruck, t.checked_in);
  if (!window || !suppliers_[t.supplier].cold) return t;
  if (warm_of_ != window->number) find_warm(*window);
  t.warm = step == warm_step_ && i == warm_index_;
  return t;
}

// The first cold truck that arrives after eight on that day.
void Trucks::find_warm(const StoryWindow& window) const {
  warm_of_ = window.number;
  warm_step_ = INT64_MIN;
  int64_t end = step_of(window.to);
  for (int64_t s = step_of({window.from.ms + 8 * kHourMs}); s < end; ++s) {
    for (uint64_t i = 0; i < arrivals_.count(s); ++i) {
      if (!suppliers_[draw(s, i).supplier].cold) continue;
      warm_step_ = s;
      warm_index_ = i;
      return;
    }
  }
}

int64_t Trucks::readings(const Truck& t) {
  return (t.checked_in.ms - t.departed.ms) / kReadingMs;
}

int64_t Trucks::temperature(const Truck& t, int64_t k) const {
  uint64_t key = mix64(seed_ + 1, static_cast<uint64_t>(t.step), t.index);
  auto wobble = [&](int64_t at) {
    return unit_interval(mix64(key, static_cast<uint64_t>(at))) - 0.5;
  };
  // Each reading shares two thirds with the one before.
  double degrees = 3.4 + 1.8 * unit_interval(key) +
                   0.9 * (wobble(k) + wobble(k + 1) + wobble(k + 2));
  int64_t length = readings(t);
  if (t.warm) {
    // The cooling fails after a quarter of the way.
    int64_t since = k - length / 4;
    if (since > 0) degrees += std::min(10.0, 1.2 * static_cast<double>(since));
  } else if (unit_interval(mix64(key, 1u << 20)) < kWarmSpell) {
    int64_t from = length / 3, to = from + 3 + static_cast<int64_t>(key % 6);
    if (k >= from && k < to) degrees += 5;
  }
  return static_cast<int64_t>(degrees / kDoubleUnit);
}

}  // namespace freshet
