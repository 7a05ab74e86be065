#include "server/alert/rule_book.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "server/alert/rule_edit.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

constexpr std::string_view kPrefix = "alert/rule/";

std::string key_of(const std::string& name) {
  return std::string(kPrefix) + name;
}

RuleBook::Rule read_stored(const std::string& name, const std::string& text,
                           const Model& model) {
  RuleBook::Rule rule;
  rule.stored = true;
  rule.alert.name = name;
  auto json = parse_json(text);
  if (!json) {
    rule.fault = json.error().message;
    return rule;
  }
  auto alert = parse_alert_json(*json, name, model);
  if (alert) {
    rule.alert = std::move(*alert);
  } else {
    rule.fault = alert.error().message;
    rule.kept = text;
  }
  return rule;
}

}  // namespace

RuleBook::RuleBook(std::function<std::shared_ptr<const Model>()> model,
                   MetadataStore& metadata)
    : model_(std::move(model)), metadata_(metadata) {
  std::map<std::string, std::string> stored;
  Status read = metadata_.scan(
      kPrefix, "", [&stored](std::string_view key, std::string_view value) {
        stored.emplace(key.substr(kPrefix.size()), value);
        return true;
      });
  if (!read) spdlog::error("alert: stored rules: {}", read.error().message);
  MutexLock lock(mutex_);
  stored_ = std::move(stored);
}

std::map<std::string, RuleBook::Rule> RuleBook::rules() const {
  auto model = model_();
  std::map<std::string, Rule> all;
  for (const AlertModel& alert : model->alerts) {
    all[alert.name] = Rule{alert};
  }
  MutexLock lock(mutex_);
  for (const auto& [name, text] : stored_) {
    all[name] = read_stored(name, text, *model);
  }
  return all;
}

Status RuleBook::edit(const std::string& name, const JsonValue& body) {
  auto model = model_();
  MutexLock lock(mutex_);
  std::string current = "null";
  for (const AlertModel& alert : model->alerts) {
    if (alert.name == name) current = alert_to_json(alert);
  }
  if (auto found = stored_.find(name); found != stored_.end()) {
    current = found->second;
  }
  auto before = parse_json(current);
  TRY_ASSIGN(AlertModel alert,
             parse_alert_json(edited_rule(before ? *before : JsonValue(), body),
                              name, *model));
  std::string text = alert_to_json(alert);
  TRY(metadata_.put(key_of(name), text));
  stored_[name] = std::move(text);
  return {};
}

Status RuleBook::remove(const std::string& name) {
  auto all = rules();
  MutexLock lock(mutex_);
  if (!stored_.contains(name)) {
    if (!all.contains(name)) return no_such_alert(name, all);
    return Error{ErrorCode::kConflict,
                 "this alert is part of the model folder; remove it from its "
                 "file under alerts/: " +
                     name};
  }
  TRY(metadata_.remove(key_of(name)));
  stored_.erase(name);
  return {};
}

Error no_such_alert(const std::string& name,
                    const std::map<std::string, RuleBook::Rule>& rules) {
  std::vector<std::string> known;
  for (const auto& [rule, unused] : rules) known.push_back(rule);
  std::string near = nearest_name(name, known);
  return {ErrorCode::kNotFound,
          "there is no alert '" + name + "'" +
              (near.empty() ? "" : "; did you mean '" + near + "'?")};
}

}  // namespace freshet
