// Drivers of a change, worked out by hand, and that they add up.
#include <doctest/doctest.h>

#include <random>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

constexpr const char* kNow = "2026-11-22T10:00:00Z";

Result<KpiDrivers> asked(KpiFixture& f, DriversRequest request,
                         const std::string& now = kNow) {
  FrozenDatasets frozen(f.runner());
  return KpiAnswerer(f.runner(), f.model(), request.kpi, at(now), Limits{},
                     nullptr, &frozen, nullptr)
      .drivers(request);
}

DriversRequest ask(const std::string& kpi) {
  DriversRequest request;
  request.kpi.kpi = kpi;
  request.kpi.range.clear();
  request.kpi.from = "2026-11-21";
  request.kpi.to = "2026-11-22";
  request.kpi.compare = "previous";
  return request;
}

// Two days:        20th            21st
//   A        100.00 (cost 60)   70.00 (cost 49)
//   B         50.00 (cost 40)   90.00 (cost 63)
//   C          0.50 (cost 0.10)  0.40 (cost 0.10)
void fill(KpiFixture& f) {
  f.sales({{"2026-11-20T10:00:00Z", "A", "a1", 10000, 6000},
           {"2026-11-20T11:00:00Z", "B", "b1", 5000, 4000},
           {"2026-11-20T12:00:00Z", "C", "c1", 50, 10},
           {"2026-11-21T10:00:00Z", "A", "a2", 7000, 4900},
           {"2026-11-21T11:00:00Z", "B", "b2", 9000, 6300},
           {"2026-11-21T12:00:00Z", "C", "c2", 40, 10}},
          kNow);
}

TEST_CASE("an amount: the contributions and the rest are the change") {
  KpiFixture f;
  fill(f);
  auto d = asked(f, ask("net_sales"));
  REQUIRE_MESSAGE(d.has_value(), (d ? "" : d.error().message));
  CHECK(d->method == "contribution");
  CHECK(d->change.to_text() == "9.90");  // 160.40 - 150.50
  REQUIRE(d->dimensions.size() == 1);
  const DimensionDrivers& store = d->dimensions[0];
  CHECK(store.adds_up);
  CHECK(store.values == 3);
  REQUIRE(store.drivers.size() == 2);  // C is below 1 % of the whole
  CHECK(store.drivers[0].key.to_text() == "B");
  CHECK(store.drivers[0].contribution.to_text() == "40.00");
  CHECK(*store.drivers[0].share == doctest::Approx(40 / 9.9));
  CHECK(store.drivers[1].contribution.to_text() == "-30.00");
  CHECK(store.rest_count == 1);
  CHECK(store.rest.contribution.to_text() == "-0.10");
  std::string json = to_json(*d);
  CHECK(json.find("\"drivers\":[{\"store\":\"B\",\"value\":90.00,\"compare\":"
                  "50.00,\"contribution\":40.00,\"share\":4.0404") !=
        std::string::npos);
  CHECK(json.find("\"rest\":{\"count\":1,\"contribution\":-0.10") !=
        std::string::npos);
}

// Margins: 50.40/150.50 before, 48.30/160.40 now.
//   A: r 0.4 -> 0.3, w 100/150.5 -> 70/160.4
//   B: r 0.2 -> 0.3, w  50/150.5 -> 90/160.4
TEST_CASE("a ratio: rate and mix effects are the change") {
  KpiFixture f;
  fill(f);
  DriversRequest request = ask("margin");
  request.min_support = 0;
  auto d = asked(f, request);
  REQUIRE_MESSAGE(d.has_value(), (d ? "" : d.error().message));
  CHECK(d->method == "rate_and_mix");
  double before = 50.4 / 150.5, now = 48.3 / 160.4;
  CHECK(d->change.to_double() == doctest::Approx(now - before));
  const DimensionDrivers& store = d->dimensions[0];
  CHECK(store.adds_up);
  REQUIRE(store.drivers.size() == 3);
  double sum = 0;
  for (const Driver& driver : store.drivers) {
    sum += *driver.rate + *driver.mix;
    if (driver.key.to_text() != "A") continue;
    double w0 = 100 / 150.5, w1 = 70 / 160.4, middle = (now + before) / 2;
    CHECK(*driver.rate == doctest::Approx((w0 + w1) / 2 * -0.1));
    CHECK(*driver.mix == doctest::Approx((w1 - w0) * (0.35 - middle)));
    CHECK(driver.before.to_double() == doctest::Approx(0.4));
  }
  CHECK(sum == doctest::Approx(now - before).epsilon(1e-12));
}

TEST_CASE("a ratio whose parts only weigh otherwise is all mix") {
  KpiFixture f;
  f.sales({{"2026-11-20T10:00:00Z", "A", "a1", 10000, 5000},
           {"2026-11-20T11:00:00Z", "B", "b1", 10000, 9000},
           {"2026-11-21T10:00:00Z", "A", "a2", 2000, 1000},
           {"2026-11-21T11:00:00Z", "B", "b2", 18000, 16200}},
          kNow);
  auto d = asked(f, ask("margin"));
  REQUIRE(d.has_value());
  CHECK(d->change.to_double() == doctest::Approx(0.14 - 0.30));
  for (const Driver& driver : d->dimensions[0].drivers) {
    CHECK(*driver.rate == doctest::Approx(0));
    // A: (0.1 - 0.5) * (0.5 - 0.22), B: (0.9 - 0.5) * (0.1 - 0.22)
    double mix = driver.key.to_text() == "A" ? -0.112 : -0.048;
    CHECK(*driver.mix == doctest::Approx(mix));
  }
}

