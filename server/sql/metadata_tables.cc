#include "server/sql/metadata_tables.h"

#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "server/json/json_value.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"
#include "server/sql/aggregate_name.h"
#include "server/sql/function_name.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

class Rows {
 public:
  Rows& text(const char* name) { return add(name, ValueType::kString); }
  Rows& number(const char* name) { return add(name, ValueType::kLong); }
  void row(std::vector<Value> values) {
    result_.rows.push_back(std::move(values));
  }
  QueryResult take() { return std::move(result_); }

 private:
  Rows& add(const char* name, ValueType type) {
    result_.columns.push_back({name, {type}});
    return *this;
  }
  QueryResult result_;
};

Value flag(bool on) { return Value(int64_t{on}); }

struct SystemTable {
  const char* schema;
  const char* table;
};
constexpr SystemTable kSystemTables[] = {{"INFORMATION_SCHEMA", "COLUMNS"},
                                         {"INFORMATION_SCHEMA", "ROUTINES"},
                                         {"INFORMATION_SCHEMA", "SCHEMATA"},
                                         {"INFORMATION_SCHEMA", "TABLES"},
                                         {"sys", "segments"},
                                         {"sys", "server_segments"},
                                         {"sys", "servers"},
                                         {"sys", "supervisors"},
                                         {"sys", "tasks"}};

std::vector<std::shared_ptr<const LookupTable>> lookups(
    const DatasetCatalog& catalog) {
  std::vector<std::shared_ptr<const LookupTable>> out;
  const LookupSource* source = catalog.lookups();
  if (!source) return out;
  for (const std::string& name : source->names()) {
    if (auto table = source->snapshot(name)) out.push_back(std::move(table));
  }
  return out;
}

// By name.
std::vector<std::pair<std::string, KpiTable>> kpi_tables(
    const KpiTables& kpis) {
  std::vector<std::pair<std::string, KpiTable>> out;
  if (!kpis.names) return out;
  for (std::string& name : kpis.names()) {
    auto table = kpis.find(name);
    if (table) out.emplace_back(std::move(name), std::move(*table));
  }
  return out;
}

QueryResult schemata() {
  Rows rows;
  rows.text("CATALOG_NAME").text("SCHEMA_NAME").text("SCHEMA_OWNER");
  rows.text("DEFAULT_CHARACTER_SET_CATALOG");
  rows.text("DEFAULT_CHARACTER_SET_SCHEMA");
  rows.text("DEFAULT_CHARACTER_SET_NAME").text("SQL_PATH");
  for (const char* name :
       {"INFORMATION_SCHEMA", "druid", "kpi", "lookup", "sys"}) {
    rows.row({Value("druid"), Value(name), Value(), Value(), Value(), Value(),
              Value()});
  }
  return rows.take();
}

QueryResult tables(const DatasetCatalog& catalog, const KpiTables& kpis) {
  Rows rows;
  rows.text("TABLE_CATALOG").text("TABLE_SCHEMA").text("TABLE_NAME");
  rows.text("TABLE_TYPE").text("IS_JOINABLE").text("IS_BROADCAST");
  for (const SystemTable& t : kSystemTables) {
    rows.row({Value("druid"), Value(t.schema), Value(t.table),
              Value("SYSTEM_TABLE"), Value("NO"), Value("NO")});
  }
  for (const std::string& name : catalog.names()) {
    rows.row({Value("druid"), Value("druid"), Value(name), Value("TABLE"),
              Value("YES"), Value("NO")});
  }
  for (const auto& [name, table] : kpi_tables(kpis)) {
    rows.row({Value("druid"), Value("kpi"), Value(name), Value("VIEW"),
              Value("NO"), Value("NO")});
  }
  for (const auto& lookup : lookups(catalog)) {
    rows.row({Value("druid"), Value("lookup"), Value(lookup->name()),
              Value("TABLE"), Value("YES"), Value("YES")});
  }
  return rows.take();
}

void add_column(Rows& rows, const char* schema, std::string table,
                std::string name, size_t position, ExpressionType type) {
  SqlColumnType sql = sql_column_type(type);
  bool time = name == kTimeColumn;
  bool text = type.type == ValueType::kString;
  std::optional<int64_t> precision, scale;
  if (type.type == ValueType::kLong) precision = 19, scale = 0;
  if (type.type == ValueType::kDecimal) precision = 38, scale = type.scale;
  if (type.type == ValueType::kDouble) precision = 15;
  bool numeric = is_numeric(type);
  std::vector<Value> row;
  row.reserve(17);
  for (std::string text : {std::string("druid"), std::string(schema),
                           std::move(table), std::move(name)}) {
    row.emplace_back(std::move(text));
  }
  row.emplace_back(static_cast<int64_t>(position));
  for (const char* t : {"", time ? "NO" : "YES", sql.name}) row.emplace_back(t);
  row.resize(10);  // character lengths: none
  std::optional<int64_t> radix, digits;
  if (numeric) radix = 10;
  if (type.type == ValueType::kTimestamp) digits = 3;
  for (auto number : {precision, radix, scale, digits}) {
    row.emplace_back();
    if (number) row.back() = Value(*number);
  }
  for (const char* t : {"UTF-16LE", "UTF-16LE$en_US$primary"}) {
    row.emplace_back();
    if (text) row.back() = Value(t);
  }
  row.emplace_back(int64_t{sql.jdbc});
  rows.row(std::move(row));
}

