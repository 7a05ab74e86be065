#include "server/alert/alert_board.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/kpi/answer_json.h"

namespace freshet {
namespace {

constexpr std::string_view kStatePrefix = "alert/state/";
constexpr std::string_view kHistoryPrefix = "alert/history/";
constexpr size_t kMaxHistory = 500;  // per rule

std::string state_key(const std::string& rule, const std::string& print) {
  return fmt::format("{}{}/{}", kStatePrefix, rule, print);
}

// "alert/state/<rule>/<rest>" -> rule, rest.
std::pair<std::string, std::string> split_key(std::string_view key,
                                              std::string_view prefix) {
  key.remove_prefix(prefix.size());
  size_t slash = key.rfind('/');
  return {std::string(key.substr(0, slash)),
          std::string(key.substr(slash + 1))};
}

void log_failure(const Status& status) {
  if (!status) spdlog::error("alert: {}", status.error().message);
}

void write_time(JsonWriter& out, const char* key,
                const std::optional<Timestamp>& t) {
  out.key(key);
  if (t) {
    out.value(std::string_view(to_iso8601(*t)));
  } else {
    out.null();
  }
}

void write_labels(JsonWriter& out, const AlertLabels& labels) {
  out.key("labels").begin_object();
  for (const auto& [label, value] : labels) {
    out.field(label, std::string_view(value));
  }
  out.end_object();
}

std::string history_entry(const AlertInstance& before,
                          const AlertInstance& after, Timestamp t) {
  JsonWriter out;
  out.begin_object();
  out.field("t", std::string_view(to_iso8601(t)));
  write_labels(out, after.labels);
  out.field("from", alert_state_name(before.state));
  out.field("to", alert_state_name(after.state));
  out.key("value");
  write_value(out, after.value);
  out.end_object();
  return out.take();
}

// The worst first.
int rank(AlertState state) {
  switch (state) {
    case AlertState::kFiring:
      return 3;
    case AlertState::kPending:
      return 2;
    case AlertState::kNoData:
      return 1;
    case AlertState::kOk:
      return 0;
  }
  return 0;
}

void describe_value(const AlertModel& rule, const AlertInstance& instance,
                    AlertLabels& annotations) {
  bool fires = instance.state == AlertState::kFiring;
  bool no_data =
      fires ? instance.for_no_data : instance.state == AlertState::kNoData;
  // Of an instance without data the value is the last that was seen.
  bool known = !instance.value.is_null() && (fires || !no_data);
  std::string value = known ? instance.value.to_text() : "unknown";
  annotations["value"] = value;
  annotations["summary"] =
      no_data ? fmt::format("{} has no data", rule.kpi)
              : fmt::format("{} is {}{}, fires when {}", rule.kpi, value,
                            fires ? "" : " again", rule.when.to_string());
}

FiringAlert describe(const AlertModel& rule, const AlertInstance& instance) {
  FiringAlert alert;
  alert.labels = rule.labels;
  for (const auto& [label, value] : instance.labels) {
    alert.labels[label] = value;
  }
  alert.labels["alertname"] = rule.name;
  alert.labels["kpi"] = rule.kpi;
  alert.labels["severity"] = rule.severity;
  alert.fingerprint = fingerprint(alert.labels);
  if (!rule.description.empty()) {
    alert.annotations["description"] = rule.description;
  }
  describe_value(rule, instance, alert.annotations);
  alert.starts_at = instance.since.value_or(Timestamp{});
  alert.notify = rule.notify;
  return alert;
}

}  // namespace

AlertBoard::AlertBoard(MetadataStore& metadata) : metadata_(metadata) {
  auto entries = read(metadata);
  MutexLock lock(mutex_);
  entries_ = std::move(entries);
}

std::map<std::string, AlertBoard::Entry> AlertBoard::read(
    const MetadataStore& metadata) {
  std::map<std::string, Entry> entries;
  log_failure(metadata.scan(
      kStatePrefix, "", [&](std::string_view key, std::string_view value) {
        auto [rule, print] = split_key(key, kStatePrefix);
        auto instance = instance_from_json(value);
        if (instance) {
          entries[rule].instances[print] = std::move(*instance);
        } else {
          spdlog::error("alert: {}: {}", key, instance.error().message);
        }
        return true;
      }));
  log_failure(metadata.scan(
      kHistoryPrefix, "", [&](std::string_view key, std::string_view value) {
        auto [rule, rest] = split_key(key, kHistoryPrefix);
        entries[rule].history.emplace_front(value);
        entries[rule].history_keys.emplace_front(key);
        return true;
      }));
  return entries;
}

void AlertBoard::apply(const AlertModel& rule, const RuleValues& seen,
                       Timestamp now) {
  MutexLock lock(mutex_);
  Entry& entry = entries_[rule.name];
  entry.error.clear();
  entry.as_of = seen.as_of;
  // Before the first event the data have no clock.
  Timestamp t = seen.as_of == kMinTimestamp ? now : seen.as_of;
  std::set<std::string> met;
  for (const auto& [labels, value] : seen.values) {
    met.insert(fingerprint(labels));
    update(rule, entry, labels, {value, t, now});
  }
  std::vector<std::pair<std::string, AlertInstance>> missing;
  for (const auto& [print, instance] : entry.instances) {
    if (!met.contains(print)) missing.emplace_back(print, instance);
  }
  for (auto& [print, instance] : missing) {
    // A value of `by` that is quiet and gone is no longer of interest, unless
    // its silence is.
    bool quiet = instance.state == AlertState::kOk ||
                 instance.state == AlertState::kNoData;
    bool of_other_by = instance.labels.size() != rule.by.size();
    if ((quiet && rule.no_data != "alert") || of_other_by) {
      forget(rule.name, entry, print, t);
    } else {
      update(rule, entry, instance.labels, {KpiNumber(), t, now});
    }
  }
}

void AlertBoard::update(const AlertModel& rule, Entry& entry,
                        const AlertLabels& labels, const Observation& seen) {
  std::string print = fingerprint(labels);
  auto [at, is_new] = entry.instances.try_emplace(print);
  AlertInstance& instance = at->second;
  instance.labels = labels;
  AlertInstance after = advance(rule, instance, seen);
  if (is_new && after.state == AlertState::kOk) {
    instance = std::move(after);  // the start of everything is no news
    return;
  }
  if (!same_state(instance, after)) {
    log_failure(
        metadata_.put(state_key(rule.name, print), instance_to_json(after)));
  }
  if (instance.state != after.state) {
    record(rule.name, entry, instance, after, seen.t);
  }
  instance = std::move(after);
}

void AlertBoard::forget(const std::string& rule, Entry& entry,
                        const std::string& fingerprint, Timestamp t) {
  AlertInstance& instance = entry.instances[fingerprint];
  if (instance.state == AlertState::kFiring) {
    AlertInstance after = instance;
    after.state = AlertState::kOk;
    record(rule, entry, instance, after, t);
  }
  log_failure(metadata_.remove(state_key(rule, fingerprint)));
  entry.instances.erase(fingerprint);
}

void AlertBoard::record(const std::string& rule, Entry& entry,
                        const AlertInstance& before, const AlertInstance& after,
                        Timestamp t) {
  spdlog::info("alert: {} {} from {} to {}", rule, instance_to_json(after),
               alert_state_name(before.state), alert_state_name(after.state));
  std::string key = fmt::format("{}{}/{:020}-{:06}", kHistoryPrefix, rule,
                                freshet::now().ms, history_count_++ % 1000000);
  std::string text = history_entry(before, after, t);
  log_failure(metadata_.put(key, text));
  entry.history.push_front(std::move(text));
  entry.history_keys.push_front(std::move(key));
  while (entry.history.size() > kMaxHistory) {
    log_failure(metadata_.remove(entry.history_keys.back()));
    entry.history_keys.pop_back();
    entry.history.pop_back();
  }
}

void AlertBoard::fail(const std::string& rule, const std::string& message) {
  MutexLock lock(mutex_);
  Entry& entry = entries_[rule];
  if (entry.error != message) spdlog::warn("alert: {}: {}", rule, message);
  entry.error = message;
}

void AlertBoard::keep_only(const std::map<std::string, RuleBook::Rule>& rules) {
  MutexLock lock(mutex_);
  for (auto& [name, entry] : entries_) {
    auto rule = rules.find(name);
    if (rule != rules.end() && rule->second.alert.enabled) continue;
    while (!entry.instances.empty()) {
      forget(name, entry, entry.instances.begin()->first, entry.as_of);
    }
  }
}

std::vector<FiringAlert> AlertBoard::firing(
    const std::map<std::string, RuleBook::Rule>& rules) const {
  std::vector<FiringAlert> out;
  MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    auto rule = rules.find(name);
    if (rule == rules.end()) continue;
    for (const auto& [print, instance] : entry.instances) {
      if (instance.state != AlertState::kFiring) continue;
      out.push_back(describe(rule->second.alert, instance));
    }
  }
  return out;
}

