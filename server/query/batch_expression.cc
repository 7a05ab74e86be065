#include "server/query/batch_expression.h"

#include "server/query/evaluator.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

class BatchRows final : public RowSource {
 public:
  explicit BatchRows(const ColumnBatch& batch) : batch_(batch) {}
  size_t size() const override { return batch_.num_rows(); }
  Result<VectorPtr> column(const Expression& column) override;

 private:
  const ColumnBatch& batch_;
};

Result<VectorPtr> BatchRows::column(const Expression& column) {
  auto at = batch_.schema().find(column.name);
  if (!at) return invalid("unknown column: " + column.name);
  const ColumnBuffer& buffer = batch_.columns()[*at];
  auto out =
      make_vector(expression_type(batch_.schema().columns[*at].type), size());
  size_t n = size();
  if (is_long_backed(out->type)) {
    out->longs.assign(buffer.longs.begin(), buffer.longs.begin() + n);
  } else if (out->type.type == ValueType::kDouble) {
    out->doubles.assign(buffer.doubles.begin(), buffer.doubles.begin() + n);
  } else if (out->type.type == ValueType::kDecimal) {
    out->decimals.assign(buffer.longs.begin(), buffer.longs.begin() + n);
  } else {
    out->strings.assign(buffer.strings.begin(), buffer.strings.begin() + n);
  }
  if (buffer.num_nulls > 0) {
    out->states.assign(buffer.nulls.begin(), buffer.nulls.begin() + n);
  }
  return VectorPtr(out);
}

Status row_error(const Vector& lanes) {
  for (size_t i = 0; i < lanes.size; ++i) {
    uint8_t state = lanes.state(i);
    if (state <= kLaneNull) continue;
    return invalid(state == kLaneDivision ? "division by zero"
                                          : "number out of range");
  }
  return {};
}

Status copy_lane(const Vector& lanes, size_t row, ExpressionColumn& out) {
  size_t i = lanes.at(row);
  switch (lanes.type.type) {
    case ValueType::kDouble:
      out.doubles[row] = lanes.doubles[i];
      return {};
    case ValueType::kString:
      out.strings[row] = std::string(lanes.strings[i]);
      return {};
    case ValueType::kDecimal:
      out.longs[row] = static_cast<int64_t>(lanes.decimals[i]);
      if (out.longs[row] == lanes.decimals[i]) return {};
      return invalid("number out of range");
    default:
      out.longs[row] = lanes.longs[i];
      return {};
  }
}

}  // namespace

Result<ExpressionColumn> evaluate(const Expression& expression,
                                  const ColumnBatch& batch) {
  BatchRows rows(batch);
  Arena arena;
  EvaluationContext context{arena, true};
  TRY_ASSIGN(VectorPtr lanes, evaluate_vector(expression, rows, context));
  TRY(row_error(*lanes));
  ExpressionColumn out;
  out.type = expression.type;
  size_t n = batch.num_rows();
  out.nulls.resize(n);
  bool text = out.type.type == ValueType::kString;
  bool real = out.type.type == ValueType::kDouble;
  if (text) out.strings.resize(n);
  if (real) out.doubles.resize(n);
  if (!text && !real) out.longs.resize(n);
  for (size_t row = 0; row < n; ++row) {
    out.nulls[row] = !lanes->is_value(row);
    if (out.nulls[row]) continue;
    TRY(copy_lane(*lanes, row, out));
  }
  return out;
}

}  // namespace freshet
