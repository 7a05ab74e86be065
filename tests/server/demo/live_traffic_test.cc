#include "server/demo/live_traffic.h"

#include <doctest/doctest.h>

#include <chrono>

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
