// Finished orders: the delivery arrives along the curve of a carrier's day; how
// long it took is gamma distributed with the carrier's mean.
#include <algorithm>

#include "server/demo/retail_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kOrderId,
  kStatus,
  kChannel,
  kStore,
  kRegion,
  kCarrier,
  kOrderedTs,
  kPromisedTs,
  kDeliveredTs,
  kHoursToDeliver,
  kQtyOrdered,
  kQtyDelivered,
  kValue,
  kOnTime,
  kInFull,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr ColumnType kTime{ColumnKind::kTimestamp, 0};
constexpr ColumnType kFlag{ColumnKind::kBool, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"order_id", kText},
    {"status", kText},
    {"channel", kText},
    {"store", kText},
    {"region", kText},
    {"carrier", kText},
    {"ordered_ts", kTime},
    {"promised_ts", kTime},
    {"delivered_ts", kTime},
    {"hours_to_deliver", {ColumnKind::kDouble, 0}},
    {"qty_ordered", kWhole},
    {"qty_delivered", kWhole},
    {"value", {ColumnKind::kDecimal, 2}},
    {"on_time", kFlag},
    {"in_full", kFlag}};

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kPromisedHours = 48;
constexpr double kCancelled = 0.018;
constexpr double kShort = 0.028;  // something was missing

class OrdersGenerator final : public RetailGenerator {
 public:
  OrdersGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kDelivery) {
    shape_.group_column = "store";
    shape_.key_column = "order_id";
  }

  bool step(EventFacts& facts) override {
    Timestamp arrived = arrival(1);
    if (arrived >= options_.end && !options_.rows) return false;
    facts.time = maybe_late(arrived);
    facts.first_of_key = true;
    facts.group = static_cast<int32_t>(random_.chance(0.75)
                                           ? world_->pick_store.draw(random_)
                                           : world_->web());
    return true;
  }

  void write(std::string& line, EventFacts& facts) override {
    bool cancelled = random_.chance(kCancelled);
    const RetailCarrier& carrier =
        world_->carriers[world_->pick_carrier.draw(random_)];
    line += ",\"order_id\":\"O";
    append_digits(line, run_ % 100'000'000, 8);
    line.push_back('-');
    append_digits(line, facts.seq, 8);
    line +=
        cancelled ? "\",\"status\":\"cancelled" : "\",\"status\":\"delivered";
    line +=
        random_.chance(0.6) ? "\",\"channel\":\"web" : "\",\"channel\":\"app";
    line += "\",\"store\":\"";
    line += store(facts).code;
    line += "\",\"region\":\"";
    line += store(facts).region;
    line += "\",\"carrier\":\"";
    line += carrier.name;
    line.push_back('"');
    write_times(line, facts, carrier, cancelled);
    write_goods(line, facts, cancelled);
  }

 private:
  void write_times(std::string& line, EventFacts& facts,
                   const RetailCarrier& carrier, bool cancelled) {
    // Whole 64ths of an hour, so that the column says the same as the times.
    auto took = std::max<int64_t>(
        1, static_cast<int64_t>(random_.gamma(4, carrier.mean_hours) /
                                kDoubleUnit));
    Timestamp ordered{facts.time.ms - took * (kHourMs / 64)};
    Timestamp promised{(ordered.ms / kHourMs + 1 + kPromisedHours) * kHourMs};
    line += ",\"ordered_ts\":";
    times_.append_iso(line, ordered);
    line += ",\"promised_ts\":";
    times_.append_iso(line, promised);
    if (cancelled) {
      line += ",\"on_time\":false";
      return;
    }
    line += ",\"delivered_ts\":";
    times_.append_iso(line, facts.time);
    line += ",\"hours_to_deliver\":";
    append_sixty_fourths(line, took);
    line += facts.time <= promised ? ",\"on_time\":true" : ",\"on_time\":false";
    measure(facts, kHoursToDeliver, took);
  }

  void write_goods(std::string& line, EventFacts& facts, bool cancelled) {
    int64_t ordered = 1 + random_.geometric(0.75, 40);
    int64_t delivered = ordered;
    if (cancelled) {
      delivered = 0;
    } else if (random_.chance(kShort)) {
      delivered =
          static_cast<int64_t>(random_.below(static_cast<uint64_t>(ordered)));
    }
    int64_t value = 0;
    for (int64_t i = 0; i < std::min<int64_t>(ordered, 5); ++i) {
      const RetailArticle& article =
          world_->articles[world_->pick_article.draw(random_)];
      value += article.price_cents * ((ordered - i + 4) / 5);
    }
    line += ",\"qty_ordered\":";
    append_int(line, ordered);
    line += ",\"qty_delivered\":";
    append_int(line, delivered);
    line += ",\"value\":";
    append_decimal(line, value, 2);
    line += delivered == ordered ? ",\"in_full\":true" : ",\"in_full\":false";
    measure(facts, kQtyOrdered, ordered);
    measure(facts, kQtyDelivered, delivered);
    measure(facts, kValue, value);
  }
};

}  // namespace

std::span<const RetailGenerator::Known> orders_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_orders_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<OrdersGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
