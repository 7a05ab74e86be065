// Queries answer the same with cubes as without them: random queries over
// live rows and segments with different cubes, around nights in which clocks
// change; and what is said about it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "query_data.h"
#include "server/query/bucket_nesting.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

constexpr int64_t kHour = 3600'000;
// 2026-03-28T22:00Z and 2026-10-24T22:00Z.
constexpr int64_t kNights[] = {1774735200000, 1792879200000};

class Generator {
 public:
  explicit Generator(uint64_t seed)
      : random_(seed), madrid_(*load_time_zone("Europe/Madrid")) {}

  uint64_t below(uint64_t n) { return random_() % n; }
  Value maybe(Value v) { return below(7) == 0 ? Value() : v; }

  // A few values of each dimension, so that cubes are built.
  std::vector<Row> rows(size_t count, int64_t night) {
    std::vector<Row> out;
    for (size_t i = 0; i < count; ++i) {
      int64_t ms = night + static_cast<int64_t>(below(30 * kHour)) / 100 * 100;
      out.push_back(
          {Value(Timestamp{ms / 10000 * 10000 +
                           static_cast<int64_t>(unique_++ % 10000)}),
           maybe(Value("s" + std::to_string(below(3)))),
           maybe(Value("t" + std::to_string(below(30)))),
           maybe(Value(static_cast<int64_t>(below(3)))),
           maybe(Value(static_cast<double>(below(80)) / 8)),
           maybe(Value(Decimal{static_cast<int64_t>(below(9000)) - 500, 2})),
           maybe(Value(below(2) == 0))});
    }
    return out;
  }

  CubeSpec cube(const std::string& name) {
    static const char* kGrains[] = {"minute", "PT30M", "hour", "PT6H", "day"};
    static const char* kZones[] = {"UTC", "Europe/Madrid", "Asia/Kolkata"};
    CubeSpec spec;
    spec.name = name;
    spec.granularity = *Granularity::parse(kGrains[1 + below(4)]);
    spec.zone = kZones[below(3)];
    for (const char* dimension : {"s", "n", "b"}) {
      if (below(3)) spec.dimensions.push_back(dimension);
    }
    auto schema = sales_schema();
    for (const char* measure : {"t", "n", "d", "m"}) {
      uint32_t states =
          possible_cube_states(schema->columns[*schema->find(measure)].type);
      if (below(5) == 0) states &= static_cast<uint32_t>(random_());
      if (below(6)) spec.measures.push_back({measure, states});
    }
    return spec;
  }

