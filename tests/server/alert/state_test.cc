// Instances moved by scripted values on fake clocks.
#include <doctest/doctest.h>

#include "server/alert/alert_board.h"
#include "server/alert/alert_state.h"
#include "tests/server/alert/alert_support.h"

namespace freshet {
namespace {

constexpr int64_t kStart = 1'790'000'000'000;

// Runs `seconds:value` steps ("-" = no value) and returns the states, a letter
// a step: o, p, f, n.
std::string run(const AlertModel& rule,
                const std::vector<std::pair<int, std::optional<double>>>& steps,
                bool data_clock_stands = false) {
  AlertInstance instance;
  std::string states;
  for (const auto& [second, value] : steps) {
    Timestamp now{kStart + second * 1000};
    Timestamp t = data_clock_stands ? Timestamp{kStart} : now;
    KpiNumber number = value ? KpiNumber(*value) : KpiNumber();
    instance = advance(rule, instance, {number, t, now});
    states += alert_state_name(instance.state)[0];
  }
  return states;
}

constexpr std::nullopt_t kNone = std::nullopt;

TEST_CASE("threshold, for, recover and keep_firing_for") {
  AlertModel rule = test_rule();
  CHECK(run(rule, {{0, 10}, {1, 11}, {2, 10}, {3, 11}}) == "ofof");
  rule.for_ms = 90'000;
  CHECK(
      run(rule, {{0, 1}, {60, 11}, {90, 11}, {120, 11}, {150, 11}, {180, 1}}) ==
      "opppfo");
  // A gap in the breach starts it anew.
  CHECK(run(rule, {{0, 11}, {60, 1}, {90, 11}, {120, 11}, {180, 11}}) ==
        "poppf");
  rule.for_ms = 0;
  rule.recover = Threshold{"<", {6, 0}};
  CHECK(run(rule, {{0, 11}, {1, 8}, {2, 6}, {3, 5.9}, {4, 8}, {5, 11}}) ==
        "fffoof");
  rule.keep_firing_for_ms = 10'000;
  CHECK(run(rule, {{0, 11}, {1, 5}, {6, 8}, {7, 5}, {16, 5}, {17, 5}}) ==
        "fffffo");
}

TEST_CASE("for runs on the data's clock") {
  AlertModel rule = test_rule();
  rule.for_ms = 60'000;
  CHECK(run(rule, {{0, 11}, {100, 11}, {1000, 11}}, true) == "ppp");
}

TEST_CASE("no data: keep, ok, alert, after no_data_for") {
  AlertModel rule = test_rule();
  rule.no_data_for_ms = 10'000;
  rule.no_data = "keep";
  CHECK(run(rule, {{0, 1}, {1, kNone}, {11, kNone}, {12, 1}}, true) == "oono");
  CHECK(run(rule, {{0, 11}, {1, kNone}, {99, kNone}, {100, 1}}, true) ==
        "fffo");
  // A value in between starts the wait anew.
  CHECK(run(rule, {{0, kNone}, {9, 1}, {12, kNone}, {21, kNone}}, true) ==
        "oooo");
  rule.no_data = "ok";
  CHECK(run(rule, {{0, 11}, {1, kNone}, {10, kNone}, {11, kNone}}, true) ==
        "fffo");
  rule.no_data = "alert";
  CHECK(run(rule, {{0, 1}, {1, kNone}, {10, kNone}, {11, kNone}, {12, 1}},
            true) == "ooofo");
  // Data that come back bad keep it firing.
  CHECK(run(rule, {{0, kNone}, {10, kNone}, {12, 11}, {13, 1}}, true) ==
        "offo");
}

TEST_CASE("a state survives being written and read") {
  AlertInstance instance;
  instance.labels = {{"store", "S\"1"}, {"b", ""}};
  instance.state = AlertState::kFiring;
  instance.value = KpiNumber(11.5);
  instance.since = Timestamp{kStart};
  instance.clear = Timestamp{kStart + 1};
  auto back = instance_from_json(instance_to_json(instance));
  REQUIRE(back.has_value());
  CHECK(same_state(*back, instance));
  CHECK(back->labels == instance.labels);
  CHECK(back->value == instance.value);
  for (KpiNumber exact : {KpiNumber(Decimal{1'000'000'000'000'000'01, 2}),
                          KpiNumber(int64_t{9'007'199'254'740'993})}) {
    instance.value = exact;
    auto again = instance_from_json(instance_to_json(instance));
    REQUIRE(again.has_value());
    CHECK(again->value.type() == exact.type());
    CHECK(again->value.to_text() == exact.to_text());
  }
  CHECK_FALSE(instance_from_json("{}").has_value());
  CHECK_FALSE(instance_from_json("x").has_value());
}

TEST_CASE("a cent decides, also of what no double holds") {
  AlertModel rule = test_rule();
  rule.when = *parse_threshold("> 1000000000000000.01");
  for (auto [cents, state] :
       {std::pair(1, AlertState::kOk), std::pair(2, AlertState::kFiring)}) {
    Decimal value{100'000'000'000'000'000 + cents, 2};
    auto after = advance(rule, {}, {KpiNumber(value), {kStart}, {kStart}});
    CHECK(after.state == state);
  }
}

TEST_CASE("fingerprints tell labels apart") {
  CHECK(fingerprint({}) == "cbf29ce484222325");
  CHECK(fingerprint({{"a", "b"}}).size() == 16);
  CHECK(fingerprint({{"a", "bc"}}) != fingerprint({{"ab", "c"}}));
  CHECK(fingerprint({{"a", "b"}, {"c", "d"}}) ==
        fingerprint({{"c", "d"}, {"a", "b"}}));
}

RuleValues seen(int second, std::map<std::string, double> stores) {
  RuleValues values;
  values.as_of = Timestamp{kStart + second * 1000};
  for (const auto& [store, value] : stores) {
    values.values.push_back({{{"store", store}}, KpiNumber(value)});
  }
  return values;
}

TEST_CASE("the board keeps states and history over a restart") {
  MemoryMetadata metadata;
  AlertModel rule = test_rule();
  std::map<std::string, RuleBook::Rule> rules{{rule.name, {rule, false, ""}}};
  {
    AlertBoard board(metadata);
    board.apply(rule, seen(0, {{"S1", 1}, {"S2", 12}}), Timestamp{kStart});
    CHECK(board.firing(rules).size() == 1);
    std::string as_of = "\"as_of\":\"" + to_iso8601(Timestamp{kStart});
    CHECK(board.rule_json(rules.at(rule.name)).find(as_of) !=
          std::string::npos);
  }
  AlertBoard board(metadata);
  auto firing = board.firing(rules);
  REQUIRE(firing.size() == 1);
  CHECK(firing[0].labels == AlertLabels{{"alertname", "rate_high"},
                                        {"kpi", "rate"},
                                        {"severity", "warning"},
                                        {"store", "S2"},
                                        {"team", "ops"}});
  CHECK(firing[0].starts_at == Timestamp{kStart});
  board.apply(rule, seen(60, {{"S1", 1}, {"S2", 1}}), Timestamp{kStart});
  CHECK(board.firing(rules).empty());
  std::string history = board.history_json(rule.name);
  CHECK(history.find("\"from\":\"firing\",\"to\":\"ok\"") <
        history.find("\"from\":\"ok\",\"to\":\"firing\""));
  std::string json = board.rule_json(rules.at(rule.name));
  CHECK(json.find("\"alert\":\"rate_high\"") != std::string::npos);
  CHECK(json.find("\"state\":\"ok\"") != std::string::npos);
  // A store that was quiet and is gone is forgotten; one that fires is not.
  board.apply(rule, seen(120, {{"S1", 20}}), Timestamp{kStart});
  board.apply(rule, seen(180, {{"S3", 1}}), Timestamp{kStart});
  json = board.rule_json(rules.at(rule.name));
  CHECK(json.find("\"S1\"") != std::string::npos);
  CHECK(json.find("\"S2\"") == std::string::npos);
  board.fail(rule.name, "broken");
  CHECK(board.rule_json(rules.at(rule.name)).find("\"error\":\"broken\"") !=
        std::string::npos);
  board.keep_only({});
  CHECK(board.firing(rules).empty());
  CHECK(metadata.count("alert/state/") == 0);
}

TEST_CASE("history is bounded") {
  MemoryMetadata metadata;
  AlertModel rule = test_rule();
  AlertBoard board(metadata);
  for (int i = 0; i < 700; ++i) {
    board.apply(rule, seen(i, {{"S1", i % 2 ? 1.0 : 20.0}}), Timestamp{kStart});
  }
  CHECK(metadata.count("alert/history/") == 500);
}

}  // namespace
}  // namespace freshet
