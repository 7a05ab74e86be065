#include "server/application_transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/keyed_hash.h"
#include "server/query/batch_expression.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"
#include "server/query/widen_value.h"

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

// An error of a row, in the words of the definition.
Error in_place(Error error, const std::string& place) {
  error.message += " in " + place;
  return error;
}

// Of the column's type: where the model takes a number that is not, it is a
// long or decimal that widens. kInvalid as evaluate().
Result<ExpressionColumn> evaluate_for(size_t column,
                                      const Expression& expression,
                                      const ColumnBatch& batch) {
  TRY_ASSIGN(ExpressionColumn values, evaluate(expression, batch));
  const ExpressionType from = values.type;
  values.type = expression_type(batch.schema().columns[column].type);
  if (from == values.type || from.type == ValueType::kNull) return values;
  const bool real = values.type.type == ValueType::kDouble;
  if (real) values.doubles.resize(batch.num_rows());
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    if (values.nulls[row]) continue;
    Value value(values.longs[row]);
    if (from.type == ValueType::kDecimal) {
      value = Value(Decimal{values.longs[row], from.scale});
    }
    value = widened(std::move(value), values.type);
    if (real) {
      values.doubles[row] = value.to_double();
      continue;
    }
    auto units = value.as_decimal()->units;
    values.longs[row] = static_cast<int64_t>(units);
    if (values.longs[row] != units) {
      return invalid("number out of range");
    }
  }
  return values;
}

class ExpressionTransform : public Transform {
 public:
  struct Derived {
    size_t column;
    ExpressionPtr expression;
    std::vector<size_t> reads{};  // columns
  };
  // Of columns with personal data: hashed, or dropped.
  struct Personal {
    size_t column;
    bool hashed;
  };
  ExpressionTransform(std::vector<Derived> derived, ExpressionPtr filter,
                      std::vector<Personal> personal, std::string_view secret,
                      std::vector<size_t> read, const LookupSource* lookups)
      : derived_(std::move(derived)),
        filter_(std::move(filter)),
        personal_(std::move(personal)),
        hash_(secret),
        read_(std::move(read)),
        lookups_(lookups) {
    collect_lookups(filter_, lookup_names_);
    for (const Derived& one : derived_) {
      collect_lookups(one.expression, lookup_names_);
    }
  }

  bool reads(size_t column) const override {
    return std::ranges::find(read_, column) != read_.end();
  }
  bool stored_as_read(size_t column) const override {
    return std::ranges::find(personal_, column, &Personal::column) ==
           personal_.end();
  }

  Status prepare() const override {
    for (const std::string& name : lookup_names_) {
      if (lookups_ == nullptr) {
        return Error{ErrorCode::kUnavailable, "there is no lookup " + name};
      }
      TRY(lookups_->ready(name));
    }
    if (lookup_names_.empty()) return {};
    // While a reload changes what lookups have, this dataset's stream may go on
    // as it was for a moment.
    const LookupSnapshots lookups(lookups_);
    for (const Derived& derived : derived_) {
      TRY(bind_lookups(derived.expression, &lookups));
    }
    if (filter_) TRY(bind_lookups(filter_, &lookups));
    return {};
  }

  // All rows of a batch see each lookup as it is now.
  void apply(ColumnBatch& batch, std::vector<uint8_t>& keep,
             std::vector<RowError>& errors) const override {
    const LookupSnapshots lookups(lookups_);
    for (const Derived& derived : derived_) {
      auto bound = bind_lookups(derived.expression, &lookups);
      if (!bound) return fail_all(bound.error(), batch, errors);
      size_t before = errors.size();
      derive({derived.column, std::move(*bound)}, batch, errors);
      pass_on(derived, before, errors);
    }
    if (filter_) {
      auto bound = bind_lookups(filter_, &lookups);
      if (!bound) return fail_all(bound.error(), batch, errors);
      drop(**bound, batch, keep, errors);
    }
    // Last: what is derived from personal data is derived from it as it is.
    for (const Personal& personal : personal_) hide(personal, batch);
  }

