#include "server/alert/notifier.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "server/alert/notification_payload.h"

namespace freshet {
namespace {

constexpr std::string_view kPrefix = "alert/notified/";
constexpr int64_t kMaxRetryMs = 60'000;

std::string key_text(const std::pair<std::string, std::string>& key) {
  return std::string(kPrefix) + key.first + "/" + key.second;
}

}  // namespace

Notifier::Notifier(MetadataStore& metadata, Deliver deliver, Ended ended)
    : metadata_(metadata),
      deliver_(std::move(deliver)),
      ended_(std::move(ended)) {
  read();
}

void Notifier::read() {
  Status status = metadata_.scan(
      kPrefix, "", [this](std::string_view key, std::string_view value) {
        auto record = record_from_json(value);
        if (!record) {
          spdlog::error("alert: {}: {}", key, record.error().message);
          return true;
        }
        key.remove_prefix(kPrefix.size());
        size_t slash = key.rfind('/');
        Key name{key.substr(0, slash), key.substr(slash + 1)};
        groups_[name].record = std::move(*record);
        return true;
      });
  if (!status) spdlog::error("alert: {}", status.error().message);
}

void Notifier::step(const std::vector<FiringAlert>& firing, const Model& model,
                    Timestamp now) {
  std::set<std::string> known;
  for (const ContactModel& contact : model.contacts) {
    known.insert(contact.name);
    step_contact(contact, firing, model.settings.external_url, now);
  }
  std::vector<Key> gone;  // of contacts that the model no longer has
  for (const auto& [key, group] : groups_) {
    if (!known.contains(key.first)) gone.push_back(key);
  }
  for (const Key& key : gone) forget(key);
}

void Notifier::step_contact(const ContactModel& contact,
                            const std::vector<FiringAlert>& firing,
                            const std::string& external_url, Timestamp now) {
  auto current = group_alerts(contact, firing);
  for (auto& [print, group] : current) {
    Key key{contact.name, print};
    if (groups_.contains(key)) continue;
    GroupRecord record;
    record.labels = group.first;
    record.first_seen = now;
    keep(key, record);
  }
  std::vector<Key> keys;  // groups_ changes below
  for (const auto& [key, group] : groups_) {
    if (key.first == contact.name) keys.push_back(key);
  }
  for (const Key& key : keys) {
    step_group(contact, key, groups_.at(key), current[key.second].second,
               external_url, now);
  }
}

void Notifier::step_group(const ContactModel& contact, const Key& key,
                          Group& group, const GroupAlerts& firing,
                          const std::string& external_url, Timestamp now) {
  if (is_over(contact, group.record, firing)) {
    forget(key);
    return;
  }
  if (now < group.retry_at) return;
  auto notification = due(contact, group.record, firing, now);
  if (!notification) return;
  if (ended_) {
    for (FiringAlert& alert : notification->resolved) alert = ended_(alert);
  }
  std::string body =
      contact.kind == "alertmanager"
          ? alertmanager_payload(*notification, external_url, now)
          : webhook_payload(contact, *notification, external_url, now);
  Status sent = deliver_(contact, body);
  if (!sent && sent.error().code == ErrorCode::kUnavailable) {
    int64_t wait = int64_t{1000} << std::min(group.failures, 6);
    group.retry_at = Timestamp{now.ms + std::min(wait, kMaxRetryMs)};
    ++group.failures;
    spdlog::warn("alert: will try again: {}", sent.error().message);
    return;
  }
  if (!sent) spdlog::error("alert: not told: {}", sent.error().message);
  group.failures = 0;
  group.retry_at = kMinTimestamp;
  auto after = after_sending(group.record, firing, now);
  if (after) {
    keep(key, *after);
  } else {
    forget(key);
  }
}

void Notifier::keep(const Key& key, const GroupRecord& record) {
  groups_[key].record = record;
  Status kept = metadata_.put(key_text(key), record_to_json(record));
  if (!kept) spdlog::error("alert: {}", kept.error().message);
}

void Notifier::forget(const Key& key) {
  groups_.erase(key);
  Status removed = metadata_.remove(key_text(key));
  if (!removed) spdlog::error("alert: {}", removed.error().message);
}

}  // namespace freshet
