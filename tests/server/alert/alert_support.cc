#include "tests/server/alert/alert_support.h"

#include <absl/time/clock.h>
#include <doctest/doctest.h>

#include "server/model/formula_value.h"

namespace freshet {

Status MemoryMetadata::put(std::string_view key, std::string_view value) {
  MutexLock lock(mutex_);
  all_[std::string(key)] = std::string(value);
  return {};
}

Status MemoryMetadata::change(
    const std::vector<std::pair<std::string, std::string>>& puts,
    const std::vector<std::string>& removed) {
  for (const auto& [key, value] : puts) TRY(put(key, value));
  for (const std::string& key : removed) TRY(remove(key));
  return {};
}

Status MemoryMetadata::remove(std::string_view key) {
  MutexLock lock(mutex_);
  all_.erase(std::string(key));
  return {};
}

Result<std::optional<std::string>> MemoryMetadata::get(
    std::string_view key) const {
  MutexLock lock(mutex_);
  auto found = all_.find(std::string(key));
  if (found == all_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Status MemoryMetadata::scan(
    std::string_view prefix, std::string_view start_after,
    const std::function<bool(std::string_view, std::string_view)>& visit)
    const {
  std::map<std::string, std::string> copy;
  {
    MutexLock lock(mutex_);
    copy = all_;
  }
  for (const auto& [key, value] : copy) {
    if (!key.starts_with(prefix) || key <= start_after) continue;
    if (!visit(key, value)) break;
  }
  return {};
}

size_t MemoryMetadata::count(std::string_view prefix) const {
  size_t n = 0;
  (void)scan(prefix, "", [&n](std::string_view, std::string_view) {
    ++n;
    return true;
  }).has_value();
  return n;
}

void ScriptedKpis::set(Timestamp as_of, std::map<std::string, double> by_store,
                       uint64_t rows) {
  std::map<std::string, KpiNumber> numbers;
  for (const auto& [store, value] : by_store) numbers[store] = Value(value);
  set_exact(as_of, std::move(numbers), rows);
}

void ScriptedKpis::set_exact(Timestamp as_of,
                             std::map<std::string, KpiNumber> by_store,
                             uint64_t rows) {
  MutexLock lock(mutex_);
  as_of_ = as_of;
  by_store_ = std::move(by_store);
  rows_ = rows;
}

void ScriptedKpis::set_rows(const std::string& store, uint64_t rows) {
  MutexLock lock(mutex_);
  rows_of_[store] = rows;
}

void ScriptedKpis::set_caught_up() {
  MutexLock lock(mutex_);
  caught_up_ = true;
}

Result<KpiFreshness> ScriptedKpis::freshness(const std::string& kpi) {
  MutexLock lock(mutex_);
  if (kpi != "rate") return Error{ErrorCode::kNotFound, "no such KPI: " + kpi};
  return KpiFreshness{as_of_, caught_up_};
}

std::vector<Result<KpiAnswer>> ScriptedKpis::answer_all(
    const std::vector<KpiRequest>& requests, CancelFlag cancel) {
  std::vector<Result<KpiAnswer>> answers;
  for (const KpiRequest& request : requests) {
    answers.push_back(answer(request, cancel));
  }
  return answers;
}

Result<KpiAnswer> ScriptedKpis::answer(const KpiRequest& request, CancelFlag) {
  MutexLock lock(mutex_);
  if (request.kpi != "rate") {
    return Error{ErrorCode::kNotFound, "no such KPI: " + request.kpi};
  }
  asked_.push_back(request);
  KpiAnswer answer;
  answer.provenance.as_of = as_of_;
  if (request.count_rows) answer.num_rows = rows_;
  KpiNumber sum(int64_t{0});
  for (const auto& [store, value] : by_store_) {
    sum = add_numbers(sum, value);
    KpiAnswer::Row row;
    row.by.emplace_back(store);
    row.value = value;
    auto own = rows_of_.find(store);
    row.num_rows = own == rows_of_.end() ? rows_ : own->second;
    if (!request.by.empty()) answer.rows.push_back(std::move(row));
  }
  if (!by_store_.empty()) answer.value = sum;
  return answer;
}

std::vector<KpiRequest> ScriptedKpis::asked() const {
  MutexLock lock(mutex_);
  return asked_;
}

Receiver::Receiver() {
  auto handler = [this](const HttpRequest& request) { return take(request); };
  router_.add("POST", "/hook", Access::kPublic, handler);
  router_.add("POST", "/api/v2/alerts", Access::kPublic, handler);
  HttpServerSettings settings;
  settings.listen = "127.0.0.1:0";
  auto server = HttpServer::start(settings, router_, nullptr, nullptr);
  REQUIRE(server.has_value());
  server_ = std::move(*server);
}

HttpResponse Receiver::take(const HttpRequest& request) {
  MutexLock lock(mutex_);
  bodies_.push_back(request.body);
  HttpResponse response = json_response("{}", status_);
  if (status_ == 307) response.headers.emplace_back("Location", url("/hook"));
  return response;
}

std::string Receiver::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
}

std::vector<std::string> Receiver::bodies(size_t count, double seconds) {
  absl::Time end = absl::Now() + absl::Seconds(seconds);
  while (true) {
    {
      MutexLock lock(mutex_);
      if (bodies_.size() >= count || absl::Now() > end) return bodies_;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

void Receiver::answer_with(int status) {
  MutexLock lock(mutex_);
  status_ = status;
}

AlertModel test_rule() {
  AlertModel rule;
  rule.name = "rate_high";
  rule.kpi = "rate";
  rule.by = {"store"};
  rule.description = "Too high.";
  rule.when = {">", {10, 0}};
  rule.every_ms = 100;
  rule.notify = {"hook"};
  rule.labels = {{"team", "ops"}};
  return rule;
}

ContactModel test_contact(const std::string& url) {
  ContactModel contact;
  contact.name = "hook";
  contact.kind = "webhook";
  contact.url = url;
  contact.group_by = {"alert"};
  contact.group_wait_ms = 0;
  contact.group_interval_ms = 0;
  contact.allow_private = true;
  return contact;
}

}  // namespace freshet