FiringAlert AlertBoard::ended(
    const std::map<std::string, RuleBook::Rule>& rules,
    const FiringAlert& told) const {
  FiringAlert alert = told;
  auto name = told.labels.find("alertname");
  auto rule =
      name == told.labels.end() ? rules.end() : rules.find(name->second);
  if (rule != rules.end()) {
    MutexLock lock(mutex_);
    auto entry = entries_.find(rule->first);
    if (entry != entries_.end()) {
      for (const auto& [print, instance] : entry->second.instances) {
        FiringAlert now = describe(rule->second.alert, instance);
        if (now.fingerprint != told.fingerprint) continue;
        alert.annotations = std::move(now.annotations);
        return alert;
      }
    }
  }
  alert.annotations["value"] = "unknown";
  auto kpi = told.labels.find("kpi");
  alert.annotations["summary"] =
      (kpi == told.labels.end() ? "it" : kpi->second) + " fires no more";
  return alert;
}

Timestamp AlertBoard::last_change(const std::string& rule) const {
  std::string newest;
  {
    MutexLock lock(mutex_);
    auto found = entries_.find(rule);
    if (found == entries_.end() || found->second.history.empty()) {
      return kMinTimestamp;
    }
    newest = found->second.history.front();
  }
  auto entry = parse_json(newest);
  const JsonValue* t = entry ? entry->find("t") : nullptr;
  if (!t || !t->as_string()) return kMinTimestamp;
  auto time = parse_iso8601(*t->as_string());
  return time ? *time : kMinTimestamp;
}

