// The nine datasets tell of one company: what one says, the others confirm.
#include "server/demo/company.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "server/demo/generate.h"
#include "server/demo/live_traffic.h"
#include "server/demo/traffic_curve.h"
#include "tests/server/demo/retail_models.h"

namespace freshet {
namespace {

using namespace test;

struct Event {
  JsonValue json;
  EventFacts facts;
  std::string text(const char* name) const { return string_of(json, name); }
  int64_t units(const char* name, int scale = 0) const {
    return units_of(json, name, scale);
  }
  bool flag(const char* name) const {
    const JsonValue* v = json.find(name);
    return v && v->as_bool() && *v->as_bool();
  }
};

// A tenth of the company, in a fortnight and a day with every story and the
// night of 2026-10-25, when 03:00 becomes 02:00 in Madrid.
constexpr double kScale = 0.1;
const Timestamp kStart = at("2026-10-11T22:00:00Z");  // midnight in Madrid
const Timestamp kEnd = at("2026-10-26T23:00:00Z");    // and there, too

std::vector<Event> events_of(const DatasetModel& dataset,
                             Timestamp start = kStart, Timestamp end = kEnd,
                             double scale = kScale) {
  GeneratorOptions options;
  options.seed = 7;
  options.start = start;
  options.end = end;
  options.per_second = TrafficLevel{}.per_day(dataset.name) * scale / 86'400;
  auto made = make_event_generator(dataset, options);
  REQUIRE(made.has_value());
  std::vector<Event> events;
  std::string line;
  Event event;
  while ((*made)->next(line, event.facts)) {
    event.json = parsed(line);
    events.push_back(event);
  }
  return events;
}

const std::vector<Event>& sales() {
  static const std::vector<Event> events = events_of(sales_model());
  return events;
}

int64_t net_of(const Event& line) {
  return line.units("qty") * line.units("price", 2) - line.units("discount", 2);
}

TEST_CASE("a return is of a line that was sold, and is booked as one") {
  std::map<std::string, const Event*> sold;  // by receipt and sku, line
  std::map<std::string, int64_t> booked;     // negative cents by receipt
  for (const Event& e : sales()) {
    sold[e.text("txn_id") + "/" + std::to_string(e.units("line"))] = &e;
    if (e.units("qty") < 0) booked[e.text("txn_id")] += net_of(e);
  }
  size_t found = 0;
  std::map<std::string, int64_t> returned;
  auto events = events_of(returns_model());
  for (const Event& e : events) {
    returned[e.text("return_txn_id")] += e.units("value", 2);
    Timestamp when = e.facts.time, of = at(e.text("sold_ts").c_str());
    CHECK(when.ms - of.ms > 2 * 86'400'000LL);
    CHECK(when.ms - of.ms < 32 * 86'400'000LL);
    auto line =
        sold.find(e.text("txn_id") + "/" + std::to_string(e.units("line")));
    if (of < kStart) continue;
    REQUIRE(line != sold.end());
    ++found;
    CHECK(line->second->text("sku") == e.text("sku"));
    CHECK(line->second->text("store") == e.text("store"));
    CHECK(line->second->text("member_id") == e.text("member_id"));
    CHECK(line->second->units("qty") == e.units("qty"));
    CHECK(net_of(*line->second) == e.units("value", 2));
  }
  CHECK(events.size() > 400);
  CHECK(found > 100);
  CHECK(booked.size() == returned.size());
  for (const auto& [txn, cents] : booked) CHECK(returned[txn] == -cents);
}

TEST_CASE("points are those of the member's receipts") {
  std::map<std::string, int64_t> receipts;  // cents by receipt with a card
  std::set<std::string> vouchers;
  for (const Event& e : sales()) {
    if (e.text("member_id").empty()) continue;
    receipts[e.text("txn_id")] += net_of(e);
    if (e.units("qty") > 0 && !e.text("voucher_id").empty())
      vouchers.insert(e.text("txn_id"));
  }
  std::map<std::string, int64_t> points;
  std::set<std::string> redeemed, members;
  size_t signed_up = 0, repeats = 0;
  for (const Event& e : events_of(loyalty_model())) {
    std::string type = e.text("type");
    if (type == "earned" || type == "reversed") {
      points[e.text("txn_id")] = e.units("points");
      repeats += e.flag("repeat") && !members.contains(e.text("member_id"));
      if (type == "earned") members.insert(e.text("member_id"));
    } else if (type == "redeemed") {
      redeemed.insert(e.text("txn_id"));
      CHECK(e.units("discount", 2) > 0);
      CHECK(e.json.find("hours_since_change"));
    } else {
      signed_up += type == "signed_up";
    }
  }
  CHECK(points.size() == receipts.size());
  for (const auto& [txn, cents] : receipts) CHECK(points[txn] == cents / 100);
  CHECK(redeemed == vouchers);
  CHECK(signed_up > 80);
  CHECK(repeats > 100);  // of purchases before the range
}

TEST_CASE("an order's shipment is the tour that brought it") {
  std::map<std::string, int64_t> orders, units;
  for (const Event& e : events_of(orders_model())) {
    std::string shipment = e.text("shipment_id");
    CHECK(shipment.empty() == (e.text("status") == "cancelled"));
    if (shipment.empty()) continue;
    ++orders[shipment];
    units[shipment] += e.units("qty_delivered");
  }
  std::map<std::string, int64_t> open;
  size_t whole = 0;
  for (const Event& e : events_of(shipments_model())) {
    if (e.text("direction") != "outbound") continue;
    std::string shipment = e.text("shipment_id"), type = e.text("type");
    if (type == "departed") {
      CHECK(e.units("orders_open") == e.units("orders"));
      open[shipment] = e.units("orders");
    }
    if (type != "delivered" || !open.contains(shipment)) continue;
    ++whole;
    CHECK(e.units("orders_open") == 0);
    CHECK(orders[shipment] == e.units("orders"));
    CHECK(units[shipment] == e.units("units"));
  }
  CHECK(whole > 500);
}

TEST_CASE("a cart that was ordered is a receipt") {
  std::map<std::string, int64_t> receipts;
  for (const Event& e : sales()) receipts[e.text("txn_id")] += net_of(e);
  std::map<std::string, std::set<std::string>> carts;
  int64_t sessions = 0;
  for (const Event& e : events_of(carts_model())) {
    sessions += e.units("sessions");
    if (e.text("type") == "sessions") continue;
    carts[e.text("cart_id")].insert(e.text("type"));
    if (e.text("type") == "ordered")
      CHECK(receipts.at(e.text("txn_id")) == e.units("value", 2));
  }
  size_t ordered = 0, abandoned = 0, both = 0;
  for (const auto& [cart, types] : carts) {
    ordered += types.contains("ordered");
    abandoned += types.contains("abandoned");
    both += types.contains("ordered") && types.contains("abandoned");
  }
  CHECK(both == 0);
  CHECK(ordered > 500);
  CHECK(abandoned > ordered);
  CHECK(sessions > 10 * static_cast<int64_t>(ordered));
}

TEST_CASE("a forecast's actual units are what was sold on the local day") {
  absl::TimeZone zone = retail_zone();
  auto day = [&](Timestamp t) {
    return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(t.ms), zone);
  };
  std::map<std::string, int64_t> sold, told;
  for (const Event& e : sales())
    sold[day(e.facts.time) + e.text("store") + e.text("category")] +=
        e.units("qty");
  std::set<std::string> days;
  for (const Event& e : events_of(forecasts_model())) {
    days.insert(day(e.facts.time));
    told[day(e.facts.time) + e.text("store") + e.text("category")] +=
        e.units("actual_units");
  }
  CHECK(days.size() == 15);
  CHECK(days.contains("2026-10-25"));  // of 25 hours
  for (const auto& [key, units] : told) CHECK_MESSAGE(sold[key] == units, key);
  CHECK(told.size() >= sold.size());
}

TEST_CASE("sensors ride on trucks that shipments know") {
  std::set<std::string> trucks;
  for (const Event& e : events_of(shipments_model(), kStart, kEnd, 1))
    trucks.insert(e.text("shipment_id"));
  size_t outside = 0, readings = 0;
  for (const Event& e : events_of(temperatures_model(), kStart, kEnd, 1)) {
    ++readings;
    CHECK(trucks.contains(e.text("shipment_id")));
    int64_t micro = units_of(e.json, "temp_c", 6);
    bool out = micro < 2'000'000 || micro > 8'000'000;
    CHECK(e.units("minutes_outside") == (out ? 10 : 0));
    outside += out;
  }
  CHECK(readings > 5000);
  CHECK(outside > 0);
  CHECK(outside < readings / 10);
}

TEST_CASE("a stock-out empties the shelf and the receipts") {
  std::string sku, region = "Andalucía";
  size_t empty = 0;
  Timestamp from = at("2026-10-14T06:00:00Z"), to = at("2026-10-15T18:00:00Z");
  for (const Event& e : events_of(inventory_model())) {
    if (e.facts.stories & 1) {
      sku = e.text("sku");
      CHECK(e.text("region") == region);
      CHECK(e.units("on_hand") == 0);
      ++empty;
    }
  }
  CHECK(empty >= 5);  // once in each store at least
  size_t before = 0, within = 0;
  for (const Event& e : sales()) {
    if (e.text("sku") != sku || e.text("region") != region) continue;
    if (e.units("qty") < 0) continue;
    before += e.facts.time < from;
    within += e.facts.time >= from && e.facts.time < to && !e.facts.late;
  }
  CHECK(before > 5);
  CHECK(within == 0);
}

TEST_CASE("a late carrier is late, the others are not") {
  std::map<std::string, std::pair<int, int>> told;  // late, all in the story
  for (const Event& e : events_of(orders_model())) {
    if (e.text("status") != "delivered") continue;
    if (e.facts.time < at("2026-10-13T00:00:00Z") ||
        e.facts.time >= at("2026-10-16T00:00:00Z"))
      continue;
    auto& [late, all] = told[e.text("carrier")];
    ++all;
    late += !e.flag("on_time");
  }
  CHECK(told["Velocargo"].first > 0.5 * told["Velocargo"].second);
  CHECK(told["Iberpost"].first < 0.2 * told["Iberpost"].second);
}

TEST_CASE("two ranges side by side are one") {
  Timestamp from = at("2026-10-20T00:00:00Z"), to = at("2026-10-23T00:00:00Z");
  Timestamp middle = at("2026-10-21T13:17:05.123Z");
  for (const DatasetModel& dataset : starter_models()) {
    if (dataset.name == "inventory") continue;  // readings follow their run
    CAPTURE(dataset.name);
    std::multiset<std::string> whole, parts;
    auto note = [](std::multiset<std::string>& into, const Event& e) {
      // Late events do not reach back beyond the start of their run.
      if (!e.facts.late)
        into.insert(e.text("ts") + e.text("txn_id") + e.text("order_id") +
                    e.text("shipment_id") + e.text("type") + e.text("cart_id") +
                    e.text("sku") + e.text("store") + e.text("category"));
    };
    for (const Event& e : events_of(dataset, from, to)) note(whole, e);
    for (const Event& e : events_of(dataset, from, middle)) note(parts, e);
    for (const Event& e : events_of(dataset, middle, to)) note(parts, e);
    CHECK(whole.size() > 50);
    // The last receipts of a run may be cut at its end by milliseconds.
    std::vector<std::string> apart;
    std::set_symmetric_difference(whole.begin(), whole.end(), parts.begin(),
                                  parts.end(), std::back_inserter(apart));
    CHECK(apart.size() <= 12);
  }
}

TEST_CASE("rows of a dataset come as many as asked, in their range") {
  for (const DatasetModel& dataset : starter_models()) {
    for (int64_t seconds : {20, 7 * 86'400}) {
      CAPTURE(dataset.name);
      CAPTURE(seconds);
      GeneratorOptions options;
      options.rows = 2000;
      options.start = at("2026-10-20T00:00:00Z");
      options.end = {options.start.ms + seconds * 1000};
      auto made = make_event_generator(dataset, options);
      REQUIRE(made.has_value());
      std::string line;
      EventFacts facts;
      size_t rows = 0, at_end = 0;
      while ((*made)->next(line, facts)) {
        ++rows;
        REQUIRE(facts.time >= options.start);
        REQUIRE(facts.time < options.end);
        at_end += facts.time.ms == options.end.ms - 1;
      }
      CHECK(rows == 2000);
      // Twenty seconds are a day in quick motion, which may have ended.
      if (seconds > 20) CHECK(at_end < 100);
    }
  }
}

}  // namespace
}  // namespace freshet
