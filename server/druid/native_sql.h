// Parts of a native Druid query as SQL text. What we lack is kUnsupported with
// its Druid name; a wrong value is kInvalid; unknown members are ignored.
//
// Used by one thread; `schema` must outlive it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/schema.h"
#include "segments/time.h"
#include "server/json/json_value.h"

namespace freshet {

class NativeSql {
 public:
  explicit NativeSql(const Schema& schema) : schema_(schema) {}

  // {"type":"expression","name","expression"}, to be used like columns.
  Status add_virtual_columns(const JsonValue& query);

  // A condition; "" for none.
  Result<std::string> filter(const JsonValue* filter) const;

  struct Dimension {
    std::string sql, name;
    bool text = false;  // known to be of texts
  };
  // A name or a dimension spec: default, extraction or lookup.
  Result<Dimension> dimension(const JsonValue& spec) const;

  // Reads "aggregations" and then "postAggregations". Each has a name.
  Status add_aggregations(const JsonValue& query);
  const std::vector<Dimension>& outputs() const { return outputs_; }
  // The SQL of the output of this name, or "".
  std::string output(std::string_view name) const;

  // HAVING over the outputs and these dimensions.
  Result<std::string> having(const JsonValue& having,
                             const std::vector<Dimension>& dimensions) const;

  // Druid's search for `query` in `text`, which is SQL of texts.
  Result<std::string> searched(const std::string& text,
                               const JsonValue* query) const;

  // Identifier of a column; kInvalid with the nearest name if unknown.
  Result<std::string> column(std::string_view name) const;

 private:
  // What constants of a column are; kWritten: as the JSON has them.
  enum class Kind { kText, kNumber, kTruth, kTime, kWritten };
  Kind kind_of(std::string_view name) const;
  // Nothing when no value of the kind is written so.
  Result<std::optional<std::string>> constant(const JsonValue& value,
                                              Kind kind) const;

  Result<std::string> connective(const JsonValue& filter,
                                 std::string_view word) const;
  Result<std::string> equality(const JsonValue& filter,
                               const char* value_key) const;
  Result<std::string> membership(const JsonValue& filter) const;
  Result<std::string> bound(const JsonValue& filter) const;
  Result<bool> bound_by_numbers(const JsonValue& filter, Kind kind) const;
  Result<std::string> like(const JsonValue& filter) const;
  Result<std::string> search(const JsonValue& filter) const;
  Result<std::string> between_times(const JsonValue& filter) const;
  // "dimension" or "column" of a filter, through its extraction function.
  Result<std::string> subject(const JsonValue& filter, Kind* kind) const;
  Result<std::string> extracted(std::string sql, const JsonValue& fn) const;
  Result<std::string> time_format(std::string sql, const JsonValue& fn) const;
  Result<std::string> looked_up(const std::string& sql, const JsonValue& spec,
                                const char* name_key) const;

  Result<std::string> aggregation(const JsonValue& spec);
  Result<std::string> sum_of(const JsonValue& spec, std::string_view type,
                             std::string_view function) const;
  Result<std::string> distinct_of(const JsonValue& spec) const;
  Result<std::string> script(const JsonValue& spec) const;
  Result<std::string> post_aggregation(const JsonValue& spec) const;
  Result<std::string> arithmetic(const JsonValue& spec) const;
  Result<std::string> quantile(const JsonValue& spec) const;

  const Schema& schema_;
  std::map<std::string, std::string, std::less<>> virtual_columns_;
  std::vector<Dimension> outputs_;
  // What a quantile sketch is of; the condition is empty if of all rows.
  struct Sketch {
    std::string column, condition;
  };
  std::map<std::string, Sketch, std::less<>> sketches_;  // by aggregation
};

// 'text' and "name".
std::string sql_text(std::string_view text);
std::string sql_name(std::string_view name);
// `sql` within any of the intervals ("a/b", or a list of them).
Result<std::vector<Interval>> native_intervals(const JsonValue& intervals);
std::string within(const std::string& sql,
                   const std::vector<Interval>& intervals);

}  // namespace freshet
