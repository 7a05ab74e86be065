#include "server/application_datasets.h"

#include <absl/time/clock.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ingest/kafka_producer.h"
#include "segments/mutex.h"
#include "server/api/ingestion_accept.h"
#include "server/application_transform.h"

namespace freshet {
namespace {

constexpr int64_t kProduceTimeoutMs = 30'000;

template <class Add>
void add_format(const FormatModel& format, Add& add) {
  add(format.name + format.csv_delimiter + format.explode + format.record);
  add(format.decimals + format.before_image + format.registry_url +
      format.registry_user + format.registry_password +
      format.registry_ca_file);
  for (const std::string& field : format.csv_fields) add(field);
}

}  // namespace

std::string fingerprint(const DatasetModel& dataset) {
  std::string text;
  auto add = [&](std::string_view part) {
    text.append(part);
    text.push_back('\n');
  };
  for (const ColumnSpec& column : dataset.schema->columns) {
    add(column.name + " " + to_string(column.type));
  }
  for (const ColumnModel& column : dataset.columns) {
    add(column.path + "=" + column.default_text.value_or("\1"));
    add(column.message + "/" + column.time_format + "/" + column.on_error +
        "/" + column.pii_stored);
    if (column.derived) add(to_text(*column.derived));
  }
  for (const std::string& name : dataset.key.columns) add("key " + name);
  add(fmt::format("{} {} {}", dataset.key.replace, dataset.key.order_by,
                  dataset.key.memory_bytes));
  if (dataset.filter) add(to_text(*dataset.filter));
  add_format(dataset.format, add);
  add(dataset.time_field + "/" + dataset.time_format +
      (dataset.time_of_message ? "m" : ""));
  add(dataset.pii_key);
  add(dataset.partition_by.to_string() + dataset.late_policy);
  for (const std::string& name : dataset.sort_by) add(name);
  for (const CubeSpec& cube : dataset.cubes) add(to_text(cube));
  if (dataset.rollup) add("rollup " + to_text(*dataset.rollup));
  for (int64_t n : {dataset.late_ms, dataset.seal_age_ms, dataset.retention_ms,
                    static_cast<int64_t>(dataset.seal_rows)}) {
    add(std::to_string(n));
  }
  if (auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source)) {
    add("kafka " + kafka->brokers + " " + kafka->group);
    for (const std::string& topic : kafka->topics) add(topic);
    for (const auto& [key, value] : kafka->properties) add(key + "=" + value);
  } else if (auto* log = std::get_if<LogSourceModel>(&dataset.source)) {
    add(fmt::format("log {} {} {}", log->partitions, log->retention_ms,
                    log->retention_bytes));
  } else {
    const auto& files = std::get<FilesSourceModel>(dataset.source);
    add(fmt::format("files {} {} {}", files.path, files.after, files.poll_ms));
    add(files.user + files.password + files.key_file + files.known_hosts +
        files.ca_file + files.region + files.endpoint);
  }
  return text;
}

KafkaSettings kafka_settings(const KafkaSourceModel& kafka,
                             const DatasetModel& dataset) {
  bool headers = std::ranges::any_of(dataset.columns, [](const auto& c) {
    return c.message.starts_with("header.");
  });
  return {kafka.brokers, kafka.topics, kafka.group, kafka.properties, headers};
}

FileSettings file_settings(const FilesSourceModel& model,
                           const std::string& folder) {
  using After = FilePlaceSettings::After;
  FileSettings files;
  bool relative = !model.path.starts_with('/') &&
                  model.path.find("://") == std::string::npos;
  files.place.path = relative ? folder + "/" + model.path : model.path;
  files.place.user = model.user;
  files.place.password = model.password;
  files.place.key_file = model.key_file;
  files.place.known_hosts = model.known_hosts;
  files.place.ca_file = model.ca_file;
  files.place.region = model.region;
  files.place.endpoint = model.endpoint;
  files.place.after = model.after == "move"     ? After::kMove
                      : model.after == "delete" ? After::kDelete
                                                : After::kKeep;
  files.look_every_ms = model.poll_ms;
  return files;
}

