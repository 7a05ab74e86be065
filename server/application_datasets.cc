#include "server/application_datasets.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

#include "ingest/bulk_keys.h"
#include "segments/mutex.h"
#include "server/api/ingestion_accept.h"
#include "server/application_dataset_settings.h"
#include "server/application_operations.h"
#include "server/application_producer.h"
#include "server/application_sources.h"

namespace freshet {
namespace {

// One running stream.
struct Stream {
  std::shared_ptr<const Model> model;  // keeps `dataset` alive
  const DatasetModel* dataset = nullptr;
  std::string fingerprint;
  std::unique_ptr<Ingestion> ingestion;
  Mutex letters_mutex;  // one replay or removal of dead letters at a time
  TopicProducer producer;
};

class RunningDatasets : public Datasets {
 public:
  RunningDatasets(SegmentStore& store, EmbeddedLog& log,
                  const LookupSource& lookups, std::function<void()> changed)
      : store_(store),
        log_(log),
        lookups_(lookups),
        changed_(std::move(changed)),
        keyed_posts_(store.metadata()) {}
  ~RunningDatasets() override { stop(); }

  Status apply(std::shared_ptr<const Model> model,
               const std::function<void()>& published) override;
  void stop() override;

  std::optional<DatasetSnapshot> snapshot(
      std::string_view dataset) const override;
  std::vector<std::string> names() const override;
  const LookupSource* lookups() const override { return &lookups_; }
  std::shared_ptr<const RestatedTimes> restated(
      std::string_view dataset) const override {
    auto stream = find(dataset);
    return stream ? stream->ingestion->restated() : nullptr;
  }

  Result<AcceptedEvents> accept(std::string_view dataset,
                                std::string_view content_type,
                                std::string_view body,
                                std::string_view idempotency_key) override;
  Result<MessageSample> sample(const DatasetModel& dataset,
                               size_t most) override;
  Result<SampleReport> report(const DatasetModel& dataset,
                              const MessageSample& sample) override {
    return report_sample(ingestion_settings(dataset, &lookups_),
                         sample.messages());
  }
  std::optional<IngestionProgress> progress(
      std::string_view dataset) const override;
  Status steer(std::string_view dataset, std::string_view verb) override;
  Result<ResetReport> reset(std::string_view dataset,
                            const ResetRequest& request) override;
  Result<LetterReplayReport> replay_letters(
      std::string_view dataset, const LetterSelection& selection) override;
  Result<uint64_t> remove_letters(std::string_view dataset,
                                  const LetterSelection& selection) override;
  Ingestion::PendingLetters pending_letters(std::string_view dataset,
                                            size_t most) const override;
  std::vector<IngestionError> last_errors(
      std::string_view dataset) const override {
    auto stream = find(dataset);
    if (!stream) return {};
    return stream->ingestion->last_errors();
  }

 private:
  using Streams = std::map<std::string, std::shared_ptr<Stream>, std::less<>>;

  std::shared_ptr<Stream> find(std::string_view dataset) const;
  Streams streams() const {
    MutexLock lock(mutex_);
    return streams_;
  }
  static void stop_stream(const std::string& name, Stream& stream);
  void go_back(const Streams& before, const Streams& after,
               const Streams& stopped);
  Result<std::shared_ptr<Stream>> start_stream(
      std::shared_ptr<const Model> model, const DatasetModel& dataset);
  Result<std::unique_ptr<Source>> open_source(const DatasetModel& dataset);
  Result<std::unique_ptr<Source>> open_looking(const DatasetModel& dataset,
                                               std::string_view group_end);
  Status restart(std::string_view dataset,
                 const std::function<Status()>& between);
  Status seal(std::string_view dataset, std::shared_ptr<Stream> stream);
  Result<std::map<std::string, int64_t>> store_events(
      Stream& stream, const std::vector<std::string_view>& events,
      std::string_view idempotency_key);

