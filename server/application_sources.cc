#include "server/application_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/query/lookup_source.h"

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

namespace {

// The source alone; holds secrets.
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
    for (const std::string& alias : column.aliases) add("alias " + alias);
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
  add(source_text(dataset));
  return text;
}

std::string fingerprint(const DatasetModel& dataset, const Model& model) {
  std::string text = fingerprint(dataset);
  // An expression was checked against the types of the lookups that it reads.
  std::set<std::string> lookups;
  collect_lookups(dataset.filter, lookups);
  for (const ColumnModel& column : dataset.columns) {
    collect_lookups(column.derived, lookups);
  }
  for (const std::string& name : lookups) {
    const LookupModel* lookup = model.lookup(name);
    if (lookup == nullptr) continue;
    text += "lookup " + name + "\n";
    for (const ColumnSpec& column : lookup->rows.schema->columns) {
      text += column.name + " " + to_string(column.type) + "\n";
    }
  }
  return text;
}

}  // namespace freshet