  ExpressionPtr timed(const char* name, const char* granularity) {
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
        return column("n");
      case 2:
        return column("b");
      case 3:
        return call("upper", {column("s")});
      case 4:
        return timed("extract_hour", "hour");
      case 5:
        return timed("extract_dow", "hour");
      case 6:
        return timed("time_ceil", "hour");
      default: {
        static const char* kGrains[] = {"PT30M", "hour",  "PT3H", "day",
                                        "week",  "month", "all"};
        return timed("time_floor", kGrains[below(7)]);
      }
    }
  }

  // Mostly where a bucket begins.
  Timestamp bound() {
    int64_t ms = kNights[below(2)] + static_cast<int64_t>(below(34)) * kHour;
    if (below(4) == 0) ms += 1800'000;
    if (below(5) == 0) ms += static_cast<int64_t>(below(kHour));
    return {ms};
  }

  ExpressionPtr condition() {
    static const char* kTests[] = {"=", "<>", "<", "<=", ">", ">="};
    std::string op = kTests[below(6)];
    switch (below(8)) {
      case 0:
        return call(op, {column("s"), literal(Value("s1"))});
      case 1:
        return call("is_null", {column(below(2) ? "s" : "b")});
      case 2:
        return call("in",
                    {column("s"), literal(Value("s0")), literal(Value("s2"))});
      case 3:
        return call(op, {column("n"), literal(Value(int64_t{1}))});
      case 4:
        return call("or", {condition(), condition()});
      case 5:
        return call(op, {column("m"), literal(Value(Decimal{2000, 2}))});
      default:
        return call(op, {column("__time"), literal(Value(bound()))});
    }
  }

  Aggregate aggregate(int index) {
    static const F kFunctions[] = {
        F::kCount, F::kCount,         F::kSum,      F::kSum,
        F::kMin,   F::kMax,           F::kAvg,      F::kFirst,
        F::kLast,  F::kCountDistinct, F::kQuantile, F::kApproxDistinct};
    Aggregate out;
    out.name = "a" + std::to_string(index);
    out.function = kFunctions[below(12)];
    static const char* kNumbers[] = {"m", "m", "n", "d"};
    out.argument = column(kNumbers[below(4)]);
    if (out.function == F::kCount && below(2)) out.argument = nullptr;
    bool any = out.function == F::kCountDistinct ||
               out.function == F::kApproxDistinct ||
               out.function == F::kFirst || out.function == F::kLast ||
               out.function == F::kMax;
    if (any && below(2)) out.argument = column(below(3) ? "t" : "s");
    if (out.function == F::kQuantile && below(2)) out.function = F::kSum;
    out.parameter = 0.5;
    if (below(6) == 0) out.filter = condition();
    return out;
  }

  Query query() {
    Query out;
    for (uint64_t i = below(3); i > 0; --i) {
      out.groups.push_back({"g" + std::to_string(i), group()});
    }
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      out.aggregates.push_back(aggregate(static_cast<int>(i)));
    }
    if (below(2)) out.filter = condition();
    if (below(3) == 0) {
      Timestamp a = bound(), b = bound();
      out.interval = {std::min(a, b), std::max(a, b)};
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
  absl::TimeZone madrid_;
  uint64_t unique_ = 0;
};

QueryResult answer(const Query& query, const DatasetSnapshot& data) {
  OneDataset catalog("sales", data);
  static auto runner = Runner::create(catalog, 2);
  auto result = runner->run_on(query, data);
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  return *result;
}

