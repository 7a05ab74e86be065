// Evaluates resolved expressions over the lanes of a RowSource.
#pragma once

#include <string>

#include "server/query/function_table.h"

namespace freshet {

// Where an expression's columns come from: rows of a segment block, of a
// ColumnBatch, or of a query's merged groups. Used by one thread.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual size_t size() const = 0;  // lanes
  // The column's values, in the type that the expression was resolved with.
  virtual Result<VectorPtr> column(const Expression& column) = 0;
  // A vector the source knows for this whole sub-expression (one computed per
  // dictionary value), or null.
  virtual Result<VectorPtr> known(const Expression& expression) {
    return VectorPtr();
  }
};

// Lanes may hold errors; the caller raises those it uses with check_lanes().
Result<VectorPtr> evaluate_vector(const Expression& expression, RowSource& rows,
                                  EvaluationContext& context);

// The value of an expression without columns; nothing if it has columns.
Result<std::optional<Value>> constant_value(const Expression& expression);

}  // namespace freshet
