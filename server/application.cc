#include "server/application.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include "ingest/embedded_log.h"
#include "segments/mutex.h"
#include "segments/scrubber.h"
#include "segments/segment_store.h"
#include "server/alert/alert_engine.h"
#include "server/api/counted_queries.h"
#include "server/api/services.h"
#include "server/application_checkpoint.h"
#include "server/application_dataset_settings.h"
#include "server/application_datasets.h"
#include "server/application_deploy.h"
#include "server/application_lookups.h"
#include "server/application_merger.h"
#include "server/application_metrics.h"
#include "server/application_settings.h"
#include "server/application_upkeep.h"
#include "server/auth/access.h"
#include "server/http/http_server.h"
#include "server/http/listen_socket.h"
#include "server/http/metrics.h"
#include "server/http/static_assets.h"
#include "server/kpi/kpi.h"
#include "server/kpi/kpi_tables.h"
#include "server/kpi/push_hub.h"
#include "server/model/stored_types.h"
#include "server/query/guarded_runner.h"
#include "server/query/partial_cache.h"
#include "server/query/sharing_runner.h"
#include "server/repeated_task.h"
#include "server/sql/sql.h"

namespace freshet {
namespace {

// A disk with less than this cannot take another seal safely.
constexpr uint64_t kMinFreeBytes = uint64_t{256} << 20;
constexpr double kDrainSeconds = 10;
// What still runs this long after the stop began is cancelled.
constexpr auto kQueryGrace = std::chrono::seconds(1);
// How often it is looked for checkpoints that nobody needs any more.
constexpr absl::Duration kCheckpointWatch = absl::Seconds(10);
// Of damage that queries met, so many messages are kept.
constexpr size_t kMaxDamage = 100;

// Why a dataset's events do not arrive or do not become durable.
void add_ingestion_reasons(const std::string& name,
                           const IngestionProgress& progress,
                           std::vector<std::string>& reasons) {
  constexpr size_t kNamedPartitions = 3;
  auto add = [&](std::string_view reason) {
    reasons.push_back(fmt::format("{}: {}", name, reason));
  };
  if (!progress.last_seal_error.empty()) add(progress.last_seal_error);
  size_t stopped = 0;
  for (const PartitionProgress& partition : progress.partitions) {
    if (partition.error.empty()) continue;
    if (++stopped <= kNamedPartitions) add(partition.error);
  }
  if (stopped > kNamedPartitions) {
    add(fmt::format("{} partitions are stopped in all", stopped));
  }
  if (!progress.error.empty()) {
    if (stopped == 0) add(progress.error);
  } else if (!progress.past_start &&
             progress.state != IngestionState::kPaused) {
    add("still reading what was there at start");
  }
}

bool ends_one_of(std::string_view end, const std::vector<std::string>& texts) {
  return std::ranges::any_of(
      texts, [&](const std::string& text) { return text.ends_with(end); });
}

class RunningApplication : public Application {
 public:
  ~RunningApplication() override { stop(); }

  Status open(const ServeOptions& options);

  uint16_t port() const override { return server_->port(); }
  std::string url() const override;
  ModelLoad reload() override;
  std::shared_ptr<const Model> model() const override {
    MutexLock lock(mutex_);
    return model_;
  }
  SegmentStore& store() override { return *store_; }
  IngestionService& ingestion() override { return *datasets_; }
  LookupService& lookups() override { return *lookups_; }
  void stop() override;

 private:
  Status open_parts();
  Status check_types();
  Status add_routes();
  Status serve();
  void remove_orphans();
  Readiness readiness() const;
  void refresh_metrics();
  void note_damage(const Error& error);
  Status authorize(const HttpRequest& request, Access access) const;
  Status apply(const std::shared_ptr<const Model>& model)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void renew_token(const Model& model)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void rotate_secrets();
  void look_after();

