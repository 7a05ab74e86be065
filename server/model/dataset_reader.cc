// datasets/*.yaml
#include <algorithm>
#include <limits>
#include <map>

#include "server/model/cube_reader.h"
#include "server/model/files_reader.h"
#include "server/model/format_reader.h"
#include "server/model/kafka_reader.h"
#include "server/model/key_reader.h"
#include "server/model/model_reader.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kMegabyte = 1 << 20;
constexpr int64_t kLong = std::numeric_limits<int64_t>::max();

LogSourceModel read_log(const ConfigNode& node, DatasetModel& dataset,
                        const std::string& place, FaultList& faults) {
  ConfigMap map(node, "log of " + place, faults);
  LogSourceModel log;
  log.partitions =
      static_cast<uint32_t>(map.integer("partitions", log.partitions, 1, 1024));
  log.retention_ms = map.duration_ms("retention", log.retention_ms, kMinute);
  log.retention_bytes =
      map.integer("retention_bytes", log.retention_bytes, kMegabyte, kLong);
  dataset.format = read_format(map);
  map.finish();
  return log;
}

}  // namespace

void read_source(ConfigMap& dataset_map, DatasetModel& dataset) {
  const ConfigNode* node = dataset_map.find("source");
  if (!node) {
    dataset_map.required_text("source");
    return;
  }
  ConfigMap map(*node, "source of " + dataset_map.place(),
                dataset_map.faults());
  const ConfigNode* log = map.find("log");
  const ConfigNode* kafka = map.find("kafka");
  const ConfigNode* files = map.find("files");
  std::string place = dataset_map.place();
  if ((log != nullptr) + (kafka != nullptr) + (files != nullptr) > 1) {
    map.faults().add(node->line,
                     map.place() + " names more than one of log, kafka, files");
  } else if (log) {
    dataset.source = read_log(*log, dataset, place, map.faults());
  } else if (kafka) {
    dataset.source = read_kafka(*kafka, dataset, place, map.faults());
  } else if (files) {
    dataset.source = read_files(*files, dataset, place, map.faults());
  } else if (node->kind == ConfigNode::Kind::kMap) {
    map.faults().add(node->line,
                     map.place() + " lacks 'log', 'kafka' or 'files'");
  }
  map.finish();
}

