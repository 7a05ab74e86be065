// Rows that are rolled up when they are sealed: queries answer, or refuse, the
// same before and after, and as they would without.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "query_data.h"
#include "segments/rollup.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 3600'000;
constexpr int64_t kStart = 1'795'000'000'000 / kHour * kHour;

CubeSpec by_minute() {
  CubeSpec spec;
  spec.name = kRollupName;
  spec.granularity = *Granularity::parse("minute");
  spec.dimensions = {"s", "b"};
  spec.measures = {{"t", kCubeApproxDistinct},
                   {"n", kCubeSum | kCubeMin | kCubeMax},
                   {"d", kCubeSum | kCubeMin | kCubeMax},
                   {"m", kCubeSum | kCubeMax}};
  return spec;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t n) { return random_() % n; }
  Value maybe(Value v) { return below(6) == 0 ? Value() : v; }

  // Times are those of their minute, as ingestion gives them.
  std::vector<Row> rows(size_t count) {
    std::vector<Row> out;
    for (size_t i = 0; i < count; ++i) {
      Timestamp time{kStart + static_cast<int64_t>(below(90)) * kMinute};
      out.push_back(
          {Value(time), maybe(Value("s" + std::to_string(below(4)))),
           maybe(Value("t" + std::to_string(below(200)))),
           maybe(Value(static_cast<int64_t>(below(100)) - 50)),
           maybe(Value(static_cast<double>(below(800)) / 8)),
           maybe(Value(Decimal{static_cast<int64_t>(below(9000)) - 500, 2})),
           maybe(Value(below(2) == 0))});
    }
    return out;
  }

  ExpressionPtr timed(const char* name, const char* granularity) {
    auto made = std::make_shared<Expression>(*call(name, {column("__time")}));
    made->granularity = *Granularity::parse(granularity);
    made->zone = absl::UTCTimeZone();
    return made;
  }

  ExpressionPtr group() {
    switch (below(7)) {
      case 0:
        return column("s");
      case 1:
        return column("b");
      case 2:
        return call("upper", {column("s")});
      case 3:
        return column("__time");
      case 4:
        return timed("extract_minute", "minute");
      default:
        return timed("time_floor", below(2) ? "PT15M" : "hour");
    }
  }

  ExpressionPtr condition() {
    static const char* kTests[] = {"=", "<>", "<", "<=", ">", ">="};
    std::string op = kTests[below(6)];
    switch (below(5)) {
      case 0:
        return call(op, {column("s"), literal(Value("s1"))});
      case 1:
        return call("is_null", {column(below(2) ? "s" : "b")});
      case 2:
        return call("or", {condition(), condition()});
      default: {
        // Not where a bucket begins: what counts is where rows are.
        auto ms = kStart + static_cast<int64_t>(below(2 * kHour));
        return call(op, {column("__time"), literal(Value(Timestamp{ms}))});
      }
    }
  }

  Aggregate aggregate(int index) {
    static const F kFunctions[] = {F::kCount, F::kCount, F::kSum, F::kMin,
                                   F::kMax,   F::kAvg,   F::kMax};
    Aggregate out;
    out.name = "a" + std::to_string(index);
    out.function = kFunctions[below(7)];
    static const char* kNumbers[] = {"m", "n", "d"};
    out.argument = column(kNumbers[below(3)]);
    if (out.function == F::kMin && below(2)) out.argument = column("n");
    if (out.function == F::kCount && below(3) == 0) out.argument = nullptr;
    if (out.function == F::kCount && below(3) == 0) out.argument = column("s");
    if (below(9) == 0) {
      out.function = F::kCountDistinct;
      out.argument = column("s");
    } else if (below(9) == 0) {
      out.function = F::kApproxDistinct;
      out.argument = column(below(3) ? "t" : "s");
    }
    if (below(5) == 0) out.filter = condition();
    return out;
  }

  Query query() {
    Query out;
    out.dataset = "sales";
    for (uint64_t i = below(3); i > 0; --i) {
      out.groups.push_back({"g" + std::to_string(i), group()});
    }
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      out.aggregates.push_back(aggregate(static_cast<int>(i)));
    }
    if (below(2)) out.filter = condition();
    for (const auto& g : out.groups)
      out.order_by.push_back({g.name, false, {}});
    spoil(out);
    return out;
  }

 private:
  // Now and then asks for what is not kept.
  void spoil(Query& query) {
    switch (below(14)) {
      case 0:
        query.groups.push_back({"x", column("n")});
        break;
      case 1:
        query.filter =
            call(">", {column("m"), literal(Value(Decimal{2000, 2}))});
        break;
      case 2:
        query.aggregates[0].function = F::kSum;
        query.aggregates[0].argument =
            call("*", {column("n"), literal(Value(int64_t{2}))});
        break;
      case 3:
        query.aggregates[0].function = F::kMin;
        query.aggregates[0].argument = column("m");
        break;
      default:
        break;
    }
  }

  std::mt19937_64 random_;
};

class NoCatalog final : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(std::string_view) const override {
    return std::nullopt;
  }
  std::vector<std::string> names() const override { return {}; }
};

std::string text(const Result<QueryResult>& result) {
  if (!result) return "error: " + result.error().message;
  std::string out;
  for (const auto& row : result->rows) {
    for (const Value& value : row) out += value.to_text() + "|";
    out += "\n";
  }
  return out;
}

