// Random queries over random mixes of live and sealed segments equal the
// naive engine's answers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "naive_query.h"
#include "segments/masked_segment.h"
#include "server/query/partial_cache.h"

namespace freshet::test {
namespace {

class RandomQueries {
 public:
  explicit RandomQueries(uint64_t seed) : random_(seed) {
    madrid_ = *load_time_zone("Europe/Madrid");
  }

  uint64_t below(uint64_t n) { return random_() % n; }

  Value text() {
    static const char* kTexts[] = {"",   "a",    "A",   "ab",  "zürich",
                                   "b%", "日本", "😀x", "a_b", "null"};
    return below(8) == 0 ? Value() : Value(kTexts[below(10)]);
  }
  Value number() {
    return below(7) == 0 ? Value()
                         : Value(static_cast<int64_t>(below(40)) - 10);
  }
  Value money() {
    return below(9) == 0
               ? Value()
               : Value(Decimal{static_cast<int64_t>(below(100000)) - 5000, 2});
  }
  // Around the night in which Madrid has no 02:00, and the one with two.
  Timestamp time() {
    int64_t base = below(2) ? 1774652400000 : 1792886400000;
    return Timestamp{base + static_cast<int64_t>(below(3 * 86400000)) / 7 * 7};
  }

  std::vector<Row> rows(size_t count) {
    std::vector<Row> out;
    for (size_t i = 0; i < count; ++i) {
      Timestamp t = time();
      t.ms = t.ms / 100000 * 100000 + static_cast<int64_t>(unique_++ % 100000);
      Value real =
          below(6) ? Value(static_cast<double>(below(1000)) / 8) : Value();
      out.push_back({Value(t), text(), Value("t" + std::to_string(below(3000))),
                     number(), real, money(),
                     below(5) ? Value(below(2) == 0) : Value()});
    }
    return out;
  }

  ExpressionPtr timed(std::string name, const char* granularity) {
    auto made = std::make_shared<Expression>(*call(name, {column("__time")}));
    made->granularity = *Granularity::parse(granularity);
    made->zone = below(2) ? madrid_ : absl::UTCTimeZone();
    return made;
  }

  ExpressionPtr group() {
    switch (below(9)) {
      case 0:
        return column("s");
      case 1:
        return column("t");
      case 2:
        return column("n");
      case 3:
        return column("b");
      case 4:
        return call("upper", {column("s")});
      case 5:
        return timed("time_floor", below(2) ? "hour" : "day");
      case 6:
        return timed("extract_hour", "hour");
      case 7:
        return call("coalesce", {call("concat", {column("s"), column("t")}),
                                 literal(Value("none"))});
      default:
        return column("m");
    }
  }

  ExpressionPtr numeric() {
    switch (below(6)) {
      case 0:
        return column("n");
      case 1:
        return column("m");
      case 2:
        return call("*", {column("m"), column("n")});
      case 3:
        return call("case",
                    {call("<>", {column("n"), literal(Value(int64_t{0}))}),
                     call("/", {literal(Value(int64_t{100})), column("n")})});
      case 4:
        return call("-", {column("m"), column("n")});
      default:
        return column("d");
    }
  }

  ExpressionPtr condition(int depth = 2) {
    if (depth > 0 && below(2)) {
      const char* kNames[] = {"and", "or", "not"};
      std::string name = kNames[below(3)];
      std::vector<ExpressionPtr> arguments{condition(depth - 1)};
      if (name != "not") arguments.push_back(condition(depth - 1));
      return call(name, arguments);
    }
    static const char* kTests[] = {"=", "<>", "<", "<=", ">", ">="};
    std::string op = kTests[below(6)];
    switch (below(11)) {
      case 0:
        return call(op, {column("s"), literal(text())});
      case 1:
        return call(op, {column("n"), literal(number())});
      case 2:
        return call(op, {literal(money()), column("m")});
      case 3:
        return call("like",
                    {column("s"), literal(Value(below(2) ? "a%" : "_b%"))});
      case 4:
        return call("in",
                    {column("t"), literal(Value("t7")), literal(Value("t8")),
                     literal(below(3) ? Value("t9") : Value())});
      case 5:
        return call("between",
                    {column("n"), literal(number()), literal(number())});
      case 6:
        return call("is_null", {below(2) ? column("s") : column("n")});
      case 7:
        return call(op, {column("__time"), literal(Value(time()))});
      case 8:
        return one_of(1 + below(30));
      case 9:
        return tests(2 + below(6));
      default:
        return call(op, {column("n"), column("d")});
    }
  }