namespace {

void read_time(ConfigMap& dataset_map, DatasetModel& dataset) {
  const ConfigNode* node = dataset_map.find("time");
  if (!node) {
    dataset_map.required_text("time");
    return;
  }
  ConfigMap map(*node, "time of " + dataset_map.place(), dataset_map.faults());
  std::string message = map.text("message");
  if (message.empty()) {
    dataset.time_field = map.required_text("field");
    dataset.time_format = read_time_format(map);
  } else if (message != "timestamp") {
    map.wrong("message", *map.find("message"), "timestamp");
  } else if (map.has("field") || map.has("format")) {
    map.fault("message", map.place() +
                             " has no use for 'field' and 'format' "
                             "beside 'message'");
  }
  dataset.time_of_message = !message.empty();
  map.finish();
}

// Whether values of `from` may go into a column of type `to` unchanged.
bool assignable(ExpressionType from, ColumnType to) {
  ExpressionType target = expression_type(to);
  if (from.type == ValueType::kNull || from == target) return true;
  if (from.type == ValueType::kLong) {
    return to.kind == ColumnKind::kDouble || to.kind == ColumnKind::kDecimal;
  }
  if (from.type == ValueType::kDecimal) {
    return to.kind == ColumnKind::kDouble ||
           (to.kind == ColumnKind::kDecimal && from.scale <= to.scale);
  }
  return false;
}

// `lookup: products.category, by: sku` as an expression; "" without one.
std::string lookup_call(ConfigMap& map) {
  std::string name = map.text("lookup"), by = map.text("by");
  if (name.empty() != by.empty()) {
    map.required_text(name.empty() ? "lookup" : "by");
    return "";
  }
  if (name.empty()) return "";
  if (map.has("from")) {
    map.fault("lookup",
              "'lookup' in " + map.place() + " has no meaning beside 'from'");
  }
  auto quoted = [](const std::string& text, char quote) {
    std::string out(1, quote);
    for (char c : text) out.append(c == quote ? 2 : 1, c);
    return out + quote;
  };
  return "lookup(" + quoted(by, '"') + ", " + quoted(name, '\'') + ")";
}

void read_derived(ConfigMap& map, ColumnModel& column, const Schema& before,
                  const LookupSource* lookups) {
  std::string text = lookup_call(map);
  const char* key = text.empty() ? "from" : "lookup";
  if (text.empty()) text = map.text("from");
  if (text.empty()) return;
  std::string place = std::string("'") + key + "' of " + map.place();
  column.derived = read_expression(
      text, before, place + " (it may use the columns before it)",
      map.line_of(key), map.faults(), lookups);
  if (column.derived && !assignable(column.derived->type, column.type)) {
    map.fault(key, place + " gives " + type_name(column.derived->type) +
                       ", which does not fit the column's type " +
                       to_string(column.type));
  }
  for (const char* other :
       {"path", "default", "message", "format", "on_error"}) {
    if (map.has(other)) {
      map.fault(other, std::string("'") + other + "' in " + map.place() +
                           " has no meaning beside '" + key + "'");
    }
  }
}

void check_default(ConfigMap& map, const ColumnModel& column) {
  const std::string& text = *column.default_text;
  bool fits = true;
  switch (column.type.kind) {
    case ColumnKind::kString:
      break;
    case ColumnKind::kBool:
      fits = text == "true" || text == "false";
      break;
    case ColumnKind::kDouble:
      fits = parse_number(text).has_value();
      break;
    case ColumnKind::kLong: {
      fits = parse_decimal(text, 0).has_value() &&
             text.find_first_of(".eE") == std::string::npos;
      break;
    }
    case ColumnKind::kDecimal:
      fits = parse_decimal(text, column.type.scale).has_value();
      break;
    case ColumnKind::kTimestamp:
      fits = parse_iso8601(text).has_value();
      break;
  }
  if (!fits) {
    map.wrong("default", *map.find("default"),
              "a value of type " + to_string(column.type));
  }
}

void read_pii(ConfigMap& map, ColumnModel& column) {
  std::string pii =
      map.choice("pii", "false", {"true", "false", "hash", "drop"});
  column.pii = pii != "false";
  if (pii == "true") {
    map.fault("pii", "'pii: true' in " + map.place() +
                         " isn't available in this version: nothing would "
                         "mask it; 'hash' and 'drop' are");
  }
  if (pii == "hash" || pii == "drop") column.pii_stored = pii;
  if (pii == "hash" && column.type.kind != ColumnKind::kString) {
    map.fault("pii", "'pii: hash' in " + map.place() +
                         " is for columns of type string");
  }
}

// Long enough that it cannot be guessed.
constexpr size_t kLeastPiiKey = 16;

}  // namespace

void read_pii_key(ConfigMap& map, DatasetModel& dataset) {
  bool hashes = std::ranges::any_of(
      dataset.columns, [](const auto& c) { return c.pii_stored == "hash"; });
  if (!map.has("pii_key")) {
    if (hashes) {
      map.faults().add(map.line(), map.place() +
                                       " lacks the key 'pii_key', a secret for "
                                       "'pii: hash': ${file:PATH} or "
                                       "${env:NAME}");
    }
    return;
  }
  dataset.pii_key = map.secret("pii_key");
  if (!dataset.pii_key.empty() && dataset.pii_key.size() < kLeastPiiKey) {
    map.fault("pii_key", "the secret in 'pii_key' of " + map.place() +
                             " is shorter than 16 characters");
  }
}

