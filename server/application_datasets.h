// Datasets: every dataset's stream, and what the rest of the server may see of
// it: the catalog for queries, the service for the ingestion routes.
//
// Thread-safe. Owned by the application.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/embedded_log.h"
#include "ingest/ingestion.h"
#include "segments/segment_store.h"
#include "server/api/ingestion_service.h"
#include "server/model/model.h"
#include "server/query/lookup_source.h"
#include "server/query/runner.h"

namespace freshet {

class Datasets : public DatasetCatalog, public IngestionService {
 public:
  // `store`, `log` and `lookups` must outlive it. `changed` is called when a
  // dataset's visible rows changed; it must be quick.
  static std::unique_ptr<Datasets> create(SegmentStore& store, EmbeddedLog& log,
                                          const LookupSource& lookups,
                                          std::function<void()> changed);

  // Starts streams that are new in `model`, restarts those whose definition
  // changed, stops those that are gone (their data stays on disk). Queries and
  // posted events see the old ones until all new ones run, and the new ones
  // from then on; `published` is called at that moment. On an error the old
  // ones go on.
  virtual Status apply(std::shared_ptr<const Model> model,
                       const std::function<void()>& published) = 0;
  // Where the past of a dataset was changed; null if that is not known.
  virtual std::shared_ptr<const RestatedTimes> restated(
      std::string_view dataset) const = 0;
  // Stops every stream, sealing what is open. Idempotent.
  virtual void stop() = 0;
};

}  // namespace freshet
