// AlertEngine: evaluates alert rules on KPIs by the data's clock, keeps
// their state over restarts, and tells contact points.
//
// Thread-safe; owns one evaluation thread and one notification thread. Owned by
// the application.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "segments/metadata_store.h"
#include "server/kpi/kpi.h"
#include "server/model/model.h"

namespace freshet {

class JsonValue;

class AlertEngine {
 public:
  // `kpis` and `metadata` must outlive it. Starts at once. Rules are the
  // model's and those stored by edit_rule, which take precedence by name.
  static std::unique_ptr<AlertEngine> start(
      Kpis& kpis, std::function<std::shared_ptr<const Model>()> model,
      MetadataStore& metadata);
  virtual ~AlertEngine() = default;

  // {"alerts":[{rule..., "state","instances":[{"labels","state","value",
  // "since"}]}]}
  virtual std::string list_json() const = 0;
  // One rule with state and instances; kNotFound with the nearest name.
  virtual Result<std::string> rule_json(const std::string& name) const = 0;
  // {"history":[{"t","labels","from","to","value"}]}, newest first.
  virtual Result<std::string> history_json(const std::string& name) const = 0;
  // Sets the members of `body` of the rule `name`, or makes it (edited_rule).
  // Durable when it returns; in force from the next evaluation. kInvalid, with
  // a detail a fault, if what comes out is no rule.
  virtual Status edit_rule(const std::string& name, const JsonValue& body) = 0;
  // kNotFound; kConflict for a rule of the model folder (edit the file).
  virtual Status delete_rule(const std::string& name) = 0;
  // Number of firing instances over all rules.
  virtual int firing() const = 0;
  // Ends the threads; idempotent.
  virtual void stop() = 0;
};

}  // namespace freshet
