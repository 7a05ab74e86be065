#include "server/application_transform.h"

#include <utility>
#include <vector>

#include "server/query/batch_expression.h"

namespace freshet {
namespace {

// Copies row `row` of `from` into the emptied `to`.
void copy_row(const ColumnBatch& from, uint32_t row, ColumnBatch& to) {
  to.clear();
  const Schema& schema = from.schema();
  for (size_t c = 0; c < schema.columns.size(); ++c) {
    const ColumnBuffer& column = from.columns()[c];
    if (column.nulls[row]) continue;
    switch (schema.columns[c].type.kind) {
      case ColumnKind::kString:
        to.set_string(c, column.strings[row]);
        break;
      case ColumnKind::kDouble:
        to.set_double(c, column.doubles[row]);
        break;
      default:
        to.set_long(c, column.longs[row]);
    }
  }
  to.commit_row();
}

class ExpressionTransform : public Transform {
 public:
  struct Derived {
    size_t column;
    ExpressionPtr expression;
  };
  ExpressionTransform(std::vector<Derived> derived, ExpressionPtr filter)
      : derived_(std::move(derived)), filter_(std::move(filter)) {}

  void apply(ColumnBatch& batch, std::vector<uint8_t>& keep,
             std::vector<RowError>& errors) const override {
    for (const Derived& derived : derived_) derive(derived, batch, errors);
    if (filter_) drop(batch, keep, errors);
  }

 private:
  // All rows at once; only if that fails, row by row to find the culprits.
  static void derive(const Derived& derived, ColumnBatch& batch,
                     std::vector<RowError>& errors) {
    auto values = evaluate(*derived.expression, batch);
    if (values) {
      store(*values, derived.column, batch);
      return;
    }
    auto schema = std::make_shared<const Schema>(batch.schema());
    ColumnBatch one(schema);
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      copy_row(batch, row, one);
      auto value = evaluate(*derived.expression, one);
      if (value) {
        store_row(*value, 0, derived.column, row, batch);
      } else {
        errors.push_back({row, value.error()});
      }
    }
  }

  static void store(const ExpressionColumn& values, size_t column,
                    ColumnBatch& batch) {
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      store_row(values, row, column, row, batch);
    }
  }

  static void store_row(const ExpressionColumn& values, uint32_t from,
                        size_t column, uint32_t row, ColumnBatch& batch) {
    ColumnBuffer& target = batch.columns()[column];
    bool null = values.nulls[from] != 0;
    if (target.nulls[row] && !null) --target.num_nulls;
    if (!target.nulls[row] && null) ++target.num_nulls;
    target.nulls[row] = null;
    switch (batch.schema().columns[column].type.kind) {
      case ColumnKind::kString:
        target.strings[row] =
            null ? std::string_view() : batch.keep(values.strings[from]);
        break;
      case ColumnKind::kDouble:
        target.doubles[row] = null ? 0 : values.doubles[from];
        break;
      default:
        target.longs[row] = null ? 0 : values.longs[from];
    }
  }

  // As in SQL, a row whose condition is null is not kept.
  void drop(const ColumnBatch& batch, std::vector<uint8_t>& keep,
            std::vector<RowError>& errors) const {
    auto values = evaluate(*filter_, batch);
    if (values) {
      for (uint32_t row = 0; row < batch.num_rows(); ++row) {
        if (values->nulls[row] || !values->longs[row]) keep[row] = 0;
      }
      return;
    }
    auto schema = std::make_shared<const Schema>(batch.schema());
    ColumnBatch one(schema);
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      copy_row(batch, row, one);
      auto value = evaluate(*filter_, one);
      if (!value) {
        errors.push_back({row, value.error()});
      } else if (value->nulls[0] || !value->longs[0]) {
        keep[row] = 0;
      }
    }
  }

  std::vector<Derived> derived_;  // in the model's order
  ExpressionPtr filter_;
};

}  // namespace

std::shared_ptr<const Transform> make_transform(const DatasetModel& dataset) {
  std::vector<ExpressionTransform::Derived> derived;
  for (const ColumnModel& column : dataset.columns) {
    if (!column.derived) continue;
    derived.push_back(
        {dataset.schema->find(column.name).value(), column.derived});
  }
  if (derived.empty() && !dataset.filter) return nullptr;
  return std::make_shared<ExpressionTransform>(std::move(derived),
                                               dataset.filter);
}

}  // namespace freshet