  mutable Mutex mutex_;
  std::shared_ptr<const Model> model_ ABSL_GUARDED_BY(mutex_);
  std::string token_ ABSL_GUARDED_BY(mutex_);  // empty: none is asked for
  Mutex reload_mutex_;                         // one reload at a time
  ServeOptions options_;                       // constant after open
  Settings settings_;                          // constant after open
  std::string model_folder_;

  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<SegmentStore> store_;
  std::unique_ptr<Merger> merger_;
  std::unique_ptr<Scrubber> scrubber_;
  std::unique_ptr<RepeatedTask> checkpoints_;  // removes forgotten ones
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<Lookups> lookups_;
  std::unique_ptr<Datasets> datasets_;
  std::unique_ptr<PartialCache> cache_;  // null: none is kept
  std::unique_ptr<GuardedRunner> runner_;
  SharingRunner* sharing_ = nullptr;  // within runner_
  std::unique_ptr<Sql> sql_;
  RunningQueries running_;
  std::unique_ptr<Kpis> kpis_;
  std::unique_ptr<PushHub> hub_;
  std::unique_ptr<AlertEngine> alerts_;
  std::unique_ptr<DatasetDeployer> deployer_;
  std::unique_ptr<Services> services_;
  Router router_;
  std::shared_ptr<ListenSocket> socket_;  // until server_ has it
  std::unique_ptr<HttpServer> server_;
  bool stopped_ = false;
  std::atomic<bool> ending_{false};
  std::thread orphans_;
  FileWatch secrets_;     // of upkeep_'s thread
  MemoryRelease memory_;  // of it too
  std::unique_ptr<RepeatedTask> upkeep_;

