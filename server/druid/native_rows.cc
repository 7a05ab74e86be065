// scan, search and the metadata queries.
#include <fmt/format.h>

#include <algorithm>

#include "server/druid/druid_result.h"
#include "server/druid/native_query.h"

namespace freshet {
namespace {

constexpr uint64_t kSearchLimit = 1000;  // Druid's default

const char* native_name(ColumnType type) {
  switch (type.kind) {
    case ColumnKind::kString:
      return "STRING";
    case ColumnKind::kDouble:
    case ColumnKind::kDecimal:
      return "DOUBLE";
    case ColumnKind::kLong:
    case ColumnKind::kBool:
    case ColumnKind::kTimestamp:
      break;
  }
  return "LONG";
}

// Times of a scan are milliseconds.
void write_scanned(const Value& value, JsonWriter& out) {
  if (const Timestamp* time = value.as_timestamp()) {
    out.value(time->ms);
  } else {
    write_druid_value(value, absl::UTCTimeZone(), out);
  }
}

}  // namespace

Status NativeQuery::scan() {
  std::vector<std::string> names;
  const JsonValue* columns = body_.find("columns");
  if (columns && columns->as_array()) {
    for (const JsonValue& name : *columns->as_array()) {
      if (!name.as_string()) return invalid("'columns' is a list of names");
      names.push_back(*name.as_string());
    }
  }
  if (names.empty()) {
    for (const ColumnSpec& spec : schema_->columns) names.push_back(spec.name);
  }
  std::string select;
  for (const std::string& name : names) {
    TRY_ASSIGN(std::string sql, sql_->column(name));
    select += (select.empty() ? "" : ", ") + sql;
  }
  std::string tail;
  const JsonValue* order = body_.find("order");
  std::string way = order && order->as_string() ? *order->as_string() : "none";
  if (way == "ascending" || way == "descending") {
    tail += " ORDER BY \"__time\"";
    if (way == "descending") tail += " DESC";
  } else if (way != "none") {
    return invalid("'order' is none, ascending or descending: " + way);
  }
  TRY_ASSIGN(auto limit, count_member(body_, "limit"));
  TRY_ASSIGN(auto offset, count_member(body_, "offset"));
  if (limit) tail += fmt::format(" LIMIT {}", *limit);
  if (offset) tail += fmt::format(" OFFSET {}", *offset);
  TRY_ASSIGN(QueryResult rows, ask(select, tail));
  if (rows.rows.empty()) return {};
  const JsonValue* format = body_.find("resultFormat");
  const bool lists =
      format && format->as_string() && *format->as_string() == "compactedList";
  out_.begin_object().field("segmentId", dataset_);
  out_.key("columns").begin_array();
  for (const std::string& name : names) out_.value(name);
  out_.end_array().key("events").begin_array();
  for (const Row& row : rows.rows) {
    lists ? out_.begin_array() : out_.begin_object();
    for (size_t i = 0; i < row.size(); ++i) {
      if (!lists) out_.key(names[i]);
      write_scanned(row[i], out_);
    }
    lists ? out_.end_array() : out_.end_object();
    TRY(check_size());
  }
  out_.end_array().key("rowSignature").begin_array();
  for (size_t i = 0; i < names.size(); ++i) {
    out_.begin_object().field("name", names[i]);
    out_.field("type", native_type_of(rows.columns[i].type)).end_object();
  }
  out_.end_array().end_object();
  return {};
}

Status NativeQuery::search() {
  const JsonValue* query = body_.find("query");
  if (!query) return invalid("'query' of a search is missing");
  TRY_ASSIGN(auto found, dimensions("searchDimensions"));
  if (found.empty()) {
    for (const ColumnSpec& spec : schema_->columns) {
      if (spec.type.kind != ColumnKind::kString) continue;
      found.push_back({sql_name(spec.name), spec.name});
    }
  }
  TRY_ASSIGN(auto limit, count_member(body_, "limit"));
  struct Hit {
    std::string dimension, value;
    int64_t count;
  };
  std::vector<Hit> hits;
  for (const Dimension& d : found) {
    JsonObject filter = {{"type", JsonValue(std::string("search"))},
                         {"dimension", JsonValue(d.name)},
                         {"query", *query}};
    JsonValue node(std::move(filter));
    TRY_ASSIGN(std::string condition, sql_->filter(&node));
    TRY_ASSIGN(QueryResult rows,
               ask(d.sql + ", COUNT(*)",
                   " AND " + condition + " GROUP BY 1 ORDER BY 1"));
    for (const Row& row : rows.rows) {
      if (row[0].is_null()) continue;
      hits.push_back({d.name, row[0].to_text(), *row[1].as_long()});
    }
    TRY(control_.check_rows(hits.size()));
  }
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::tie(a.value, a.dimension) < std::tie(b.value, b.dimension);
  });
  hits.resize(std::min<uint64_t>(hits.size(), limit.value_or(kSearchLimit)));
  if (hits.empty()) return {};
  TRY_ASSIGN(Timestamp first, first_row());
  out_.begin_object().field("timestamp", to_iso8601(first));
  out_.key("result").begin_array();
  for (const Hit& hit : hits) {
    out_.begin_object().field("dimension", hit.dimension);
    out_.field("value", hit.value).field("count", hit.count).end_object();
  }
  out_.end_array().end_object();
  return {};
}

