// RuleBook: the alert rules in force: those of the model's files, and those
// stored by the API, which take precedence by name.
//
// Thread-safe; stored rules live in the metadata under "alert/rule/<name>".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "server/model/model.h"

namespace freshet {

class JsonValue;

class RuleBook {
 public:
  struct Rule {
    AlertModel alert;
    bool stored = false;
    std::string fault = "";  // why a stored rule no longer fits the model
    std::string kept = "";   // with a fault: the rule as it is stored, JSON
  };

  // Both must outlive it.
  RuleBook(std::function<std::shared_ptr<const Model>()> model,
           MetadataStore& metadata);

  // All rules by name, under the current model.
  std::map<std::string, Rule> rules() const;
  // Stores what `body` makes of the rule `name` (edited_rule), one edit after
  // another. kInvalid.
  Status edit(const std::string& name, const JsonValue& body);
  // kNotFound; kConflict for a rule that only the files have.
  Status remove(const std::string& name);

 private:
  const std::function<std::shared_ptr<const Model>()> model_;
  MetadataStore& metadata_;
  mutable Mutex mutex_;
  // By name, as JSON: the model they are checked against changes.
  std::map<std::string, std::string> stored_ ABSL_GUARDED_BY(mutex_);
};

// "there is no alert 'x'; did you mean 'y'?"
Error no_such_alert(const std::string& name,
                    const std::map<std::string, RuleBook::Rule>& rules);

}  // namespace freshet