TEST_CASE("parts that overlap say that they do not add up") {
  KpiFixture f;
  f.sales({{"2026-11-20T10:00:00Z", "A", "x", 100, 0},
           {"2026-11-21T10:00:00Z", "A", "y", 100, 0},
           {"2026-11-21T11:00:00Z", "B", "y", 100, 0}},
          kNow);
  auto d = asked(f, ask("receipts"));
  REQUIRE(d.has_value());
  CHECK(d->change.to_text() == "0");
  CHECK_FALSE(d->dimensions[0].adds_up);
  CHECK(d->dimensions[0].drivers[0].contribution.to_text() == "1");
}

TEST_CASE("a ratio of which a part has no denominator does not add up") {
  KpiFixture f;
  f.sales({{"2026-11-20T10:00:00Z", "A", "t", 100, 50},
           {"2026-11-20T10:00:00Z", "B", "t", 100, 50},
           {"2026-11-21T10:00:00Z", "A", "t", 100, 50},
           {"2026-11-21T10:00:00Z", "B", "t", 100, 0}},
          kNow);
  auto d = asked(f, ask("markup"));
  REQUIRE(d.has_value());
  CHECK_FALSE(d->dimensions[0].adds_up);
}

TEST_CASE("the dimension in which few parts did it all comes first") {
  KpiFixture f;
  std::vector<StockRow> rows;
  for (const char* sku : {"x", "y", "z"}) {
    rows.push_back({"2026-11-20T10:00:00Z", sku, "P", 100});
    rows.push_back({"2026-11-20T10:00:00Z", sku, "Q", 100});
    rows.push_back({"2026-11-21T10:00:00Z", sku, "P", 40});
  }
  f.stock(rows, kNow);
  auto d = asked(f, ask("on_hand"));
  REQUIRE(d.has_value());
  REQUIRE(d->dimensions.size() == 2);
  CHECK(d->dimensions[0].dimension == "place");  // all in P
  CHECK(d->dimensions[0].adds_up);
  CHECK(d->dimensions[0].score > d->dimensions[1].score + 0.2);
  CHECK(d->dimensions[1].score == doctest::Approx(0));  // each sku alike
  CHECK(d->change.to_text() == "-180");
}

TEST_CASE("what cannot be explained") {
  KpiFixture f;
  fill(f);
  DriversRequest request = ask("net_sales");
  request.kpi.by = {"stor"};
  auto d = asked(f, request);
  REQUIRE_FALSE(d.has_value());
  CHECK(d.error().message ==
        "'stor' isn't a dimension of kpi 'net_sales'; did you mean 'store'?");
  request = ask("margin");
  request.kpi.from = "2026-11-20";
  request.kpi.to = "2026-11-21";
  d = asked(f, request);
  REQUIRE(d.has_value());
  CHECK(d->reason == "nothing to compare with in the compared range");
  CHECK(d->dimensions.empty());
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  auto parsed =
      parse_drivers_request(Parameters{{"kpi", "a"}, {"min_support", "2"}});
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().message ==
        "'min_support' is a share from 0 to 1, not '2'");
  CHECK_FALSE(parse_drivers_request(Parameters{{"kpi", "a"}, {"grain", "day"}})
                  .has_value());
  CHECK(parse_drivers_request(Parameters{{"kpi", "a"}})->kpi.compare ==
        "previous");
}

TEST_CASE("contributions add up to the change, whatever the rows") {
  uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 60; ++round) {
    KpiFixture f;
    std::vector<SaleRow> rows;
    for (int i = 0; i < 60; ++i) {
      std::string day = random() % 2 ? "20" : "21";
      std::string store(1, static_cast<char>('A' + random() % 8));
      rows.push_back({"2026-11-" + day + "T10:00:00Z", store, "t",
                      static_cast<int64_t>(random() % 5000),
                      static_cast<int64_t>(1 + random() % 4000)});
    }
    f.sales(rows, kNow);
    DriversRequest request = ask(std::vector<std::string>{
        "net_sales", "margin", "line_value", "markup"}[random() % 4]);
    request.top = 1 + random() % 4;
    request.min_support = random() % 2 ? 0.05 : 0;
    auto d = asked(f, request);
    INFO("seed " << seed << " round " << round << " " << request.kpi.kpi);
    REQUIRE(d.has_value());
    const DimensionDrivers& store = d->dimensions[0];
    REQUIRE(store.adds_up);
    Value sum(int64_t{0});
    for (const Driver& driver : store.drivers) {
      sum = add_numbers(sum, driver.contribution);
    }
    if (store.rest_count) sum = add_numbers(sum, store.rest.contribution);
    CHECK(sum.to_double() ==
          doctest::Approx(d->change.to_double()).epsilon(1e-9));
    CHECK(store.score >= 0);
    CHECK(store.score <= 1);
  }
}

}  // namespace
}  // namespace freshet
