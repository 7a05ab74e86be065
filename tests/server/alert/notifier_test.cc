// What contacts are told, and when: fake clock, scripted receiver.
#include "server/alert/notifier.h"

#include <doctest/doctest.h>

#include "server/alert/notification_payload.h"
#include "tests/server/alert/alert_support.h"

namespace freshet {
namespace {

constexpr int64_t kStart = 1'790'000'000'000;

FiringAlert alert(const std::string& store, const std::string& name = "x") {
  FiringAlert out;
  out.labels = {{"alertname", name}, {"store", store}};
  out.annotations = {{"summary", "rate is high"}};
  out.fingerprint = fingerprint(out.labels);
  out.starts_at = Timestamp{kStart};
  out.notify = {"hook"};
  return out;
}

struct Desk {
  MemoryMetadata metadata;
  std::vector<std::string> bodies;
  Status answer;
  Model model;
  std::unique_ptr<Notifier> notifier;

  Desk() {
    ContactModel contact = test_contact("http://x");
    contact.group_wait_ms = 30'000;
    contact.group_interval_ms = 300'000;
    contact.repeat_interval_ms = 3'600'000;
    model.contacts = {contact};
    restart();
  }
  void restart() {
    notifier = std::make_unique<Notifier>(
        metadata, [this](const ContactModel&, const std::string& body) {
          bodies.push_back(body);
          return answer;
        });
  }
  // How many notifications a step at this second sends.
  size_t at(int second, std::vector<FiringAlert> firing) {
    size_t before = bodies.size();
    notifier->step(firing, model, Timestamp{kStart + second * 1000});
    return bodies.size() - before;
  }
  bool last_has(const std::string& text) const {
    return bodies.back().find(text) != std::string::npos;
  }
};

TEST_CASE("group_wait, group_interval, repeat_interval, resolved") {
  Desk desk;
  CHECK(desk.at(0, {alert("S1")}) == 0);
  CHECK(desk.at(29, {alert("S1"), alert("S2")}) == 0);
  CHECK(desk.at(30, {alert("S1"), alert("S2")}) == 1);
  CHECK(desk.last_has("first notification"));
  CHECK(desk.last_has("\"S2\""));
  CHECK(desk.at(31, {alert("S1"), alert("S2")}) == 0);
  CHECK(desk.at(100, {alert("S1"), alert("S2"), alert("S3")}) == 0);
  CHECK(desk.at(330, {alert("S1"), alert("S2"), alert("S3")}) == 1);
  CHECK(desk.last_has("new alerts added"));
  CHECK(desk.at(640, {alert("S1"), alert("S3")}) == 1);
  CHECK(desk.last_has("some alerts resolved"));
  CHECK(desk.last_has("\"status\":\"resolved\""));
  CHECK(desk.at(1000, {alert("S1"), alert("S3")}) == 0);
  CHECK(desk.at(640 + 3600, {alert("S1"), alert("S3")}) == 1);
  CHECK(desk.last_has("repeat interval elapsed"));
  CHECK(desk.at(6000, {}) == 1);
  CHECK(desk.last_has("all alerts resolved"));
  CHECK(desk.at(9000, {}) == 0);
  CHECK(desk.metadata.count("alert/notified/") == 0);
}

TEST_CASE("an alert that ends within group_wait is never told") {
  Desk desk;
  CHECK(desk.at(0, {alert("S1")}) == 0);
  CHECK(desk.at(20, {}) == 0);
  CHECK(desk.at(40, {alert("S1")}) == 0);
  CHECK(desk.at(70, {alert("S1")}) == 1);
}

TEST_CASE("send_resolved: false") {
  Desk desk;
  desk.model.contacts[0].send_resolved = false;
  CHECK(desk.at(0, {alert("S1"), alert("S2")}) == 0);
  CHECK(desk.at(30, {alert("S1"), alert("S2")}) == 1);
  CHECK(desk.at(400, {alert("S1")}) == 0);
  CHECK(desk.at(800, {}) == 0);
  CHECK(desk.metadata.count("alert/notified/") == 0);
}

TEST_CASE("a restart neither tells twice nor forgets the end") {
  Desk desk;
  desk.at(0, {alert("S1")});
  CHECK(desk.at(30, {alert("S1")}) == 1);
  desk.restart();
  CHECK(desk.at(40, {alert("S1")}) == 0);
  CHECK(desk.at(1000, {alert("S1")}) == 0);
  desk.restart();
  CHECK(desk.at(1001, {}) == 1);
  CHECK(desk.last_has("all alerts resolved"));
  CHECK(desk.last_has("\"store\":\"S1\""));
  desk.restart();
  CHECK(desk.at(2000, {}) == 0);
}

TEST_CASE("failures are tried again with growing pauses, refusals are not") {
  Desk desk;
  desk.at(0, {alert("S1")});
  desk.answer = Error{ErrorCode::kUnavailable, "down"};
  CHECK(desk.at(30, {alert("S1")}) == 1);
  CHECK(desk.at(30, {alert("S1")}) == 0);
  CHECK(desk.at(31, {alert("S1")}) == 1);
  CHECK(desk.at(32, {alert("S1")}) == 0);
  CHECK(desk.at(33, {alert("S1")}) == 1);
  desk.answer = Status();
  CHECK(desk.at(37, {alert("S1")}) == 1);
  CHECK(desk.at(90, {alert("S1")}) == 0);
  desk.answer = Error{ErrorCode::kInvalid, "404"};
  CHECK(desk.at(500, {alert("S1"), alert("S2")}) == 1);
  CHECK(desk.at(510, {alert("S1"), alert("S2")}) == 0);
}

TEST_CASE("grouping by labels, alone, and an alertmanager") {
  ContactModel contact = test_contact("x");
  std::vector<FiringAlert> all{alert("S1", "a"), alert("S2", "a"),
                               alert("S1", "b")};
  CHECK(group_alerts(contact, all).size() == 2);
  contact.group_by = {"store"};
  CHECK(group_alerts(contact, all).size() == 2);
  contact.group_by = {"..."};
  CHECK(group_alerts(contact, all).size() == 3);
  contact.group_by = {};
  CHECK(group_alerts(contact, all).size() == 1);
  contact.name = "other";
  CHECK(group_alerts(contact, all).empty());

  Desk desk;
  desk.model.contacts[0].kind = "alertmanager";
  CHECK(desk.at(0, {alert("S1")}) == 1);
  CHECK(desk.bodies.back().starts_with("[{\"labels\":{"));
  CHECK(desk.at(1, {alert("S1"), alert("S2")}) == 1);
  CHECK(desk.at(60, {alert("S1"), alert("S2")}) == 0);
  CHECK(desk.at(61, {alert("S1"), alert("S2")}) == 1);
  CHECK(desk.at(62, {}) == 1);
  CHECK(desk.at(500, {}) == 0);
}

TEST_CASE("Alertmanager's webhook payload, version 4") {
  ContactModel contact = test_contact("x");
  Notification notification;
  notification.group_labels = {{"alertname", "x\""}};
  notification.reason = "first notification";
  notification.firing = {alert("S1")};
  notification.resolved = {alert("S2")};
  CHECK(webhook_payload(contact, notification, "https://f.example",
                        Timestamp{kStart + 60'000}) ==
        R"({"version":"4","groupKey":"{}:{alertname=\"x\u005c\"\"}",)"
        R"("truncatedAlerts":0,"status":"firing","receiver":"hook",)"
        R"("groupLabels":{"alertname":"x\""},)"
        R"("commonLabels":{"alertname":"x"},)"
        R"("commonAnnotations":{"summary":"rate is high"},)"
        R"("externalURL":"https://f.example",)"
        R"("notification_reason":"first notification","alerts":[)"
        R"({"status":"firing","labels":{"alertname":"x","store":"S1"},)"
        R"("annotations":{"summary":"rate is high"},)"
        R"("startsAt":"2026-09-21T14:13:20.000Z",)"
        R"("endsAt":"0001-01-01T00:00:00Z",)"
        R"("generatorURL":"https://f.example/alerts",)"
        R"("fingerprint":")" +
            alert("S1").fingerprint +
            R"("},{"status":"resolved",)"
            R"("labels":{"alertname":"x","store":"S2"},)"
            R"("annotations":{"summary":"rate is high"},)"
            R"("startsAt":"2026-09-21T14:13:20.000Z",)"
            R"("endsAt":"2026-09-21T14:14:20.000Z",)"
            R"("generatorURL":"https://f.example/alerts",)"
            R"("fingerprint":")" +
            alert("S2").fingerprint + R"("}]})");
}

}  // namespace
}  // namespace freshet