Rows column_rows() {
  Rows rows;
  rows.text("TABLE_CATALOG").text("TABLE_SCHEMA").text("TABLE_NAME");
  rows.text("COLUMN_NAME").number("ORDINAL_POSITION").text("COLUMN_DEFAULT");
  rows.text("IS_NULLABLE").text("DATA_TYPE");
  rows.number("CHARACTER_MAXIMUM_LENGTH").number("CHARACTER_OCTET_LENGTH");
  rows.number("NUMERIC_PRECISION").number("NUMERIC_PRECISION_RADIX");
  rows.number("NUMERIC_SCALE").number("DATETIME_PRECISION");
  rows.text("CHARACTER_SET_NAME").text("COLLATION_NAME").number("JDBC_TYPE");
  return rows;
}

QueryResult routines() {
  Rows rows;
  rows.text("ROUTINE_CATALOG").text("ROUTINE_SCHEMA").text("ROUTINE_NAME");
  rows.text("ROUTINE_TYPE").text("IS_AGGREGATOR").text("SIGNATURES");
  auto add = [&](std::string_view name, const char* aggregates) {
    std::string upper(name);
    absl::AsciiStrToUpper(&upper);
    rows.row({Value("druid"), Value("INFORMATION_SCHEMA"), Value(upper),
              Value("FUNCTION"), Value(aggregates), Value()});
  };
  for (std::string_view name : aggregate_names()) add(name, "YES");
  for (const std::string& name : scalar_function_names()) add(name, "NO");
  return rows.take();
}

void add_segment(Rows& rows, const std::string& dataset, const Segment& segment,
                 uint64_t version) {
  Interval range = segment.time_range();
  bool sealed = segment.sealed();
  std::string dimensions, metrics;
  for (const ColumnSpec& spec : segment.schema().columns) {
    if (spec.name == kTimeColumn) continue;
    std::string& list =
        is_numeric(expression_type(spec.type)) ? metrics : dimensions;
    list += (list.empty() ? "" : ",") + spec.name;
  }
  rows.row({Value(segment.id()), Value(dataset), Value(to_iso8601(range.start)),
            Value(to_iso8601(range.end)),
            Value(static_cast<int64_t>(segment.size_bytes())),
            Value(std::to_string(version)), Value(int64_t{0}),
            Value(int64_t{1}),
            Value(static_cast<int64_t>(segment.num_visible_rows())), flag(true),
            flag(sealed), flag(true), flag(!sealed), flag(false),
            Value("numbered"), Value(dimensions), Value(metrics), Value()});
}

QueryResult segments(const DatasetCatalog& catalog) {
  Rows rows;
  rows.text("segment_id").text("datasource").text("start").text("end");
  rows.number("size").text("version").number("partition_num");
  rows.number("num_replicas").number("num_rows").number("is_active");
  rows.number("is_published").number("is_available").number("is_realtime");
  rows.number("is_overshadowed").text("shard_spec").text("dimensions");
  rows.text("metrics").text("last_compaction_state");
  for (const std::string& name : catalog.names()) {
    auto data = catalog.snapshot(name);
    if (!data || !data->timeline) continue;
    for (const auto& segment : data->timeline->sealed) {
      add_segment(rows, name, *segment, data->timeline->version);
    }
    for (const auto& live : data->timeline->live) {
      auto segment = live->snapshot();
      if (segment->num_rows() == 0) continue;
      add_segment(rows, name, *segment, data->timeline->version);
    }
  }
  return rows.take();
}

QueryResult servers() {
  Rows rows;
  rows.text("server").text("host").number("plaintext_port").number("tls_port");
  rows.text("server_type").text("tier").number("curr_size").number("max_size");
  rows.number("is_leader");
  rows.row({Value("freshet"), Value("localhost"), Value(int64_t{-1}),
            Value(int64_t{-1}), Value("historical"), Value("_default_tier"),
            Value(int64_t{0}), Value(int64_t{0}), flag(true)});
  return rows.take();
}

