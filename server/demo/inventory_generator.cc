// Stock positions: readings of RetailWorld::stock. A run may open with one
// reading of every article at every location, then articles are booked as they
// are sold.
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
    {"out_of_stock", kWhole}};

class InventoryGenerator final : public RetailGenerator {
 public:
  InventoryGenerator(const DatasetModel& dataset,
                     const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kStock) {
    shape_.group_column = "location";
    size_t places = world_->stores.size() * world_->articles.size();
    if (options.opening_stock) opening_ = places;
    if (options.changed_stock_only) {
      for (size_t i = 0; i < places; ++i)
        known_.push_back(on_hand(i, options.start));
    }
  }

  bool step(EventFacts& facts) override {
    facts.first_of_key = false;
    if (opened_ < opening_) {
      article_ = opened_ % world_->articles.size();
      facts.group = static_cast<int32_t>(opened_ / world_->articles.size());
      facts.time = options_.start;
      ++opened_;
      counted_ = true;
      return true;
    }
    do {
      if (!look(facts)) return false;
    } while (options_.changed_stock_only && !news(facts));
    return true;
  }
  void write(std::string& line, EventFacts& facts) override {
    const RetailArticle& article = world_->articles[article_];
    RetailWorld::Stock stock = world_->stock(
        article_, static_cast<size_t>(facts.group), facts.time.ms);
    bool out = stock.ranged && stock.on_hand == 0;
    line += ",\"sku\":\"";
    line += article.sku;
    line += "\",\"category\":\"";
    line += article.category;
    line += "\",\"location\":\"";
    line += store(facts).code;
    line += "\",\"region\":\"";
    line += store(facts).region;
    line += "\",\"reason\":\"";
    line += counted_ ? "count" : stock.just_delivered ? "delivery" : "sale";
    line += "\",\"on_hand\":";
    append_int(line, stock.on_hand);
    line += ",\"unit_cost\":";
    append_decimal(line, article.cost_cents, 2);
    line += stock.ranged ? ",\"ranged\":1" : ",\"ranged\":0";
    line += out ? ",\"out_of_stock\":1" : ",\"out_of_stock\":0";
    measure(facts, kOnHand, stock.on_hand);
    measure(facts, kUnitCost, article.cost_cents);
    measure(facts, kRanged, stock.ranged);
    measure(facts, kOutOfStock, out);
  }

 private:
  // The next reading, of whatever shelf.
  bool look(EventFacts& facts) {
    counted_ = random_.chance(0.05);
    Timestamp arrived = arrival(1);
    if (arrived >= options_.end && !options_.rows) return false;
    facts.time = maybe_late(arrived);
    // Every third reading follows demand, the others go round: slow articles
    // are counted, too.
    article_ = random_.chance(1.0 / 3) ? world_->pick_article.draw(random_)
                                       : random_.below(world_->articles.size());
    facts.group = static_cast<int32_t>(random_.below(world_->stores.size()));
    return true;
  }

  // Whether it differs from the last one told.
  bool news(const EventFacts& facts) {
    size_t place =
        static_cast<size_t>(facts.group) * world_->articles.size() + article_;
    int64_t now = on_hand(place, facts.time);
    return std::exchange(known_[place], now) != now;
  }

  int64_t on_hand(size_t place, Timestamp t) const {
    size_t articles = world_->articles.size();
    return world_->stock(place % articles, place / articles, t.ms).on_hand;
  }

  std::vector<int64_t> known_;  // with changed_stock_only, by store and article
  size_t opening_ = 0, opened_ = 0;
  size_t article_ = 0;
  bool counted_ = false;
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
