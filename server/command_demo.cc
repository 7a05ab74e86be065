// freshet demo: the starter model, a history, and live traffic on top.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/bulk_load.h"
#include "segments/segment_store.h"
#include "server/api/ingestion_service.h"
#include "server/api/lookup_service.h"
#include "server/application_dataset_settings.h"
#include "server/application_settings.h"
#include "server/command.h"
#include "server/command_output.h"
#include "server/demo/live_traffic.h"
#include "server/demo/reference_data.h"
#include "server/http/listen_socket.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 1;

// How far live traffic was sent, so that the next start goes on from there.
class Marker {
 public:
  explicit Marker(std::string path) : path_(std::move(path)) {}

  Timestamp read() const {
    std::ifstream file(path_);
    Timestamp t;
    return file >> t.ms ? t : kMinTimestamp;
  }
  // At most once a second: called for each batch.
  void write(Timestamp t) {
    if (t.ms < last_.ms + 1000) return;
    last_ = t;
    std::ofstream(path_ + ".tmp") << t.ms << '\n';
    std::error_code ignored;
    fs::rename(path_ + ".tmp", path_, ignored);
  }

 private:
  const std::string path_;
  Timestamp last_ = kMinTimestamp;
};

// End of what the dataset already holds.
Timestamp newest(const SegmentStore& store, const std::string& dataset) {
  Timestamp end = kMinTimestamp;
  for (const auto now = store.timeline(dataset);
       const auto& segment : now->sealed) {
    end = std::max(end, segment->time_range().end);
  }
  return end;
}

// The events of a history, cut at ends of days into runs that a load holds in
// memory: what does not fit is written, read and sorted twice.
class HistoryRuns {
 public:
  explicit HistoryRuns(std::unique_ptr<EventGenerator> events)
      : events_(std::move(events)) {
    more_ = events_->next(held_, facts_);
  }

  bool has_more() const { return more_; }
  // The next event of this run; false at its end, after which the next run
  // begins.
  bool next(std::string& event) {
    if (!more_ || (taken_ >= kRunEvents && day() > day_)) {
      taken_ = 0;
      return false;
    }
    day_ = std::max(day_, day());
    ++taken_;
    event.swap(held_);
    more_ = events_->next(held_, facts_);
    return true;
  }

 private:
  static constexpr uint64_t kRunEvents = 100'000;
  static constexpr int64_t kDayMs = 86'400'000;
  int64_t day() const { return facts_.time.ms / kDayMs; }

  std::unique_ptr<EventGenerator> events_;
  std::string held_;  // the next event, while more_
  EventFacts facts_;
  bool more_ = false;
  uint64_t taken_ = 0;  // of this run
  int64_t day_ = 0;
};

// Loads [where the data ends, `until`) of one dataset; the rows, which it adds
// to `all_rows` as they come.
Result<uint64_t> load_history(const DatasetModel& dataset, SegmentStore& store,
                              Timestamp earliest, Timestamp sent,
                              Timestamp until,
                              std::atomic<uint64_t>& all_rows) {
  Timestamp from = std::max({earliest, newest(store, dataset.name), sent});
  if (until <= from) return uint64_t{0};
  TRY_ASSIGN(auto history, make_history(dataset, kSeed, from, until));
  HistoryRuns runs(std::move(history));
  uint64_t rows = 0;
  for (int run = 0; runs.has_more(); ++run) {
    LoadProgress last;
    TRY(bulk_load_events(
        ingestion_settings(dataset, nullptr), store,
        fmt::format("demo {} run {}", to_iso8601(from), run),
        [&](std::string& event) { return runs.next(event); },
        [&](const LoadProgress& progress) {
          all_rows += progress.rows - last.rows;
          last = progress;
          if (!isatty(STDERR_FILENO)) return;
          print_notice("\rhistory: {} rows ", all_rows.load());
        }));
    rows += last.rows;
  }
  return rows;
}

// The busiest datasets first, so that none of them is waited for at the end.
std::vector<const DatasetModel*> by_traffic(const Model& model) {
  std::vector<const DatasetModel*> datasets;
  for (const DatasetModel& dataset : model.datasets) {
    datasets.push_back(&dataset);
  }
  const TrafficLevel level;
  std::ranges::stable_sort(datasets, std::greater{},
                           [&](const DatasetModel* dataset) {
                             return level.per_day(dataset->name);
                           });
  return datasets;
}

