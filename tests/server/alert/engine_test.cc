// The whole: scripted KPIs in, webhooks on a socket out.
#include <absl/time/clock.h>
#include <doctest/doctest.h>

#include "server/alert/alert_engine.h"
#include "server/alert/rule_evaluation.h"
#include "server/json/json_value.h"
#include "tests/server/alert/alert_support.h"

namespace freshet {
namespace {

constexpr Timestamp kThen{1'790'000'000'000};

struct Site {
  MemoryMetadata metadata;
  ScriptedKpis kpis;
  Receiver receiver;
  std::shared_ptr<Model> model = std::make_shared<Model>();

  Site() {
    model->contacts = {test_contact(receiver.url("/hook"))};
    model->alerts = {test_rule()};
    KpiModel kpi;
    kpi.name = "rate";
    kpi.dimensions = {"store"};
    model->kpis = {kpi};
  }
  std::unique_ptr<AlertEngine> start() {
    return AlertEngine::start(
        kpis, [this] { return std::shared_ptr<const Model>(model); }, metadata);
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return false;
}

TEST_CASE(
    "values are asked for over the window up to the watermark, included") {
  ScriptedKpis kpis;
  kpis.set(kThen, {{"S1", 11}, {"S2", 1}}, 50);
  AlertModel rule = test_rule();
  rule.window_ms = 3'600'000;
  rule.filter = "channel:web";
  DataClock clock;
  auto seen = evaluate_rule(kpis, rule, clock, now(), nullptr);
  REQUIRE(seen.has_value());
  CHECK(seen->as_of == kThen);
  REQUIRE(seen->values.size() == 2);
  CHECK(seen->values[0].first == AlertLabels{{"store", "S1"}});
  CHECK(seen->values[0].second == KpiNumber(11.0));
  KpiRequest last = kpis.asked().back();
  // Half-open, so it ends a millisecond behind: the newest event counts.
  CHECK(last.from == to_iso8601(Timestamp{kThen.ms - 3'600'000 + 1}));
  CHECK(last.to == to_iso8601(Timestamp{kThen.ms + 1}));
  CHECK(last.filter == "channel:web");
  CHECK(last.by == std::vector<std::string>{"store"});
  CHECK(kpis.asked().size() == 1);
  // Each instance has its own rows.
  rule.min_rows = 50;
  kpis.set_rows("S2", 49);
  seen = evaluate_rule(kpis, rule, clock, now(), nullptr);
  CHECK(kpis.asked().back().count_rows);
  CHECK(seen->values[0].second == KpiNumber(11.0));
  CHECK(seen->values[1].second.is_null());
  rule.min_rows = 51;
  CHECK(evaluate_rule(kpis, rule, clock, now(), nullptr)
            ->values[0]
            .second.is_null());
  rule.by.clear();
  kpis.set(kMinTimestamp, {});
  seen = evaluate_rule(kpis, rule, clock, now(), nullptr);
  REQUIRE(seen->values.size() == 1);
  CHECK(seen->values[0].second.is_null());
}

TEST_CASE("a breach reaches the webhook, its end too, a restart neither") {
  Site site;
  site.kpis.set(kThen, {{"S1", 1}, {"S2", 2}});
  auto engine = site.start();
  CHECK(soon([&] { return has(engine->list_json(), "\"S2\""); }));
  CHECK(engine->firing() == 0);
  absl::Time start = absl::Now();
  site.kpis.set(Timestamp{kThen.ms + 1000}, {{"S1", 1}, {"S2", 22}});
  auto bodies = site.receiver.bodies(1);
  MESSAGE("breach to webhook, ms: "
          << absl::ToDoubleMilliseconds(absl::Now() - start));
  REQUIRE(bodies.size() == 1);
  CHECK(has(bodies[0], "\"version\":\"4\""));
  CHECK(has(bodies[0], "\"store\":\"S2\""));
  CHECK(has(bodies[0], "\"status\":\"firing\""));
  CHECK_FALSE(has(bodies[0], "\"S1\""));
  CHECK(engine->firing() == 1);
  auto history = engine->history_json("rate_high");
  REQUIRE(history.has_value());
  CHECK(has(*history, "\"to\":\"firing\",\"value\":22"));

  CHECK(soon([&] { return site.metadata.count("alert/notified/") == 1; }));
  engine->stop();
  engine = site.start();
  CHECK(engine->firing() == 1);
  CHECK(site.receiver.bodies(2, 0.6).size() == 1);
  site.kpis.set(Timestamp{kThen.ms + 2000}, {{"S1", 1}, {"S2", 3}});
  bodies = site.receiver.bodies(2);
  REQUIRE(bodies.size() == 2);
  CHECK(has(bodies[1], "\"status\":\"resolved\",\"receiver\""));
  CHECK(soon([&] { return engine->firing() == 0; }));
}

TEST_CASE("money is told to the cent, also where no double holds it") {
  Site site;
  site.model->alerts[0].when = *parse_threshold(">= 1000000000000000.01");
  auto engine = site.start();
  site.kpis.set_exact(kThen,
                      {{"S1", KpiNumber(Decimal{100'000'000'000'000'000, 2})},
                       {"S2", KpiNumber(Decimal{100'000'000'000'000'001, 2})}});
  auto bodies = site.receiver.bodies(1);
  REQUIRE(bodies.size() == 1);
  CHECK(has(bodies[0], "\"value\":\"1000000000000000.01\""));
  CHECK(has(bodies[0], "fires when >= 1000000000000000.01"));
  CHECK_FALSE(has(bodies[0], "\"S1\""));
  auto history = engine->history_json("rate_high");
  REQUIRE(history.has_value());
  CHECK(has(*history, "\"to\":\"firing\",\"value\":1000000000000000.01}"));
  CHECK(has(engine->list_json(), "\"value\":1000000000000000.00,"));
  // What is read back after a restart has its digits still.
  engine->stop();
  engine = site.start();
  CHECK(has(engine->list_json(), "\"value\":1000000000000000.01,"));
}

TEST_CASE("rules are put, override, and are deleted") {
  Site site;
  site.kpis.set(kThen, {{"S1", 5}});
  auto engine = site.start();
  // The least `every` that is taken; the other members stay.
  auto edit = parse_json(R"({"when":"> 4","every":"1s"})");
  REQUIRE(engine->edit_rule("rate_high", *edit).has_value());
  CHECK(soon([&] { return engine->firing() == 1; }));
  auto json = engine->rule_json("rate_high");
  REQUIRE(json.has_value());
  CHECK(has(*json, "\"when\":\"> 4\""));
  CHECK(has(*json, "\"stored\":true"));
  CHECK(has(*json, "\"by\":[\"store\"]"));
  Status refused = engine->edit_rule("rate_high", *parse_json(R"({"wen":1})"));
  REQUIRE_FALSE(refused.has_value());
  REQUIRE(refused.error().details.size() == 1);
  CHECK(refused.error().details[0].path == "wen");
  engine->stop();
  engine = site.start();  // a stored rule survives
  CHECK(has(*engine->rule_json("rate_high"), "\"when\":\"> 4\""));
  REQUIRE(engine->delete_rule("rate_high").has_value());
  CHECK(has(*engine->rule_json("rate_high"), "\"when\":\"> 10\""));
  CHECK(soon([&] { return engine->firing() == 0; }));
  Status conflict = engine->delete_rule("rate_high");
  REQUIRE_FALSE(conflict.has_value());
  CHECK(conflict.error().code == ErrorCode::kConflict);
  auto missing = engine->rule_json("rate_hihg");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(has(missing.error().message, "did you mean 'rate_high'"));
  CHECK_FALSE(engine->delete_rule("nothing").has_value());
  CHECK_FALSE(engine->history_json("nothing").has_value());
}

TEST_CASE("a rule that cannot be evaluated says why") {
  Site site;
  site.model->alerts[0].kpi = "gone";
  auto engine = site.start();
  CHECK(soon([&] {
    return has(engine->list_json(), "\"error\":\"no such KPI: gone\"");
  }));
}

}  // namespace
}  // namespace freshet
