#include "server/application_sources.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet {

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

std::string source_text(const DatasetModel& dataset) {
  std::string text;
  auto add = [&](std::string_view part) {
    text.append(part);
    text.push_back('\n');
  };
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

}  // namespace freshet
