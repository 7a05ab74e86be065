// The one Query type under SQL, Druid JSON, KPIs and alerts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/query/expression.h"
#include "server/query/limits.h"

namespace freshet {

struct Aggregate {
  enum class Function : uint8_t {
    kCount,  // count(*) without argument, else non-null arguments
    kSum,
    kMin,
    kMax,
    kAvg,
    kCountDistinct,  // exact
    kFirst,
    kLast,            // argument at the least / greatest __time (ties: any),
                      // or by the time keys[0]
    kQuantile,        // exact over the matched rows; `parameter` in [0,1]
    kLastPerKeySum,   // semi-additive: the newest argument per `keys`, summed
    kApproxDistinct,  // by HllSketch: standard error 0.81 %
    kApproxQuantile,  // by QuantileSketch: rank off by at most 0.53 % (99 %)
    kVariance,        // of the population, or with `sample` of a sample
    kDeviation,       // its square root
    kBitAnd,
    kBitOr,
    kBitXor,  // of longs
    kTexts,   // joined by `separator`, in no promised order
    kArray,   // as the text of a JSON array, nulls too
  };
  Function function = Function::kCount;
  ExpressionPtr argument;           // null for count(*)
  ExpressionPtr filter;             // FILTER (WHERE ...), or null
  std::vector<ExpressionPtr> keys;  // kLastPerKeySum, kFirst, kLast
  double parameter = 0;             // kQuantile, kApproxQuantile
  bool sample = false;              // kVariance, kDeviation
  bool distinct = false;            // kTexts, kArray: equal values once
  std::string separator;            // kTexts
  std::string name;                 // output name, unique in the query

  bool approximate() const {
    return function == Function::kApproxDistinct ||
           function == Function::kApproxQuantile;
  }
};

struct OrderBy {
  std::string name;  // an output column
  bool descending = false;
  std::optional<bool> nulls_first;  // default: as Druid, nulls first ascending
};

// Results are exact but for the functions kApprox*; a broken limit fails the
// query. Output columns come in the order of `select`.
struct Query {
  enum class Kind : uint8_t { kAggregate, kScan };
  Kind kind = Kind::kAggregate;

  std::string dataset;
  Interval interval;     // on __time, besides the filter
  ExpressionPtr filter;  // boolean over columns, or null

  // kAggregate: groups by these (name, expression); no groups = one row.
  struct Group {
    std::string name;
    ExpressionPtr expression;
  };
  std::vector<Group> groups;
  std::vector<Aggregate> aggregates;
  // Over output names of groups and aggregates; keeps rows where true.
  ExpressionPtr having;

  // Output columns: kAggregate over the names of groups and aggregates, kScan
  // over the dataset's columns. Empty: all groups then all aggregates, or all
  // columns.
  struct Output {
    std::string name;
    ExpressionPtr expression;
  };
  std::vector<Output> select;
  bool distinct = false;
  std::vector<OrderBy> order_by;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;

  bool use_cubes = true;       // where they give the same answer
  bool why_not = false;        // say why cubes were not used; takes no cache
  bool use_cache = true;       // take what earlier queries found in segments
  bool populate_cache = true;  // and keep what this one finds

  Limits limits;
  std::string id;  // for cancel and logs; may be empty
};

}  // namespace freshet
