// Numbers over windows tie at every level: a bucket is what its own range would
// give, a level adds up over any split, whatever way it was computed.
#include <doctest/doctest.h>

#include <random>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

constexpr int64_t kHour = 3'600'000, kDay = 24 * kHour;

constexpr const char* kChanges[][2] = {
    {"Europe/Madrid", "2026-03-29T01:00:00Z"},
    {"Europe/Madrid", "2026-10-25T01:00:00Z"},
    {"America/New_York", "2026-11-01T06:00:00Z"},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
    {"UTC", "2026-03-01T00:00:00Z"}};

struct World {
  KpiFixture f;
  KpiRequest request;
  Timestamp now;
  Timestamp first;  // event
};

std::string pick(std::mt19937& random, std::vector<std::string> of) {
  return of[random() % of.size()];
}

std::unique_ptr<World> random_world(std::mt19937& random) {
  auto w = std::make_unique<World>();
  auto& change = kChanges[random() % std::size(kChanges)];
  w->request.tz = change[0];
  w->now =
      Timestamp{at(change[1]).ms + static_cast<int64_t>(random() % (6 * kDay))};
  std::vector<SaleRow> sales;
  std::vector<StockRow> stock;
  for (int i = 0; i < 150; ++i) {
    const Timestamp time{w->now.ms -
                         static_cast<int64_t>(random() % (30 * kDay))};
    w->first = i == 0 ? time : std::min(w->first, time);
    auto t = to_iso8601(time);
    sales.push_back({t, pick(random, {"A", "B", "C", "null"}),
                     pick(random, {"x", "y", "z"}),
                     static_cast<int64_t>(random() % 1000), 100});
    stock.push_back({t, pick(random, {"x", "y", "z"}), pick(random, {"P", "Q"}),
                     static_cast<int64_t>(random() % 50)});
  }
  w->f.sales(sales, to_iso8601(w->now));
  w->f.stock(stock, to_iso8601(w->now));
  w->request.range =
      pick(random, {"today", "yesterday", "last_7d", "this_week", "mtd"});
  w->request.grain = pick(random, {"hour", "day", "PT6H", "week"});
  return w;
}

bool close(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  return a.to_double() == doctest::Approx(b.to_double());
}

std::string shown(const World& w) {
  return w.request.kpi + " " + w.request.tz + " " + w.request.range + " " +
         w.request.grain + " now " + to_iso8601(w.now);
}

TEST_CASE("a bucket has the value of its own range") {
  uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  int checked = 0;
  for (int round = 0; round < 60; ++round) {
    auto w = random_world(random);
    w->request.kpi =
        pick(random, {"sales_7d", "receipts_7d", "sales_of_month", "growth",
                      "opening_stock", "average_stock", "least_stock",
                      "greatest_stock", "on_hand", "turnover", "line_value"});
    INFO("seed " << seed << " " << shown(*w));
    auto a = w->f.answer(w->request, to_iso8601(w->now));
    REQUIRE_MESSAGE(a.has_value(), (a ? "" : a.error().message));
    auto zone = *load_time_zone(w->request.tz);
    auto grain = *Granularity::parse(w->request.grain);
    for (size_t i = 0; i < a->series.size(); i += 1 + i / 4) {
      Timestamp start = std::max(a->series[i].t, a->range.start);
      Timestamp end = std::min(grain.next(a->series[i].t, zone), a->range.end);
      if (start >= w->now) break;
      // Alone such a range has no number, in a series it is empty.
      if (end <= w->first) continue;
      KpiRequest one = w->request;
      one.range.clear();
      one.grain.clear();
      one.from = to_iso8601(start);
      one.to = to_iso8601(end);
      auto b = w->f.answer(one, to_iso8601(w->now));
      REQUIRE_MESSAGE(b.has_value(), (b ? "" : b.error().message));
      INFO("bucket " << one.from << " series " << a->series[i].value.to_text()
                     << " range " << b->value.to_text());
      CHECK(close(a->series[i].value, b->value));
      ++checked;
    }
  }
  CHECK(checked > 200);
}

TEST_CASE("levels add up over any split, and to the rest") {
  uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    auto w = random_world(random);
    w->request.grain.clear();
    w->request.kpi = pick(
        random, {"on_hand", "opening_stock", "sales_7d", "sales_of_month"});
    bool stock = w->request.kpi.find("sales") == std::string::npos;
    w->request.by = stock ? std::vector<std::string>{"sku", "place"}
                          : std::vector<std::string>{"store"};
    if (stock && random() % 2) w->request.by = {"place"};
    if (random() % 2) w->request.top = 1 + random() % 3;
    INFO("seed " << seed << " " << shown(*w));
    auto a = w->f.answer(w->request, to_iso8601(w->now));
    REQUIRE_MESSAGE(a.has_value(), (a ? "" : a.error().message));
    Value sum(int64_t{0});
    for (const auto& row : a->rows) {
      if (!row.value.is_null()) sum = add_numbers(sum, row.value);
    }
    if (a->rest && !a->rest->first.is_null()) {
      sum = add_numbers(sum, a->rest->first);
    }
    if (a->value.is_null()) continue;
    CHECK(Value::compare(sum, a->value) == 0);
  }
}

}  // namespace
}  // namespace freshet
