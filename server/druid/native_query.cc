// The common part of native queries, and timeseries, topN and groupBy.
#include "server/druid/native_query.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "server/druid/druid_request.h"
#include "server/druid/druid_result.h"
#include "server/druid/native_granularity.h"
#include "server/druid/native_member.h"

namespace freshet {
namespace {

// Those of the context that change an answer.
constexpr const char* kSwitches[] = {"skipEmptyBuckets", "grandTotal",
                                     "resultAsArray", "sortByDimsFirst"};

}  // namespace

NativeQuery::NativeQuery(Sql& sql, const DatasetCatalog& catalog,
                         const JsonValue& body, SqlRequest base)
    : engine_(sql),
      catalog_(catalog),
      body_(body),
      base_(std::move(base)),
      control_(base_.limits, base_.cancel) {}

Result<std::string> NativeQuery::answer() {
  TRY_ASSIGN(std::string type, native_text(body_, "queryType"));
  TRY(read_common());
  struct Kind {
    std::string_view name;
    Status (NativeQuery::*answer)();
  };
  static constexpr Kind kKinds[] = {
      {"timeseries", &NativeQuery::timeseries},
      {"topN", &NativeQuery::top_n},
      {"groupBy", &NativeQuery::group_by},
      {"scan", &NativeQuery::scan},
      {"search", &NativeQuery::search},
      {"timeBoundary", &NativeQuery::time_boundary},
      {"dataSourceMetadata", &NativeQuery::data_source_metadata},
      {"segmentMetadata", &NativeQuery::segment_metadata}};
  for (const Kind& kind : kKinds) {
    if (kind.name != type) continue;
    out_.begin_array();
    TRY((this->*kind.answer)());
    out_.end_array();
    TRY(check_size());
    return out_.take();
  }
  return Error{ErrorCode::kUnsupported,
               "this queryType is not supported: " + type};
}

Status NativeQuery::read_common() {
  const JsonValue* source = body_.find("dataSource");
  if (source && native_type(*source) == "table") source = source->find("name");
  if (!source || !source->as_string()) {
    return Error{source ? ErrorCode::kUnsupported : ErrorCode::kInvalid,
                 "'dataSource' must be the name of a table"};
  }
  dataset_ = *source->as_string();
  auto data = catalog_.snapshot(dataset_);
  if (!data) {
    std::string near = nearest_name(dataset_, catalog_.names());
    return invalid(fmt::format(
        "unknown dataSource{}: {}",
        near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
        dataset_));
  }
  schema_ = data->schema;
  sql_.emplace(*schema_);
  TRY(sql_->add_virtual_columns(body_));
  intervals_ = {Interval{}};
  if (const JsonValue* intervals = body_.find("intervals");
      intervals && !intervals->is_null()) {
    TRY_ASSIGN(intervals_, native_intervals(*intervals));
  }
  TRY_ASSIGN(std::string filter, sql_->filter(body_.find("filter")));
  where_ = " WHERE " + within(sql_name(kTimeColumn), intervals_);
  if (!filter.empty()) where_ += " AND " + filter;
  TRY_ASSIGN(NativeGranularity granularity,
             native_granularity(body_.find("granularity")));
  granularity_ = granularity.buckets;
  zone_ = granularity.zone;
  bucket_ = granularity.bucket_of(sql_name(kTimeColumn));
  return check_switches();
}

Status NativeQuery::check_switches() const {
  const JsonValue* context = body_.find("context");
  if (!context) return {};
  for (const char* name : kSwitches) {
    Result<bool> flag = druid_flag(*context, name);
    if (!flag) return flag.error();
  }
  return {};
}

Result<QueryResult> NativeQuery::ask(const std::string& select,
                                     const std::string& tail, bool filtered) {
  SqlRequest request = base_;
  request.text = "SELECT " + select + " FROM " + sql_name(dataset_) +
                 (filtered ? where_ : "") + tail;
  auto result = engine_.run(request);
  if (result) return result;
  // The place is in a text that the client has never seen.
  return Error{result.error().code, result.error().message};
}

Result<std::vector<NativeSql::Dimension>> NativeQuery::dimensions(
    const char* key) const {
  std::vector<Dimension> out;
  const JsonValue* list = body_.find(key);
  if (!list || list->is_null()) return out;
  if (!list->as_array()) {
    TRY_ASSIGN(Dimension one, sql_->dimension(*list));
    out.push_back(std::move(one));
    return out;
  }
  for (const JsonValue& spec : *list->as_array()) {
    TRY_ASSIGN(Dimension one, sql_->dimension(spec));
    out.push_back(std::move(one));
  }
  return out;
}

Status NativeQuery::check_size() {
  TRY(control_.check());
  return control_.check_result_bytes(out_.text().size());
}

bool NativeQuery::context_flag(const char* name) const {
  const JsonValue* context = body_.find("context");
  const JsonValue* flag = context ? context->find(name) : nullptr;
  if (!flag) return false;
  if (flag->as_string()) return *flag->as_string() == "true";
  return flag->as_bool() && *flag->as_bool();
}

Result<std::optional<uint64_t>> NativeQuery::count_member(
    const JsonValue& node, const char* name) const {
  const JsonValue* member = node.find(name);
  if (!member || member->is_null()) return std::optional<uint64_t>();
  if (member->as_int() && *member->as_int() >= 0) {
    return std::optional<uint64_t>(*member->as_int());
  }
  return invalid(fmt::format("'{}' must be a whole number from 0", name));
}

// Druid stamps a whole range with the time of its first row.
Result<Timestamp> NativeQuery::first_row() {
  TRY_ASSIGN(QueryResult found, ask("MIN(\"__time\")", ""));
  const Timestamp* first = found.rows[0][0].as_timestamp();
  Timestamp begin = intervals_.empty() ? kMinTimestamp : intervals_[0].start;
  return first ? *first : begin;
}

std::string NativeQuery::outputs_list() const {
  std::string out;
  for (const Dimension& output : sql_->outputs()) out += ", " + output.sql;
  return out;
}

std::vector<std::string> NativeQuery::output_names() const {
  std::vector<std::string> names;
  for (const Dimension& output : sql_->outputs()) names.push_back(output.name);
  return names;
}

void NativeQuery::write_bucket(const Row& row, Timestamp all) {
  const Timestamp* start = bucket_.empty() ? nullptr : row[0].as_timestamp();
  out_.field("timestamp", to_iso8601(start ? *start : all, zone_));
}

void NativeQuery::write_event(const std::vector<std::string>& names,
                              const Row& row, size_t from) {
  out_.begin_object();
  for (size_t i = 0; i < names.size(); ++i) {
    out_.key(names[i]);
    write_druid_value(row[from + i], zone_, out_);
  }
  out_.end_object();
}

Status NativeQuery::timeseries() {
  TRY(sql_->add_aggregations(body_));
  TRY_ASSIGN(bool descending, druid_flag(body_, "descending"));
  TRY_ASSIGN(auto limit, count_member(body_, "limit"));
  std::string first = bucket_.empty() ? "MIN(\"__time\")" : bucket_;
  TRY_ASSIGN(QueryResult rows,
             ask(first + outputs_list(),
                 bucket_.empty() ? "" : " GROUP BY 1 ORDER BY 1"));
  // What the outputs are without any row.
  SqlRequest none = base_;
  none.text = "SELECT MIN(\"__time\")" + outputs_list() + " FROM " +
              sql_name(dataset_) + " WHERE false";
  TRY_ASSIGN(QueryResult empty, engine_.run(none));
  TRY(write_series(rows, empty.rows[0], descending, limit));
  if (!context_flag("grandTotal")) return {};
  TRY_ASSIGN(QueryResult total, ask("MIN(\"__time\")" + outputs_list(), ""));
  out_.begin_object().key("timestamp").null().key("result");
  write_event(output_names(), total.rows[0], 1);
  out_.end_object();
  return {};
}

// Buckets between the first and the last with rows are all there; the first
// `limit` of them are made, or the last are kept.
Status NativeQuery::write_series(const QueryResult& rows, const Row& empty,
                                 bool descending,
                                 std::optional<uint64_t> limit) {
  std::deque<std::pair<Timestamp, const Row*>> points;
  MemoryCharge charge(control_);
  auto add = [&](Timestamp start, const Row& row) -> Status {
    points.emplace_back(start, &row);
    if (limit && points.size() > *limit) points.pop_front();
    charge.set(points.size() * sizeof(points[0]));
    TRY(control_.check_rows(points.size()));
    return control_.check();
  };
  auto enough = [&] { return limit && !descending && points.size() >= *limit; };
  bool fill = !context_flag("skipEmptyBuckets") && !bucket_.empty() &&
              bucket_ != sql_name(kTimeColumn);
  for (const Row& row : rows.rows) {
    const Timestamp* t = row[0].as_timestamp();
    if (!t && context_flag("skipEmptyBuckets")) continue;
    Timestamp start =
        t ? *t : (intervals_.empty() ? kMinTimestamp : intervals_[0].start);
    while (fill && !points.empty() && !enough()) {
      Timestamp next = granularity_.next(points.back().first, zone_);
      if (next >= start) break;
      TRY(add(next, empty));
    }
    if (enough()) break;
    TRY(add(start, row));
  }
  if (descending) std::reverse(points.begin(), points.end());
  const auto names = output_names();
  for (const auto& [start, row] : points) {
    out_.begin_object().field("timestamp", to_iso8601(start, zone_));
    out_.key("result");
    write_event(names, *row, 1);
    out_.end_object();
    TRY(check_size());
  }
  return {};
}

Result<NativeQuery::TopOrder> NativeQuery::top_by_dimension(
    const JsonValue& metric, const std::string& sql, bool inverted) {
  TRY_ASSIGN(std::string ordering, native_ordering(metric, "ordering"));
  TRY_ASSIGN(auto stop, native_optional_text(metric, "previousStop"));
  const bool numeric = ordering == "numeric";
  TopOrder out;
  std::string key = numeric ? "CAST(" + sql + " AS DOUBLE)" : sql;
  out.by = key + (inverted ? " DESC" : "");
  if (!stop) return out;
  if (!numeric) key = "CAST(" + sql + " AS VARCHAR)";
  double number = 0;
  if (numeric && !absl::SimpleAtod(*stop, &number)) {
    return invalid("'previousStop' must be a number: " + *stop);
  }
  // Nothing is before null.
  out.of = fmt::format(" AND ({} {} {}{})", key, inverted ? "<" : ">",
                       numeric ? fmt::format("{}", number) : sql_text(*stop),
                       inverted ? " OR " + sql + " IS NULL" : "");
  return out;
}

Result<NativeQuery::TopOrder> NativeQuery::top_order(const JsonValue& metric,
                                                     const Dimension& dimension,
                                                     bool inverted) {
  std::string_view type = native_type(metric);
  const JsonValue* inner = metric.find("metric");
  if (type == "inverted" && inner) {
    return top_order(*inner, dimension, !inverted);
  }
  if (type == "dimension" || type == "lexicographic") {
    return top_by_dimension(metric, dimension.sql, inverted);
  }
  const std::string* name = metric.as_string();
  if (type == "numeric" && inner) name = inner->as_string();
  if (!name) return native_unsupported("this metric", type);
  std::string sql = sql_->output(*name);
  if (sql.empty()) return invalid("no aggregation has the name: " + *name);
  return TopOrder{sql + (inverted ? " ASC" : " DESC") + " NULLS LAST", ""};
}

Status NativeQuery::top_n() {
  TRY(sql_->add_aggregations(body_));
  TRY_ASSIGN(auto found, dimensions("dimension"));
  if (found.size() != 1) return invalid("a topN has one 'dimension'");
  const JsonValue* metric = body_.find("metric");
  if (!metric) return invalid("'metric' is missing");
  std::vector<std::string> names = output_names();
  names.insert(names.begin(), found[0].name);
  TRY(check_native_names(names));
  TRY_ASSIGN(TopOrder order, top_order(*metric, found[0], false));
  TRY_ASSIGN(auto threshold, count_member(body_, "threshold"));
  if (!threshold) return invalid("'threshold' is missing");
  const bool whole = bucket_.empty();
  // The dimension breaks ties.
  std::string tail =
      order.of + (whole ? " GROUP BY 1 ORDER BY " + order.by + ", 1 LIMIT " +
                              std::to_string(*threshold)
                        : " GROUP BY 1, 2 ORDER BY 1, " + order.by + ", 2");
  TRY_ASSIGN(
      QueryResult rows,
      ask((whole ? "" : bucket_ + ", ") + found[0].sql + outputs_list(), tail));
  if (rows.rows.empty()) return {};
  Timestamp all{};
  if (whole) {
    TRY_ASSIGN(all, first_row());
  }
  for (size_t i = 0; i < rows.rows.size();) {
    const size_t begin = i;
    out_.begin_object();
    write_bucket(rows.rows[i], all);
    out_.key("result").begin_array();
    for (; i < rows.rows.size(); ++i) {
      if (!whole && !(rows.rows[i][0] == rows.rows[begin][0])) break;
      if (i - begin < *threshold) {
        write_event(names, rows.rows[i], whole ? 0 : 1);
      }
    }
    out_.end_array().end_object();
    TRY(check_size());
  }
  return {};
}

// " ORDER BY ..." and the limit of a limitSpec; by time and dimensions without.
Result<std::string> NativeQuery::group_order(
    const std::vector<Dimension>& dimensions) {
  std::string out;
  auto add = [&](const std::string& sql) {
    out += (out.empty() ? " ORDER BY " : ", ") + sql;
  };
  const JsonValue* spec = body_.find("limitSpec");
  if (spec && !spec->is_null() && native_type(*spec) != "default") {
    return native_unsupported("this limitSpec", native_type(*spec));
  }
  // Druid keeps the first rows of the first buckets.
  const bool time_last = context_flag("sortByDimsFirst");
  if (!bucket_.empty() && !time_last) add(bucket_);
  const JsonValue* columns = spec ? spec->find("columns") : nullptr;
  if (columns && !columns->is_null() && !columns->as_array()) {
    return invalid("'columns' of a limitSpec must be a list");
  }
  if (columns && columns->as_array()) {
    for (const JsonValue& entry : *columns->as_array()) {
      TRY_ASSIGN(std::string name, native_dimension_name(entry));
      std::string sql = sql_->output(name);
      bool is_dimension = sql.empty();
      for (const Dimension& d : dimensions) {
        if (d.name == name) sql = d.sql;
      }
      if (sql.empty()) return invalid("no output has the name: " + name);
      TRY_ASSIGN(std::string ordering,
                 native_ordering(entry, "dimensionOrder"));
      if (is_dimension && ordering == "numeric") {
        sql = "CAST(" + sql + " AS DOUBLE)";
      }
      TRY_ASSIGN(auto way,
                 native_choice(entry, "direction",
                               {"ascending", "descending", "asc", "desc"}));
      add(sql + (way && way->starts_with("desc") ? " DESC NULLS LAST" : ""));
    }
  }
  for (const Dimension& d : dimensions) add(d.sql);
  if (!bucket_.empty() && time_last) add(bucket_);
  if (!spec || spec->is_null()) return out;
  TRY_ASSIGN(auto limit, count_member(*spec, "limit"));
  TRY_ASSIGN(auto offset, count_member(*spec, "offset"));
  if (limit) out += fmt::format(" LIMIT {}", *limit);
  if (offset) out += fmt::format(" OFFSET {}", *offset);
  return out;
}

Status NativeQuery::group_by() {
  const JsonValue* subtotals = body_.find("subtotalsSpec");
  if (subtotals && !subtotals->is_null()) {
    return Error{ErrorCode::kUnsupported,
                 "this member is not supported: subtotalsSpec"};
  }
  TRY(sql_->add_aggregations(body_));
  TRY_ASSIGN(auto found, dimensions("dimensions"));
  std::string select = bucket_, groups = bucket_.empty() ? "" : "1";
  std::vector<std::string> names;
  for (const Dimension& d : found) {
    select += (select.empty() ? "" : ", ") + d.sql;
    names.push_back(d.name);
    groups += (groups.empty() ? "" : ", ") +
              std::to_string(names.size() + (bucket_.empty() ? 0 : 1));
  }
  for (const std::string& name : output_names()) names.push_back(name);
  TRY(check_native_names(names));
  std::string outputs = outputs_list();
  if (select.empty() && !outputs.empty()) outputs = outputs.substr(2);
  select += outputs;
  if (select.empty()) return invalid("a groupBy needs dimensions or outputs");
  std::string tail = groups.empty() ? "" : " GROUP BY " + groups;
  if (const JsonValue* having = body_.find("having");
      having && !having->is_null()) {
    TRY_ASSIGN(std::string condition, sql_->having(*having, found));
    tail += " HAVING " + condition;
  }
  TRY_ASSIGN(std::string order, group_order(found));
  TRY_ASSIGN(QueryResult rows, ask(select, tail + order));
  Timestamp all = intervals_.empty() ? kMinTimestamp : intervals_[0].start;
  const bool arrays = context_flag("resultAsArray");
  for (const Row& row : rows.rows) {
    if (arrays) {
      out_.begin_array();
      for (size_t i = 0; i < row.size(); ++i) {
        bool time = i == 0 && !bucket_.empty() && row[i].as_timestamp();
        if (time) {
          out_.value(row[i].as_timestamp()->ms);
        } else {
          write_druid_value(row[i], zone_, out_);
        }
      }
      out_.end_array();
    } else {
      out_.begin_object().field("version", "v1");
      write_bucket(row, all);
      out_.key("event");
      write_event(names, row, bucket_.empty() ? 0 : 1);
      out_.end_object();
    }
    TRY(check_size());
  }
  return {};
}

}  // namespace freshet