  // A column and a maker of constants that compare with it.
  std::pair<ExpressionPtr, Value (RandomQueries::*)()> subject() {
    switch (below(4)) {
      case 0:
        return {column("s"), &RandomQueries::text};
      case 1:
        return {column("n"), &RandomQueries::number};
      case 2:
        return {column("m"),
                below(2) ? &RandomQueries::money : &RandomQueries::number};
      default:
        return {column("n"), &RandomQueries::money};
    }
  }

  ExpressionPtr one_of(uint64_t candidates) {
    auto [tested, constant] = subject();
    std::vector<ExpressionPtr> arguments{tested};
    for (; candidates > 0; --candidates) {
      arguments.push_back(literal((this->*constant)()));
    }
    return call("in", arguments);
  }

  // Many tests, which connect() makes sets of.
  ExpressionPtr tests(uint64_t count) {
    bool all = below(2);
    std::vector<ExpressionPtr> parts;
    for (; count > 0; --count) {
      auto [tested, constant] = subject();
      parts.push_back(call(below(5) ? (all ? "<>" : "=") : "<",
                           {tested, literal((this->*constant)())}));
    }
    return connect(all ? "and" : "or", parts);
  }

  Aggregate aggregate(int index) {
    using F = Aggregate::Function;
    Aggregate out;
    out.name = "a" + std::to_string(index);
    out.function = static_cast<F>(below(10));
    out.argument = numeric();
    if (out.function == F::kCount && below(2)) out.argument = nullptr;
    bool any_type = out.function == F::kMin || out.function == F::kMax ||
                    out.function == F::kFirst || out.function == F::kLast ||
                    out.function == F::kCountDistinct;
    if (any_type && below(2)) out.argument = column(below(2) ? "s" : "t");
    if (out.function == F::kQuantile) {
      out.parameter = static_cast<double>(below(5)) / 4;
    }
    if (out.function == F::kLastPerKeySum) {
      for (uint64_t i = below(3); i > 0; --i) {
        out.keys.push_back(column(i == 1 ? "s" : "n"));
      }
    }
    if (below(4) == 0) out.filter = condition(1);
    return out;
  }