  SegmentStore& store_;
  EmbeddedLog& log_;
  const LookupSource& lookups_;
  std::function<void()> changed_;
  KeyedPosts keyed_posts_;
  Mutex apply_mutex_;  // one apply at a time
  mutable Mutex mutex_;
  Streams streams_ ABSL_GUARDED_BY(mutex_);
};

std::shared_ptr<Stream> RunningDatasets::find(std::string_view dataset) const {
  MutexLock lock(mutex_);
  auto it = streams_.find(dataset);
  return it == streams_.end() ? nullptr : it->second;
}

Error no_dataset(std::string_view name) {
  return {ErrorCode::kNotFound, fmt::format("there is no dataset '{}'", name)};
}

Result<std::unique_ptr<Source>> RunningDatasets::open_source(
    const DatasetModel& dataset) {
  if (auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source)) {
    return open_kafka_source(kafka_settings(*kafka, dataset));
  }
  const auto& log = std::get<LogSourceModel>(dataset.source);
  // Of rows with the same key the last one posted counts, after a crash, too.
  TRY(log_.declare(dataset.name, log.partitions, log.retention_ms,
                   log.retention_bytes, !dataset.key.columns.empty()));
  return log_.open_source(dataset.name);
}

Result<std::shared_ptr<Stream>> RunningDatasets::start_stream(
    std::shared_ptr<const Model> model, const DatasetModel& dataset) {
  auto stream = std::make_shared<Stream>();
  stream->model = std::move(model);
  stream->dataset = &dataset;
  stream->fingerprint = fingerprint(dataset, *stream->model);
  // Before the keys of what is stored are read.
  store_.set_aliases(dataset.name, dataset_aliases(dataset));
  IngestionSettings settings = ingestion_settings(dataset, &lookups_);
  TRY_ASSIGN(settings.start_paused, is_paused(store_.metadata(), dataset.name));
  if (settings.start_paused) {
    spdlog::info("dataset {}: it was paused and stays so until it is resumed",
                 dataset.name);
  }
  TRY(judge_loaded(settings, store_));  // of a load that crashed
  if (auto* files = std::get_if<FilesSourceModel>(&dataset.source)) {
    TRY_ASSIGN(stream->ingestion,
               start_file_ingestion(
                   std::move(settings),
                   file_settings(*files, stream->model->folder), store_));
  } else {
    TRY_ASSIGN(auto source, open_source(dataset));
    stream->ingestion =
        Ingestion::start(std::move(settings), std::move(source), store_);
  }
  stream->ingestion->on_change(changed_);
  return stream;
}

// Those whose definition changed or is gone are stopped, but stay in the map
// until all new ones run: queries go on over what is in the store, and posted
// events wait in the log.
Status RunningDatasets::apply(std::shared_ptr<const Model> model,
                              const std::function<void()>& published) {
  MutexLock applying(apply_mutex_);
  const Streams before = streams();
  Streams after, stopped;
  for (const auto& [name, stream] : before) {
    const DatasetModel* dataset = model->dataset(name);
    if (dataset && fingerprint(*dataset, *model) == stream->fingerprint) {
      after[name] = stream;
      continue;
    }
    spdlog::info("dataset {}: {}", name,
                 dataset ? "definition changed, restarting" : "removed");
    stop_stream(name, *stream);
    stopped[name] = stream;
  }
  for (const DatasetModel& dataset : model->datasets) {
    if (after.contains(dataset.name)) continue;
    auto stream = start_stream(model, dataset);
    if (!stream) {
      go_back(before, after, stopped);
      return stream.error();
    }
    after[dataset.name] = std::move(*stream);
  }
  {
    MutexLock lock(mutex_);
    streams_ = std::move(after);
  }
  if (published) published();
  changed_();
  Status forgotten = forget_pauses(store_.metadata(), *model);
  if (!forgotten) spdlog::warn("{}", forgotten.error().message);
  return {};
}

// Ends what was started in vain and starts again what was stopped for it.
void RunningDatasets::go_back(const Streams& before, const Streams& after,
                              const Streams& stopped) {
  for (const auto& [name, stream] : after) {
    auto old = before.find(name);
    if (old == before.end() || old->second != stream)
      stop_stream(name, *stream);
  }
  for (const auto& [name, stream] : stopped) {
    auto again = start_stream(stream->model, *stream->dataset);
    if (!again) {
      spdlog::error("dataset {}: {}", name, again.error().message);
      continue;
    }
    MutexLock lock(mutex_);
    streams_[name] = std::move(*again);
  }
}

void RunningDatasets::stop_stream(const std::string& name, Stream& stream) {
  Status stopped = stream.ingestion->stop();
  if (!stopped) spdlog::error("dataset {}: {}", name, stopped.error().message);
}

void RunningDatasets::stop() {
  for (const auto& [name, stream] : streams()) stop_stream(name, *stream);
}

// Progress is read before the timeline, so that the snapshot has at least the
// rows whose offsets it claims.
std::optional<DatasetSnapshot> RunningDatasets::snapshot(
    std::string_view dataset) const {
  auto stream = find(dataset);
  if (!stream) return std::nullopt;
  IngestionProgress progress = stream->ingestion->progress();
  DatasetSnapshot data;
  data.schema = stream->dataset->schema;
  data.timeline = store_.timeline(dataset);
  if (stream->dataset->rollup) {
    data.rollup = {stream, &*stream->dataset->rollup};
  }
  data.as_of = progress.as_of;
  if (data.as_of == kMinTimestamp) {
    // Nothing came through the source yet, but history was loaded.
    for (const auto& segment : data.timeline->sealed) {
      data.as_of = std::max(data.as_of, {segment->time_range().end.ms - 1});
    }
  }
  data.lag_ms = progress.lag_ms;
  for (const PartitionProgress& partition : progress.partitions) {
    data.offsets[partition.partition] = {partition.begin, partition.next};
  }
  data.complete = progress.complete();
  for (const auto& [reason, count] : progress.rejected) {
    data.late_or_rejected += count;
  }
  data.late_or_rejected -= std::min(data.late_or_rejected, progress.replayed);
  return data;
}

std::vector<std::string> RunningDatasets::names() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, stream] : streams_) names.push_back(name);
  return names;
}