struct Data {
  DatasetSnapshot live, sealed, mixed;
};

Data data_of(Generator& generator, bool with_cube) {
  auto schema = sales_schema();
  auto rollup = std::make_shared<const CubeSpec>(by_minute());
  SealOptions options;
  options.rollup = *rollup;
  options.sort_by = {"s"};
  if (with_cube) {
    CubeSpec cube;
    cube.name = "hours";
    cube.granularity = *Granularity::parse("hour");
    cube.dimensions = {"s"};
    cube.measures = {{"n", kCubeSum | kCubeMax}, {"m", kCubeSum}};
    options.cubes = {cube};
  }
  std::vector<Row> first = generator.rows(3000), second = generator.rows(2000);
  std::vector<Row> third = generator.rows(500), all = first;
  all.insert(all.end(), second.begin(), second.end());
  auto of = [&](std::vector<std::shared_ptr<const Segment>> sealed,
                std::vector<Row> live) {
    DatasetSnapshot data;
    data.schema = schema;
    data.rollup = rollup;
    auto timeline = std::make_shared<Timeline>();
    timeline->sealed = std::move(sealed);
    live.insert(live.end(), third.begin(), third.end());
    timeline->live = {live_segment(schema, live)};
    data.timeline = timeline;
    return data;
  };
  auto one = sealed_segment(schema, first, options);
  auto two = sealed_segment(schema, second, options);
  CHECK(one->num_rows() < first.size());
  return {of({}, all), of({one, two}, {}), of({one}, second)};
}

TEST_CASE("rolled-up rows answer as the rows do, or refuse alike") {
  NoCatalog catalog;
  auto runner = Runner::create(catalog, 2);
  int answered = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    Data data = data_of(generator, seed % 2 == 0);
    DatasetSnapshot plain = data.live, forgotten = data.sealed;
    plain.rollup = forgotten.rollup = nullptr;
    for (int i = 0; i < 60; ++i) {
      CAPTURE(i);
      Query query = generator.query();
      std::string live = text(runner->run_on(query, data.live));
      CHECK(text(runner->run_on(query, data.sealed)) == live);
      CHECK(text(runner->run_on(query, data.mixed)) == live);
      std::string right = text(runner->run_on(query, plain));
      // Where the model has no rollup any more, rows that are meet it alone.
      std::string unaware = text(runner->run_on(query, forgotten));
      CHECK((unaware == live || unaware == right));
      if (live.starts_with("error: ")) {
        CHECK(live.find("rows are rolled up, which does not keep") !=
              std::string::npos);
        ++refused;
      } else {
        CHECK(right == live);
        ++answered;
      }
    }
  }
  CHECK(answered > 300);
  CHECK(refused > 40);
}

TEST_CASE("rolled-up rows are not listed, and it says what to ask") {
  NoCatalog catalog;
  auto runner = Runner::create(catalog, 1);
  Generator generator(1);
  Data data = data_of(generator, false);
  Query scan;
  scan.kind = Query::Kind::kScan;
  scan.dataset = "sales";
  for (const auto* snapshot : {&data.live, &data.sealed}) {
    CHECK(text(runner->run_on(scan, *snapshot)) ==
          "error: rows are rolled up and cannot be listed; ask for "
          "aggregates, such as COUNT(*) and SUM(measure) by dimensions: "
          "sales");
  }
  Query distinct = scan;
  distinct.distinct = true;
  distinct.select = {{"s", column("s")}};
  CHECK(runner->run_on(distinct, data.sealed)->rows.size() == 5);
  Query count;
  count.dataset = "sales";
  count.aggregates = {Aggregate{}};
  count.aggregates[0].name = "n";
  auto counted = runner->run_on(count, data.sealed);
  REQUIRE(counted.has_value());
  CHECK(text(counted) == "5500|\n");
  CHECK(counted->provenance.rows_matched == 5500);
  CHECK(counted->provenance.served_by ==
        std::vector<std::string>{"segments", "live"});
}

TEST_CASE("columns that came after rows were rolled up are null in them") {
  NoCatalog catalog;
  auto runner = Runner::create(catalog, 1);
  Generator generator(1);
  Data data = data_of(generator, false);
  Schema schema = *data.sealed.schema;
  schema.columns.push_back({"more", {ColumnKind::kLong, 0}, false});
  schema.columns.push_back({"kind", {ColumnKind::kString, 0}, false});
  auto rollup = std::make_shared<CubeSpec>(by_minute());
  rollup->dimensions.push_back("kind");
  rollup->measures.push_back({"more", kCubeSum});
  data.sealed.schema = std::make_shared<Schema>(schema);
  data.sealed.rollup = rollup;
  Query query;
  query.dataset = "sales";
  query.groups = {{"kind", column("kind")}};
  query.aggregates.resize(3);
  query.aggregates[0].name = "n";
  query.aggregates[1].name = "counted";
  query.aggregates[1].argument = column("more");
  query.aggregates[2].name = "summed";
  query.aggregates[2].function = F::kSum;
  query.aggregates[2].argument = column("more");
  auto result = runner->run_on(query, data.sealed);
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  REQUIRE(result->rows.size() == 1);
  CHECK(result->rows[0][0].is_null());
  CHECK(result->rows[0][1].to_text() == "5500");
  CHECK(result->rows[0][2].to_text() == "0");
  CHECK(result->rows[0][3].is_null());
}

}  // namespace
}  // namespace freshet::test
