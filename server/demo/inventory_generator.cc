// Stock positions: readings of RetailWorld::stock. A run may open with one
// reading of every article at every location, then articles are booked as they
// are sold.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/demo/retail_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kSku,
  kCategory,
  kLocation,
  kRegion,
  kReason,
  kOnHand,
  kUnitCost,
  kRanged,
  kOutOfStock,
  kBooked,
  kAreaM2,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"sku", kText},
    {"category", kText},
    {"location", kText},
    {"region", kText},
    {"reason", kText},
    {"on_hand", kWhole},
    {"unit_cost", {ColumnKind::kDecimal, 2}},
    {"ranged", kWhole},
    {"out_of_stock", kWhole},
    {"booked", kWhole},
    {"area_m2", kWhole}};

// A stocktake finds this or less missing, in whole units.
constexpr int kMostLost = 40;
constexpr double kStocktakeShare = 0.05;  // of the readings

class InventoryGenerator final : public RetailGenerator {
 public:
  InventoryGenerator(const DatasetModel& dataset,
                     const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kStock),
        clock_(TrafficCurve(options.seed, TrafficCurve::Shape::kStock), pace_,
               options.start) {
    shape_.group_column = "location";
    if (options.opening_stock) opening_ = places();
    if (options.changed_stock_only) {
      for (size_t i = 0; i < places(); ++i)
        known_.push_back(on_hand(i, options.start));
    }
    plan_stock_out();
    add_clock_change();
    stocktake_ms_ = stocktake_every_ms();
    stocktake_ = options.start.ms / stocktake_ms_ + 1;
  }

  bool step(EventFacts& facts) override {
    facts.first_of_key = false;
    booked_more_ = 0;
    if (opened_ < opening_) {
      read(opened_++, options_.start, facts);
      counted_ = true;
    } else {
      if (!arrived_) arrived_ = arrival();
      if (!take_planned(facts) && !take_stocktake(facts) && !look(facts))
        return false;
    }
    if (is_missing(facts)) facts.stories |= stock_out_;
    return true;
  }

  void write(std::string& line, EventFacts& facts) override {
    const RetailArticle& article = world_->articles[article_];
    RetailWorld::Stock stock = stock_now(facts);
    append_text(line, "sku", article.sku);
    append_text(line, "category", article.category);
    append_text(line, "location", store(facts).code);
    append_text(line, "region", store(facts).region);
    append_text(line, "reason",
                counted_               ? "count"
                : stock.just_delivered ? "delivery"
                                       : "sale");
    bool out = stock.ranged && stock.on_hand == 0;
    write_number(line, facts, kOnHand, stock.on_hand);
    write_number(line, facts, kUnitCost, article.cost_cents);
    write_number(line, facts, kRanged, stock.ranged);
    write_number(line, facts, kOutOfStock, out);
    write_number(line, facts, kBooked, stock.on_hand + booked_more_);
    write_number(line, facts, kAreaM2, store(facts).area_m2);
  }

 private:
  struct Planned {
    Timestamp time;
    size_t place;
  };

  size_t places() const {
    return world_->stores.size() * world_->articles.size();
  }

  // The shelves of the story are read when it begins and when it ends.
  void plan_stock_out() {
    size_t article = world_->missing_article;
    stock_out_ =
        add_story(Story::kStockOut, "stock_out",
                  fmt::format("sku = '{}' AND region = '{}' AND on_hand = 0",
                              world_->articles[article].sku, kStockOutRegion));
    if (!stock_out_) return;
    for (const Interval& w : shape_.stories.back().windows) {
      for (Timestamp t : {w.start, w.end}) {
        if (t < options_.start || t >= options_.end) continue;
        for (size_t s = 0; s < world_->stores.size(); ++s)
          if (world_->stores[s].region == kStockOutRegion)
            planned_.push_back({t, s * world_->articles.size() + article});
      }
    }
  }

  int64_t stocktake_every_ms() const {
    constexpr int64_t kAtTheLevel = 420'000;
    if (!options_.rows) return kAtTheLevel;
    double stocktakes =
        1 + kStocktakeShare * static_cast<double>(*options_.rows);
    return std::max<int64_t>(
        1, static_cast<int64_t>(
               static_cast<double>(options_.end.ms - options_.start.ms) /
               stocktakes));
  }

