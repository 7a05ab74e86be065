#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "server/demo/live_traffic.h"
#include "server/demo/retail_world.h"
#include "server/demo/traffic_curve.h"
#include "tests/server/demo/retail_models.h"

namespace freshet {
namespace {

using namespace test;

std::unique_ptr<EventGenerator> generator(const DatasetModel& dataset,
                                          GeneratorOptions options) {
  auto made = make_event_generator(dataset, options);
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  return std::move(*made);
}

GeneratorOptions rows_of(uint64_t rows, uint64_t seed = 7) {
  GeneratorOptions options;
  options.seed = seed;
  options.rows = rows;
  options.start = at("2026-11-02T00:00:00Z");
  options.end = at("2026-11-16T00:00:00Z");  // two whole weeks
  return options;
}

std::vector<std::string> lines_of(const DatasetModel& dataset,
                                  const GeneratorOptions& options) {
  auto g = generator(dataset, options);
  std::vector<std::string> lines;
  std::string line;
  EventFacts facts;
  while (g->next(line, facts)) lines.push_back(line);
  return lines;
}

DatasetModel telemetry_model() {
  DatasetModel d;
  d.name = "telemetry";
  d.time_field = "at";
  d.time_format = "millis";
  ColumnModel nested = typed("temp_c", ColumnKind::kDouble);
  nested.path = "reading.temp";
  ColumnModel deep = typed("price", ColumnKind::kDecimal, 4);
  deep.path = "reading.cost.eur";
  ColumnModel own_time = typed("at", ColumnKind::kTimestamp);
  d.columns = {text("sensor_id", true),
               text("room \"quoted\""),
               nested,
               deep,
               own_time,
               typed("seq", ColumnKind::kLong),
               typed("partition", ColumnKind::kLong),
               typed("fine", ColumnKind::kDecimal, 18),
               typed("ok", ColumnKind::kBool),
               typed("seen_ts", ColumnKind::kTimestamp)};
  return d;
}

TEST_CASE("a seed gives the same events, another seed others") {
  std::vector<DatasetModel> datasets = starter_models();
  datasets.push_back(telemetry_model());
  for (const DatasetModel& dataset : datasets) {
    CAPTURE(dataset.name);
    auto first = lines_of(dataset, rows_of(3000));
    CHECK(first.size() == 3000);
    CHECK(first == lines_of(dataset, rows_of(3000)));
    CHECK(first != lines_of(dataset, rows_of(3000, 8)));
  }
}

TEST_CASE("every line is a JSON object with the columns of its model") {
  // Columns that not every event of the dataset has.
  const std::set<std::string> sometimes = {
      "member_id",     "delivered_ts", "hours_to_deliver",
      "promotion",     "voucher_id",   "txn_id",
      "cart_id",       "session_id",   "hours_since_change",
      "items",         "value",        "sessions",
      "supplier",      "category",     "freight_cost",
      "dwell_minutes", "dock_hours",   "lead_days",
      "orders",        "orders_open",  "payable",
      "shipment_id"};
  for (const DatasetModel& dataset : starter_models()) {
    CAPTURE(dataset.name);
    for (const std::string& line : lines_of(dataset, rows_of(2000))) {
      JsonValue event = parsed(line);
      REQUIRE_MESSAGE(event.as_object(), line);
      REQUIRE_MESSAGE(parse_iso8601(string_of(event, "ts")).has_value(), line);
      for (const auto& [name, value] : *event.as_object()) {
        bool known = name == "ts";
        for (const ColumnModel& c : dataset.columns)
          known |= c.name == name && !c.derived;
        REQUIRE_MESSAGE(known, name);
      }
      for (const ColumnModel& c : dataset.columns) {
        bool optional = c.derived || sometimes.contains(c.name);
        if (!optional) REQUIRE_MESSAGE(event.find(c.name), c.name);
      }
    }
  }
}

TEST_CASE("an unknown dataset is filled by names and types") {
  std::set<std::string> ids, rooms;
  int64_t seq = 0;
  for (const std::string& line : lines_of(telemetry_model(), rows_of(2000))) {
    JsonValue event = parsed(line);
    REQUIRE_MESSAGE(event.as_object(), line);
    REQUIRE(event.find("at")->as_int());
    const JsonValue* reading = event.find("reading");
    REQUIRE(reading != nullptr);
    REQUIRE(reading->find("temp"));
    REQUIRE(reading->find("cost")->find("eur"));
    REQUIRE(event.find("ok")->as_bool());
    REQUIRE(parse_iso8601(string_of(event, "seen_ts")).has_value());
    CHECK(*event.find("seq")->as_int() == ++seq);
    ids.insert(string_of(event, "sensor_id"));
    rooms.insert(string_of(event, "room \"quoted\""));
  }
  CHECK(ids.size() == 2000);
  CHECK(rooms.size() == 20);
}

TEST_CASE("a column inside another one is refused") {
  DatasetModel d = telemetry_model();
  ColumnModel clash = text("clash");
  clash.path = "reading";
  d.columns.push_back(clash);
  auto made = make_event_generator(d, rows_of(1));
  REQUIRE(!made.has_value());
  CHECK(made.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("an empty range is refused") {
  GeneratorOptions options = rows_of(10);
  options.end = options.start;
  CHECK(!make_event_generator(sales_model(), options).has_value());
}

TEST_CASE("retail columns of other types or places fall back to plain values") {
  DatasetModel d = sales_model();
  d.columns[5].path = "item.sku";
  JsonValue event = parsed(lines_of(d, rows_of(1)).at(0));
  REQUIRE(event.find("item"));
  CHECK(event.find("item")->find("sku"));
}

TEST_CASE("sales have the shape of a shop's week") {
  auto lines = lines_of(sales_model(), rows_of(200'000));
  absl::TimeZone zone = retail_zone();
  std::map<int, int> hours, weekdays;
  std::map<std::string, int> skus, channels;
  std::set<std::string> receipts;
  int late = 0, at_end = 0;
  Timestamp newest = kMinTimestamp;
  for (const std::string& line : lines) {
    JsonValue event = parsed(line);
    Timestamp t = *parse_iso8601(string_of(event, "ts"));
    auto local = zone.At(absl::FromUnixMillis(t.ms)).cs;
    ++hours[local.hour()];
    ++weekdays[static_cast<int>(absl::GetWeekday(absl::CivilDay(local)))];
    ++skus[string_of(event, "sku")];
    ++channels[string_of(event, "channel")];
    receipts.insert(string_of(event, "txn_id"));
    late += t.ms < newest.ms - 60'000;
    at_end += t.ms == at("2026-11-16T00:00:00Z").ms - 1;
    newest = std::max(newest, t);
  }
  double mean = 200'000 / 24.0;
  CHECK(hours[19] > 1.3 * mean);           // the evening peak
  CHECK(hours[4] < 0.4 * mean);            // the night: online only ...
  CHECK(hours[4] > 0.1 * mean);            // ... but never silent
  CHECK(weekdays[5] > 1.1 * weekdays[0]);  // Saturday beats Monday
  std::vector<int> ranked;
  for (const auto& [sku, n] : skus) ranked.push_back(n);
  std::sort(ranked.rbegin(), ranked.rend());
  CHECK(ranked.size() > 450);
  int head = 0;
  for (size_t i = 0; i < ranked.size() / 5; ++i) head += ranked[i];
  CHECK(head > 0.55 * 200'000);  // a fifth of the articles, most of the lines
  CHECK(channels["web"] > channels["app"]);
  CHECK(channels["store"] > channels["web"]);
  CHECK(200'000.0 / static_cast<double>(receipts.size()) ==
        doctest::Approx(3).epsilon(0.05));
  CHECK(late > 200'000 * 0.0003);
  CHECK(late < 200'000 * 0.003);
  CHECK(at_end < 10);
}

TEST_CASE("the clocks of a DST night are followed") {
  // 2026-10-25: 03:00 becomes 02:00 in Madrid, the day has 25 hours. The first
  // store opens after six: 04:30Z is 06:30 before that night, 05:30 after it.
  TrafficCurve curve(7, TrafficCurve::Shape::kSales);
  auto online = [&](const char* iso) {
    return curve.at(at(iso).ms).online_share;
  };
  CHECK(online("2026-10-24T04:30:00Z") < 1.0);
  CHECK(online("2026-10-26T04:30:00Z") == 1.0);
  CHECK(online("2026-10-26T05:30:00Z") < 1.0);
  GeneratorOptions options = rows_of(30'000);
  options.start = at("2026-10-24T22:00:00Z");  // midnight before, local
  options.end = at("2026-10-25T23:00:00Z");    // midnight after: 25 hours
  std::map<int64_t, int> hours;
  for (const std::string& line : lines_of(sales_model(), options))
    ++hours[at(string_of(parsed(line), "ts").c_str()).ms / 3'600'000];
  CHECK(hours.size() == 25);
}

TEST_CASE("stock falls, is refilled and is one function of time") {
  auto world = RetailWorld::make(7);
  int refills = 0, falls = 0, rises = 0, out = 0, readings = 0;
  for (size_t article = 0; article < world->articles.size(); article += 25) {
    int64_t before = -1;
    for (int hour = 0; hour < 24 * 40; ++hour) {
      int64_t t = at("2026-10-01T00:00:00Z").ms + hour * 3'600'000LL;
      auto stock = world->stock(article, 3, t);
      REQUIRE(stock.on_hand >= 0);
      ++readings;
      out += stock.on_hand == 0;
      if (before >= 0 && stock.on_hand < before) ++falls;
      if (before >= 0 && stock.on_hand > before) {
        ++rises;
        refills += stock.just_delivered;
      }
      before = stock.on_hand;
    }
  }
  CHECK(rises > 50);
  CHECK(refills == rises);  // nothing rises without a delivery
  CHECK(falls > rises);
  CHECK(out > readings / 100);
  CHECK(out < readings / 10);
}

TEST_CASE("stock opens with every article everywhere, at known places") {
  auto world = RetailWorld::make(7);
  std::set<std::string> stores, keys;
  for (const auto& store : world->stores) stores.insert(store.code);
  GeneratorOptions options = rows_of(25'000);
  for (const std::string& line : lines_of(inventory_model(), options)) {
    JsonValue event = parsed(line);
    CHECK(stores.count(string_of(event, "location")));
    keys.insert(string_of(event, "sku") + "/" + string_of(event, "location"));
  }
  CHECK(keys.size() == world->stores.size() * world->articles.size());
}

TEST_CASE("an order's flags say what its times and quantities say") {
  int on_time = 0, in_full = 0, delivered = 0;
  for (const std::string& line : lines_of(orders_model(), rows_of(20'000))) {
    JsonValue event = parsed(line);
    bool promised_kept = false;
    if (string_of(event, "status") == "delivered") {
      ++delivered;
      Timestamp ordered = at(string_of(event, "ordered_ts").c_str());
      Timestamp done = at(string_of(event, "delivered_ts").c_str());
      promised_kept = done <= at(string_of(event, "promised_ts").c_str());
      double hours = static_cast<double>(done.ms - ordered.ms) / 3'600'000;
      const JsonValue* stated = event.find("hours_to_deliver");
      double says = stated->as_double()
                        ? *stated->as_double()
                        : static_cast<double>(*stated->as_int());
      CHECK(says == doctest::Approx(hours));
      on_time += promised_kept;
      in_full += *event.find("in_full")->as_bool();
    } else {
      CHECK(!event.find("delivered_ts"));
    }
    CHECK(*event.find("on_time")->as_bool() == promised_kept);
    CHECK(*event.find("in_full")->as_bool() ==
          (units_of(event, "qty_delivered", 0) ==
           units_of(event, "qty_ordered", 0)));
  }
  CHECK(delivered > 19'400);
  CHECK(on_time > 0.85 * delivered);
  CHECK(on_time < 0.95 * delivered);
  CHECK(in_full > 0.96 * delivered);
}

TEST_CASE("history has the level of live traffic") {
  Timestamp start = at("2026-09-07T00:00:00Z");
  Timestamp end = at("2026-09-21T00:00:00Z");  // two weeks
  TrafficLevel level;
  for (const DatasetModel& dataset : starter_models()) {
    CAPTURE(dataset.name);
    auto history = make_history(dataset, 7, start, end, level);
    REQUIRE(history.has_value());
    uint64_t rows = 0;
    std::string line;
    EventFacts facts;
    while ((*history)->next(line, facts)) {
      ++rows;
      REQUIRE(facts.time >= start);
      REQUIRE(facts.time < end);
    }
    if (dataset.name == "inventory") rows -= 41 * 500;  // the opening stock
    double per_day = level.per_day(dataset.name);
    // Twenty trucks a day swing more than thirteen thousand receipts.
    CHECK(static_cast<double>(rows) / 14 ==
          doctest::Approx(per_day).epsilon(per_day < 1000 ? 0.15 : 0.06));
  }
}

TEST_CASE("sales are generated fast") {
  auto g = generator(sales_model(), rows_of(300'000));
  std::string line;
  EventFacts facts;
  uint64_t bytes = 0;
  auto begun = std::chrono::steady_clock::now();
  while (g->next(line, facts)) bytes += line.size();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  double rate = 300'000 / took.count();
  MESSAGE("sales events/s: " << rate << ", bytes each: " << bytes / 300'000);
  // A floor for debug and sanitizer builds on a busy machine; an optimised
  // build makes over a million.
  CHECK(rate > 30'000);
}

}  // namespace
}  // namespace freshet
