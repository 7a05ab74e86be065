// What the handlers work with. Owned by the application, which outlives the
// HTTP server; every member is thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "segments/metadata_store.h"
#include "server/alert/alert_engine.h"
#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/kpi/kpi.h"
#include "server/kpi/push_hub.h"
#include "server/model/model.h"
#include "server/query/runner.h"
#include "server/sql/running_queries.h"
#include "server/sql/sql.h"

namespace freshet {

class DatasetDeployer;
class IngestionService;
class LookupService;

// Whether the server can do its work, and what is in the way.
struct Readiness {
  bool ready = false;
  std::vector<std::string> reasons;  // empty when ready
};

struct Services {
  Runner& runner;
  Sql& sql;
  RunningQueries& running;
  Limits limits;  // of each query
  Kpis& kpis;
  PushHub& hub;
  AlertEngine& alerts;
  Metrics& metrics;
  IngestionService& ingestion;
  LookupService& lookups;
  DatasetDeployer& deployer;
  MetadataStore& metadata;  // of what the handlers keep
  std::function<std::shared_ptr<const Model>()> model;
  // Loads the model folder again; faults leave the old model in place.
  std::function<ModelLoad()> reload;
  std::function<Readiness()> readiness;
  // Sets gauges that are computed when scraped.
  std::function<void()> refresh_metrics;
  // The data folder as it is now, as "checkpoints/<name>" below it.
  std::function<Result<std::string>()> checkpoint;
  // That one, by its name, is not needed any more.
  std::function<Status(const std::string& name)> release_checkpoint;
};

// One per file of this folder.
void add_dataset_routes(Router& router, Services& services);
void add_deployment_routes(Router& router, Services& services);
void add_validate_routes(Router& router, Services& services);
void add_infer_routes(Router& router, Services& services);
void add_ingestion_routes(Router& router, Services& services);
void add_dead_letter_routes(Router& router, Services& services);
void add_reset_route(Router& router, Services& services);
void add_lookup_routes(Router& router, Services& services);
void add_kpi_routes(Router& router, Services& services);
void add_lineage_routes(Router& router, Services& services);
void add_dashboard_routes(Router& router, Services& services);
void add_alert_routes(Router& router, Services& services);
void add_query_routes(Router& router, Services& services);
void add_health_routes(Router& router, Services& services);
void add_model_routes(Router& router, Services& services);
void add_view_routes(Router& router, Services& services);
void add_checkpoint_routes(Router& router, Services& services);
// Last: describes every route added before. kInternal names a route that has
// no description, or a description that has no route.
Status add_openapi_route(Router& router);

}  // namespace freshet