// The history up to now, straight into sealed segments, before anything else
// has the data folder open. As many datasets at a time as there are cores: each
// holds a run of events in memory.
Status load_histories(const Model& model, const std::string& data,
                      int64_t history_ms, Timestamp sent) {
  TRY_ASSIGN(auto store, SegmentStore::open(data));
  const Timestamp until = now();
  const auto datasets = by_traffic(model);
  std::atomic<uint64_t> all_rows{0};
  std::atomic<size_t> next{0};
  auto work = [&]() -> Status {
    for (size_t i = next++; i < datasets.size(); i = next++) {
      TRY_ASSIGN(uint64_t rows,
                 load_history(*datasets[i], *store, {until.ms - history_ms},
                              sent, until, all_rows));
      if (rows > 0) {
        spdlog::info("{}: {} rows of history", datasets[i]->name, rows);
      }
    }
    return {};
  };
  std::vector<std::future<Status>> workers;
  const unsigned cores = std::max(2u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < cores; ++i) {
    workers.push_back(std::async(std::launch::async, work));
  }
  for (auto& worker : workers) worker.wait();
  if (all_rows > 0 && isatty(STDERR_FILENO)) print_notice("\n");
  for (auto& worker : workers) TRY(worker.get());
  return {};
}

Status send_events(IngestionService& ingestion, const std::string& dataset,
                   const std::vector<std::string>& events) {
  std::string body;
  for (const std::string& event : events) body.append(event).push_back('\n');
  auto accepted = ingestion.accept(dataset, "application/x-ndjson", body, "");
  if (!accepted) return accepted.error();
  return {};
}

// The lookups that hold nothing yet, and the newest promotions.
Status fill_lookups(const Model& model, LookupService& lookups,
                    int64_t history_ms) {
  constexpr int64_t kAhead = int64_t{400} * 86'400'000;
  auto world = RetailWorld::make(kSeed);
  for (const LookupModel& lookup : model.lookups) {
    auto status = lookups.status(lookup.name);
    bool ours = status && lookup.over_http &&
                (status->rows == 0 || lookup.name == "promotions");
    if (!ours) continue;
    auto csv = reference_csv(lookup.name, *world, {now().ms - history_ms},
                             {now().ms + kAhead});
    if (!csv) continue;
    TRY_ASSIGN(LookupWrite written,
               lookups.write(lookup.name, false, "text/csv", *csv));
    if (written.rejected > 0) {
      return invalid(fmt::format("the demo's rows do not fit lookup {}: {}",
                                 lookup.name, written.errors[0].message));
    }
  }
  return {};
}

Result<std::unique_ptr<Application>> prepare(const DemoOptions& options,
                                             const std::string& data,
                                             Marker& marker) {
  std::string folder = data + "/model";
  std::error_code error;
  fs::create_directories(data, error);
  if (error) {
    return Error{ErrorCode::kIo, data + ": " + error.message()};
  }
  if (!fs::exists(folder + "/freshet.yaml")) TRY(write_starter_model(folder));
  ModelLoad load = load_model(folder);
  if (!load.model) {
    const ModelFault& first = load.faults.front();
    return invalid(folder + ": " + place_of(first) + ": " + first.message);
  }
  ServeOptions serve;
  serve.model = folder;
  serve.data = data + "/data";
  serve.listen = options.listen;
  serve.insecure = options.insecure;
  TRY_ASSIGN(Settings settings, effective_settings(*load.model, serve));
  // A port in use is not found only after the history is made.
  TRY_ASSIGN(auto socket, ListenSocket::bind(settings.listen));
  socket.reset();
  TRY(load_histories(*load.model, data + "/data", options.history_ms,
                     marker.read()));
  return Application::start(serve);
}

}  // namespace

int command_demo(const DemoOptions& options) {
  block_signals();
  // With its terminal it ends; without one SIGHUP reloads the model.
  if (isatty(STDIN_FILENO) != 0) unblock_hangup();
  std::string data = options.data.empty() ? "freshet-demo" : options.data;
  Marker marker(data + "/live-until");
  auto application = prepare(options, data, marker);
  if (!application) return report_error(application.error());
  Status filled = fill_lookups(*(*application)->model(),
                               (*application)->lookups(), options.history_ms);
  if (!filled) spdlog::warn("{}", filled.error().message);
  LiveTraffic::Options live;
  live.seed = kSeed;
  if (options.rate > 0) live.rate = options.rate;
  IngestionService& ingestion = (*application)->ingestion();
  auto traffic =
      LiveTraffic::start((*application)->model()->datasets, live,
                         [&](const std::string& dataset,
                             const std::vector<std::string>& events) -> Status {
                           Timestamp sent = now();
                           TRY(send_events(ingestion, dataset, events));
                           marker.write(sent);
                           return {};
                         });
  if (!traffic) return report_error(traffic.error());
  print_output(
      "\n  Freshet is at {}\n  The model is in {}/model; Ctrl+C ends it.\n\n",
      (*application)->url(), data);
  flush_output();
  serve_until_signal(**application);
  (*traffic)->stop();
  (*application)->stop();
  return kExitDone;
}

}  // namespace freshet