namespace {

// Of a topic, for posted events. Where it is their order that says which of the
// rows with one key stays, all go to one partition, as in the embedded log.
int32_t partition_of_posts(const DatasetModel& dataset) {
  bool ordered = !dataset.key.columns.empty() && dataset.key.order_by.empty();
  return ordered ? 0 : -1;
}

}  // namespace

Result<std::map<std::string, int64_t>> RunningDatasets::store_events(
    Stream& stream, const std::vector<std::string_view>& events,
    std::string_view idempotency_key) {
  if (auto* kafka = std::get_if<KafkaSourceModel>(&stream.dataset->source)) {
    return stream.producer.send(
        stream.dataset->name, kafka_settings(*kafka, *stream.dataset), events,
        partition_of_posts(*stream.dataset), idempotency_key, keyed_posts_);
  }
  if (std::holds_alternative<FilesSourceModel>(stream.dataset->source)) {
    return Error{ErrorCode::kConflict,
                 "the events of '" + stream.dataset->name +
                     "' come as files, none can be posted"};
  }
  std::vector<EmbeddedLog::Record> records;
  records.reserve(events.size());
  for (std::string_view event : events) records.push_back({{}, event});
  return log_.append(stream.dataset->name, records, idempotency_key);
}

Result<AcceptedEvents> RunningDatasets::accept(
    std::string_view dataset, std::string_view content_type,
    std::string_view body, std::string_view idempotency_key) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  IngestionSettings settings = ingestion_settings(*stream->dataset, &lookups_);
  TRY_ASSIGN(IncomingEvents incoming,
             read_events(settings.decoder, content_type, body));
  TRY_ASSIGN(AcceptedEvents answer, check_events(settings, incoming));
  if (incoming.events.empty()) return answer;
  TRY_ASSIGN(auto next,
             store_events(*stream, incoming.events, idempotency_key));
  for (const auto& [partition, offset] : next) {
    answer.offsets[partition.substr(partition.find('/') + 1)] = offset;
  }
  return answer;
}

Result<MessageSample> RunningDatasets::sample(const DatasetModel& dataset,
                                              size_t most) {
  constexpr int64_t kSampleMs = 10'000;
  bool no_log = std::holds_alternative<LogSourceModel>(dataset.source) &&
                !find(dataset.name);  // yet
  bool files = std::holds_alternative<FilesSourceModel>(dataset.source);
  if (no_log || files) return MessageSample();
  TRY_ASSIGN(auto source, open_looking(dataset, "-sample"));
  return sample_source(*source, most, kSampleMs);
}

// A source that moves nothing. kUnsupported: it has files.
Result<std::unique_ptr<Source>> RunningDatasets::open_looking(
    const DatasetModel& dataset, std::string_view group_end) {
  if (std::holds_alternative<FilesSourceModel>(dataset.source)) {
    return Error{ErrorCode::kUnsupported,
                 "a dataset of files has no messages: " + dataset.name};
  }
  if (auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source)) {
    KafkaSettings settings = kafka_settings(*kafka, dataset);
    settings.group += group_end;
    return open_kafka_source(settings);
  }
  return log_.open_source(dataset.name, true);
}

