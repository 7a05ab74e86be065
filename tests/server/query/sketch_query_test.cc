// Approximate aggregates stay within their bounds of the exact ones, over live
// and sealed rows, groups and filters.
#include <doctest/doctest.h>

#include <cmath>

#include "query_data.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

constexpr int kRows = 60000;

// s has 3 values, t 20000, n 0..9999 scattered, every tenth null.
std::vector<Row> part(int begin, int end) {
  std::vector<Row> rows;
  for (int i = begin; i < end; ++i) {
    int64_t scattered = i * int64_t{7919} % 10007;
    rows.push_back({Value(Timestamp{i}), Value("s" + std::to_string(i % 3)),
                    Value("t" + std::to_string(i % 20000)),
                    i % 10 ? Value(scattered) : Value(),
                    Value(static_cast<double>(scattered) / 8),
                    Value(Decimal{scattered, 2}), Value(i % 2 == 0)});
  }
  return rows;
}

DatasetSnapshot data() {
  DatasetSnapshot out;
  out.schema = sales_schema();
  auto timeline = std::make_shared<Timeline>();
  timeline->sealed = {sealed_segment(out.schema, part(0, 25000)),
                      sealed_segment(out.schema, part(25000, 40000))};
  timeline->live = {live_segment(out.schema, part(40000, kRows))};
  out.timeline = timeline;
  return out;
}

Aggregate aggregate(F function, const char* argument, double parameter = 0) {
  Aggregate out;
  out.function = function;
  out.argument = column(argument);
  out.parameter = parameter;
  out.name = std::string(argument) +
             std::to_string(static_cast<int>(function)) +
             std::to_string(parameter);
  return out;
}

QueryResult answer(const Query& query) {
  DatasetSnapshot d = data();
  OneDataset catalog("sales", d);
  auto result = Runner::create(catalog, 2)->run_on(query, d);
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  return *result;
}

TEST_CASE("approximate distinct counts are near the exact ones") {
  for (const char* name : {"t", "n", "d", "m", "s"}) {
    for (bool grouped : {false, true}) {
      Query query;
      if (grouped) query.groups = {{"s", column("s")}};
      query.aggregates = {aggregate(F::kCountDistinct, name),
                          aggregate(F::kApproxDistinct, name)};
      QueryResult result = answer(query);
      CHECK_FALSE(result.provenance.exact);
      CHECK(result.rows.size() == (grouped ? 3 : 1));
      for (const auto& row : result.rows) {
        double exact = row[row.size() - 2].to_double();
        CAPTURE(name);
        CHECK(std::abs(row.back().to_double() / exact - 1) < 4 * 0.0081);
      }
    }
  }
}

TEST_CASE("approximate quantiles are near the exact ones, filters hold") {
  for (double p : {0.0, 0.01, 0.5, 0.95, 1.0}) {
    Query query;
    query.aggregates = {aggregate(F::kQuantile, "n", p),
                        aggregate(F::kApproxQuantile, "n", p),
                        aggregate(F::kApproxQuantile, "m", p)};
    query.aggregates[2].filter =
        call("<", {column("n"), literal(Value(int64_t{0}))});
    QueryResult result = answer(query);
    const auto& row = result.rows.at(0);
    // The values are even, so a rank is a value.
    CHECK(std::abs(row[0].to_double() - row[1].to_double()) <= 0.0053 * 10007);
    CHECK(row[2].is_null());
  }
}

TEST_CASE("an exact query says so; nothing approximate without rows") {
  Query query;
  query.aggregates = {aggregate(F::kCountDistinct, "t")};
  CHECK(answer(query).provenance.exact);
  query.aggregates = {aggregate(F::kApproxDistinct, "t"),
                      aggregate(F::kApproxQuantile, "n", 0.5)};
  query.filter = call("=", {column("s"), literal(Value("none"))});
  QueryResult result = answer(query);
  CHECK(result.rows.at(0)[0] == Value(int64_t{0}));
  CHECK(result.rows.at(0)[1].is_null());
}

}  // namespace
}  // namespace freshet::test
