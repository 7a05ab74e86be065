#include "server/demo/live_traffic.h"

#include <doctest/doctest.h>

#include <chrono>

#include "server/demo/retail_world.h"
#include "tests/server/demo/retail_models.h"

namespace freshet {
namespace {

using namespace test;

TEST_CASE("live events come at the wall clock's time and at their rate") {
  Mutex mutex;
  std::map<std::string, uint64_t> counts;
  bool in_time = true;
  LiveTraffic::Options options;
  options.rate = 1000;
  options.tick_ms = 20;
  options.level.sales_per_day = 100 * 86'400.0;
  Timestamp before = now();
  auto traffic = LiveTraffic::start(
      {sales_model(), orders_model(), inventory_model()}, options,
      [&](const std::string& dataset, const std::vector<std::string>& lines) {
        MutexLock lock(mutex);
        counts[dataset] += lines.size();
        for (const std::string& line : lines) {
          Timestamp t = at(string_of(parsed(line), "ts").c_str());
          in_time &= t >= before && t <= now();
        }
        return Status{};
      });
  REQUIRE_MESSAGE(traffic.has_value(), traffic.error().message);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  (*traffic)->stop();
  uint64_t sent = (*traffic)->sent();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK((*traffic)->sent() == sent);  // nothing after stop()
  (*traffic)->stop();
  MutexLock lock(mutex);
  CHECK(in_time);
  CHECK(counts["sales"] > 10);
  // 1,000 a second for 1.5 s, within the curve's swing and a busy machine.
  CHECK(sent > 700);
  CHECK(sent < 2800);
  CHECK(counts["sales"] + counts["orders"] + counts["inventory"] == sent);
}

TEST_CASE("at the pace of the business, stock is told where it has changed") {
  GeneratorOptions options;
  options.start = at("2026-09-21T10:00:00Z");
  options.end = at("2026-09-21T11:00:00Z");
  options.per_second = 50;
  options.opening_stock = false;
  auto all = make_event_generator(inventory_model(), options);
  options.changed_stock_only = true;
  auto changed = make_event_generator(inventory_model(), options);
  auto again = make_event_generator(inventory_model(), options);
  REQUIRE(changed.has_value());
  auto world = RetailWorld::make(options.seed);
  std::map<std::string, int64_t> known;  // by place, as a reader would
  for (size_t store = 0; store < world->stores.size(); ++store) {
    for (size_t i = 0; i < world->articles.size(); ++i) {
      known[world->stores[store].code + world->articles[i].sku] =
          world->stock(i, store, options.start.ms).on_hand;
    }
  }
  auto count = [](EventGenerator& generator) {
    std::string line;
    EventFacts facts;
    uint64_t rows = 0;
    while (generator.next(line, facts)) ++rows;
    return rows;
  };
  std::string line, same;
  EventFacts facts;
  uint64_t rows = 0;
  while ((*changed)->next(line, facts)) {
    auto event = parsed(line);
    int64_t now = *event.find("on_hand")->as_int();
    int64_t& before =
        known[string_of(event, "location") + string_of(event, "sku")];
    // Stocktakes come whatever they find.
    REQUIRE((now != before || string_of(event, "reason") == "count"));
    before = now;
    ++rows;
    REQUIRE((*again)->next(same, facts));
    REQUIRE(same == line);
  }
  CHECK(rows > 600);
  CHECK(rows * 20 < count(**all));
}

TEST_CASE("events that are not taken are counted, and the traffic goes on") {
  LiveTraffic::Options options;
  options.rate = 2000;
  options.tick_ms = 10;
  std::atomic<int> calls{0};
  auto traffic = LiveTraffic::start(
      {inventory_model()}, options,
      [&](const std::string&, const std::vector<std::string>&) -> Status {
        if (calls++ % 2 == 0) return Error{ErrorCode::kLimit, "backlog"};
        return {};
      });
  REQUIRE(traffic.has_value());
  while (calls < 6) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  (*traffic)->stop();
  CHECK((*traffic)->failed() > 0);
  CHECK((*traffic)->sent() > 0);
}

}  // namespace
}  // namespace freshet