std::optional<IngestionProgress> RunningDatasets::progress(
    std::string_view dataset) const {
  auto stream = find(dataset);
  if (!stream) return std::nullopt;
  return stream->ingestion->progress();
}

Status RunningDatasets::steer(std::string_view dataset, std::string_view verb) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  if (verb == "restart") return restart(dataset, [] { return Status(); });
  if (verb == "seal") return seal(dataset, std::move(stream));
  if (verb != "pause" && verb != "resume") {
    return steer_stream(*stream->ingestion, verb);
  }
  MutexLock applying(apply_mutex_);  // it shall hit the stream that goes on
  stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  TRY(keep_pause(store_.metadata(), stream->dataset->name, verb == "pause"));
  return steer_stream(*stream->ingestion, verb);
}

// If a restart comes in between, by the stream that goes on.
Status RunningDatasets::seal(std::string_view dataset,
                             std::shared_ptr<Stream> stream) {
  for (;;) {
    Status done = stream->ingestion->seal();
    if (done || done.error().code != ErrorCode::kCancelled) return done;
    MutexLock applying(apply_mutex_);  // until it is there
    auto next = find(dataset);
    if (!next) return no_dataset(dataset);
    if (next == stream) return done;
    stream = std::move(next);
  }
}

// Stops the stream, calls `between`, and starts it again, whatever these say:
// what is not sealed is read again.
Status RunningDatasets::restart(std::string_view dataset,
                                const std::function<Status()>& between) {
  MutexLock applying(apply_mutex_);
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  const std::string& name = stream->dataset->name;
  stop_stream(name, *stream);
  Status done = between();
  TRY_ASSIGN(auto fresh, start_stream(stream->model, *stream->dataset));
  TRY_ASSIGN(bool paused, is_paused(store_.metadata(), name));
  if (paused) TRY(steer_stream(*fresh->ingestion, "pause"));
  MutexLock lock(mutex_);
  streams_[name] = std::move(fresh);
  return done;
}

Result<ResetReport> RunningDatasets::reset(std::string_view dataset,
                                           const ResetRequest& request) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  TRY_ASSIGN(auto source, open_looking(*stream->dataset, "-reset"));
  ResetReport report;
  report.repeats = repeats_text(*stream->dataset);
  std::map<PartitionName, int64_t> next;
  for (const auto& place : stream->ingestion->progress().partitions) {
    next[place.partition] = place.next;
  }
  TRY_ASSIGN(report.steps, plan_reset(*source, next, request.reset));
  if (request.dry_run) return report;
  TRY(restart(dataset, [&]() -> Status {
    MetadataStore& store = store_.metadata();
    TRY_ASSIGN(next, stored_positions(store, stream->dataset->name));
    TRY_ASSIGN(report.steps, plan_reset(*source, next, request.reset));
    return commit_reset(store, stream->dataset->name, report.steps);
  }));
  return report;
}

Result<LetterReplayReport> RunningDatasets::replay_letters(
    std::string_view dataset, const LetterSelection& selection) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  MutexLock lock(stream->letters_mutex);
  auto report = freshet::replay_letters(*stream->ingestion, store_.metadata(),
                                        stream->dataset->name, selection);
  if (report || report.error().code != ErrorCode::kCancelled) return report;
  return Error{ErrorCode::kUnavailable,
               report.error().message +
                   "; the dead letters that are left may "
                   "be replayed again"};
}

Result<uint64_t> RunningDatasets::remove_letters(
    std::string_view dataset, const LetterSelection& selection) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  MutexLock lock(stream->letters_mutex);
  return freshet::remove_letters(*stream->ingestion, store_.metadata(),
                                 stream->dataset->name, selection);
}

Ingestion::PendingLetters RunningDatasets::pending_letters(
    std::string_view dataset, size_t most) const {
  auto stream = find(dataset);
  if (!stream) return {};
  return stream->ingestion->pending_letters(most);
}

}  // namespace

std::unique_ptr<Datasets> Datasets::create(SegmentStore& store,
                                           EmbeddedLog& log,
                                           const LookupSource& lookups,
                                           std::function<void()> changed) {
  return std::make_unique<RunningDatasets>(store, log, lookups,
                                           std::move(changed));
}

}  // namespace freshet