Status NativeQuery::time_boundary() {
  const JsonValue* bound = body_.find("bound");
  std::string only = bound && bound->as_string() ? *bound->as_string() : "";
  TRY_ASSIGN(QueryResult found, ask("MIN(\"__time\"), MAX(\"__time\")", ""));
  const Timestamp* least = found.rows[0][0].as_timestamp();
  const Timestamp* most = found.rows[0][1].as_timestamp();
  if (!least || !most) return {};
  out_.begin_object();
  out_.field("timestamp", to_iso8601(only == "maxTime" ? *most : *least));
  out_.key("result").begin_object();
  if (only != "maxTime") out_.field("minTime", to_iso8601(*least));
  if (only != "minTime") out_.field("maxTime", to_iso8601(*most));
  out_.end_object().end_object();
  return {};
}

Status NativeQuery::data_source_metadata() {
  TRY_ASSIGN(QueryResult found, ask("MAX(\"__time\")", "", false));
  const Timestamp* most = found.rows[0][0].as_timestamp();
  if (!most) return {};
  out_.begin_object().field("timestamp", to_iso8601(*most));
  out_.key("result").begin_object();
  out_.field("maxIngestedEventTime", to_iso8601(*most));
  out_.end_object().end_object();
  return {};
}

// One row of an aggregation holds all there is to say of the columns.
Status NativeQuery::segment_metadata() {
  bool cardinality = true, minmax = true, interval = true, aggregators = false;
  const JsonValue* types = body_.find("analysisTypes");
  if (types && types->as_array()) {
    cardinality = minmax = interval = false;
    for (const JsonValue& type : *types->as_array()) {
      const std::string name = type.as_string() ? *type.as_string() : "";
      cardinality = cardinality || name == "cardinality";
      minmax = minmax || name == "minmax";
      interval = interval || name == "interval";
      aggregators = aggregators || name == "aggregators";
    }
  }
  std::vector<ColumnSpec> columns;
  const JsonValue* include = body_.find("toInclude");
  const JsonValue* list = include ? include->find("columns") : nullptr;
  const std::string_view which = include ? native_type(*include) : "all";
  for (const ColumnSpec& spec : schema_->columns) {
    bool listed =
        list && list->as_array() &&
        std::any_of(list->as_array()->begin(), list->as_array()->end(),
                    [&](const JsonValue& n) {
                      return n.as_string() && *n.as_string() == spec.name;
                    });
    if (which == "none" || (which == "list" && !listed)) continue;
    columns.push_back(spec);
  }
  std::string select = "COUNT(*), MIN(\"__time\"), MAX(\"__time\")";
  for (const ColumnSpec& spec : columns) {
    const std::string name = sql_name(spec.name);
    select += ", COUNT(" + name + ")";
    if (spec.type.kind != ColumnKind::kString) continue;
    if (cardinality) select += ", COUNT(DISTINCT " + name + ")";
    if (minmax) select += fmt::format(", MIN({}), MAX({})", name, name);
  }
  TRY_ASSIGN(QueryResult found, ask(select, ""));
  const Row& row = found.rows[0];
  if (*row[0].as_long() == 0) return {};
  out_.begin_object().field("id", "merged");
  out_.key("intervals");
  if (interval) {
    out_.begin_array();
    out_.value(to_iso8601(*row[1].as_timestamp()) + "/" +
               to_iso8601(Timestamp{row[2].as_timestamp()->ms + 1}));
    out_.end_array();
  } else {
    out_.null();
  }
  out_.key("columns").begin_object();
  size_t at = 3;
  for (const ColumnSpec& spec : columns) {
    write_column(spec, row, at, cardinality, minmax);
  }
  out_.end_object().key("aggregators");
  if (aggregators) {
    out_.begin_object();
    for (const ColumnSpec& spec : columns) {
      bool number = spec.type.kind == ColumnKind::kLong ||
                    spec.type.kind == ColumnKind::kDouble ||
                    spec.type.kind == ColumnKind::kDecimal;
      if (!number) continue;
      out_.key(spec.name).begin_object();
      out_.field("type",
                 spec.type.kind == ColumnKind::kLong ? "longSum" : "doubleSum");
      out_.field("name", spec.name).field("fieldName", spec.name);
      out_.end_object();
    }
    out_.end_object();
  } else {
    out_.null();
  }
  out_.key("timestampSpec").null().key("queryGranularity").null();
  out_.field("size", int64_t{0}).field("numRows", *row[0].as_long());
  out_.key("rollup").null().end_object();
  return {};
}

// `at` is moved past the column's part of the row.
void NativeQuery::write_column(const ColumnSpec& spec, const Row& row,
                               size_t& at, bool cardinality, bool minmax) {
  const bool text = spec.type.kind == ColumnKind::kString;
  const char* type = native_name(spec.type);
  out_.key(spec.name).begin_object();
  out_.field("type", type).field("typeSignature", type);
  out_.field("hasMultipleValues", false);
  out_.field("hasNulls", *row[at++].as_long() < *row[0].as_long());
  out_.field("size", int64_t{0}).key("cardinality");
  if (text && cardinality) {
    out_.value(*row[at++].as_long());
  } else {
    out_.null();
  }
  for (const char* key : {"minValue", "maxValue"}) {
    out_.key(key);
    if (text && minmax) {
      write_druid_value(row[at++], zone_, out_);
    } else {
      out_.null();
    }
  }
  out_.key("errorMessage").null().end_object();
}

}  // namespace freshet
