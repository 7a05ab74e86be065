// freshet init --from-topic: a first model file from what a topic holds.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "ingest/kafka_source.h"
#include "ingest/message_sample.h"
#include "ingest/schema_inference.h"
#include "server/command.h"
#include "server/command_output.h"
#include "server/model/model.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSampleMs = 15'000;

// kafka://HOST:PORT,HOST:PORT/TOPIC
Status split_topic(const std::string& url, std::string& brokers,
                   std::string& topic) {
  constexpr std::string_view kScheme = "kafka://";
  size_t slash = url.find('/', kScheme.size());
  if (!url.starts_with(kScheme) || slash == std::string::npos ||
      slash == kScheme.size() || slash + 1 == url.size()) {
    return invalid("not kafka://HOST:PORT/TOPIC: " + url);
  }
  brokers = url.substr(kScheme.size(), slash - kScheme.size());
  topic = url.substr(slash + 1);
  return {};
}

// A topic's name as a dataset's.
std::string dataset_name(std::string_view topic) {
  std::string name;
  for (char c : topic) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9');
    name += good ? c : '_';
  }
  if (name[0] >= '0' && name[0] <= '9') name = "t" + name;
  return name;
}

Status write_new(const fs::path& path, const std::string& text) {
  std::error_code error;
  if (fs::exists(path, error)) {
    return invalid("exists already: " + path.string());
  }
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path);
  file << text;
  file.close();
  if (file) return {};
  return Error{ErrorCode::kIo, "cannot be written: " + path.string()};
}

Result<fs::path> infer(const InferOptions& options) {
  std::string brokers, topic;
  TRY(split_topic(options.topic, brokers, topic));
  KafkaSettings kafka;
  kafka.brokers = brokers;
  kafka.topics = {topic};
  kafka.group = "freshet-sample";
  TRY_ASSIGN(auto source, open_kafka_source(kafka));
  TRY_ASSIGN(MessageSample sample,
             sample_source(*source, options.sample, kSampleMs));
  if (sample.messages().empty()) {
    return Error{ErrorCode::kNotFound, "the topic is empty: " + topic};
  }
  TRY_ASSIGN(InferredDataset inferred, infer_dataset(sample.messages()));
  std::string name =
      options.dataset.empty() ? dataset_name(topic) : options.dataset;
  fs::path path = fs::path(options.folder) / "datasets" / (name + ".yaml");
  TRY(write_new(path, inferred_yaml(inferred, name, brokers, topic)));
  return path;
}

}  // namespace

int command_infer(const InferOptions& options) {
  auto path = infer(options);
  if (!path) return report_error(path.error());
  print_output("Wrote {0}. Look through it, then:\n  freshet validate {1}\n",
               path->string(), options.folder);
  return kExitDone;
}

}  // namespace freshet