  Query query() {
    Query out;
    for (uint64_t i = below(4); i > 0; --i) {
      out.groups.push_back({"g" + std::to_string(i), group()});
    }
    for (uint64_t i = 1 + below(4); i > 0; --i) {
      out.aggregates.push_back(aggregate(static_cast<int>(i)));
    }
    if (below(3)) out.filter = condition();
    if (below(4) == 0) {
      Timestamp a = time(), b = time();
      out.interval = {std::min(a, b), std::max(a, b)};
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
  absl::TimeZone madrid_;
  uint64_t unique_ = 0;
};

bool near(const Value& a, const Value& b) {
  if (a.type() != b.type()) return false;
  if (!a.as_double()) return a == b;
  double x = *a.as_double(), y = *b.as_double();
  return std::fabs(x - y) <= 1e-9 * std::max({1.0, std::fabs(x), std::fabs(y)});
}

std::string row_text(const Row& row) {
  std::string out;
  for (const Value& v : row) out += v.to_text() + " | ";
  return out;
}

std::string query_text(const Query& query) {
  std::string out;
  for (const auto& g : query.groups) out += to_text(*g.expression) + "; ";
  for (const auto& a : query.aggregates) {
    out += "f" + std::to_string(static_cast<int>(a.function)) + "(" +
           (a.argument ? to_text(*a.argument) : "*") + ") filter " +
           (a.filter ? to_text(*a.filter) : "-") + " keys " +
           std::to_string(a.keys.size()) + "; ";
  }
  return out + " where " + (query.filter ? to_text(*query.filter) : "-");
}

void check_equal(const Query& query, std::vector<Row> got,
                 const std::vector<Row>& expected) {
  std::sort(got.begin(), got.end(), [&](const Row& a, const Row& b) {
    for (size_t i = 0; i < query.groups.size(); ++i) {
      int order = Value::compare(a[i], b[i]);
      if (order != 0) return order < 0;
    }
    return false;
  });
  INFO(query_text(query));
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    for (size_t c = 0; c < got[i].size(); ++c) {
      INFO("column ", c, "\ngot      ", row_text(got[i]), "\nexpected ",
           row_text(expected[i]));
      REQUIRE(near(got[i][c], expected[i][c]));
    }
  }
}

// The segment with the rows hidden whose `t` says so.
std::shared_ptr<const Segment> hide_marked(
    std::shared_ptr<const Segment> segment) {
  const Column& column = **segment->column("t");
  std::vector<uint32_t> ids(kBlockRows), rows;
  for (uint32_t block = 0; block < segment->num_blocks(); ++block) {
    column.read_ids(block, ids.data());
    for (uint32_t i = 0; i < segment->block_rows(block); ++i) {
      if (ids[i] == kNullId) continue;
      if (column.dictionary()->value(ids[i]) != "hidden") continue;
      rows.push_back(block * kBlockRows + i);
    }
  }
  if (rows.empty()) return segment;
  return with_hidden(std::move(segment),
                     std::make_shared<const Bitmap>(Bitmap::of_sorted(rows)));
}

TEST_CASE("random queries equal the naive engine") {
  const char* given = std::getenv("FRESHET_SEED");
  uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 20261122;
  INFO("FRESHET_SEED=", seed);
  RandomQueries make(seed);
  auto schema = sales_schema();
  for (int round = 0; round < 6; ++round) {
    Timeline timeline;
    std::vector<Row> all;
    for (uint64_t i = make.below(4); i > 0; --i) {
      auto rows = make.rows(1 + make.below(6000));
      all.insert(all.end(), rows.begin(), rows.end());
      // Now and then with rows that are hidden and of which no answer knows.
      for (uint64_t k = make.below(2) * make.below(3000); k > 0; --k) {
        Row row = make.rows(1)[0];
        row[2] = Value("hidden");
        rows.insert(rows.begin() + static_cast<long>(make.below(rows.size())),
                    std::move(row));
      }
      timeline.sealed.push_back(hide_marked(sealed_segment(schema, rows)));
    }
    for (uint64_t i = make.below(3); i > 0; --i) {
      auto rows = make.rows(make.below(5000));
      all.insert(all.end(), rows.begin(), rows.end());
      timeline.live.push_back(live_segment(schema, rows));
    }
    DatasetSnapshot data;
    data.schema = schema;
    data.timeline = std::make_shared<Timeline>(std::move(timeline));
    OneDataset catalog("sales", data);
    PartialCache cache(1 << 24);
    auto runner = Runner::create(catalog, 1 + round % 3, &cache);
    for (int i = 0; i < 60; ++i) {
      Query query = make.query();
      query.dataset = "sales";
      CAPTURE(round);
      CAPTURE(i);
      auto got = runner->run(query);
      REQUIRE_MESSAGE(got.has_value(), query_text(query), "\n",
                      got.error().message);
      const auto expected = naive_aggregate(query, *schema, all);
      check_equal(query, got->rows, expected);
      auto again = runner->run(query);
      REQUIRE(again.has_value());
      INFO("from what was kept");
      check_equal(query, again->rows, expected);
      CHECK(again->provenance.rows_matched == got->provenance.rows_matched);
    }
    if (!data.timeline->sealed.empty()) CHECK(cache.totals().hits > 0);
  }
}

TEST_CASE("connected tests mean what the single ones do") {
  const char* given = std::getenv("FRESHET_SEED");
  uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 20261123;
  INFO("FRESHET_SEED=", seed);
  RandomQueries make(seed);
  auto schema = sales_schema();
  std::vector<Row> rows = make.rows(3000);
  Timeline timeline;
  timeline.sealed.push_back(sealed_segment(schema, rows));
  DatasetSnapshot data;
  data.schema = schema;
  data.timeline = std::make_shared<Timeline>(std::move(timeline));
  OneDataset catalog("sales", data);
  auto runner = Runner::create(catalog, 1);
  for (int i = 0; i < 200; ++i) {
    bool all = make.below(2);
    std::vector<ExpressionPtr> parts;
    for (uint64_t k = 2 + make.below(8); k > 0; --k) {
      auto [tested, constant] = make.subject();
      parts.push_back(call(make.below(6) ? (all ? "<>" : "=") : ">=",
                           {tested, literal((make.*constant)())}));
    }
    // Negated too, so that null and false are told apart.
    auto count = [&](ExpressionPtr condition, bool negated) {
      Query query;
      query.dataset = "sales";
      query.aggregates = {Aggregate{}};
      query.aggregates[0].name = "n";
      query.filter = negated ? call("not", {condition}) : condition;
      auto result = runner->run(query);
      REQUIRE(result.has_value());
      return *result->rows[0][0].as_long();
    };
    const char* name = all ? "and" : "or";
    ExpressionPtr plain = call(name, parts), made = connect(name, parts);
    INFO(to_text(*plain));
    REQUIRE(count(made, false) == count(plain, false));
    REQUIRE(count(made, true) == count(plain, true));
  }
}

}  // namespace
}  // namespace freshet::test
