// Milestones of shipments: trucks of suppliers from their departure to the
// shelf, and the tours that bring orders to customers.
#include <algorithm>
#include <map>
#include <tuple>

#include "server/demo/deliveries.h"
#include "server/demo/step_generator.h"
#include "server/demo/trucks.h"

namespace freshet {
namespace {

enum Column : size_t {
  kShipmentId,
  kType,
  kDirection,
  kCarrier,
  kSupplier,
  kCategory,
  kStore,
  kRegion,
  kUnits,
  kFreightCost,
  kDwellMinutes,
  kDockHours,
  kLeadDays,
  kOrders,
  kOrdersOpen,
  kPayable,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr ColumnType kMoney{ColumnKind::kDecimal, 2};
constexpr ColumnType kReal{ColumnKind::kDouble, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"shipment_id", kText},    {"type", kText},
    {"direction", kText},      {"carrier", kText},
    {"supplier", kText},       {"category", kText},
    {"store", kText},          {"region", kText},
    {"units", kWhole},         {"freight_cost", kMoney},
    {"dwell_minutes", kWhole}, {"dock_hours", kReal},
    {"lead_days", kReal},      {"orders", kWhole},
    {"orders_open", kWhole},   {"payable", kMoney}};

constexpr int64_t kTour = Deliveries::kStepsATour;
constexpr int64_t kLoadingMs = 3'600'000;  // before the first door

enum class Type : uint8_t {
  kDeparted,
  kCheckedIn,
  kCheckedOut,
  kPutAway,
  kHalfway,
  kDelivered
};
constexpr const char* kTypes[] = {"departed", "checked_in", "checked_out",
                                  "put_away", "halfway",    "delivered"};

// What a tour carries.
struct Tour {
  int64_t orders = 0, orders_after_half = 0, units = 0;
  size_t store = 0;
};

struct ShipmentEvent {
  Timestamp time;
  size_t store = 0;
  Type type = Type::kDeparted;
  bool inbound = false;
  Truck truck;         // inbound
  int64_t number = 0;  // outbound: of the tour
  size_t carrier = 0;
  Tour tour;
  auto order() const {
    return std::tuple(time.ms, inbound, truck.step, truck.index, number,
                      carrier, store, type);
  }
};

class ShipmentsGenerator final : public StepGenerator<ShipmentEvent> {
 public:
  ShipmentsGenerator(const DatasetModel& dataset,
                     const GeneratorOptions& options)
      : StepGenerator(dataset, options, kShipmentsPerDay,
                      Trucks::kMostStepsBefore, Trucks::kMostStepsAfter),
        trucks_(options.seed, kTrucksPerDay / 86'400 * scale_),
        deliveries_(options.seed, orders_per_second(), options.late) {
    shape_.key_column = "";
    add_clock_change();
  }

  void fill(int64_t step, std::vector<ShipmentEvent>& out) override {
    for (uint64_t i = 0; i < trucks_.arrivals().count(step); ++i) {
      Truck t = trucks_.read(step, i);
      ShipmentEvent e;
      e.inbound = true;
      e.truck = t;
      e.store = t.store;
      e.carrier = t.carrier;
      add(out, e, Type::kDeparted, t.departed);
      add(out, e, Type::kCheckedIn, t.checked_in);
      add(out, e, Type::kCheckedOut, t.checked_out);
      add(out, e, Type::kPutAway, t.put_away);
    }
    // A tour is known when its last order is delivered.
    if (Deliveries::tour_of(step + 1) != Deliveries::tour_of(step))
      add_tours(Deliveries::tour_of(step), out);
  }

  void write(std::string& line, const ShipmentEvent& e,
             EventFacts& facts) override {
    line += ",\"shipment_id\":\"";
    if (e.inbound)
      trucks_.append_id(line, e.truck.step, e.truck.index);
    else
      deliveries_.append_tour(line, e.number, e.carrier, store(facts).region);
    line.push_back('"');
    append_text(line, "type", kTypes[static_cast<size_t>(e.type)]);
    append_text(line, "direction", e.inbound ? "inbound" : "outbound");
    append_text(line, "carrier", world_->carriers[e.carrier].name);
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    if (e.inbound)
      write_truck(line, e, facts);
    else
      write_tour(line, e, facts);
  }

 private:
  static void add(std::vector<ShipmentEvent>& out, ShipmentEvent e, Type type,
                  Timestamp time) {
    e.type = type;
    e.time = time;
    out.push_back(e);
  }

  void add_tours(int64_t number, std::vector<ShipmentEvent>& out) {
    std::map<std::pair<size_t, std::string>, Tour> tours;  // carrier, region
    int64_t first = number * kTour;
    for (int64_t step = first; step < first + kTour; ++step) {
      for (uint64_t i = 0; i < deliveries_.arrivals().count(step); ++i) {
        Delivery d = deliveries_.read(step, i);
        if (d.cancelled) continue;
        const std::string& region = world_->stores[d.store].region;
        Tour& tour = tours[{d.carrier, region}];
        ++tour.orders;
        tour.orders_after_half += step >= first + kTour / 2;
        tour.units += d.qty_delivered;
        tour.store = hub(region);
      }
    }
    for (const auto& [key, tour] : tours) {
      ShipmentEvent e;
      e.number = number;
      e.carrier = key.first;
      e.tour = tour;
      e.store = tour.store;
      int64_t start = step_start(first).ms;
      add(out, e, Type::kDeparted, {start - kLoadingMs});
      add(out, e, Type::kHalfway, step_start(first + kTour / 2));
      add(out, e, Type::kDelivered, step_start(first + kTour));
    }
  }

  // A region's tours start at its first store.
  size_t hub(const std::string& region) const {
    for (size_t i = 0; i < world_->stores.size(); ++i)
      if (world_->stores[i].region == region) return i;
    return 0;
  }

  void write_whole(std::string& line, EventFacts& facts, Column column,
                   int64_t units) {
    append_number(line, kKnown[column].name, units, kKnown[column].type.scale);
    measure(facts, column, units);
  }
  void write_real(std::string& line, EventFacts& facts, Column column,
                  int64_t sixty_fourths) {
    line += ",\"";
    line += kKnown[column].name;
    line += "\":";
    append_sixty_fourths(line, sixty_fourths);
    measure(facts, column, sixty_fourths);
  }

  void write_truck(std::string& line, const ShipmentEvent& e,
                   EventFacts& facts) {
    const RetailSupplier& supplier = trucks_.suppliers()[e.truck.supplier];
    append_text(line, "supplier", supplier.name);
    append_text(line, "category", supplier.category);
    write_whole(line, facts, kUnits, e.truck.units);
    if (e.type == Type::kDeparted)
      write_whole(line, facts, kFreightCost, e.truck.freight_cents);
    if (e.type == Type::kCheckedIn)
      write_real(line, facts, kLeadDays, e.truck.lead);
    if (e.type == Type::kCheckedOut)
      write_whole(line, facts, kDwellMinutes, e.truck.dwell_minutes);
    if (e.type == Type::kPutAway) {
      write_real(line, facts, kDockHours, e.truck.dock);
      write_whole(line, facts, kPayable, payable(e));
    }
  }

  void write_tour(std::string& line, const ShipmentEvent& e,
                  EventFacts& facts) {
    const Tour& tour = e.tour;
    write_whole(line, facts, kUnits, tour.units);
    write_whole(line, facts, kOrders, tour.orders);
    write_whole(line, facts, kOrdersOpen,
                e.type == Type::kDeparted  ? tour.orders
                : e.type == Type::kHalfway ? tour.orders_after_half
                                           : 0);
    if (e.type == Type::kDeparted)
      write_whole(line, facts, kFreightCost, 6'000 + 250 * tour.orders);
  }

  // What is owed to the supplier: a month's goods, paid on Mondays.
  int64_t payable(const ShipmentEvent& e) const {
    int64_t hour = e.time.ms / 3'600'000;
    int64_t base =
        48'000'000 + 2'500'000 * static_cast<int64_t>(e.truck.supplier);
    return base + base / 600 * ((hour + 72) % 168) + hour % 89;
  }

  const Trucks trucks_;
  const Deliveries deliveries_;
};

}  // namespace

std::span<const RetailGenerator::Known> shipments_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_shipments_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<ShipmentsGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