namespace {

// Former names of a column. Whether they are others' is looked at when all
// columns are read.
std::vector<std::string> read_aliases(ConfigMap& map, const std::string& name) {
  std::vector<std::string> aliases;
  for (const ConfigText& alias : map.texts("aliases")) {
    std::string_view why = alias.text.empty()          ? "an empty name"
                           : alias.text == name        ? "the column itself"
                           : alias.text == kTimeColumn ? "the time of all rows"
                                                       : "";
    if (why.empty()) {
      aliases.push_back(alias.text);
      continue;
    }
    map.faults().add(alias.line,
                     "'" + alias.text + "' in 'aliases' of " + map.place() +
                         " is " + std::string(why),
                     "aliases");
  }
  return aliases;
}

// Stored rows have an alias's values for one column alone.
void check_aliases(const ConfigMap& map, const DatasetModel& dataset,
                   const Schema& schema, FaultList& faults) {
  std::map<std::string, std::string> owners;  // by alias
  for (const ColumnModel& column : dataset.columns) {
    for (const std::string& alias : column.aliases) {
      std::string place =
          "'aliases' of column '" + column.name + "' of " + map.place() + ": ";
      auto [owner, fresh] = owners.try_emplace(alias, column.name);
      if (schema.find(alias)) {
        faults.add(column.line,
                   place + "'" + alias + "' is a column of the dataset",
                   "aliases");
      } else if (!fresh) {
        faults.add(column.line,
                   place + "'" + alias + "' is one of column '" +
                       owner->second + "' already",
                   "aliases");
      }
    }
  }
}

void read_column(const ConfigNode& node, const std::string& dataset_place,
                 DatasetModel& dataset, Schema& schema, FaultList& faults,
                 const LookupSource* lookups) {
  ConfigMap map(node, "a column of " + dataset_place, faults);
  ColumnModel column;
  column.name = map.required_text("name");
  if (!column.name.empty()) {
    map.rename("column '" + column.name + "' of " + dataset_place);
  }
  std::string type = map.required_text("type");
  column.line = map.line_of("type");
  if (!type.empty()) {
    auto parsed = parse_column_type(type);
    if (parsed) {
      column.type = *parsed;
    } else {
      map.wrong("type", *map.find("type"),
                "string, long, double, decimal(N), bool or timestamp");
    }
  }
  column.aliases = read_aliases(map, column.name);
  read_column_source(map, column);
  if (map.has("default")) {
    column.default_text = map.text("default");
    check_default(map, column);
  }
  read_derived(map, column, schema, lookups);
  column.high_cardinality =
      map.choice("cardinality", "low", {"low", "high"}) == "high";
  read_pii(map, column);
  map.finish();
  if (column.name.empty()) return;
  if (schema.find(column.name)) {
    map.fault(
        "name",
        column.name == kTimeColumn
            ? "the column '__time' is made from 'time' of " + dataset_place
            : "column '" + column.name + "' stands twice in " + dataset_place);
    return;
  }
  schema.columns.push_back({column.name, column.type, column.high_cardinality});
  dataset.columns.push_back(std::move(column));
}

}  // namespace

void read_columns(ConfigMap& map, DatasetModel& dataset, Schema& schema,
                  const LookupSource* lookups) {
  const ConfigNode* node = map.find("columns");
  if (!node) {
    map.required_text("columns");
    return;
  }
  if (node->kind != ConfigNode::Kind::kList || node->items.empty()) {
    map.wrong("columns", *node, "a list of columns");
    return;
  }
  for (const ConfigNode& item : node->items) {
    read_column(item, map.place(), dataset, schema, map.faults(), lookups);
  }
  check_aliases(map, dataset, schema, map.faults());
}

