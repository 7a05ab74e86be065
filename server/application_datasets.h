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
#include "ingest/file_ingestion.h"
#include "ingest/ingestion.h"
#include "ingest/kafka_source.h"
#include "segments/segment_store.h"
#include "server/api/ingestion_service.h"
#include "server/model/model.h"
#include "server/query/lookup_source.h"
#include "server/query/runner.h"

namespace freshet {

// How the model's dataset is read: what Ingestion and bulk_load take. `lookups`
// (null: none) as in make_transform.
IngestionSettings ingestion_settings(const DatasetModel& dataset,
                                     const LookupSource* lookups);
KafkaSettings kafka_settings(const KafkaSourceModel& kafka,
                             const DatasetModel& dataset);
// A folder of `model` is meant from `folder`, the model's.
FileSettings file_settings(const FilesSourceModel& model,
                           const std::string& folder);
// Everything that, when it changes, needs the stream to start anew.
std::string fingerprint(const DatasetModel& dataset);

class Datasets : public DatasetCatalog, public IngestionService {
 public:
  // `store`, `log` and `lookups` must outlive it. `changed` is called when a
  // dataset's visible rows changed; it must be quick.
  static std::unique_ptr<Datasets> create(SegmentStore& store, EmbeddedLog& log,
                                          const LookupSource& lookups,
                                          std::function<void()> changed);

  // Starts streams that are new in `model`, restarts those whose definition
  // changed, stops those that are gone (their data stays on disk).
  virtual Status apply(std::shared_ptr<const Model> model) = 0;
  // Stops every stream, sealing what is open. Idempotent.
  virtual void stop() = 0;
};

}  // namespace freshet
