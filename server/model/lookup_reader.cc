// lookups/*.yaml
#include <algorithm>
#include <map>

#include "server/model/model_reader.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"

namespace freshet {
namespace {

constexpr int64_t kMostKeys = 20'000'000;
constexpr int64_t kMegabyte = 1 << 20;

void read_lookup_source(ConfigMap& map, LookupModel& lookup) {
  lookup.over_http = !map.has("source");
  if (lookup.over_http) return;
  read_source(map, lookup.rows);
  if (std::holds_alternative<LogSourceModel>(lookup.rows.source)) {
    map.fault("source", "'source' of " + map.place() +
                            " must be kafka or files; without it rows come by "
                            "PUT /api/v1/lookups/" +
                            lookup.name);
  }
  auto* files = std::get_if<FilesSourceModel>(&lookup.rows.source);
  if (files && files->after != "keep") {
    map.fault("source", "'after' in the source of " + map.place() +
                            " must be keep: the files are what it holds, not "
                            "'" +
                            files->after + "'");
  }
}

void read_lookup_key(ConfigMap& map, LookupModel& lookup,
                     const Schema& schema) {
  lookup.key = map.required_text("key");
  if (lookup.key.empty() || schema.columns.size() < 2) return;
  std::string place = "'key' of " + map.place();
  if (!check_column(lookup.key, schema, place, map.line_of("key"),
                    map.faults())) {
    return;
  }
  if (schema.columns.size() < 3) {
    map.faults().add(map.line(), map.place() + " has no column but its key");
  }
  const ColumnSpec& column = schema.columns[*schema.find(lookup.key)];
  if (column.type.kind != ColumnKind::kString &&
      column.type.kind != ColumnKind::kLong) {
    map.fault("key", place + " must be a string or a long, not the " +
                         to_string(column.type) + " column '" + lookup.key +
                         "'");
  }
  for (const ColumnModel& one : lookup.rows.columns) {
    if (one.name != lookup.key) continue;
    if (one.derived && !lookup.over_http) {
      map.fault("key", place +
                           " must be read from what comes, not derived: "
                           "a message that deletes has but its key");
    }
    if (one.pii_stored == "drop") {
      map.fault("key", place + " is dropped as personal data");
    }
  }
}

// The shapes of the model's lookups, by name.
class LookupShapes final : public LookupSource {
 public:
  explicit LookupShapes(const std::vector<LookupModel>& lookups) {
    for (const LookupModel& lookup : lookups) {
      ResultColumn key;
      std::vector<ResultColumn> columns;
      for (const ColumnModel& column : lookup.rows.columns) {
        ResultColumn shown{column.name, expression_type(column.type)};
        if (column.name == lookup.key) {
          key = std::move(shown);
        } else {
          columns.push_back(std::move(shown));
        }
      }
      shapes_[lookup.name] =
          LookupTable::shape(lookup.name, std::move(key), std::move(columns));
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, shape] : shapes_) names.push_back(name);
    return names;
  }
  std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const override {
    auto at = shapes_.find(name);
    return at == shapes_.end() ? nullptr : at->second;
  }

 private:
  std::map<std::string, std::shared_ptr<const LookupTable>, std::less<>>
      shapes_;
};

}  // namespace

std::shared_ptr<const LookupSource> lookup_shapes(
    const std::vector<LookupModel>& lookups) {
  return std::make_shared<LookupShapes>(lookups);
}

void read_lookup(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the lookup", context.faults);
  LookupModel lookup;
  lookup.name = map.name("lookup");
  if (!lookup.name.empty()) map.rename("lookup '" + lookup.name + "'");
  lookup.title = map.text("title", lookup.name);
  lookup.description = map.text("description");
  lookup.owner = map.text("owner");
  read_lookup_source(map, lookup);
  DatasetModel& rows = lookup.rows;
  rows.name = lookup.name;
  rows.time_of_message = true;
  auto schema = std::make_shared<Schema>();
  schema->columns.push_back(
      {std::string(kTimeColumn), {ColumnKind::kTimestamp, 0}, false});
  read_columns(map, rows, *schema, nullptr);
  for (const ColumnModel& column : rows.columns) {
    if (column.aliases.empty()) continue;
    map.faults().add(column.line,
                     "'aliases' in column '" + column.name + "' of " +
                         map.place() +
                         " has no meaning: the rows of a lookup are read anew "
                         "when its columns change",
                     "aliases");
  }
  read_pii_key(map, rows);
  read_filter(map, rows, *schema, nullptr);
  read_lookup_key(map, lookup, *schema);
  lookup.max_keys = static_cast<uint64_t>(map.integer(
      "max_keys", static_cast<int64_t>(lookup.max_keys), 1, kMostKeys));
  lookup.max_bytes = static_cast<uint64_t>(
      map.integer("max_bytes", static_cast<int64_t>(lookup.max_bytes),
                  kMegabyte, int64_t{1} << 40));
  map.finish();
  rows.schema = std::move(schema);
  rows.key.columns = {lookup.key};
  if (lookup.name.empty()) return;
  if (context.names.define("lookup", lookup.name, map.line_of("lookup"),
                           context.faults)) {
    context.model.lookups.push_back(std::move(lookup));
  }
}

}  // namespace freshet
