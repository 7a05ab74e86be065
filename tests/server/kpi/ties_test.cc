// Numbers that belong together tie: parts add up to their whole, at any moment
// of a running range and across DST changes.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "server/kpi/calendar.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;

// Around the changes of 2026: Madrid 29 March and 25 October, New York 8 March
// and 1 November, Lord Howe by half an hour on 5 April and 4 October.
constexpr const char* kChanges[][2] = {
    {"Europe/Madrid", "2026-03-29T01:00:00Z"},
    {"Europe/Madrid", "2026-10-25T01:00:00Z"},
    {"America/New_York", "2026-03-08T07:00:00Z"},
    {"America/New_York", "2026-11-01T06:00:00Z"},
    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
    {"Asia/Kolkata", "2026-06-15T00:00:00Z"},
    {"UTC", "2026-03-01T00:00:00Z"}};

struct Case {
  std::vector<SaleRow> rows;
  KpiRequest request;
  Timestamp now;
};

Case random_case(std::mt19937& random) {
  auto pick = [&](auto& list) -> auto& {
    return list[random() % std::size(list)];
  };
  static const char* kRanges[] = {"today",   "yesterday",  "this_week",
                                  "last_7d", "this_month", "mtd",
                                  "-4h",     "-90m",       "last_month"};
  static const char* kCompares[] = {"previous", "same_day_last_week",
                                    "last_year", "last_year_364"};
  static const char* kGrains[] = {"fifteen_minute", "hour", "hour", "day",
                                  "week",           "month"};
  Case c;
  auto& change = pick(kChanges);
  c.now = Timestamp{at(change[1]).ms +
                    static_cast<int64_t>(random() % (16 * kDay)) - kDay};
  c.request.kpi = "net_sales";
  c.request.tz = change[0];
  c.request.range = pick(kRanges);
  c.request.compare = pick(kCompares);
  c.request.grain = pick(kGrains);
  if (random() % 8 == 0) {
    int64_t start = c.now.ms - static_cast<int64_t>(random() % (60 * kDay));
    int64_t length = kHour + static_cast<int64_t>(random() % (9 * kDay));
    c.request.compare = to_iso8601(Timestamp{start}) + "/" +
                        to_iso8601(Timestamp{start + length});
  }
  // Many near the changes, some over the year before.
  for (int i = 0; i < 300; ++i) {
    int64_t back = i < 200 ? 45 * kDay : 400 * kDay;
    int64_t t = c.now.ms - static_cast<int64_t>(random() % back);
    c.rows.push_back({to_iso8601(Timestamp{t}), "A", "t",
                      static_cast<int64_t>(random() % 10000) - 500, 0});
  }
  return c;
}

// What SQL would say: the sum over [from, to).
Value sum_between(const Case& c, Interval range) {
  int64_t cents = 0;
  for (const SaleRow& row : c.rows) {
    if (range.contains(at(row.t))) cents += row.net_cents;
  }
  return Value(Decimal{cents, 2});
}

Value sum_of(const std::vector<KpiAnswer::Point>& points) {
  Value sum(int64_t{0});
  for (const auto& point : points) {
    if (!point.value.is_null()) sum = add_numbers(sum, point.value);
  }
  return sum;
}

bool same(const Value& a, const Value& b) { return Value::compare(a, b) == 0; }

TEST_CASE("series add up to their values, also the compared one") {
  uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  int running = 0, cut = 0;
  for (int round = 0; round < 400; ++round) {
    Case c = random_case(random);
    KpiFixture f;
    f.sales(c.rows, to_iso8601(c.now));
    INFO("seed " << seed << " round " << round << " " << c.request.tz << " "
                 << c.request.range << " " << c.request.compare << " "
                 << c.request.grain << " now " << to_iso8601(c.now));
    auto a = f.answer(c.request, to_iso8601(c.now));
    REQUIRE_MESSAGE(a.has_value(), (a ? "" : a.error().message));
    CHECK(same(a->value, sum_between(c, a->range)));
    CHECK(same(sum_of(a->series), a->value));
    if (a->compare->value.is_null()) continue;
    CHECK(same(a->compare->value, sum_between(c, a->compare->range)));
    CHECK(same(sum_of(a->compare->series), a->compare->value));
    std::set<Timestamp> times;
    for (const auto& point : a->compare->series) times.insert(point.t);
    CHECK(times.size() == a->compare->series.size());
    running += a->range.start < c.now && c.now < a->range.end;
    cut += !a->compare->ahead.empty() && a->compare->series.back().partial;
  }
  // The test would be blind without them.
  CHECK(running > 50);
  CHECK(cut > 30);
}

