#include "server/alert/notification_group.h"

#include <algorithm>
#include <utility>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

// Alertmanager resolves what it has not heard of for five minutes.
constexpr int64_t kAlertmanagerRepeatMs = 60'000;

bool is_alertmanager(const ContactModel& contact) {
  return contact.kind == "alertmanager";
}

struct Timing {
  int64_t wait_ms, interval_ms, repeat_ms;
};
Timing timing_of(const ContactModel& contact) {
  if (is_alertmanager(contact)) return {0, 0, kAlertmanagerRepeatMs};
  return {contact.group_wait_ms, contact.group_interval_ms,
          contact.repeat_interval_ms};
}

AlertLabels group_labels(const ContactModel& contact,
                         const FiringAlert& alert) {
  AlertLabels labels;
  if (is_alertmanager(contact)) return labels;
  for (const std::string& name : contact.group_by) {
    if (name == "...") return alert.labels;
    std::string label = name == "alert" ? "alertname" : name;
    auto found = alert.labels.find(label);
    if (found != alert.labels.end()) labels.insert(*found);
  }
  return labels;
}

void write_map(JsonWriter& out, const char* key, const AlertLabels& labels) {
  out.key(key).begin_object();
  for (const auto& [label, value] : labels) {
    out.field(label, std::string_view(value));
  }
  out.end_object();
}

AlertLabels read_map(const JsonValue& json, const char* key) {
  AlertLabels labels;
  const JsonValue* member = json.find(key);
  if (!member || !member->as_object()) return labels;
  for (const auto& [label, value] : *member->as_object()) {
    if (value.as_string()) labels[label] = *value.as_string();
  }
  return labels;
}

std::optional<Timestamp> read_time(const JsonValue& json, const char* key) {
  const JsonValue* member = json.find(key);
  if (!member || !member->as_int()) return std::nullopt;
  return Timestamp{*member->as_int()};
}

const char* reason_for(bool any_new, bool any_resolved, bool all_resolved) {
  if (any_new) return "new alerts added";
  if (all_resolved) return "all alerts resolved";
  if (any_resolved) return "some alerts resolved";
  return "repeat interval elapsed";
}

}  // namespace

std::map<std::string, std::pair<AlertLabels, GroupAlerts>> group_alerts(
    const ContactModel& contact, const std::vector<FiringAlert>& alerts) {
  std::map<std::string, std::pair<AlertLabels, GroupAlerts>> groups;
  for (const FiringAlert& alert : alerts) {
    if (std::find(alert.notify.begin(), alert.notify.end(), contact.name) ==
        alert.notify.end()) {
      continue;
    }
    AlertLabels labels = group_labels(contact, alert);
    auto& group = groups[fingerprint(labels)];
    group.first = std::move(labels);
    group.second.emplace(alert.fingerprint, alert);
  }
  return groups;
}

std::optional<Notification> due(const ContactModel& contact,
                                const GroupRecord& record,
                                const GroupAlerts& firing, Timestamp now) {
  Timing timing = timing_of(contact);
  Notification out;
  out.group_labels = record.labels;
  bool any_new = false;
  for (const auto& [print, alert] : firing) {
    any_new |= !record.sent.contains(print);
    out.firing.push_back(alert);
  }
  if (!record.sent_at) {
    bool waited = now.ms - record.first_seen.ms >= timing.wait_ms;
    if (firing.empty() || !waited) return std::nullopt;
    out.reason = "first notification";
    return out;
  }
  for (const auto& [print, alert] : record.sent) {
    if (!firing.contains(print)) out.resolved.push_back(alert);
  }
  bool any_resolved = contact.send_resolved && !out.resolved.empty();
  if (!contact.send_resolved) out.resolved.clear();
  int64_t passed = now.ms - record.sent_at->ms;
  bool changed = (any_new || any_resolved) && passed >= timing.interval_ms;
  bool repeat = !firing.empty() && passed >= timing.repeat_ms;
  if (!changed && !repeat) return std::nullopt;
  out.reason = reason_for(any_new, any_resolved, firing.empty());
  return out;
}

std::optional<GroupRecord> after_sending(const GroupRecord& record,
                                         const GroupAlerts& firing,
                                         Timestamp now) {
  if (firing.empty()) return std::nullopt;
  GroupRecord after = record;
  after.sent_at = now;
  after.sent = firing;
  return after;
}

bool is_over(const ContactModel& contact, const GroupRecord& record,
             const GroupAlerts& firing) {
  return firing.empty() && (!record.sent_at || !contact.send_resolved);
}

std::string record_to_json(const GroupRecord& record) {
  JsonWriter out;
  out.begin_object();
  write_map(out, "labels", record.labels);
  out.field("first_seen", record.first_seen.ms);
  if (record.sent_at) out.field("sent_at", record.sent_at->ms);
  out.key("sent").begin_array();
  for (const auto& [print, alert] : record.sent) {
    out.begin_object();
    write_map(out, "labels", alert.labels);
    write_map(out, "annotations", alert.annotations);
    out.field("starts_at", alert.starts_at.ms);
    out.end_object();
  }
  out.end_array().end_object();
  return out.take();
}

Result<GroupRecord> record_from_json(std::string_view text) {
  TRY_ASSIGN(JsonValue json, parse_json(text));
  GroupRecord record;
  auto first_seen = read_time(json, "first_seen");
  const JsonValue* sent = json.find("sent");
  if (!first_seen || !sent || !sent->as_array()) {
    return Error{ErrorCode::kCorrupt,
                 "not a record of notifications: " + std::string(text)};
  }
  record.labels = read_map(json, "labels");
  record.first_seen = *first_seen;
  record.sent_at = read_time(json, "sent_at");
  for (const JsonValue& item : *sent->as_array()) {
    FiringAlert alert;
    alert.labels = read_map(item, "labels");
    alert.annotations = read_map(item, "annotations");
    alert.starts_at = read_time(item, "starts_at").value_or(Timestamp{});
    alert.fingerprint = fingerprint(alert.labels);
    record.sent.emplace(alert.fingerprint, std::move(alert));
  }
  return record;
}

}  // namespace freshet