namespace {

void read_lateness(ConfigMap& dataset_map, DatasetModel& dataset) {
  const ConfigNode* node = dataset_map.find("lateness");
  if (!node) return;
  ConfigMap map(*node, "lateness of " + dataset_map.place(),
                dataset_map.faults());
  dataset.late_ms = map.duration_ms("accept", -1);
  dataset.late_policy = map.choice("then", dataset.late_policy,
                                   {"accept", "dead_letter", "drop"});
  map.finish();
}

void read_seal(ConfigMap& dataset_map, DatasetModel& dataset) {
  const ConfigNode* node = dataset_map.find("seal");
  if (!node) return;
  ConfigMap map(*node, "seal of " + dataset_map.place(), dataset_map.faults());
  dataset.seal_rows = static_cast<uint64_t>(
      map.integer("rows", static_cast<int64_t>(dataset.seal_rows), 1, kLong));
  dataset.seal_age_ms = map.duration_ms("age", dataset.seal_age_ms, 1000);
  map.finish();
}

// The least that leaves a merged segment worth having.
constexpr int64_t kMinMergeRows = 1000;
constexpr int64_t kMaxMergeRows = 20'000'000;  // bounds the memory of a merge

void read_merge(ConfigMap& dataset_map, DatasetModel& dataset) {
  const ConfigNode* node = dataset_map.find("merge");
  if (!node) return;
  ConfigMap map(*node, "merge of " + dataset_map.place(), dataset_map.faults());
  auto number = [&](const char* key, uint64_t& value, int64_t least,
                    int64_t most) {
    value = static_cast<uint64_t>(
        map.integer(key, static_cast<int64_t>(value), least, most));
  };
  number("rows", dataset.merge_rows, kMinMergeRows, kMaxMergeRows);
  number("bytes", dataset.merge_bytes, kMegabyte, 4096 * kMegabyte);
  number("rate", dataset.merge_rate, kMegabyte, kLong);
  map.finish();
}

void read_storage(ConfigMap& map, DatasetModel& dataset, const Schema& schema) {
  std::string by = map.choice("partition_by", "day",
                              {"hour", "day", "week", "month", "year"});
  dataset.partition_by = *Granularity::parse(by);
  for (const ConfigText& c : map.texts("sort_by")) {
    if (check_column(c.text, schema, "'sort_by' of " + map.place(), c.line,
                     map.faults())) {
      dataset.sort_by.push_back(c.text);
    }
  }
  dataset.key = read_key(map, schema);
  if (dataset.key.replace &&
      std::holds_alternative<FilesSourceModel>(dataset.source)) {
    map.fault("on_duplicate",
              "on_duplicate: replace of " + map.place() +
                  " is not possible with files, whose rows appear all at once; "
                  "post the events, or produce them to a topic");
  }
  dataset.rollup = read_rollup(map, schema, dataset.sort_by);
  dataset.cubes =
      read_cubes(map, schema, dataset.rollup ? &*dataset.rollup : nullptr);
  // What is rolled up has no rows to make other cubes of.
  dataset.auto_cubes = map.flag("auto_cubes", !dataset.rollup);
  read_lateness(map, dataset);
  read_seal(map, dataset);
  read_merge(map, dataset);
  dataset.retention_ms = map.duration_ms("retention", -1, kMinute);
}

}  // namespace

void read_filter(ConfigMap& map, DatasetModel& dataset, const Schema& schema,
                 const LookupSource* lookups) {
  std::string text = map.text("filter");
  if (text.empty()) return;
  std::string place = "'filter' of " + map.place();
  dataset.filter = read_expression(text, schema, place, map.line_of("filter"),
                                   map.faults(), lookups);
  if (dataset.filter && dataset.filter->type.type != ValueType::kBool) {
    map.fault("filter", place + " must be a condition, not a value of type " +
                            type_name(dataset.filter->type));
  }
}

// What is not stored tells no rows apart, and says of none how new it is.
void refuse_dropped_keys(ConfigMap& map, const DatasetModel& dataset) {
  for (const ColumnModel& column : dataset.columns) {
    if (column.pii_stored != "drop") continue;
    const auto& key = dataset.key.columns;
    const bool named = std::ranges::find(key, column.name) != key.end();
    if (!named && dataset.key.order_by != column.name) continue;
    const char* where = named ? "key" : "order_by";
    map.fault(where, std::string("'") + where + "' of " + map.place() +
                         " names the column '" + column.name +
                         "', of which 'pii: drop' stores nothing");
  }
}

void read_dataset(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the dataset", context.faults);
  DatasetModel dataset;
  dataset.name = map.name("dataset");
  if (!dataset.name.empty()) map.rename("dataset '" + dataset.name + "'");
  dataset.title = map.text("title", dataset.name);
  dataset.description = map.text("description");
  dataset.owner = map.text("owner");
  read_source(map, dataset);
  read_time(map, dataset);
  auto schema = std::make_shared<Schema>();
  schema->columns.push_back(
      {std::string(kTimeColumn), {ColumnKind::kTimestamp, 0}, false});
  read_columns(map, dataset, *schema, context.lookups());
  read_pii_key(map, dataset);
  read_filter(map, dataset, *schema, context.lookups());
  read_storage(map, dataset, *schema);
  refuse_dropped_keys(map, dataset);
  map.finish();
  dataset.schema = std::move(schema);
  if (dataset.name.empty()) return;
  if (auto* rival = rival_for_files(dataset, context.model.datasets)) {
    map.fault("source",
              map.place() + " and dataset '" + rival->name +
                  "' have the same files, which one of them takes "
                  "away from the other: 'after' must be keep in both, "
                  "or their paths differ");
  }
  if (context.names.define("dataset", dataset.name, map.line_of("dataset"),
                           context.faults)) {
    context.model.datasets.push_back(std::move(dataset));
  }
}

}  // namespace freshet