// Now is 11:37 in Madrid. Last Sunday: 10.00 at 11:20, 500.00 at 11:50, 70.00
// at 16:00. Today: 9.00 at 11:10.
TEST_CASE("a running bucket stands beside the same part of the compared one") {
  KpiFixture f;
  f.sales({{"2026-11-15T10:20:00Z", "A", "t1", 1000, 0},
           {"2026-11-15T10:50:00Z", "A", "t2", 50000, 0},
           {"2026-11-15T15:00:00Z", "A", "t3", 7000, 0},
           {"2026-11-22T10:10:00Z", "A", "t4", 900, 0}},
          "2026-11-22T10:37:00Z");
  KpiRequest request;
  request.kpi = "net_sales";
  request.tz = "Europe/Madrid";
  request.grain = "hour";
  request.compare = "same_day_last_week";
  auto a = f.answer(request, "2026-11-22T10:37:00Z");
  REQUIRE(a.has_value());
  const auto& compare = *a->compare;
  CHECK(compare.value.to_text() == "10.00");
  REQUIRE(compare.series.size() == 12);
  CHECK(compare.series[11].t == a->series[11].t);
  CHECK(compare.series[11].value.to_text() == "10.00");
  CHECK(compare.series[11].partial);
  CHECK_FALSE(compare.series[10].partial);
  // And how that day went on, from that hour's whole.
  REQUIRE(compare.ahead.size() == 13);
  CHECK(compare.ahead[0].t == a->series[11].t);
  CHECK(compare.ahead[0].value.to_text() == "510.00");
  CHECK(compare.ahead[5].value.to_text() == "70.00");
  CHECK_FALSE(compare.ahead[0].partial);
  std::string json = to_json(*a);
  CHECK(json.find("{\"t\":\"2026-11-22T11:00:00+01:00\",\"value\":10.00,"
                  "\"partial\":true}],\"ahead\":[{\"t\":\"2026-11-22T11:00:00"
                  "+01:00\",\"value\":510.00,\"partial\":false}") !=
        std::string::npos);
}

TEST_CASE("days of a longer month follow behind ours") {
  KpiFixture f;
  f.sales({{"2026-01-28T10:00:00Z", "A", "t1", 100, 0},
           {"2026-01-30T10:00:00Z", "A", "t2", 200, 0},
           {"2026-02-28T10:00:00Z", "A", "t3", 900, 0}},
          "2026-03-22T10:37:00Z");
  KpiRequest request;
  request.kpi = "net_sales";
  request.range.clear();
  request.from = "2026-02-01";
  request.to = "2026-03-01";
  request.grain = "day";
  request.compare = "previous";
  auto a = f.answer(request, "2026-03-22T10:37:00Z");
  REQUIRE(a.has_value());
  REQUIRE(a->compare->series.size() == 31);
  CHECK(a->compare->series[27].t == at("2026-02-28"));
  CHECK(a->compare->series[27].value.to_text() == "1.00");
  CHECK(a->compare->series[29].t == at("2026-03-02"));
  CHECK(a->compare->series[29].value.to_text() == "2.00");
}

TEST_CASE("a batch is answered over the same rows, equal requests once") {
  KpiFixture f;
  f.sales({{"2026-11-22T08:10:00Z", "A", "t1", 1050, 500}},
          "2026-11-22T09:40:00Z");
  auto kpis = Kpis::create(f.runner(), [&] { return f.model(); });
  KpiRequest value;
  value.kpi = "net_sales";
  KpiRequest series = value;
  series.grain = "hour";
  KpiRequest unknown = value;
  unknown.kpi = "nothing";
  auto answers = kpis->answer_all({value, series, unknown, value});
  REQUIRE(answers.size() == 4);
  CHECK(f.snapshots_taken() == 1);
  REQUIRE(answers[0].has_value());
  CHECK_FALSE(answers[2].has_value());
  CHECK(to_json(*answers[0]) == to_json(*answers[3]));  // elapsed_ms too
  CHECK(kpis->freshness("net_sales")->as_of == at("2026-11-22T09:40:00Z"));
  CHECK_FALSE(kpis->freshness("nothing").has_value());
  CHECK(kpis->freshness("on_hand").error().code == ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace freshet
