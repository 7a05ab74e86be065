// Finished orders: they arrive along the curve of a carrier's day; how long one
// took is gamma distributed with the carrier's mean.
#include <fmt/format.h>

#include <algorithm>

#include "server/demo/deliveries.h"
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
  kShipmentId,
  kMemberId,
  kQtyFirstShip,
  kLines,
  kLinesFirstShip,
  kLinesRight,
  kBackordered,
  kUndamaged,
  kDocumentsRight,
  kReceivable,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr ColumnType kMoney{ColumnKind::kDecimal, 2};
constexpr ColumnType kTime{ColumnKind::kTimestamp, 0};
constexpr ColumnType kFlag{ColumnKind::kBool, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"order_id", kText},     {"status", kText},
    {"channel", kText},      {"store", kText},
    {"region", kText},       {"carrier", kText},
    {"ordered_ts", kTime},   {"promised_ts", kTime},
    {"delivered_ts", kTime}, {"hours_to_deliver", {ColumnKind::kDouble, 0}},
    {"qty_ordered", kWhole}, {"qty_delivered", kWhole},
    {"value", kMoney},       {"on_time", kFlag},
    {"in_full", kFlag},      {"shipment_id", kText},
    {"member_id", kText},    {"qty_first_ship", kWhole},
    {"lines", kWhole},       {"lines_first_ship", kWhole},
    {"lines_right", kWhole}, {"backordered", kFlag},
    {"undamaged", kFlag},    {"documents_right", kFlag},
    {"receivable", kMoney}};

class OrdersGenerator final : public RetailGenerator {
 public:
  OrdersGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kDelivery),
        deliveries_(options.seed, pace_, options.late),
        step_(step_of(options.start)),
        index_(deliveries_.arrivals().first_from(step_, options.start)) {
    shape_.group_column = "store";
    shape_.key_column = "order_id";
    late_carrier_ = add_story(
        Story::kLateCarrier, "late_carrier",
        fmt::format(
            "carrier = '{}' AND status = 'delivered' AND on_time = false",
            kLateCarrier));
    add_clock_change();
  }

  bool step(EventFacts& facts) override {
    const Arrivals& arrivals = deliveries_.arrivals();
    while (index_ >= arrivals.count(step_)) {
      ++step_;
      index_ = 0;
      if (is_over(step_start(step_))) return false;
    }
    if (is_over(arrivals.time(step_, index_))) return false;
    order_ = deliveries_.read(step_, index_++);
    facts.time = order_.time = std::max(order_.time, options_.start);
    facts.late = order_.time < order_.arrived;
    facts.first_of_key = true;
    facts.group = static_cast<int32_t>(order_.store);
    return true;
  }

  void write(std::string& line, EventFacts& facts) override {
    line += ",\"order_id\":\"";
    deliveries_.append_id(line, order_.step, order_.index);
    line.push_back('"');
    append_text(line, "status", order_.cancelled ? "cancelled" : "delivered");
    append_text(line, "channel", order_.app ? "app" : "web");
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    append_text(line, "carrier", world_->carriers[order_.carrier].name);
    if (!order_.cancelled) {
      line += ",\"shipment_id\":\"";
      deliveries_.append_tour(line, Deliveries::tour_of(order_.step),
                              order_.carrier, store(facts).region);
      line.push_back('"');
    }
    append_member(line, order_.member);
    write_times(line, facts);
    write_goods(line, facts);
  }

 private:
  void write_times(std::string& line, EventFacts& facts) {
    line += ",\"ordered_ts\":";
    times_.append_iso(line, order_.ordered);
    line += ",\"promised_ts\":";
    times_.append_iso(line, order_.promised);
    bool on_time = !order_.cancelled && facts.time <= order_.promised;
    append_flag(line, "on_time", on_time);
    if (order_.cancelled) return;
    bool slow =
        world_->carriers[order_.carrier].name == std::string_view(kLateCarrier);
    if (slow && !on_time) facts.stories |= late_carrier_;
    line += ",\"delivered_ts\":";
    times_.append_iso(line, facts.time);
    line += ",\"hours_to_deliver\":";
    append_sixty_fourths(line, order_.took);
    measure(facts, kHoursToDeliver, order_.took);
  }

  void write_goods(std::string& line, EventFacts& facts) {
    append_flag(line, "in_full", order_.qty_delivered == order_.qty);
    append_flag(line, "backordered", order_.backordered);
    append_flag(line, "undamaged", order_.undamaged);
    append_flag(line, "documents_right", order_.documents_right);
    write_whole(line, facts, kQtyOrdered, order_.qty);
    write_whole(line, facts, kQtyDelivered, order_.qty_delivered);
    write_whole(line, facts, kQtyFirstShip, order_.qty_first_ship);
    write_whole(line, facts, kLines, order_.lines);
    write_whole(line, facts, kLinesFirstShip, order_.lines_first_ship);
    write_whole(line, facts, kLinesRight, order_.lines_right);
    write_money(line, facts, kValue, order_.value_cents);
    write_money(line, facts, kReceivable, receivable());
  }

  void write_whole(std::string& line, EventFacts& facts, Column column,
                   int64_t units) {
    append_number(line, kKnown[column].name, units, 0);
    measure(facts, column, units);
  }
  void write_money(std::string& line, EventFacts& facts, Column column,
                   int64_t cents) {
    append_number(line, kKnown[column].name, cents, 2);
    measure(facts, column, cents);
  }

  // What the payment provider still owes for this channel: two to three days
  // of its sales, more towards the end of a week.
  int64_t receivable() const {
    int64_t hour = order_.arrived.ms / 3'600'000;
    int64_t base = order_.app ? 24'000'000 : 36'000'000;
    return base + base / 1000 * (hour % 168) + hour % 97;
  }

  const Deliveries deliveries_;
  int64_t step_;
  uint64_t index_;  // of the next order
  Delivery order_;
  uint32_t late_carrier_ = 0;
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