  void read(size_t place, Timestamp time, EventFacts& facts) {
    article_ = place % world_->articles.size();
    facts.group = static_cast<int32_t>(place / world_->articles.size());
    facts.time = time;
  }

  bool take_planned(EventFacts& facts) {
    if (next_planned_ == planned_.size() ||
        planned_[next_planned_].time > *arrived_)
      return false;
    const Planned& planned = planned_[next_planned_++];
    read(planned.place, planned.time, facts);
    counted_ = false;
    return true;
  }

  // Stocktakes come at their own pace: what is lost does not depend on how
  // often shelves are read.
  bool take_stocktake(EventFacts& facts) {
    Timestamp due{stocktake_ * stocktake_ms_};
    if (due > *arrived_ || is_over(due)) return false;
    Random random(mix64(run_seed(), static_cast<uint64_t>(stocktake_++)));
    read(random.below(places()), due, facts);
    counted_ = true;
    if (!known_.empty()) news(facts);
    if (random.chance(0.6)) booked_more_ = 1 + random.geometric(0.8, kMostLost);
    return true;
  }

  // The next reading, of whatever shelf.
  bool look(EventFacts& facts) {
    do {
      if (!arrived_) arrived_ = arrival();
      if (is_over(*arrived_)) return false;
      counted_ = random_.chance(0.05);
      // Every third reading follows demand, the others go round: slow articles
      // are counted, too.
      size_t article = random_.chance(1.0 / 3)
                           ? world_->pick_article.draw(random_)
                           : random_.below(world_->articles.size());
      size_t at = random_.below(world_->stores.size());
      read(at * world_->articles.size() + article, maybe_late(facts), facts);
      arrived_.reset();
    } while (options_.changed_stock_only && !news(facts));
    return true;
  }

  // Somewhere around its due time, so that the number keeps to the curve.
  Timestamp arrival() {
    double jitter = random_.uniform();
    double moved = 1 + jitter - last_jitter_;
    last_jitter_ = jitter;
    return clock_.advance(moved);
  }

  // Now and then an event is minutes older than its arrival.
  Timestamp maybe_late(EventFacts& facts) {
    Timestamp t = *arrived_;
    facts.late = random_.chance(options_.late);
    if (facts.late)
      t.ms -= 60'000 + static_cast<int64_t>(random_.below(20 * 60'000));
    return std::max(t, options_.start);
  }

  // Whether it differs from the last one told.
  bool news(const EventFacts& facts) {
    size_t place =
        static_cast<size_t>(facts.group) * world_->articles.size() + article_;
    int64_t now = on_hand(place, facts.time);
    return std::exchange(known_[place], now) != now;
  }

  RetailWorld::Stock stock_now(const EventFacts& facts) const {
    return world_->stock(article_, static_cast<size_t>(facts.group),
                         facts.time.ms);
  }

  bool is_missing(const EventFacts& facts) const {
    return stock_out_ && article_ == world_->missing_article &&
           store(facts).region == kStockOutRegion &&
           story_at(Story::kStockOut, facts.time);
  }

  int64_t on_hand(size_t place, Timestamp t) const {
    size_t articles = world_->articles.size();
    return world_->stock(place % articles, place / articles, t.ms).on_hand;
  }

  uint64_t run_seed() const { return mix64(options_.seed, "stocktakes"); }

  void write_number(std::string& line, EventFacts& facts, Column column,
                    int64_t units) {
    append_number(line, kKnown[column].name, units, kKnown[column].type.scale);
    measure(facts, column, units);
  }

  TrafficClock clock_;
  double last_jitter_ = 0;
  std::optional<Timestamp> arrived_;  // of the next reading
  std::vector<int64_t> known_;  // with changed_stock_only, by store and article
  std::vector<Planned> planned_;
  size_t next_planned_ = 0;
  int64_t stocktake_ms_ = 0, stocktake_ = 0;
  size_t opening_ = 0, opened_ = 0;
  size_t article_ = 0;
  bool counted_ = false;
  int64_t booked_more_ = 0;  // than is there
  uint32_t stock_out_ = 0;
};

}  // namespace

std::span<const RetailGenerator::Known> inventory_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_inventory_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<InventoryGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
