#include "server/demo/retail_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "segments/time.h"
#include "server/demo/story.h"

namespace freshet {
namespace {

constexpr size_t kStores = 40;
constexpr size_t kMembers = 50'000;
constexpr int64_t kDayMs = 86'400'000;

struct Category {
  const char* name;
  int articles;      // of 500
  double low, high;  // price in currency units
  double cost_ratio;
};
constexpr Category kCategories[] = {
    {"Fresh food", 90, 1, 7, 0.68},   {"Groceries", 130, 0.8, 9, 0.70},
    {"Bakery", 40, 0.8, 5, 0.50},     {"Drinks", 70, 0.9, 16, 0.66},
    {"Household", 60, 1.5, 14, 0.64}, {"Beauty", 50, 3, 32, 0.55},
    {"Home", 35, 6, 60, 0.60},        {"Electronics", 25, 12, 180, 0.78},
};
constexpr const char* kRegions[] = {"Madrid",   "Cataluña", "Andalucía",
                                    "Valencia", "Galicia",  "País Vasco"};
// Two in six of the stores are in the capital's region.
constexpr size_t kRegionOfStore[] = {0, 1, 2, 0, 3, 4, 1, 5};

}  // namespace

std::shared_ptr<const RetailWorld> RetailWorld::make(uint64_t seed) {
  return std::shared_ptr<const RetailWorld>(new RetailWorld(seed));
}

RetailWorld::RetailWorld(uint64_t seed) : seed_(mix64(seed, "world")) {
  add_stores();
  add_articles();
  carriers = {{"Iberpost", 0.35, 22},
              {"Norte Express", 0.30, 25},
              {"Rapidella", 0.20, 29},
              {"Velocargo", 0.15, 34}};
  std::vector<double> shares;
  for (const RetailCarrier& carrier : carriers) shares.push_back(carrier.share);
  pick_carrier = WeightedChoice(shares);
  pick_member = WeightedChoice(zipf_weights(kMembers, 0.6));
}

void RetailWorld::add_stores() {
  Random random(mix64(seed_, "stores"));
  std::vector<double> sizes;
  for (size_t i = 0; i < kStores; ++i) {
    RetailStore store;
    store.code = fmt::format("S{:03}", i + 1);
    store.region = kRegions[kRegionOfStore[i % std::size(kRegionOfStore)]];
    store.size = std::exp(0.5 * random.normal());
    store.registers = 2 + static_cast<int>(store.size * 3);
    store.area_m2 = 300 + 10 * static_cast<int64_t>(store.size * 60);
    sizes.push_back(store.size);
    stores.push_back(std::move(store));
  }
  pick_store = WeightedChoice(sizes);
  stores.push_back({"WEB", "Online", 8, 1, 0});
}

void RetailWorld::add_articles() {
  Random random(mix64(seed_, "articles"));
  for (const Category& category : kCategories) {
    for (int i = 0; i < category.articles; ++i) {
      RetailArticle article;
      article.sku = fmt::format("A{:05}", 10000 + articles.size() * 7);
      article.category = category.name;
      // Log-uniform, ending in 9: cheap articles are many.
      double price = category.low *
                     std::pow(category.high / category.low, random.uniform());
      article.price_cents = static_cast<int64_t>(price * 10) * 10 + 9;
      double ratio = category.cost_ratio * (0.9 + 0.2 * random.uniform());
      article.cost_cents = std::max<int64_t>(
          1, static_cast<int64_t>(static_cast<double>(article.price_cents) *
                                  ratio));
      articles.push_back(article);
    }
  }
  // Ranks are dealt without regard to the category.
  std::vector<double> demand = zipf_weights(articles.size(), 0.9);
  for (size_t i = demand.size(); i > 1; --i)
    std::swap(demand[i - 1], demand[random.below(i)]);
  for (size_t i = 0; i < articles.size(); ++i) articles[i].demand = demand[i];
  pick_article = WeightedChoice(demand);
  missing_article = static_cast<size_t>(
      std::max_element(demand.begin(), demand.end()) - demand.begin());
}

int64_t RetailWorld::week_number(int64_t t_ms) {
  int64_t days = t_ms / kDayMs - (t_ms % kDayMs < 0 ? 1 : 0);
  int64_t since_monday = days + 3;  // 1970-01-01 was a Thursday
  return since_monday / 7 - (since_monday % 7 < 0 ? 1 : 0);
}

RetailWorld::Week RetailWorld::week(int64_t number) const {
  Week week;
  week.number = number;
  // Weeks count from Monday the 29th of December 1969.
  Timestamp monday{(number * 7 - 3) * kDayMs};
  bool in_story = story_at(Story::kPromo, monday).has_value();
  for (size_t i = 0; i < articles.size(); ++i) {
    uint64_t season = mix64(seed_, i, static_cast<uint64_t>(number / 13));
    int64_t percent = 97 + static_cast<int64_t>(season % 7);
    // Shelf prices end in 9.
    week.price_cents.push_back(articles[i].price_cents * percent / 1000 * 10 +
                               9);
    uint64_t promo = mix64(seed_ + 1, i, static_cast<uint64_t>(number));
    bool on = promo % 100 < 10;
    week.promo_percent.push_back(
        on ? static_cast<uint8_t>(10 + 5 * (promo / 100 % 5)) : uint8_t{0});
    if (in_story && std::string_view(articles[i].category) == kPromoCategory)
      week.promo_percent.back() = kPromoPercent;
  }
  return week;
}

RetailWorld::Stock RetailWorld::stock(size_t article, size_t store,
                                      int64_t t_ms) const {
  uint64_t key = mix64(seed_, article, store);
  int64_t cycle_ms = static_cast<int64_t>(4 + key % 11) * kDayMs;
  int64_t shifted =
      t_ms +
      static_cast<int64_t>(mix64(key) % static_cast<uint64_t>(14 * kDayMs)) -
      kMinTimestamp.ms;  // never negative
  int64_t cycle = shifted / cycle_ms;
  double phase =
      static_cast<double>(shifted % cycle_ms) / static_cast<double>(cycle_ms);
  uint64_t luck = mix64(key, static_cast<uint64_t>(cycle));
  double sold = 0.60 + 0.65 * unit_interval(luck);  // share of what came
  double per_day = articles[article].demand * stores[store].size * 116;
  double filled =
      std::max(3.0, per_day * static_cast<double>(cycle_ms) / kDayMs * 1.1);
  Stock stock;
  stock.ranged = stores[store].code == "WEB" || key / 11 % 20 != 0;
  stock.just_delivered = phase * static_cast<double>(cycle_ms) < 3 * 3'600'000;
  stock.on_hand = std::max<int64_t>(
      0, static_cast<int64_t>(std::ceil(filled * (1 - phase * sold))));
  if (article == missing_article && stores[store].region == kStockOutRegion) {
    bool missing = story_at(Story::kStockOut, {t_ms}).has_value();
    if (missing) stock.on_hand = 0;
    // The delivery that ends it.
    stock.just_delivered |=
        !missing && story_at(Story::kStockOut, {t_ms - 3 * 3'600'000});
  }
  return stock;
}

}  // namespace freshet
