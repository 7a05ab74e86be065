#include "server/alert/alert_engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "segments/mutex.h"
#include "segments/time.h"
#include "server/alert/alert_board.h"
#include "server/alert/contact_point.h"
#include "server/alert/notifier.h"
#include "server/alert/rule_book.h"
#include "server/alert/rule_evaluation.h"

namespace freshet {
namespace {

// How often rules are looked at, and what is due is sent.
constexpr int64_t kTickMs = 200;
constexpr int64_t kSoonMs = 1000;

class ThreadedAlertEngine : public AlertEngine {
 public:
  ThreadedAlertEngine(Kpis& kpis,
                      std::function<std::shared_ptr<const Model>()> model,
                      MetadataStore& metadata)
      : kpis_(kpis),
        model_(std::move(model)),
        stop_sending_(false),
        cancel_(std::make_shared<std::atomic<bool>>(false)),
        book_(model_, metadata),
        board_(metadata),
        notifier_(
            metadata,
            [this](const ContactModel& contact, const std::string& body) {
              return post_notification(contact, body, stop_sending_);
            },
            [this](const FiringAlert& told) {
              return board_.ended(book_.rules(), told);
            }) {
    evaluation_ = std::thread([this] { evaluate_loop(); });
    notification_ = std::thread([this] { notify_loop(); });
  }
  ~ThreadedAlertEngine() override { stop(); }

  std::string list_json() const override;
  Result<std::string> rule_json(const std::string& name) const override;
  Result<std::string> history_json(const std::string& name) const override;
  Status edit_rule(const std::string& name, const JsonValue& body) override;
  Status delete_rule(const std::string& name) override;
  int firing() const override {
    return static_cast<int>(board_.firing(book_.rules()).size());
  }
  void stop() override;

 private:
  void evaluate_loop();
  // False if the data was not there yet.
  bool evaluate(const AlertModel& rule);
  void notify_loop();
  // False once stopped.
  bool sleep(int64_t ms);
  // Rules that were stored or removed since the call before.
  std::set<std::string> take_edited();
  void edited(const std::string& name);

  Kpis& kpis_;
  const std::function<std::shared_ptr<const Model>()> model_;
  std::atomic<bool> stop_sending_;
  const CancelFlag cancel_;
  RuleBook book_;
  AlertBoard board_;
  Notifier notifier_;  // of the notification thread

  // Of the evaluation thread, by rule.
  std::map<std::string, Timestamp> due_;
  std::map<std::string, DataClock> clocks_;

  Mutex mutex_;
  CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::string> edited_ ABSL_GUARDED_BY(mutex_);
  std::thread evaluation_, notification_;
};

void ThreadedAlertEngine::evaluate_loop() {
  do {
    for (const std::string& name : take_edited()) {
      due_.erase(name);
      clocks_.erase(name);  // perhaps of another KPI
    }
    auto rules = book_.rules();
    board_.keep_only(rules);
    std::erase_if(clocks_,
                  [&](const auto& c) { return !rules.contains(c.first); });
    Timestamp start = now();
    for (const auto& [name, rule] : rules) {
      if (*cancel_) return;
      if (!rule.alert.enabled) continue;
      if (!rule.fault.empty()) {
        board_.fail(name, rule.fault);
        continue;
      }
      Timestamp& due = due_[name];
      if (start < due) continue;
      due = Timestamp{start.ms + rule.alert.every_ms};
      // After a start the data comes soon: no need to wait out the interval.
      if (!evaluate(rule.alert)) due = Timestamp{start.ms + kSoonMs};
    }
  } while (sleep(kTickMs));
}

bool ThreadedAlertEngine::evaluate(const AlertModel& rule) {
  auto [at, is_new] = clocks_.try_emplace(rule.name);
  // What ended by the clock before a restart must not begin again.
  if (is_new) at->second = DataClock(board_.last_change(rule.name));
  Timestamp time = now();
  auto seen = evaluate_rule(kpis_, rule, at->second, time, cancel_);
  if (seen) {
    board_.apply(rule, *seen, time);
  } else if (!*cancel_) {
    board_.fail(rule.name, seen.error().message);
  }
  return seen || seen.error().code != ErrorCode::kUnavailable;
}

void ThreadedAlertEngine::notify_loop() {
  do {
    notifier_.step(board_.firing(book_.rules()), *model_(), now());
  } while (sleep(kTickMs));
}

bool ThreadedAlertEngine::sleep(int64_t ms) {
  absl::Time end = steady_now() + absl::Milliseconds(ms);
  MutexLock lock(mutex_);
  while (!stopped_ && steady_now() < end) {
    changed_.wait_for(mutex_, end - steady_now());
  }
  return !stopped_;
}

std::string ThreadedAlertEngine::list_json() const {
  std::string text;
  for (const auto& [name, rule] : book_.rules()) {
    text += (text.empty() ? "" : ",") + board_.rule_json(rule);
  }
  return "{\"alerts\":[" + text + "]}";
}

Result<std::string> ThreadedAlertEngine::rule_json(
    const std::string& name) const {
  auto rules = book_.rules();
  auto found = rules.find(name);
  if (found == rules.end()) return no_such_alert(name, rules);
  return board_.rule_json(found->second);
}

Result<std::string> ThreadedAlertEngine::history_json(
    const std::string& name) const {
  auto rules = book_.rules();
  if (!rules.contains(name)) return no_such_alert(name, rules);
  return board_.history_json(name);
}

Status ThreadedAlertEngine::edit_rule(const std::string& name,
                                      const JsonValue& body) {
  TRY(book_.edit(name, body));
  edited(name);
  return {};
}

Status ThreadedAlertEngine::delete_rule(const std::string& name) {
  TRY(book_.remove(name));
  edited(name);
  return {};
}

void ThreadedAlertEngine::edited(const std::string& name) {
  MutexLock lock(mutex_);
  edited_.insert(name);
}

std::set<std::string> ThreadedAlertEngine::take_edited() {
  MutexLock lock(mutex_);
  return std::exchange(edited_, {});
}

void ThreadedAlertEngine::stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.signal_all();
  }
  *cancel_ = true;
  stop_sending_ = true;
  if (evaluation_.joinable()) evaluation_.join();
  if (notification_.joinable()) notification_.join();
}

}  // namespace

std::unique_ptr<AlertEngine> AlertEngine::start(
    Kpis& kpis, std::function<std::shared_ptr<const Model>()> model,
    MetadataStore& metadata) {
  return std::make_unique<ThreadedAlertEngine>(kpis, std::move(model),
                                               metadata);
}

}  // namespace freshet