std::string AlertBoard::rule_json(const RuleBook::Rule& rule) const {
  static const Entry kNone;
  MutexLock lock(mutex_);
  auto found = entries_.find(rule.alert.name);
  const Entry& entry = found == entries_.end() ? kNone : found->second;
  AlertState worst = AlertState::kOk;
  for (const auto& [print, instance] : entry.instances) {
    if (rank(instance.state) > rank(worst)) worst = instance.state;
  }
  JsonWriter out;
  out.begin_object();
  out.field("state", alert_state_name(worst));
  out.field("stored", rule.stored);
  const std::string& error = rule.fault.empty() ? entry.error : rule.fault;
  if (!error.empty()) out.field("error", std::string_view(error));
  std::optional<Timestamp> as_of;
  if (entry.as_of != kMinTimestamp) as_of = entry.as_of;
  write_time(out, "as_of", as_of);
  out.key("instances").begin_array();
  for (const auto& [print, instance] : entry.instances) {
    out.begin_object();
    write_labels(out, instance.labels);
    out.field("state", alert_state_name(instance.state));
    out.key("value");
    write_value(out, instance.value);
    write_time(out, "since", instance.since);
    out.end_object();
  }
  out.end_array().end_object();
  // The rule's own members, then these.
  std::string text = rule.kept.empty() ? alert_to_json(rule.alert) : rule.kept;
  text.back() = ',';
  return text + out.text().substr(1);
}

std::string AlertBoard::history_json(const std::string& rule) const {
  MutexLock lock(mutex_);
  JsonWriter out;
  out.begin_object().key("history").begin_array();
  auto found = entries_.find(rule);
  if (found != entries_.end()) {
    for (const std::string& entry : found->second.history) out.raw(entry);
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace freshet
