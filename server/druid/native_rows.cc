// scan, search and the metadata queries.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/druid/druid_result.h"
#include "server/druid/native_member.h"
#include "server/druid/native_query.h"
#include "server/sql/letters.h"

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

size_t letters_of(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (c & 0xC0) != 0x80; });
}

// The words of "analysisTypes", in lower case; Druid's own without.
Result<std::set<std::string>> analyses_of(
    const std::optional<std::vector<std::string>>& words) {
  static const std::set<std::string> kKnown = {
      "cardinality", "minmax",           "interval",
      "size",        "timestampspec",    "rollup",
      "aggregators", "querygranularity", "projections"};
  if (!words) return std::set<std::string>{"cardinality", "minmax", "interval"};
  std::set<std::string> out;
  for (const std::string& word : *words) {
    if (!kKnown.contains(to_lower(word))) {
      return invalid("'analysisTypes' has an unknown one: " + word);
    }
    out.insert(to_lower(word));
  }
  return out;
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

// " ORDER BY ..." of "order", which is by time, or of "orderBy".
Result<std::string> NativeQuery::scan_order() const {
  TRY_ASSIGN(auto order, native_choice(body_, "order",
                                       {"none", "ascending", "descending"}));
  const bool by_time = order && *order != "none";
  std::string out;
  auto add = [&](const std::string& sql, std::string_view way) {
    out += (out.empty() ? " ORDER BY " : ", ") + sql;
    if (way == "descending") out += " DESC NULLS LAST";
  };
  if (by_time) add(sql_name(kTimeColumn), *order);
  const JsonValue* list = body_.find("orderBy");
  if (!list || list->is_null()) return out;
  if (!list->as_array()) return invalid("'orderBy' must be a list");
  if (by_time && !list->as_array()->empty()) {
    return invalid("a scan has 'order' or 'orderBy', not both");
  }
  for (const JsonValue& entry : *list->as_array()) {
    TRY_ASSIGN(std::string name, native_text(entry, "columnName"));
    TRY_ASSIGN(std::string sql, sql_->column(name));
    TRY_ASSIGN(auto way,
               native_choice(entry, "order", {"ascending", "descending"}));
    add(sql, way.value_or("ascending"));
  }
  return out;
}

Status NativeQuery::scan() {
  TRY_ASSIGN(auto columns, native_texts(body_, "columns"));
  std::vector<std::string> names = columns.value_or(std::vector<std::string>());
  TRY(check_native_names(names));
  TRY_ASSIGN(auto format,
             native_choice(body_, "resultFormat",
                           {"list", "compactedList", "valueVector"}));
  if (format == "valueVector") {
    return native_unsupported("this resultFormat", *format);
  }
  const bool lists = format == "compactedList";
  if (names.empty()) {
    for (const ColumnSpec& spec : schema_->columns) names.push_back(spec.name);
  }
  std::string select;
  for (const std::string& name : names) {
    TRY_ASSIGN(std::string sql, sql_->column(name));
    select += (select.empty() ? "" : ", ") + sql;
  }
  TRY_ASSIGN(std::string tail, scan_order());
  TRY_ASSIGN(auto limit, count_member(body_, "limit"));
  TRY_ASSIGN(auto offset, count_member(body_, "offset"));
  if (limit) tail += fmt::format(" LIMIT {}", *limit);
  if (offset) tail += fmt::format(" OFFSET {}", *offset);
  TRY_ASSIGN(QueryResult rows, ask(select, tail));
  if (rows.rows.empty()) return {};
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
  TRY_ASSIGN(auto found, dimensions("searchDimensions"));
  if (found.empty()) {
    for (const ColumnSpec& spec : schema_->columns) {
      if (spec.type.kind != ColumnKind::kString) continue;
      found.push_back({sql_name(spec.name), spec.name, true});
    }
  }
  TRY_ASSIGN(std::string ordering,
             native_ordering(body_, "sort", {"lexicographic", "strlen"}));
  TRY_ASSIGN(auto limit, count_member(body_, "limit"));
  std::vector<SearchHit> hits;
  for (const Dimension& d : found) {
    const std::string text = d.text ? d.sql : "CAST(" + d.sql + " AS VARCHAR)";
    TRY_ASSIGN(std::string condition,
               sql_->searched(text, body_.find("query")));
    const bool whole = bucket_.empty();
    TRY_ASSIGN(QueryResult rows,
               ask(text + ", COUNT(*)" + (whole ? "" : ", " + bucket_),
                   " AND " + condition + " GROUP BY 1" + (whole ? "" : ", 3")));
    for (const Row& row : rows.rows) {
      if (row[0].is_null()) continue;
      hits.push_back({whole ? Value() : row[2], d.name, row[0].to_text(),
                      *row[1].as_long()});
    }
    TRY(control_.check_rows(hits.size()));
  }
  const bool by_length = ordering == "strlen";
  auto key = [&](const SearchHit& hit) {
    const Timestamp* time = hit.bucket.as_timestamp();
    return std::tuple(
        time ? *time : Timestamp{}, by_length ? letters_of(hit.value) : 0,
        std::string_view(hit.value), std::string_view(hit.dimension));
  };
  std::stable_sort(
      hits.begin(), hits.end(),
      [&](const SearchHit& a, const SearchHit& b) { return key(a) < key(b); });
  return write_hits(hits, limit.value_or(kSearchLimit));
}

// At most `limit` of each bucket.
Status NativeQuery::write_hits(const std::vector<SearchHit>& hits,
                               uint64_t limit) {
  if (hits.empty() || limit == 0) return {};
  Timestamp all{};
  if (bucket_.empty()) {
    TRY_ASSIGN(all, first_row());
  }
  for (size_t i = 0; i < hits.size();) {
    const size_t begin = i;
    const Timestamp* start = hits[begin].bucket.as_timestamp();
    out_.begin_object();
    out_.field("timestamp", to_iso8601(start ? *start : all, zone_));
    out_.key("result").begin_array();
    for (; i < hits.size() && hits[i].bucket == hits[begin].bucket; ++i) {
      if (i - begin >= limit) continue;
      out_.begin_object().field("dimension", hits[i].dimension);
      out_.field("value", hits[i].value);
      out_.field("count", hits[i].count).end_object();
    }
    out_.end_array().end_object();
    TRY(check_size());
  }
  return {};
}

Status NativeQuery::time_boundary() {
  TRY_ASSIGN(auto only, native_choice(body_, "bound", {"minTime", "maxTime"}));
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

// The columns of "toInclude".
Result<std::vector<ColumnSpec>> NativeQuery::described_columns() const {
  const JsonValue* include = body_.find("toInclude");
  if (!include || include->is_null()) return schema_->columns;
  TRY_ASSIGN(auto which,
             native_choice(*include, "type", {"all", "none", "list"}));
  if (!which) return invalid("'toInclude' has no 'type'");
  if (*which == "all") return schema_->columns;
  std::vector<ColumnSpec> out;
  if (*which == "none") return out;
  TRY_ASSIGN(auto names, native_texts(*include, "columns"));
  if (!names) return invalid("'columns' of 'toInclude' is missing");
  for (const ColumnSpec& spec : schema_->columns) {
    if (std::find(names->begin(), names->end(), spec.name) != names->end()) {
      out.push_back(spec);
    }
  }
  return out;
}

// One row of an aggregation holds all there is to say of the columns.
Status NativeQuery::segment_metadata() {
  TRY_ASSIGN(auto analyses, native_texts(body_, "analysisTypes"));
  TRY_ASSIGN(const std::set<std::string> told, analyses_of(analyses));
  const bool cardinality = told.contains("cardinality");
  const bool minmax = told.contains("minmax");
  TRY_ASSIGN(const std::vector<ColumnSpec> columns, described_columns());
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
  if (told.contains("interval")) {
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
  if (told.contains("aggregators")) {
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