namespace {

// One running stream. The producer is opened by the first POST to it.
struct Stream {
  std::shared_ptr<const Model> model;  // keeps `dataset` alive
  const DatasetModel* dataset = nullptr;
  std::string fingerprint;
  std::unique_ptr<Ingestion> ingestion;
  Mutex mutex;
  std::unique_ptr<KafkaProducer> producer ABSL_GUARDED_BY(mutex);
};

class RunningDatasets : public Datasets {
 public:
  RunningDatasets(SegmentStore& store, EmbeddedLog& log,
                  const LookupSource& lookups, std::function<void()> changed)
      : store_(store),
        log_(log),
        lookups_(lookups),
        changed_(std::move(changed)) {}
  ~RunningDatasets() override { stop(); }

  Status apply(std::shared_ptr<const Model> model) override;
  void stop() override;

  std::optional<DatasetSnapshot> snapshot(
      std::string_view dataset) const override;
  std::vector<std::string> names() const override;
  const LookupSource* lookups() const override { return &lookups_; }

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
  Result<DeadLetterPage> dead_letters(std::string_view dataset,
                                      std::string_view start_after,
                                      size_t limit) const override;

 private:
  std::shared_ptr<Stream> find(std::string_view dataset) const;
  Result<std::shared_ptr<Stream>> start_stream(
      std::shared_ptr<const Model> model, const DatasetModel& dataset);
  Result<std::unique_ptr<Source>> open_source(const DatasetModel& dataset);
  Result<std::map<std::string, int64_t>> store_events(
      Stream& stream, const std::vector<std::string_view>& events,
      std::string_view idempotency_key);
  Result<std::map<std::string, int64_t>> produce(
      Stream& stream, const KafkaSourceModel& kafka,
      const std::vector<std::string_view>& events);

  SegmentStore& store_;
  EmbeddedLog& log_;
  const LookupSource& lookups_;
  std::function<void()> changed_;
  Mutex apply_mutex_;  // one apply at a time
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> streams_
      ABSL_GUARDED_BY(mutex_);
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
  TRY(log_.declare(dataset.name, log.partitions, log.retention_ms,
                   log.retention_bytes));
  return log_.open_source(dataset.name);
}

Result<std::shared_ptr<Stream>> RunningDatasets::start_stream(
    std::shared_ptr<const Model> model, const DatasetModel& dataset) {
  auto stream = std::make_shared<Stream>();
  stream->model = std::move(model);
  stream->dataset = &dataset;
  stream->fingerprint = fingerprint(dataset);
  if (auto* files = std::get_if<FilesSourceModel>(&dataset.source)) {
    TRY_ASSIGN(stream->ingestion,
               start_file_ingestion(
                   ingestion_settings(dataset, &lookups_),
                   file_settings(*files, stream->model->folder), store_));
  } else {
    TRY_ASSIGN(auto source, open_source(dataset));
    stream->ingestion = Ingestion::start(ingestion_settings(dataset, &lookups_),
                                         std::move(source), store_);
  }
  stream->ingestion->on_change(changed_);
  return stream;
}

Status RunningDatasets::apply(std::shared_ptr<const Model> model) {
  MutexLock applying(apply_mutex_);
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> old;
  {
    MutexLock lock(mutex_);
    old = streams_;
  }
  for (const auto& [name, stream] : old) {
    const DatasetModel* dataset = model->dataset(name);
    if (dataset && fingerprint(*dataset) == stream->fingerprint) continue;
    spdlog::info("dataset {}: {}", name,
                 dataset ? "definition changed, restarting" : "removed");
    Status stopped = stream->ingestion->stop();
    if (!stopped)
      spdlog::error("dataset {}: {}", name, stopped.error().message);
    MutexLock lock(mutex_);
    streams_.erase(name);
  }
  for (const DatasetModel& dataset : model->datasets) {
    if (find(dataset.name)) continue;
    TRY_ASSIGN(auto stream, start_stream(model, dataset));
    MutexLock lock(mutex_);
    streams_[dataset.name] = std::move(stream);
  }
  changed_();
  return {};
}

void RunningDatasets::stop() {
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> streams;
  {
    MutexLock lock(mutex_);
    streams = streams_;
  }
  for (const auto& [name, stream] : streams) {
    Status stopped = stream->ingestion->stop();
    if (!stopped)
      spdlog::error("dataset {}: {}", name, stopped.error().message);
  }
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
  return data;
}

std::vector<std::string> RunningDatasets::names() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, stream] : streams_) names.push_back(name);
  return names;
}

