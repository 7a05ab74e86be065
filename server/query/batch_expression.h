// Evaluates an expression over decoded rows that are in no segment yet: the
// ingestion transforms (derived columns, filter) use it through the
// application.
#pragma once

#include <vector>

#include "segments/column_batch.h"
#include "server/query/expression.h"

namespace freshet {

// One column of results: integer-backed types in longs, kDouble in doubles,
// kString in strings (owned); nulls[i] = 1 for null.
struct ExpressionColumn {
  ExpressionType type;
  std::vector<int64_t> longs;
  std::vector<double> doubles;
  std::vector<std::string> strings;
  std::vector<uint8_t> nulls;
};

// Value of `expression` (resolved against batch.schema()) for every row.
// kInvalid on int64 overflow or division by zero of integers in any of them,
// saying which of the two: where that was is for the caller to say.
Result<ExpressionColumn> evaluate(const Expression& expression,
                                  const ColumnBatch& batch);

}  // namespace freshet