 private:
  void fail_all(const Error& error, const ColumnBatch& batch,
                std::vector<RowError>& errors) const {
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      errors.push_back({row, error});
      for (const Derived& derived : derived_) {
        errors.push_back({row, error, derived.column});
      }
    }
  }

  // What reads a column that could not be computed is not computed either.
  static void pass_on(const Derived& derived, size_t before,
                      std::vector<RowError>& errors) {
    for (size_t i = 0; i < before; ++i) {
      auto column = errors[i].column;
      if (column &&
          std::ranges::find(derived.reads, *column) != derived.reads.end()) {
        errors.push_back({errors[i].row, errors[i].error, derived.column});
      }
    }
  }

  // All rows at once; only if that fails, row by row to find the culprits.
  static void derive(const Derived& derived, ColumnBatch& batch,
                     std::vector<RowError>& errors) {
    auto values = evaluate_for(derived.column, *derived.expression, batch);
    if (values) {
      store(*values, derived.column, batch);
      return;
    }
    auto schema = std::make_shared<const Schema>(batch.schema());
    ColumnBatch one(schema);
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      copy_row(batch, row, one);
      auto value = evaluate_for(derived.column, *derived.expression, one);
      if (value) {
        store_row(*value, 0, derived.column, row, batch);
      } else {
        const Schema& names = batch.schema();
        errors.push_back(
            {row,
             in_place(value.error(),
                      "column '" + names.columns[derived.column].name + "'"),
             derived.column});
      }
    }
  }

  void hide(const Personal& personal, ColumnBatch& batch) const {
    ColumnBuffer& column = batch.columns()[personal.column];
    if (!personal.hashed) {
      std::ranges::fill(column.nulls, uint8_t{1});
      column.num_nulls = column.nulls.size();
      std::ranges::fill(column.longs, 0);
      std::ranges::fill(column.doubles, 0);
      std::ranges::fill(column.strings, std::string_view());
      return;
    }
    std::array<char, KeyedHash::kDigits> digits;
    for (uint32_t row = 0; row < batch.num_rows(); ++row) {
      if (column.nulls[row]) continue;
      hash_.write(column.strings[row], digits);
      column.strings[row] = batch.keep({digits.data(), digits.size()});
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
  static void drop(const Expression& filter, const ColumnBatch& batch,
                   std::vector<uint8_t>& keep, std::vector<RowError>& errors) {
    auto values = evaluate(filter, batch);
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
      auto value = evaluate(filter, one);
      if (!value) {
        errors.push_back({row, in_place(value.error(), "the filter")});
      } else if (value->nulls[0] || !value->longs[0]) {
        keep[row] = 0;
      }
    }
  }

  std::vector<Derived> derived_;  // in the model's order
  ExpressionPtr filter_;
  std::vector<Personal> personal_;
  KeyedHash hash_;
  std::vector<size_t> read_;  // columns, by derived ones and the filter
  const LookupSource* const lookups_;
  std::set<std::string> lookup_names_;
};

std::vector<size_t> columns_of(const Expression& expression,
                               const Schema& schema) {
  std::vector<std::string> names;
  collect_columns(expression, names);
  std::vector<size_t> columns;
  for (const std::string& name : names) {
    columns.push_back(schema.find(name).value());
  }
  return columns;
}

}  // namespace

std::shared_ptr<const Transform> make_transform(const DatasetModel& dataset,
                                                const LookupSource* lookups) {
  std::vector<ExpressionTransform::Derived> derived;
  for (const ColumnModel& column : dataset.columns) {
    if (!column.derived) continue;
    derived.push_back({dataset.schema->find(column.name).value(),
                       column.derived,
                       columns_of(*column.derived, *dataset.schema)});
  }
  std::vector<ExpressionTransform::Personal> personal;
  for (const ColumnModel& column : dataset.columns) {
    if (column.pii_stored == "plain") continue;
    personal.push_back({dataset.schema->find(column.name).value(),
                        column.pii_stored == "hash"});
  }
  std::vector<size_t> read;
  if (dataset.filter) read = columns_of(*dataset.filter, *dataset.schema);
  for (const ExpressionTransform::Derived& one : derived) {
    read.insert(read.end(), one.reads.begin(), one.reads.end());
  }
  if (derived.empty() && !dataset.filter && personal.empty()) return nullptr;
  return std::make_shared<ExpressionTransform>(
      std::move(derived), dataset.filter, std::move(personal), dataset.pii_key,
      std::move(read), lookups);
}

}  // namespace freshet