Result<std::map<std::string, int64_t>> RunningDatasets::produce(
    Stream& stream, const KafkaSourceModel& kafka,
    const std::vector<std::string_view>& events) {
  MutexLock lock(stream.mutex);
  if (!stream.producer) {
    TRY_ASSIGN(stream.producer,
               KafkaProducer::open(kafka_settings(kafka, *stream.dataset)));
  }
  std::vector<KafkaProducer::Record> records;
  records.reserve(events.size());
  for (std::string_view event : events) records.push_back({{}, event, -1});
  return stream.producer->send(kafka.topics.front(), records,
                               kProduceTimeoutMs);
}

Result<std::map<std::string, int64_t>> RunningDatasets::store_events(
    Stream& stream, const std::vector<std::string_view>& events,
    std::string_view idempotency_key) {
  if (auto* kafka = std::get_if<KafkaSourceModel>(&stream.dataset->source)) {
    if (!idempotency_key.empty()) {
      return Error{ErrorCode::kUnsupported,
                   "Idempotency-Key works on datasets with a log source; '" +
                       stream.dataset->name + "' has a Kafka source"};
    }
    return produce(stream, *kafka, events);
  }
  if (std::holds_alternative<FilesSourceModel>(stream.dataset->source)) {
    return Error{ErrorCode::kUnsupported,
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
  if (std::holds_alternative<FilesSourceModel>(dataset.source)) {
    return Error{ErrorCode::kUnsupported,
                 "a dataset of files has no messages to look at: give events"};
  }
  if (auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source)) {
    KafkaSettings settings = kafka_settings(*kafka, dataset);
    settings.group += "-sample";
    TRY_ASSIGN(auto source, open_kafka_source(settings));
    return sample_source(*source, most, kSampleMs);
  }
  if (!find(dataset.name)) return MessageSample();  // no log yet
  TRY_ASSIGN(auto source, log_.open_source(dataset.name, true));
  return sample_source(*source, most, kSampleMs);
}

std::optional<IngestionProgress> RunningDatasets::progress(
    std::string_view dataset) const {
  auto stream = find(dataset);
  if (!stream) return std::nullopt;
  return stream->ingestion->progress();
}

// Until the stream's thread has seen that it shall pause or go on, so that the
// answer tells it; a second at most.
void wait_for(const Ingestion& ingestion, bool paused) {
  for (int i = 0; i < 100; ++i) {
    if ((ingestion.progress().state == IngestionState::kPaused) == paused) {
      return;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

Status RunningDatasets::steer(std::string_view dataset, std::string_view verb) {
  auto stream = find(dataset);
  if (!stream) return no_dataset(dataset);
  if (verb == "pause") {
    stream->ingestion->pause();
    wait_for(*stream->ingestion, true);
  } else if (verb == "resume") {
    stream->ingestion->resume();
    wait_for(*stream->ingestion, false);
  } else if (verb == "seal") {
    return stream->ingestion->seal();
  } else if (verb == "restart") {
    MutexLock applying(apply_mutex_);
    TRY(stream->ingestion->stop());
    TRY_ASSIGN(auto fresh, start_stream(stream->model, *stream->dataset));
    MutexLock lock(mutex_);
    streams_[std::string(dataset)] = std::move(fresh);
  } else {
    return Error{ErrorCode::kNotFound,
                 fmt::format("unknown verb '{}'; known are pause, resume, "
                             "restart, seal",
                             verb)};
  }
  return {};
}

Result<DeadLetterPage> RunningDatasets::dead_letters(
    std::string_view dataset, std::string_view start_after,
    size_t limit) const {
  if (!find(dataset)) return no_dataset(dataset);
  return list_dead_letters(store_.metadata(), std::string(dataset), start_after,
                           limit);
}

KeySettings key_settings(const DatasetModel& dataset) {
  KeySettings settings;
  for (const std::string& name : dataset.key.columns) {
    settings.columns.push_back(dataset.schema->find(name).value());
  }
  using OnDuplicate = KeySettings::OnDuplicate;
  settings.on_duplicate =
      dataset.key.replace ? OnDuplicate::kReplace : OnDuplicate::kIgnore;
  settings.order_by = dataset.schema->find(dataset.key.order_by);
  settings.memory_bytes = dataset.key.memory_bytes;
  return settings;
}

}  // namespace

IngestionSettings ingestion_settings(const DatasetModel& dataset,
                                     const LookupSource* lookups) {
  IngestionSettings settings;
  settings.dataset = dataset.name;
  settings.decoder.schema = dataset.schema;
  settings.decoder.time = {dataset.time_field, dataset.time_format,
                           dataset.time_of_message};
  settings.decoder.format = dataset.format.name;
  settings.decoder.csv_fields = dataset.format.csv_fields;
  settings.decoder.csv_delimiter = dataset.format.csv_delimiter;
  settings.decoder.explode = dataset.format.explode;
  settings.decoder.record = dataset.format.record;
  settings.decoder.decimals = dataset.format.decimals;
  settings.decoder.before_image = dataset.format.before_image;
  settings.decoder.registry = {
      dataset.format.registry_url, dataset.format.registry_user,
      dataset.format.registry_password, dataset.format.registry_ca_file};
  for (const ColumnModel& column : dataset.columns) {
    if (column.derived) continue;
    FieldSpec field;
    field.column = dataset.schema->find(column.name).value();
    field.path = column.path.empty() ? column.name : column.path;
    field.has_default = column.default_text.has_value();
    if (field.has_default) field.default_text = *column.default_text;
    field.message = column.message;
    field.time_format = column.time_format;
    using OnError = FieldSpec::OnError;
    field.on_error = column.on_error == "null"      ? OnError::kNull
                     : column.on_error == "default" ? OnError::kDefault
                                                    : OnError::kReject;
    settings.decoder.fields.push_back(std::move(field));
  }
  settings.transform = make_transform(dataset, lookups);
  settings.key = key_settings(dataset);
  for (size_t column : settings.key.columns) {
    settings.decoder.key.push_back(column);
  }
  settings.partition_by = dataset.partition_by;
  settings.seal = {dataset.sort_by, dataset.cubes, dataset.rollup};
  settings.seal_rows = dataset.seal_rows;
  settings.seal_age_ms = dataset.seal_age_ms;
  settings.late_ms = dataset.late_ms;
  using Policy = IngestionSettings::LatePolicy;
  settings.late_policy = dataset.late_policy == "accept" ? Policy::kAccept
                         : dataset.late_policy == "drop" ? Policy::kDrop
                                                         : Policy::kDeadLetter;
  settings.retention_ms = dataset.retention_ms;
  return settings;
}

std::unique_ptr<Datasets> Datasets::create(SegmentStore& store,
                                           EmbeddedLog& log,
                                           const LookupSource& lookups,
                                           std::function<void()> changed) {
  return std::make_unique<RunningDatasets>(store, log, lookups,
                                           std::move(changed));
}

}  // namespace freshet