// Rows as text in one order; doubles with 12 digits, since sums of doubles may
// be added in another order when other segments use cubes.
std::vector<std::string> texts(const QueryResult& result) {
  std::vector<std::string> out;
  for (const auto& row : result.rows) {
    std::string text;
    for (const Value& v : row) {
      char number[40];
      if (auto d = v.as_double()) {
        snprintf(number, sizeof(number), "%.12g", *d == 0 ? 0.0 : *d);
        text += std::string(number) + "|";
      } else {
        text += v.to_text() + "|";
      }
    }
    out.push_back(text);
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool used_cube(const QueryResult& result) {
  const auto& by = result.provenance.served_by;
  return std::any_of(by.begin(), by.end(), [](const std::string& s) {
    return s.starts_with("cube ");
  });
}

TEST_CASE("random queries answer the same with cubes and without") {
  int used = 0, asked = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Generator make(seed);
    DatasetSnapshot data;
    data.schema = sales_schema();
    auto timeline = std::make_shared<Timeline>();
    for (int i = 0; i < 3; ++i) {
      SealOptions options;
      if (make.below(2)) options.sort_by = {"s"};
      options.cubes = {make.cube("a"), make.cube("b")};
      if (i == 2) options.cubes.clear();
      timeline->sealed.push_back(sealed_segment(
          data.schema, make.rows(1 + make.below(6000), kNights[i % 2]),
          options));
    }
    timeline->live = {
        live_segment(data.schema, make.rows(make.below(300), kNights[0]))};
    data.timeline = timeline;
    for (int i = 0; i < 60; ++i) {
      Query query = make.query();
      QueryResult with = answer(query, data);
      query.use_cubes = false;
      QueryResult without = answer(query, data);
      CAPTURE(seed);
      CAPTURE(i);
      CHECK(texts(with) == texts(without));
      CHECK_FALSE(used_cube(without));
      CHECK(with.provenance.rows_matched == without.provenance.rows_matched);
      used += used_cube(with);
      ++asked;
    }
  }
  // Otherwise this shows nothing.
  CHECK(used > asked / 10);
}

struct Hours {
  DatasetSnapshot data;
  std::shared_ptr<Timeline> timeline = std::make_shared<Timeline>();
  std::vector<Row> rows;

  explicit Hours(std::vector<CubeMeasure> measures = {{"m", kCubeSum},
                                                      {"n", kCubeSum}}) {
    data.schema = sales_schema();
    for (int i = 0; i < 2400; ++i) {
      rows.push_back({Value(Timestamp{kNights[0] + i * 30'000}),
                      Value("s" + std::to_string(i % 2)), Value("t"),
                      Value(int64_t{i}), Value(static_cast<double>(i)),
                      Value(Decimal{i, 2}), Value(true)});
    }
    seal(std::move(measures));
    data.timeline = timeline;
  }
  void seal(std::vector<CubeMeasure> measures) {
    SealOptions options;
    options.cubes.emplace_back();
    CubeSpec& cube = options.cubes.back();
    cube.name = "store_hour";
    cube.dimensions = {"s"};
    cube.granularity = *Granularity::parse("hour");
    cube.measures = std::move(measures);
    timeline->sealed = {sealed_segment(data.schema, rows, options)};
  }
};

Query sum_of(const char* name, F function = F::kSum) {
  Query query;
  query.why_not = true;
  query.aggregates.emplace_back();
  query.aggregates[0].function = function;
  query.aggregates[0].argument = column(name);
  query.aggregates[0].name = "x";
  return query;
}

TEST_CASE("the answer says what served it, and why a cube did not") {
  Hours hours;
  hours.timeline->live = {live_segment(hours.data.schema, {hours.rows[0]})};
  QueryResult result = answer(sum_of("m"), hours.data);
  CHECK(result.provenance.served_by ==
        std::vector<std::string>{"cube store_hour", "live"});
  CHECK(result.provenance.rows_scanned == 20 * 2 + 1);
  CHECK(result.provenance.rows_matched == 2401);
  CHECK(result.provenance.why_not.empty());

  auto reason = [&](Query query) {
    QueryResult found = answer(query, hours.data);
    CHECK(found.provenance.served_by.at(0) == "segments");
    CHECK_FALSE(used_cube(found));
    REQUIRE(found.provenance.why_not.size() == 1);
    return found.provenance.why_not[0];
  };
  CHECK(reason(sum_of("d")) ==
        "cube store_hour: \"d\" is none of its measures");
  CHECK(reason(sum_of("m", F::kMin)) ==
        "cube store_hour: it keeps no min of m");
  Query query = sum_of("m");
  query.filter = call("=", {column("b"), literal(Value(true))});
  CHECK(reason(query) == "cube store_hour: b is none of its dimensions");
  query = sum_of("m");
  query.interval.start = Timestamp{kNights[0] + kHour / 2};
  CHECK(reason(query) ==
        "cube store_hour: none of its buckets of PT1H in UTC begins at "
        "2026-03-28T22:30:00.000Z");
  query = sum_of("m");
  auto floor =
      std::make_shared<Expression>(*call("time_floor", {column("__time")}));
  floor->granularity = *Granularity::parse("PT30M");
  query.groups = {{"g", floor}};
  CHECK(reason(query) ==
        "cube store_hour: its buckets of PT1H in UTC do not lie inside those "
        "of PT30M");
}

TEST_CASE("sums beyond 64 bits are as exact, and fail as clearly, in a cube") {
  Hours hours;
  int64_t most = std::numeric_limits<int64_t>::max();
  for (Row& row : hours.rows) row[3] = Value(most);
  hours.seal({{"n", kCubeSum}});
  Query query = sum_of("n", F::kAvg);
  QueryResult mean = answer(query, hours.data);
  CHECK(used_cube(mean));
  CHECK(mean.rows[0][0] == Value(static_cast<double>(most)));
  OneDataset catalog("sales", hours.data);
  auto runner = Runner::create(catalog, 1);
  auto failed = runner->run_on(sum_of("n"), hours.data);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kInvalid);
  for (size_t i = 0; i < hours.rows.size() / 2; ++i) {
    hours.rows[i][3] = Value(-most);
  }
  hours.seal({{"n", kCubeSum}});
  QueryResult zero = answer(sum_of("n"), hours.data);
  CHECK(used_cube(zero));
  CHECK(zero.rows[0][0] == Value(int64_t{0}));
}

TEST_CASE("measures that are all null sum to null in a cube") {
  Hours hours;
  for (Row& row : hours.rows) row[5] = Value();
  hours.seal({{"m", kCubeSum | kCubeMin}});
  for (F function : {F::kSum, F::kAvg, F::kMin}) {
    QueryResult result = answer(sum_of("m", function), hours.data);
    CHECK(used_cube(result));
    CHECK(result.rows[0][0].is_null());
  }
  QueryResult count = answer(sum_of("m", F::kCount), hours.data);
  CHECK(count.rows[0][0] == Value(int64_t{0}));
}

TEST_CASE("quantiles of a cube are within their bound") {
  Hours hours({{"n", kCubeQuantiles}});
  for (double p : {0.0, 0.1, 0.5, 0.99, 1.0}) {
    Query query = sum_of("n", F::kApproxQuantile);
    query.aggregates[0].parameter = p;
    QueryResult result = answer(query, hours.data);
    CHECK(used_cube(result));
    CHECK_FALSE(result.provenance.exact);
    CHECK(std::abs(result.rows[0][0].to_double() - p * 2399) <= 0.0053 * 2400);
  }
}

TEST_CASE("buckets nest where no outer one begins inside an inner one") {
  auto zone = [](const char* name) { return *load_time_zone(name); };
  auto grain = [](const char* name) { return *Granularity::parse(name); };
  Interval range{Timestamp{kNights[0]}, Timestamp{kNights[0] + 48 * kHour}};
  struct Case {
    const char *inner, *inner_zone, *outer, *outer_zone;
    bool nests;
  };
  for (const Case& c : std::vector<Case>{
           {"hour", "UTC", "day", "UTC", true},
           {"hour", "UTC", "day", "Europe/Madrid", true},
           {"hour", "UTC", "day", "Asia/Kolkata", false},
           {"PT30M", "UTC", "day", "Asia/Kolkata", true},
           {"day", "UTC", "day", "Europe/Madrid", false},
           {"day", "Europe/Madrid", "week", "Europe/Madrid", true},
           {"day", "UTC", "hour", "UTC", false},
           {"hour", "UTC", "all", "UTC", true},
           {"all", "UTC", "hour", "UTC", false},
           {"PT6H", "UTC", "PT3H", "UTC", false},
           {"minute", "UTC", "PT15M", "Asia/Kathmandu", true}}) {
    CAPTURE(std::string(c.inner));
    CAPTURE(std::string(c.outer));
    CAPTURE(std::string(c.outer_zone));
    CHECK(nest({grain(c.inner), zone(c.inner_zone)},
               {grain(c.outer), zone(c.outer_zone)}, range) == c.nests);
  }
  // A range that begins after an outer bucket does, but inside an inner one
  // that began before it.
  Interval late{Timestamp{kNights[0] + kHour * 3 / 4},
                Timestamp{kNights[0] + kHour}};
  CHECK_FALSE(
      nest({grain("hour"), zone("UTC")}, {grain("PT30M"), zone("UTC")}, late));
}

}  // namespace
}  // namespace freshet::test
