// freshet generate: seeded events to a file, a Kafka topic or a server.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <utility>

#include "ingest/kafka_producer.h"
#include "server/command.h"
#include "server/command_http.h"
#include "server/command_output.h"
#include "server/demo/event_sink.h"
#include "server/demo/generate.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

constexpr size_t kBatchEvents = 10'000;
constexpr size_t kBatchBytes = 8 << 20;
constexpr int64_t kSendTimeoutMs = 60'000;
constexpr int kPartitions = 4;

// Collects events and sends them in batches.
class BatchSink : public EventSink {
 public:
  Status append(uint32_t partition, std::string_view event) override {
    text_.append(event).push_back('\n');
    places_.push_back(
        {partition, text_.size() - 1 - event.size(), event.size()});
    if (places_.size() < kBatchEvents && text_.size() < kBatchBytes) return {};
    return flush();
  }
  Status flush() override {
    if (places_.empty()) return {};
    TRY(send());
    text_.clear();
    places_.clear();
    return {};
  }
  Status finish() override { return flush(); }
  std::map<std::string, int64_t> offsets() const override { return offsets_; }

 protected:
  struct Place {
    uint32_t partition;
    size_t from, size;
  };
  virtual Status send() = 0;
  std::string text_;
  std::vector<Place> places_;
  std::map<std::string, int64_t> offsets_;
};

class KafkaSink : public BatchSink {
 public:
  KafkaSink(std::unique_ptr<KafkaProducer> producer, std::string topic)
      : producer_(std::move(producer)), topic_(std::move(topic)) {}

 private:
  Status send() override {
    std::vector<KafkaProducer::Record> records;
    records.reserve(places_.size());
    for (const Place& place : places_) {
      records.push_back({{},
                         std::string_view(text_).substr(place.from, place.size),
                         static_cast<int32_t>(place.partition)});
    }
    TRY_ASSIGN(auto next, producer_->send(topic_, records, {kSendTimeoutMs}));
    for (auto& [partition, offset] : next) offsets_[partition] = offset;
    return {};
  }
  std::unique_ptr<KafkaProducer> producer_;
  std::string topic_;
};

class HttpSink : public BatchSink {
 public:
  HttpSink(std::string url, std::string token)
      : client_(std::move(token)), url_(std::move(url)) {}

 private:
  Status send() override {
    TRY_ASSIGN(
        HttpReply reply,
        client_.post(url_, text_, {"Content-Type: application/x-ndjson"}));
    if (reply.status != 200) {
      return Error{reply.error_code(),
                   fmt::format("{} answered {}: {}", url_, reply.status,
                               reply.body.substr(0, 300))};
    }
    auto body = parse_json(reply.body);
    const JsonValue* next = body ? body->find("offsets") : nullptr;
    if (!next || !next->as_object()) return {};
    for (const auto& [partition, offset] : *next->as_object()) {
      if (offset.as_int()) offsets_[partition] = *offset.as_int();
    }
    return {};
  }
  HttpClient client_;
  std::string url_;
};

// Events to standard output.
class OutputSink : public EventSink {
 public:
  Status append(uint32_t, std::string_view event) override {
    write_output(event);
    write_output("\n");
    return said();
  }
  Status flush() override {
    flush_output();
    return said();
  }
  Status finish() override { return flush(); }

 private:
  // Ends the run; why it ended is for finish_output() to say.
  static Status said() {
    if (!output_lost()) return {};
    return Error{ErrorCode::kIo, "standard output cannot be written"};
  }
};

bool is_output(const EventTarget& target) {
  return target.kind == EventTarget::Kind::kFile && target.place == "-";
}

Result<std::unique_ptr<EventSink>> open_sink(const EventTarget& target,
                                             const GenerateCommand& command) {
  if (is_output(target)) {
    return std::unique_ptr<EventSink>(std::make_unique<OutputSink>());
  }
  switch (target.kind) {
    case EventTarget::Kind::kFile:
      return open_file_sink(target.place);
    case EventTarget::Kind::kHttp:
      return std::unique_ptr<EventSink>(std::make_unique<HttpSink>(
          target.place + "/ingest/" + command.dataset, command.token));
    case EventTarget::Kind::kKafka:
      break;
  }
  KafkaSettings settings;
  settings.brokers = target.place;
  settings.topics = {target.topic};
  TRY_ASSIGN(auto producer, KafkaProducer::open(settings));
  TRY(producer->create_topic(target.topic, kPartitions));
  return std::unique_ptr<EventSink>(
      std::make_unique<KafkaSink>(std::move(producer), target.topic));
}

}  // namespace

int command_generate(const GenerateCommand& command) {
  ModelLoad load = load_model(command.model);
  if (!load.model) {
    command_validate({command.model, {}, {}});
    return kExitInvalid;
  }
  const DatasetModel* dataset = load.model->dataset(command.dataset);
  if (!dataset) {
    return report_error(invalid("the model has no dataset " + command.dataset));
  }
  auto target = parse_event_target(command.to);
  if (!target) return report_error(target.error());
  auto sink = open_sink(*target, command);
  if (!sink) return report_error(sink.error());
  GenerateOptions options;
  options.rows = command.rows;
  options.days = command.days;
  if (!command.until.empty()) {
    auto until = parse_iso8601(command.until);
    if (!until) return report_error(until.error());
    options.end = *until;
  }
  options.seed = command.seed;
  options.rate = command.rate;
  options.partitions = kPartitions;
  options.duplicates = command.duplicates;
  options.bad_lines = command.bad_lines;
  options.ledger_path = command.ledger;
  bool terminal = isatty(STDERR_FILENO);
  if (terminal) {
    options.progress = [&](uint64_t rows) {
      std::string of = command.rows > 0 ? fmt::format(" of {}", command.rows)
                                        : std::string();
      print_notice("\r{}{} events", rows, of);
    };
  }
  auto ledger = run_generate(*dataset, options, **sink);
  if (terminal) print_notice("\n");
  if (output_lost()) return kExitDone;  // finish_output() has the code
  if (!ledger) return report_error(ledger.error());
  if (!is_output(*target)) {
    print_output("{} events of {} to {}\n", ledger->rows(), dataset->name,
                 command.to);
  }
  return kExitDone;
}

}  // namespace freshet
