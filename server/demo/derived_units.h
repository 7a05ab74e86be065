// DerivedUnits: exact values of a derived column ("qty * price - discount")
// from the measures of an event. Written apart from the query engine on
// purpose: the ledger is what the engine's sums are checked against.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/demo/event_generator.h"
#include "server/query/expression.h"

namespace freshet {

class DerivedUnits {
 public:
  // Nothing if the expression has more than + - * of long and decimal measures
  // and literals, or more digits than the column.
  static std::optional<DerivedUnits> compile(const Expression& expression,
                                             const EventShape& shape,
                                             ColumnType column);
  // Units of the column; nothing (null) if a measure is null.
  std::optional<__int128> value(const EventFacts& facts) const;

 private:
  enum class Operation : uint8_t { kMeasure, kPush, kAdd, kSubtract, kTimes };
  struct Step {
    Operation operation;
    size_t measure = 0;
    __int128 literal = 0;
  };
  // Appends the steps of `e` and gives the scale of its value.
  std::optional<int> add(const Expression& e, const EventShape& shape);
  void push(__int128 literal);
  void multiply_by_power(int digits);

  std::vector<Step> steps_;  // in postfix order
  int depth_ = 0, most_depth_ = 0;
};

}  // namespace freshet
