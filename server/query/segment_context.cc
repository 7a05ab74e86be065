#include "server/query/segment_context.h"

#include <algorithm>

#include "server/query/evaluator.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

// Values of a dictionary that are evaluated together.
constexpr uint32_t kStretch = 4096;

// Values of a dictionary, from id `first` on, as the lanes of its column.
class DictionaryRows final : public RowSource {
 public:
  DictionaryRows(const Dictionary& dictionary, uint32_t first, uint32_t count)
      : values_(make_vector({ValueType::kString}, count)) {
    for (uint32_t i = 0; i < count; ++i) {
      if (first + i == kNullId) {
        values_->set_null(i);
      } else {
        values_->strings[i] = dictionary.value(first + i);
      }
    }
  }
  size_t size() const override { return values_->size; }
  Result<VectorPtr> column(const Expression&) override {
    return VectorPtr(values_);
  }

 private:
  std::shared_ptr<Vector> values_;
};

// Finds the one column; false if another is read too.
bool find_only_column(const Expression& e, const Expression** found) {
  if (e.kind == Expression::Kind::kColumn) {
    if (*found && (*found)->name != e.name) return false;
    *found = &e;
  }
  for (const auto& argument : e.arguments) {
    if (!find_only_column(*argument, found)) return false;
  }
  return true;
}

}  // namespace

const Expression* only_string_column(const Expression& expression) {
  const Expression* found = nullptr;
  if (!find_only_column(expression, &found) || !found) return nullptr;
  return found->type.type == ValueType::kString ? found : nullptr;
}

Result<std::unique_ptr<SegmentContext>> SegmentContext::create(
    std::shared_ptr<const Segment> segment, const RowExpressions& expressions,
    QueryControl& control) {
  auto made = std::make_unique<SegmentContext>();
  made->segment_ = std::move(segment);
  made->control_ = &control;
  made->charge_.emplace(control);
  for (const std::string& name : expressions.columns) {
    TRY(made->add_column(name));
  }
  for (const auto& e : expressions.evaluated) TRY(made->add_known(e));
  for (const auto& e : expressions.grouped) {
    auto at = made->known_.find(e.get());
    if (at == made->known_.end()) continue;
    auto ids = std::make_shared<ValueIds>(e->type);
    // Of a value that perhaps no chosen row has: the rows tell.
    if (!check_lanes(*at->second.values, *e)) continue;
    TRY(ids->intern_many(*at->second.values, at->second.distinct, control));
    at->second.ids = std::move(ids);
  }
  return made;
}

Status SegmentContext::add_column(const std::string& name) {
  TRY_ASSIGN(const Column* column, segment_->column(name));
  SegmentColumn entry;
  entry.column = column;
  if (column) entry.stored = expression_type(column->type());
  columns_.emplace(name, entry);
  return {};
}

const Column* SegmentContext::native(const Expression& column) const {
  if (column.kind != Expression::Kind::kColumn) return nullptr;
  const SegmentColumn& entry = columns_.at(column.name);
  return entry.column && entry.stored == column.type ? entry.column : nullptr;
}

const Column* SegmentContext::dictionary_column(
    const Expression& expression) const {
  const Column* column = native(expression);
  return column && column->dictionary() ? column : nullptr;
}

// The largest sub-expressions; a dictionary of nearly as many values as rows
// is not worth it.
Status SegmentContext::add_known(const ExpressionPtr& expression) {
  if (expression->kind != Expression::Kind::kCall) return {};
  const Expression* only = only_string_column(*expression);
  const Column* column = only ? dictionary_column(*only) : nullptr;
  if (column && column->dictionary()->size() <= segment_->num_rows() / 2) {
    DictionaryValues entry;
    entry.column = column;
    TRY_ASSIGN(entry.values, keep_dictionary(*expression, *column));
    known_.emplace(expression.get(), std::move(entry));
    return {};
  }
  for (const auto& argument : expression->arguments) TRY(add_known(argument));
  return {};
}

Result<VectorPtr> SegmentContext::keep_dictionary(const Expression& expression,
                                                  const Column& column) {
  auto out = make_vector(expression.type, column.dictionary()->size());
  TRY(evaluate_dictionary(
      expression, column, [&](uint32_t first, const Vector& values) -> Status {
        for (size_t i = 0; i < values.size; ++i) {
          copy_lane(*out, first + i, values, i, arena_);
        }
        charge_->set(charged_ + out->memory_bytes() + arena_.memory_bytes());
        return control_->check();
      }));
  charged_ += out->memory_bytes();
  return VectorPtr(out);
}

Status SegmentContext::evaluate_dictionary(const Expression& expression,
                                           const Column& column,
                                           const UseValues& use) const {
  const Dictionary& dictionary = *column.dictionary();
  Arena arena(*control_);
  EvaluationContext context{arena, false, control_};
  for (uint32_t first = 0; first < dictionary.size(); first += kStretch) {
    DictionaryRows rows(dictionary, first,
                        std::min(kStretch, dictionary.size() - first));
    TRY_ASSIGN(VectorPtr values, evaluate_vector(expression, rows, context));
    TRY(use(first, *values));
    arena.clear();
    TRY(control_->check());
  }
  return {};
}

}  // namespace freshet
