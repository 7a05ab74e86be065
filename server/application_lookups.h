// Lookups: every lookup of the model, what queries and ingestion see of them,
// and the service of their routes.
//
// Thread-safe. Owned by the application.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "segments/result.h"
#include "server/api/lookup_service.h"
#include "server/http/metrics.h"
#include "server/model/model.h"
#include "server/query/lookup_source.h"

namespace freshet {

class Lookups : public LookupSource, public LookupService {
 public:
  // What is kept lies in DATA/lookups. `changed` (may be null) is called when
  // the content of one changed; it must be quick. kConflict if another process
  // has it open.
  static Result<std::unique_ptr<Lookups>> open(const std::string& data,
                                               std::function<void()> changed);
  // The same with what is kept of the model's lookups, which follow nothing:
  // for loads.
  static Result<std::unique_ptr<Lookups>> open_kept(
      const std::string& data, std::shared_ptr<const Model> model);

  // Starts lookups that are new in `model`, restarts those whose definition
  // changed, stops those that are gone (their rows stay on disk). After an
  // error part of that is done: to go back, apply the model before.
  virtual Status apply(std::shared_ptr<const Model> model) = 0;
  // Stops following sources; what is held stays to be read. Idempotent.
  virtual void stop() = 0;
  // A copy of what is kept, as MetadataStore::checkpoint.
  virtual Status checkpoint(const std::string& folder) = 0;
};

// What keeps lookups from being as their sources are, for /readyz.
void add_lookup_reasons(const Lookups& lookups,
                        std::vector<std::string>& reasons);
void set_lookup_metrics(Metrics& metrics, const Lookups& lookups);

}  // namespace freshet