QueryResult supervisors(const DatasetCatalog& catalog) {
  Rows rows;
  rows.text("supervisor_id").text("state").text("detailed_state");
  rows.number("healthy").text("type").text("source").number("suspended");
  rows.text("spec");
  for (const std::string& name : catalog.names()) {
    auto data = catalog.snapshot(name);
    bool whole = data && data->complete;
    Value state(whole ? "RUNNING" : "PENDING");
    rows.row({Value(name), state, state, flag(whole), Value("kafka"),
              Value(name), flag(false), Value("{}")});
  }
  return rows.take();
}

// Nothing runs as a task here; the table is there for those who ask.
QueryResult tasks() {
  Rows rows;
  rows.text("task_id").text("group_id").text("type").text("datasource");
  rows.text("created_time").text("queue_insertion_time").text("status");
  rows.text("runner_status").number("duration").text("location").text("host");
  rows.number("plaintext_port").number("tls_port").text("error_msg");
  return rows.take();
}

QueryResult server_segments(const DatasetCatalog& catalog) {
  QueryResult all = segments(catalog);
  Rows rows;
  rows.text("server").text("segment_id");
  for (auto& row : all.rows) rows.row({Value("freshet"), std::move(row[0])});
  return rows.take();
}

// The dimensions of each KPI, as they are in its dataset, time and the value.
void add_kpi_columns(const DatasetCatalog& catalog, const KpiTables& kpis,
                     Rows& rows) {
  for (const auto& [name, table] : kpi_tables(kpis)) {
    auto data = catalog.snapshot(table.dataset);
    if (!data) continue;
    size_t position = 0;
    auto add = [&](const std::string& column, ExpressionType type) {
      add_column(rows, "kpi", name, column, ++position, type);
    };
    for (const ColumnSpec& spec : data->schema->columns) {
      if (spec.name == kTimeColumn ||
          std::ranges::count(table.dimensions, spec.name) > 0) {
        add(spec.name, expression_type(spec.type));
      }
    }
    add("value", table.type);
  }
}

QueryResult columns(const DatasetCatalog& catalog, const KpiTables& kpis) {
  Rows rows = column_rows();
  for (const SystemTable& t : kSystemTables) {
    if (std::string_view(t.table) == "COLUMNS") {
      QueryResult own = column_rows().take();
      for (size_t i = 0; i < own.columns.size(); ++i) {
        add_column(rows, t.schema, t.table, own.columns[i].name, i + 1,
                   own.columns[i].type);
      }
      continue;
    }
    auto table = metadata_table(catalog, kpis, t.schema, t.table);
    for (size_t i = 0; table && i < table->columns.size(); ++i) {
      add_column(rows, t.schema, t.table, table->columns[i].name, i + 1,
                 table->columns[i].type);
    }
  }
  for (const std::string& name : catalog.names()) {
    auto data = catalog.snapshot(name);
    for (size_t i = 0; data && i < data->schema->columns.size(); ++i) {
      const ColumnSpec& spec = data->schema->columns[i];
      add_column(rows, "druid", name, spec.name, i + 1,
                 expression_type(spec.type));
    }
  }
  add_kpi_columns(catalog, kpis, rows);
  for (const auto& lookup : lookups(catalog)) {
    QueryResult own = lookup->rows();
    for (size_t i = 0; i < own.columns.size(); ++i) {
      add_column(rows, "lookup", lookup->name(), own.columns[i].name, i + 1,
                 own.columns[i].type);
    }
  }
  return rows.take();
}

}  // namespace

SqlColumnType sql_column_type(ExpressionType type) {
  switch (type.type) {
    case ValueType::kBool:
      return {"BOOLEAN", 16};
    case ValueType::kLong:
      return {"BIGINT", -5};
    case ValueType::kDouble:
      return {"DOUBLE", 8};
    case ValueType::kDecimal:
      return {"DECIMAL", 3};
    case ValueType::kTimestamp:
      return {"TIMESTAMP", 93};
    case ValueType::kString:
    case ValueType::kNull:
      break;
  }
  return {"VARCHAR", 12};
}

Result<QueryResult> metadata_table(const DatasetCatalog& catalog,
                                   const KpiTables& kpis,
                                   std::string_view schema,
                                   std::string_view table) {
  std::string name = to_lower(table);
  if (to_lower(schema) == "information_schema") {
    if (name == "schemata") return schemata();
    if (name == "tables") return tables(catalog, kpis);
    if (name == "columns") return columns(catalog, kpis);
    if (name == "routines") return routines();
  } else {
    if (name == "segments") return segments(catalog);
    if (name == "servers") return servers();
    if (name == "supervisors") return supervisors(catalog);
    if (name == "tasks") return tasks();
    if (name == "server_segments") return server_segments(catalog);
  }
  std::vector<std::string> known;
  for (const SystemTable& t : kSystemTables) known.push_back(t.table);
  std::string near = nearest_name(table, known);
  return Error{
      ErrorCode::kNotFound,
      fmt::format("unknown table{}: {}.{}",
                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  schema, table)};
}

}  // namespace freshet
