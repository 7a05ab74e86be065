// NativeQuery: one native Druid query while it is answered. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/druid/native_sql.h"
#include "server/json/json_writer.h"
#include "server/query/query_control.h"
#include "server/sql/sql.h"

namespace freshet {

// A value of a dimension that a search has found.
struct SearchHit {
  Value bucket;  // of time; null for granularity all
  std::string dimension, value;
  int64_t count;
};

class NativeQuery {
 public:
  // All must outlive it. `base` has the id, the limits and the cancel flag.
  NativeQuery(Sql& sql, const DatasetCatalog& catalog, const JsonValue& body,
              SqlRequest base);

  // The answer's JSON.
  Result<std::string> answer();

 private:
  using Dimension = NativeSql::Dimension;
  using Row = std::vector<Value>;

  // What every kind of query has; sql_ is there after it.
  Status read_common();
  Status check_switches() const;
  Result<QueryResult> ask(const std::string& select, const std::string& tail,
                          bool filtered = true);
  Result<std::vector<Dimension>> dimensions(const char* key) const;
  // "timestamp" of a row: that of its bucket, whose value is the first.
  void write_bucket(const Row& row, Timestamp all);
  void write_event(const std::vector<std::string>& names, const Row& row,
                   size_t from);
  Status check_size();
  bool context_flag(const char* name) const;
  Result<std::optional<uint64_t>> count_member(const JsonValue& node,
                                               const char* name) const;
  Result<Timestamp> first_row();
  std::string outputs_list() const;
  std::vector<std::string> output_names() const;

  Status timeseries();
  Status write_series(const QueryResult& rows, const Row& empty,
                      bool descending, std::optional<uint64_t> limit);
  Status top_n();
  // SQL to order one bucket's rows by, and " AND ..." of those that may be.
  struct TopOrder {
    std::string by, of;
  };
  Result<TopOrder> top_order(const JsonValue& metric,
                             const Dimension& dimension, bool inverted);
  Result<TopOrder> top_by_dimension(const JsonValue& metric,
                                    const std::string& sql, bool inverted);
  Status group_by();
  Result<std::string> group_order(const std::vector<Dimension>& dimensions);
  Status scan();
  Result<std::string> scan_order() const;
  Status search();
  Status write_hits(const std::vector<SearchHit>& hits, uint64_t limit);
  Status time_boundary();
  Status data_source_metadata();
  Status segment_metadata();
  Result<std::vector<ColumnSpec>> described_columns() const;
  void write_column(const ColumnSpec& spec, const Row& row, size_t& at,
                    bool cardinality, bool minmax);

  Sql& engine_;
  const DatasetCatalog& catalog_;
  const JsonValue& body_;
  const SqlRequest base_;
  QueryControl control_;

  std::string dataset_;
  std::shared_ptr<const Schema> schema_;
  std::optional<NativeSql> sql_;
  std::vector<Interval> intervals_;
  std::string where_;   // "" or " WHERE ..."
  std::string bucket_;  // SQL of the bucket; "" for granularity all
  Granularity granularity_;
  absl::TimeZone zone_ = absl::UTCTimeZone();
  JsonWriter out_;
};

}  // namespace freshet