  std::vector<std::string> damaged_at_start_;  // constant after open
  mutable Mutex damage_mutex_;
  // What queries met, so that it is logged once.
  std::set<std::string> damage_ ABSL_GUARDED_BY(damage_mutex_);
};

Status RunningApplication::open(const ServeOptions& options) {
  options_ = options;
  model_folder_ = options.model;
  ModelLoad load = load_model(model_folder_);
  if (!load.model) return invalid(faults_text(load));
  TRY_ASSIGN(settings_, effective_settings(*load.model, options));
  TRY(check_reach(settings_));
  {
    MutexLock lock(mutex_);
    model_ = load.model;
    token_ = settings_.token;
  }
  TRY_ASSIGN(socket_, ListenSocket::bind(settings_.listen));
  TRY(open_parts());
  TRY(add_routes());
  TRY(serve());
  orphans_ = std::thread([this] { remove_orphans(); });
  upkeep_ = std::make_unique<RepeatedTask>(absl::Seconds(1),
                                           [this] { look_after(); });
  return {};
}

// What a seal or load that was broken off has left, perhaps thousands of
// files: beside everything else.
void RunningApplication::remove_orphans() {
  auto removed = store_->remove_orphans([this] { return ending_.load(); });
  if (!removed) {
    spdlog::warn("files that no segment needs stay: {}",
                 removed.error().message);
  } else if (*removed > 0) {
    spdlog::info("{} files that no segment needs were removed", *removed);
  }
}

Status RunningApplication::check_types() {
  ModelLoad load;
  load.model = model();
  refuse_types(load, *store_);
  if (!load.model) return invalid(faults_text(load));
  keep_types(*load.model, *store_);
  return {};
}

Status RunningApplication::open_parts() {
  auto current = [this] { return model(); };
  metrics_ = Metrics::create();
  TRY_ASSIGN(store_, SegmentStore::open(settings_.data, real_file_system(),
                                        SegmentStore::Orphans::kLeave));
  damaged_at_start_ = store_->damaged();
  for (const std::string& message : damaged_at_start_) {
    spdlog::error("{}", message);
  }
  TRY(check_types());
  remove_checkpoints(settings_.data);
  checkpoints_ = std::make_unique<RepeatedTask>(
      kCheckpointWatch, [this] { remove_old_checkpoints(settings_.data); });
  merger_ = start_merger(*store_);
  // A merge before would write former names.
  for (const DatasetModel& dataset : model()->datasets) {
    store_->set_aliases(dataset.name, dataset_aliases(dataset));
  }
  set_merge_policies(*merger_, nullptr, *model());
  scrubber_ = std::make_unique<Scrubber>(
      *store_,
      ScrubSettings{settings_.scrub_rate,
                    absl::Milliseconds(settings_.scrub_every_ms)},
      [](const Error& error) { spdlog::error("scrub: {}", error.message); });
  scrubber_->start();
  TRY_ASSIGN(log_, EmbeddedLog::open(settings_.data + "/log"));
  // Set before the first stream starts, see apply below.
  auto notify = [this] { hub_->notify(); };
  TRY_ASSIGN(lookups_, Lookups::open(settings_.data, notify));
  datasets_ = Datasets::create(*store_, *log_, *lookups_, notify);
  const uint64_t cache_bytes = settings_.limits.cache_bytes;
  if (cache_bytes > 0) cache_ = std::make_unique<PartialCache>(cache_bytes);
  auto sharing = std::make_unique<SharingRunner>(
      Runner::create(*datasets_, settings_.scan_threads, cache_.get()));
  sharing_ = sharing.get();
  runner_ = std::make_unique<GuardedRunner>(
      std::move(sharing), [this](const Error& error) { note_damage(error); });
  sql_ = Sql::create(*runner_, kpi_tables(*runner_, current));
  auto restated = [this](const auto& d) { return datasets_->restated(d); };
  kpis_ = std::make_unique<CountedKpis>(
      Kpis::create(*runner_, current, settings_.limits, restated), *metrics_);
  hub_ = PushHub::create(*kpis_, current);
  TRY(lookups_->apply(model()));
  TRY(datasets_->apply(model(), {}));
  // After the streams are there: rules are evaluated at once.
  alerts_ = AlertEngine::start(*kpis_, current, store_->metadata());
  return {};
}

// Damage is in /readyz for as long as it is there, and once in the log.
void RunningApplication::note_damage(const Error& error) {
  {
    MutexLock lock(damage_mutex_);
    if (damage_.size() >= kMaxDamage) return;
    if (!damage_.insert(error.message).second) return;
  }
  if (ends_one_of(error.message, damaged_at_start_)) return;  // said then
  spdlog::error("a query met damage: {}", error.message);
}

Status RunningApplication::add_routes() {
  deployer_ = make_dataset_deployer(
      model_folder_, *store_, [this] { return model(); },
      [this] { return reload(); });
  services_ = std::make_unique<Services>(Services{
      *runner_, *sql_, running_, settings_.limits, *kpis_, *hub_, *alerts_,
      *metrics_, *datasets_, *lookups_, *deployer_, store_->metadata(),
      [this] { return model(); }, [this] { return reload(); },
      [this] { return readiness(); }, [this] { refresh_metrics(); },
      [this] { return write_checkpoint(*store_, *log_, *lookups_); },
      [this](const std::string& name) {
        return release_checkpoint(settings_.data, name);
      }});
  add_dataset_routes(router_, *services_);
  add_deployment_routes(router_, *services_);
  add_infer_routes(router_, *services_);
  add_validate_routes(router_, *services_);
  add_ingestion_routes(router_, *services_);
  add_dead_letter_routes(router_, *services_);
  add_reset_route(router_, *services_);
  add_lookup_routes(router_, *services_);
  add_kpi_routes(router_, *services_);
  add_lineage_routes(router_, *services_);
  add_dashboard_routes(router_, *services_);
  add_alert_routes(router_, *services_);
  add_query_routes(router_, *services_);
  add_health_routes(router_, *services_);
  add_model_routes(router_, *services_);
  add_view_routes(router_, *services_);
  add_checkpoint_routes(router_, *services_);
  add_static_routes(router_);
  return add_openapi_route(router_);
}

Status RunningApplication::serve() {
  HttpServerSettings http = http_settings(settings_);
  http.socket = std::move(socket_);
  TRY_ASSIGN(server_,
             HttpServer::start(
                 http, router_,
                 [this](const HttpRequest& request, Access access) {
                   return authorize(request, access);
                 },
                 [this](std::string_view route, int status, double seconds) {
                   metrics_->request(route, status, seconds);
                 }));
  return {};
}

Status RunningApplication::authorize(const HttpRequest& request,
                                     Access access) const {
  if (access == Access::kPublic) return {};
  std::string token;
  {
    MutexLock lock(mutex_);
    token = token_;
  }
  if (token.empty()) return {};
  return check_token(token, request.header("authorization"),
                     request.header("cookie"));
}

std::string RunningApplication::url() const {
  return url_of(settings_, port());
}

ModelLoad RunningApplication::reload() {
  MutexLock reloading(reload_mutex_);
  ModelLoad load = load_model(model_folder_);
  refuse_types(load, *store_);
  if (!load.model) {
    spdlog::error("reload: {}", faults_text(load));
    return load;
  }
  Status applied = apply(load.model);
  if (!applied) {
    load.faults.push_back({"", 0, applied.error().message});
    const ErrorCode code = applied.error().code;
    bool ours = code == ErrorCode::kIo || code == ErrorCode::kUnavailable;
    if (ours) load.code = code;
    load.model = nullptr;
    spdlog::error("reload: {}", applied.error().message);
    return load;
  }
  renew_token(*load.model);
  spdlog::info("model {} is in force", load.model->version);
  return load;
}

Status RunningApplication::apply(const std::shared_ptr<const Model>& next) {
  const std::shared_ptr<const Model> before = model();
  TRY(forget_types(*next, *store_));
  Status applied = lookups_->apply(next);
  if (applied) {
    applied = datasets_->apply(next, [&] {
      MutexLock lock(mutex_);
      model_ = next;
    });
  }
  if (!applied) {
    Status back = lookups_->apply(before);
    if (!back) spdlog::error("reload: {}", back.error().message);
    return applied;
  }
  keep_types(*next, *store_);
  set_merge_policies(*merger_, before.get(), *next);
  hub_->notify();
  return {};
}

// A token may change while the server runs, but never go: then nobody would be
// asked for one.
void RunningApplication::renew_token(const Model& model) {
  auto settings = effective_settings(model, options_);
  if (!settings) {
    spdlog::error("the old token stays: {}", settings.error().message);
    return;
  }
  MutexLock lock(mutex_);
  if (settings->token == token_) return;
  if (settings->token.empty()) {
    spdlog::error("the old token stays until a restart: there is no new one");
    return;
  }
  token_ = settings->token;
  spdlog::info("a new token is in force");
}

// A file that a ${file:PATH} names was changed. What a person has edited in the
// model meanwhile is not for this to bring in force.
void RunningApplication::rotate_secrets() {
  MutexLock reloading(reload_mutex_);
  std::shared_ptr<const Model> current = model();
  ModelLoad load = load_model(model_folder_);
  if (!load.model) {
    spdlog::error("secrets of the model stay: {}", faults_text(load));
  } else if (load.model->version != current->version) {
    spdlog::warn("secrets of the model stay until it is reloaded: it differs");
  } else if (Status applied = apply(load.model); !applied) {
    spdlog::error("secrets of the model stay: {}", applied.error().message);
  } else {
    current = load.model;
  }
  renew_token(*current);
}

void RunningApplication::look_after() {
  std::set<std::string> files = environment_secret_files();
  files.merge(std::set(model()->secret_files));
  secrets_.set(files);
  if (secrets_.changed()) rotate_secrets();
  memory_.look();
}

Readiness RunningApplication::readiness() const {
  Readiness readiness;
  auto free = store_->free_bytes();
  if (free && *free < kMinFreeBytes) {
    readiness.reasons.push_back(
        fmt::format("the disk of {} has only {} MB free", store_->data_folder(),
                    *free >> 20));
  }
  for (const std::string& name : datasets_->names()) {
    auto progress = datasets_->progress(name);
    if (!progress) continue;
    add_ingestion_reasons(name, *progress, readiness.reasons);
  }
  add_lookup_reasons(*lookups_, readiness.reasons);
  for (std::string& message : store_->damaged()) {
    readiness.reasons.push_back(std::move(message));
  }
  for (std::string& message : scrubber_->damaged()) {
    if (ends_one_of(message, readiness.reasons)) continue;
    readiness.reasons.push_back(std::move(message));
  }
  readiness.ready = readiness.reasons.empty();
  return readiness;
}

void RunningApplication::refresh_metrics() {
  for (const std::string& name : datasets_->names()) {
    auto progress = datasets_->progress(name);
    auto data = datasets_->snapshot(name);
    if (!progress || !data) continue;
    set_dataset_metrics(*metrics_, name, *progress, *data->timeline);
    set_segment_metrics(*metrics_, name, merger_->totals(name),
                        progress->dropped, *data->timeline);
  }
  set_scrub_metrics(*metrics_, *scrubber_);
  set_lookup_metrics(*metrics_, *lookups_);
  set_query_metrics(*metrics_, cache_.get(), sharing_->shared());
  metrics_->set_gauge("freshet_alerts_firing", "Alert instances firing", "", "",
                      alerts_->firing());
  metrics_->set_gauge("freshet_resident_bytes", "Memory of the process", "", "",
                      static_cast<double>(resident_bytes()));
}

void RunningApplication::stop() {
  if (stopped_) return;
  stopped_ = true;
  ending_ = true;
  upkeep_.reset();
  if (orphans_.joinable()) orphans_.join();
  std::promise<void> drained;
  std::thread cancel_late([&, waiting = drained.get_future()] {
    if (waiting.wait_for(kQueryGrace) == std::future_status::ready) return;
    running_.cancel_all();
    if (runner_) runner_->stop();
  });
  if (server_) server_->stop(kDrainSeconds);
  drained.set_value();
  cancel_late.join();
  if (runner_) runner_->stop();  // alerts and the push hub ask too
  if (alerts_) alerts_->stop();
  if (merger_) merger_->stop();
  if (scrubber_) scrubber_->stop();
  checkpoints_.reset();
  if (datasets_) datasets_->stop();
  if (lookups_) lookups_->stop();
  hub_.reset();  // after the streams that notify it
}

}  // namespace

Result<std::unique_ptr<Application>> Application::start(
    const ServeOptions& options) {
  auto application = std::make_unique<RunningApplication>();
  TRY(application->open(options));
  return std::unique_ptr<Application>(std::move(application));
}

}  // namespace freshet
