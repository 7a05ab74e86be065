// AlertBoard: the instances of all rules, their states, and what happened. It
// survives restarts: states under "alert/state/<rule>/<fingerprint>", history
// under "alert/history/<rule>/<time and count>" of the metadata.
//
// Thread-safe. Owned by the engine.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "server/alert/alert_state.h"
#include "server/alert/rule_book.h"
#include "server/alert/rule_evaluation.h"

namespace freshet {

// A firing instance as contact points are told of it.
struct FiringAlert {
  std::string fingerprint;  // of `labels`
  AlertLabels labels, annotations;
  Timestamp starts_at;
  std::vector<std::string> notify;
};

class AlertBoard {
 public:
  // Reads what was kept. `metadata` must outlive it.
  explicit AlertBoard(MetadataStore& metadata);

  // Moves the instances of `rule` by what an evaluation saw at `now`.
  void apply(const AlertModel& rule, const RuleValues& seen, Timestamp now);
  // The rule could not be evaluated; its instances stay as they are.
  void fail(const std::string& rule, const std::string& message);
  // Forgets the instances of rules that are not in `rules`, or not enabled.
  void keep_only(const std::map<std::string, RuleBook::Rule>& rules);

  // Instances that fire, with their rules as they are now.
  std::vector<FiringAlert> firing(
      const std::map<std::string, RuleBook::Rule>& rules) const;

  // What has become of an instance that contact points were told of and that
  // does not fire any more; of one that is forgotten, what was told of it
  // without the value.
  FiringAlert ended(const std::map<std::string, RuleBook::Rule>& rules,
                    const FiringAlert& told) const;

  // Data time of the newest entry of the rule's history, or kMinTimestamp.
  Timestamp last_change(const std::string& rule) const;

  // A rule with "state", "stored", "error", "as_of" and "instances".
  std::string rule_json(const RuleBook::Rule& rule) const;
  std::string history_json(const std::string& rule) const;

 private:
  struct Entry {
    std::map<std::string, AlertInstance> instances;  // by fingerprint
    std::deque<std::string> history;                 // JSON, newest first
    std::deque<std::string> history_keys;
    std::string error;
    Timestamp as_of = kMinTimestamp;
  };

  static std::map<std::string, Entry> read(const MetadataStore& metadata);
  void update(const AlertModel& rule, Entry& entry, const AlertLabels& labels,
              const Observation& seen) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void forget(const std::string& rule, Entry& entry,
              const std::string& fingerprint, Timestamp t)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void record(const std::string& rule, Entry& entry,
              const AlertInstance& before, const AlertInstance& after,
              Timestamp t) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MetadataStore& metadata_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t history_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace freshet
