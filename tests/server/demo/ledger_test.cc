#include "server/demo/ledger.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "server/demo/generate.h"
#include "tests/server/demo/retail_models.h"

namespace freshet {
namespace {

using namespace test;

// Keeps what a run sends, by partition.
class MemorySink final : public EventSink {
 public:
  Status append(uint32_t partition, std::string_view event) override {
    if (fail_after_ == 0) return Error{ErrorCode::kIo, "disk full"};
    --fail_after_;
    lines_.emplace_back(partition, event);
    return {};
  }
  Status flush() override { return {}; }
  Status finish() override {
    finished_ = true;
    return {};
  }
  std::map<std::string, int64_t> offsets() const override {
    return {{"0", 42}};
  }
  std::vector<std::pair<uint32_t, std::string>> lines_;
  uint64_t fail_after_ = UINT64_MAX;
  bool finished_ = false;
};

GenerateOptions run_of(uint64_t rows, uint64_t seed) {
  GenerateOptions options;
  options.rows = rows;
  options.seed = seed;
  options.start = at("2026-11-02T00:00:00Z");
  options.end = at("2026-11-09T00:00:00Z");
  return options;
}

JsonValue json_of(const Ledger& ledger) { return parsed(ledger.to_json({})); }

// The recount of sales lines, by plain maps.
struct Recount {
  uint64_t rows = 0, bad = 0;
  std::map<std::string, int64_t> sums;  // cents, or units of longs
  std::map<std::string, std::pair<int64_t, int64_t>> stores;  // rows, cents
  std::map<std::string, int64_t> hours;
  std::map<uint32_t, std::pair<int64_t, int64_t>> partitions;  // rows, seq
  std::set<std::string> receipts;
  std::string min_time = "9999", max_time = "0000";
};

Recount recount(const MemorySink& sink) {
  Recount r;
  for (const auto& [partition, line] : sink.lines_) {
    JsonValue event = parsed(line);
    std::string ts = string_of(event, "ts");
    auto t = parse_iso8601(ts);
    if (!event.as_object() || !t || !event.find("qty")) {
      ++r.bad;
      continue;
    }
    ++r.rows;
    int64_t qty = units_of(event, "qty", 0);
    int64_t net =
        qty * units_of(event, "price", 2) - units_of(event, "discount", 2);
    for (const char* name : {"price", "discount", "cost"})
      r.sums[name] += units_of(event, name, 2);
    r.sums["qty"] += qty;
    r.sums["line"] += units_of(event, "line", 0);
    r.sums["net"] += net;
    auto& store = r.stores[string_of(event, "store")];
    ++store.first;
    store.second += net;
    ++r.hours[ts.substr(0, 13) + ":00:00.000Z"];
    auto& counted = r.partitions[partition];
    ++counted.first;
    counted.second = std::max(counted.second, units_of(event, "seq", 0));
    CHECK(units_of(event, "partition", 0) == partition);
    r.receipts.insert(string_of(event, "txn_id"));
    r.min_time = std::min(r.min_time, ts);
    r.max_time = std::max(r.max_time, ts);
  }
  return r;
}

void check_equal(const Recount& r, const JsonValue& ledger) {
  CHECK(units_of(ledger, "rows", 0) == static_cast<int64_t>(r.rows));
  CHECK(units_of(ledger, "bad_lines", 0) == static_cast<int64_t>(r.bad));
  CHECK(string_of(ledger, "min_time") == r.min_time);
  CHECK(string_of(ledger, "max_time") == r.max_time);
  for (const auto& [name, sum] : r.sums) {
    int scale = name == "qty" || name == "line" ? 0 : 2;
    CHECK_MESSAGE(string_of(*ledger.find("sums"), name.c_str()) ==
                      decimal_to_string(sum, scale),
                  name);
  }
  CHECK(units_of(*ledger.find("distinct"), "txn_id", 0) ==
        static_cast<int64_t>(r.receipts.size()));
  const JsonValue& groups = *ledger.find("by_group")->find("groups");
  CHECK(groups.as_object()->size() == r.stores.size());
  for (const auto& [name, store] : r.stores) {
    const JsonValue* group = groups.find(name);
    REQUIRE_MESSAGE(group, name);
    CHECK(units_of(*group, "rows", 0) == store.first);
    CHECK(string_of(*group, "sum") == decimal_to_string(store.second, 2));
  }
  CHECK(ledger.find("by_hour")->as_object()->size() == r.hours.size());
  for (const auto& [hour, rows] : r.hours)
    CHECK(units_of(*ledger.find("by_hour"), hour.c_str(), 0) == rows);
  for (const auto& [number, counted] : r.partitions) {
    const JsonValue* partition =
        ledger.find("partitions")->find(std::to_string(number));
    REQUIRE(partition);
    CHECK(units_of(*partition, "rows", 0) == counted.first);
    CHECK(units_of(*partition, "max_seq", 0) == counted.second);
  }
}

DatasetModel numbered_sales() {
  DatasetModel d = sales_model();
  d.columns.push_back(typed("seq", ColumnKind::kLong));
  d.columns.push_back(typed("partition", ColumnKind::kLong));
  return d;
}

TEST_CASE("the ledger equals a recount of what was sent") {
  for (uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    MemorySink sink;
    GenerateOptions options = run_of(20'000, seed);
    if (seed > 1) options.duplicates = 0.01;
    if (seed > 2) options.bad_lines = 0.005;
    auto ledger = run_generate(numbered_sales(), options, sink);
    REQUIRE_MESSAGE(ledger.has_value(), ledger.error().message);
    CHECK(sink.finished_);
    Recount r = recount(sink);
    check_equal(r, json_of(*ledger));
    CHECK(r.partitions.size() == 4);
    CHECK((r.rows > 20'000) == (seed > 1));
    CHECK((r.bad > 0) == (seed > 2));
  }
}

TEST_CASE("duplicates are told apart") {
  MemorySink once, twice;
  GenerateOptions options = run_of(5000, 9);
  auto plain = run_generate(sales_model(), options, once);
  options.duplicates = 0.05;
  auto faulty = run_generate(sales_model(), options, twice);
  REQUIRE(plain.has_value());
  REQUIRE(faulty.has_value());
  JsonValue a = json_of(*plain), b = json_of(*faulty);
  CHECK(units_of(b, "duplicates", 0) > 100);
  CHECK(string_of(*a.find("sums"), "net") ==
        string_of(*b.find("unique_sums"), "net"));
  CHECK(string_of(*a.find("sums"), "net") != string_of(*b.find("sums"), "net"));
  CHECK(units_of(*a.find("distinct"), "txn_id", 0) ==
        units_of(*b.find("distinct"), "txn_id", 0));
  std::set<std::string> unique;
  for (const auto& [partition, line] : twice.lines_) unique.insert(line);
  CHECK(unique.size() == 5000);
}

TEST_CASE("doubles and any scale are summed exactly") {
  DatasetModel d;
  d.name = "readings";
  ColumnModel twice = typed("twice", ColumnKind::kDecimal, 6);
  twice.derived = op("+", col("a"), op("*", col("b"), col("n")));
  ColumnModel odd = typed("odd", ColumnKind::kDouble);
  odd.derived = op("/", col("x"), col("n"));
  d.columns = {text("site"),
               typed("x", ColumnKind::kDouble),
               typed("a", ColumnKind::kDecimal, 1),
               typed("b", ColumnKind::kDecimal, 6),
               typed("n", ColumnKind::kLong),
               twice,
               odd};
  MemorySink sink;
  auto ledger = run_generate(d, run_of(5000, 4), sink);
  REQUIRE_MESSAGE(ledger.has_value(), ledger.error().message);
  double x = 0;
  int64_t a = 0, b = 0, derived = 0;
  for (const auto& [partition, line] : sink.lines_) {
    JsonValue event = parsed(line);
    const JsonValue* v = event.find("x");
    x += v->as_double() ? *v->as_double() : static_cast<double>(*v->as_int());
    a += units_of(event, "a", 1);
    b += units_of(event, "b", 6);
    derived += units_of(event, "a", 6) +
               units_of(event, "b", 6) * units_of(event, "n", 0);
  }
  CHECK(ledger->sum("x") == decimal_to_string(std::llround(x * 1e6), 6));
  CHECK(std::stod(ledger->sum("x")) == x);
  CHECK(ledger->sum("a") == decimal_to_string(a, 1));
  CHECK(ledger->sum("b") == decimal_to_string(b, 6));
  CHECK(ledger->sum("twice") == decimal_to_string(derived, 6));
  JsonValue json = json_of(*ledger);
  REQUIRE(json.find("not_summed")->as_array()->size() == 1);
  CHECK(*json.find("not_summed")->as_array()->at(0).as_string() == "odd");
}

TEST_CASE("a run goes to a file with its ledger beside it") {
  std::string path = "/tmp/freshet_demo_test_" + std::to_string(getpid());
  auto sink = open_file_sink(path);
  REQUIRE(sink.has_value());
  GenerateOptions options = run_of(500, 5);
  options.ledger_path = path + ".ledger";
  REQUIRE(run_generate(orders_model(), options, **sink).has_value());
  std::ifstream events(path), ledger(options.ledger_path);
  int lines = 0;
  for (std::string line; std::getline(events, line); ++lines)
    CHECK(parsed(line).as_object());
  CHECK(lines == 500);
  std::stringstream text;
  text << ledger.rdbuf();
  CHECK(units_of(parsed(text.str()), "rows", 0) == 500);
  unlink(path.c_str());
  unlink(options.ledger_path.c_str());
}

TEST_CASE("a sink that fails ends the run, without a ledger") {
  std::string path = "/tmp/freshet_demo_test_none_" + std::to_string(getpid());
  MemorySink sink;
  sink.fail_after_ = 100;
  GenerateOptions options = run_of(500, 5);
  options.ledger_path = path;
  auto ledger = run_generate(sales_model(), options, sink);
  REQUIRE(!ledger.has_value());
  CHECK(ledger.error().message == "disk full");
  CHECK(access(path.c_str(), F_OK) != 0);
}

TEST_CASE("a wrong size, pace or share is refused") {
  MemorySink sink;
  auto refused = [&](auto&& change) {
    GenerateOptions options = run_of(10, 1);
    change(options);
    auto ledger = run_generate(sales_model(), options, sink);
    return !ledger && ledger.error().code == ErrorCode::kInvalid;
  };
  CHECK(refused([](auto& o) { o.rows = 0; }));
  CHECK(refused([](auto& o) { o.rate = -1; }));
  CHECK(refused([](auto& o) { o.duplicates = 1.5; }));
  CHECK(refused([](auto& o) { o.partitions = 0; }));
  CHECK(refused([](auto& o) { o.days = 1; }));  // and rows
  CHECK(refused([](auto& o) { o.rows = 0, o.days = -1; }));
  CHECK(refused([](auto& o) { o.rows = 0, o.days = 100'000; }));
  CHECK(refused([](auto& o) { o.rows = 0, o.days = 1, o.rate = 5; }));
  CHECK(sink.lines_.empty());
}

TEST_CASE("the ledger states how large a planted story is") {
  MemorySink sink;
  GenerateOptions options;
  options.seed = 7;
  options.days = 8;  // the second week of a fortnight
  options.end = at("2026-10-27T00:00:00Z");
  options.duplicates = 0.01;
  auto ledger = run_generate(sales_model(), options, sink);
  REQUIRE_MESSAGE(ledger.has_value(), ledger.error().message);
  int64_t drinks = 0, cents = 0, ring = 0, night = 0;
  for (const auto& [partition, line] : sink.lines_) {
    JsonValue event = parsed(line);
    std::string ts = string_of(event, "ts");
    ring += string_of(event, "voucher_id").starts_with("VX-") &&
            ts >= "2026-10-21T01" && ts < "2026-10-21T04";
    night += ts >= "2026-10-25T00" && ts < "2026-10-25T02";
    if (!string_of(event, "promotion").starts_with("drinks-")) continue;
    if (ts < "2026-10-19" || ts >= "2026-10-26") continue;
    ++drinks;
    cents += units_of(event, "discount", 2);
  }
  JsonValue json = json_of(*ledger);
  const JsonValue& stories = *json.find("stories");
  const JsonValue& promo = *stories.find("promo");
  CHECK(units_of(promo, "rows", 0) == drinks);
  CHECK(units_of(promo, "unique_rows", 0) < drinks);
  CHECK(string_of(*promo.find("sums"), "discount") ==
        decimal_to_string(cents, 2));
  CHECK(string_of(promo, "where") == "promotion LIKE 'drinks-%'");
  CHECK(string_of(promo.find("windows")->as_array()->at(0), "from") ==
        "2026-10-19T00:00:00.000Z");
  CHECK(units_of(*stories.find("voucher_ring"), "rows", 0) == ring);
  CHECK(units_of(*stories.find("clock_change"), "rows", 0) == night);
  CHECK(drinks > 1000);
  CHECK(ring > 50);
  CHECK(night > 500);
  CHECK(units_of(json, "late", 0) > 100);
}

TEST_CASE("a paced run keeps its pace and stamps the wall clock") {
  MemorySink sink;
  GenerateOptions options;
  options.rows = 100;
  options.rate = 500;
  Timestamp before = now();
  REQUIRE(run_generate(sales_model(), options, sink).has_value());
  int64_t took = now().ms - before.ms;
  CHECK(took >= 150);
  CHECK(took < 2000);
  for (const auto& [partition, line] : sink.lines_) {
    Timestamp t = at(string_of(parsed(line), "ts").c_str());
    CHECK(t >= before);
    CHECK(t.ms <= before.ms + 1000);
  }
}

TEST_CASE("targets are told apart") {
  auto kafka = parse_event_target("kafka://127.0.0.1:19092/pos.sales");
  REQUIRE(kafka.has_value());
  CHECK(kafka->kind == EventTarget::Kind::kKafka);
  CHECK(kafka->place == "127.0.0.1:19092");
  CHECK(kafka->topic == "pos.sales");
  auto http = parse_event_target("http://127.0.0.1:8080/");
  REQUIRE(http.has_value());
  CHECK(http->kind == EventTarget::Kind::kHttp);
  CHECK(http->place == "http://127.0.0.1:8080");
  CHECK(parse_event_target("-")->kind == EventTarget::Kind::kFile);
  CHECK(parse_event_target("drop/a.jsonl")->place == "drop/a.jsonl");
  for (const char* wrong : {"", "kafka://h:1", "kafka://h:1/", "kafka:///t",
                            "kafka://h:1/a/b", "ftp://h/x", "http://"})
    CHECK_MESSAGE(!parse_event_target(wrong).has_value(), wrong);
  CHECK(!open_file_sink("/nowhere/at/all").has_value());
}

}  // namespace
}  // namespace freshet
