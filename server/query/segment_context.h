// SegmentContext: one segment as one query sees it: its columns by name, and
// the sub-expressions over a single string column, computed once for each
// dictionary value. Built once, then read by all tasks on the segment.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/segment.h"
#include "server/query/query_control.h"
#include "server/query/value_ids.h"
#include "server/query/vector.h"

namespace freshet {

struct SegmentColumn {
  const Column* column = nullptr;  // null: the segment lacks it, all null
  ExpressionType stored;           // type in the segment
};

// values lane id = the expression's value where the column has dictionary id.
struct DictionaryValues {
  const Column* column = nullptr;
  VectorPtr values;
  // For group keys: distinct[id] numbers equal values alike in `ids`.
  std::vector<uint32_t> distinct;
  std::shared_ptr<const ValueIds> ids;
};

// What a query evaluates on rows; made once per query.
struct RowExpressions {
  std::vector<std::string> columns;      // all that are read
  std::vector<ExpressionPtr> evaluated;  // worth knowing by dictionary value
  std::vector<ExpressionPtr> grouped;    // those of them it groups by
};

class SegmentContext {
 public:
  // Errors are those of reading the columns, and of `control`, which must
  // outlive this and is charged for what is computed.
  static Result<std::unique_ptr<SegmentContext>> create(
      std::shared_ptr<const Segment> segment, const RowExpressions& expressions,
      QueryControl& control);

  const Segment& segment() const { return *segment_; }
  QueryControl& control() const { return *control_; }
  // REQUIRES: a column of one of the expressions.
  const SegmentColumn& column(const std::string& name) const {
    return columns_.at(name);
  }
  // The column if it is in the segment with the type it was resolved with.
  const Column* native(const Expression& column) const;
  // The dictionary column of a bare string column, or null.
  const Column* dictionary_column(const Expression& expression) const;
  const DictionaryValues* known(const Expression& expression) const {
    auto at = known_.find(&expression);
    return at == known_.end() ? nullptr : &at->second;
  }
  // Calls use(first, values) for stretches of the dictionary of `column`, the
  // only column that `expression` reads: its values by id, from `first` on.
  // Strings are valid during the call. Fails as `use` and control() do.
  using UseValues = std::function<Status(uint32_t first, const Vector& values)>;
  Status evaluate_dictionary(const Expression& expression, const Column& column,
                             const UseValues& use) const;

 private:
  Status add_column(const std::string& name);
  Status add_known(const ExpressionPtr& expression);
  // All values of `expression`, strings in arena_.
  Result<VectorPtr> keep_dictionary(const Expression& expression,
                                    const Column& column);
  std::shared_ptr<const Segment> segment_;
  QueryControl* control_ = nullptr;
  std::optional<MemoryCharge> charge_;  // of known_ and arena_
  uint64_t charged_ = 0;                // of known_ alone, bytes
  absl::flat_hash_map<std::string, SegmentColumn> columns_;
  absl::flat_hash_map<const Expression*, DictionaryValues> known_;
  Arena arena_;  // strings of known_
};

// The only column an expression reads, if it is one string column.
const Expression* only_string_column(const Expression& expression);

}  // namespace freshet
