// Window functions over the rows of a result: ROW_NUMBER() OVER (PARTITION BY
// ... ORDER BY ...) and the like, each as one more column.
#pragma once

#include <absl/time/time.h>

#include <optional>
#include <vector>

#include "server/query/query_control.h"
#include "server/query/row_order.h"

namespace freshet {

// Which rows of its partition a row's function sees.
struct WindowFrame {
  enum class Unit : uint8_t { kRows, kRange, kGroups };
  enum class Edge : uint8_t {
    kUnboundedPreceding,
    kPreceding,
    kCurrentRow,
    kFollowing,
    kUnboundedFollowing
  };
  struct Bound {
    Edge edge = Edge::kCurrentRow;
    int64_t offset = 0;  // kPreceding, kFollowing: rows or groups, from 0
    // The same with kRange, not negative: a number, or if `is_time` calendar
    // months and milliseconds.
    Value distance{};
    int64_t months = 0;
    bool is_time = false;
  };
  // SQL's default: up to the last row that is equal in ORDER BY.
  Unit unit = Unit::kRange;
  Bound start{Edge::kUnboundedPreceding, 0}, end{};
};

struct WindowCall {
  enum class Function : uint8_t {
    kRowNumber,
    kRank,
    kDenseRank,
    kPercentRank,
    kCumeDist,
    kNtile,  // `offset` buckets
    kLag,
    kLead,  // `offset` rows away, else `fallback`
    kFirstValue,
    kLastValue,
    kNthValue,  // `offset` from 1
    kCount,     // without argument: of rows
    kSum,
    kMin,
    kMax,
    kAvg
  };
  Function function = Function::kRowNumber;
  std::optional<size_t> argument;  // a column
  int64_t offset = 1;
  std::optional<size_t> fallback;  // a column of the argument's type
  std::vector<size_t> partition;   // columns
  std::vector<RowOrder> order;
  WindowFrame frame;
  absl::TimeZone zone = absl::UTCTimeZone();  // of the frame's months
};

// Adds the function's values as the last column, named `name`. Sums are exact
// for longs and decimals and kInvalid out of range; rows stay in their order.
// kInvalid for an argument of another type than the function takes.
Status add_window(QueryResult& rows, const WindowCall& call, std::string name,
                  QueryControl& control);

}  // namespace freshet
