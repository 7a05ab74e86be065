#include "server/alert/notification_payload.h"

#include <fmt/format.h>

#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr int64_t kAlertmanagerHoldMs = 4 * 60'000;
// Go's zero time: what Alertmanager writes for "not yet".
constexpr std::string_view kNotYet = "0001-01-01T00:00:00Z";

void write_map(JsonWriter& out, const char* key, const AlertLabels& labels) {
  out.key(key).begin_object();
  for (const auto& [label, value] : labels) {
    out.field(label, std::string_view(value));
  }
  out.end_object();
}

// Pairs that all alerts of the notification have.
AlertLabels common(const Notification& notification,
                   AlertLabels FiringAlert::* member) {
  std::optional<AlertLabels> shared;
  for (const auto* list : {&notification.firing, &notification.resolved}) {
    for (const FiringAlert& alert : *list) {
      const AlertLabels& pairs = alert.*member;
      if (!shared) {
        shared = pairs;
        continue;
      }
      std::erase_if(*shared, [&](const auto& pair) {
        auto found = pairs.find(pair.first);
        return found == pairs.end() || found->second != pair.second;
      });
    }
  }
  return shared.value_or(AlertLabels{});
}

// {}:{alertname="X", store="S1"}
std::string group_key(const AlertLabels& labels) {
  std::string text;
  for (const auto& [label, value] : labels) {
    text += (text.empty() ? "" : ", ") + label + "=\"";
    for (char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return "{}:{" + text + "}";
}

std::string generator_url(const std::string& external_url) {
  return external_url.empty() ? "" : external_url + "/alerts";
}

void write_alert(JsonWriter& out, const FiringAlert& alert, bool firing,
                 std::string_view ends_at, const std::string& external_url) {
  out.begin_object();
  out.field("status", firing ? "firing" : "resolved");
  write_map(out, "labels", alert.labels);
  write_map(out, "annotations", alert.annotations);
  out.field("startsAt", std::string_view(to_iso8601(alert.starts_at)));
  out.field("endsAt", ends_at);
  out.field("generatorURL", std::string_view(generator_url(external_url)));
  out.field("fingerprint", std::string_view(alert.fingerprint));
  out.end_object();
}

void write_posted(JsonWriter& out, const FiringAlert& alert, Timestamp ends_at,
                  const std::string& external_url) {
  out.begin_object();
  write_map(out, "labels", alert.labels);
  write_map(out, "annotations", alert.annotations);
  out.field("startsAt", std::string_view(to_iso8601(alert.starts_at)));
  out.field("endsAt", std::string_view(to_iso8601(ends_at)));
  if (!external_url.empty()) {
    out.field("generatorURL", std::string_view(generator_url(external_url)));
  }
  out.end_object();
}

}  // namespace

std::string webhook_payload(const ContactModel& contact,
                            const Notification& notification,
                            const std::string& external_url,
                            Timestamp resolved_at) {
  JsonWriter out;
  out.begin_object();
  out.field("version", "4");
  out.field("groupKey", std::string_view(group_key(notification.group_labels)));
  out.field("truncatedAlerts", 0);
  out.field("status", notification.firing.empty() ? "resolved" : "firing");
  out.field("receiver", std::string_view(contact.name));
  write_map(out, "groupLabels", notification.group_labels);
  write_map(out, "commonLabels", common(notification, &FiringAlert::labels));
  write_map(out, "commonAnnotations",
            common(notification, &FiringAlert::annotations));
  out.field("externalURL", std::string_view(external_url));
  out.field("notification_reason", std::string_view(notification.reason));
  out.key("alerts").begin_array();
  for (const FiringAlert& alert : notification.firing) {
    write_alert(out, alert, true, kNotYet, external_url);
  }
  std::string ended = to_iso8601(resolved_at);
  for (const FiringAlert& alert : notification.resolved) {
    write_alert(out, alert, false, ended, external_url);
  }
  out.end_array().end_object();
  return out.take();
}

std::string alertmanager_payload(const Notification& notification,
                                 const std::string& external_url,
                                 Timestamp now) {
  JsonWriter out;
  out.begin_array();
  Timestamp later{now.ms + kAlertmanagerHoldMs};
  for (const FiringAlert& alert : notification.firing) {
    write_posted(out, alert, later, external_url);
  }
  for (const FiringAlert& alert : notification.resolved) {
    write_posted(out, alert, now, external_url);
  }
  out.end_array();
  return out.take();
}

}  // namespace freshet
