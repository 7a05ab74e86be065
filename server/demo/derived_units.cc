#include "server/demo/derived_units.h"

#include <algorithm>
#include <array>

namespace freshet {
namespace {
constexpr int kMostDepth = 16;
}  // namespace

std::optional<DerivedUnits> DerivedUnits::compile(const Expression& expression,
                                                  const EventShape& shape,
                                                  ColumnType column) {
  bool exact =
      column.kind == ColumnKind::kLong || column.kind == ColumnKind::kDecimal;
  DerivedUnits result;
  std::optional<int> scale = result.add(expression, shape);
  if (!exact || !scale || *scale > column.scale) return std::nullopt;
  result.multiply_by_power(column.scale - *scale);
  if (result.most_depth_ > kMostDepth) return std::nullopt;
  return result;
}

void DerivedUnits::push(__int128 literal) {
  steps_.push_back({Operation::kPush, 0, literal});
  most_depth_ = std::max(most_depth_, ++depth_);
}

void DerivedUnits::multiply_by_power(int digits) {
  if (digits == 0) return;
  push(kPowersOfTen[digits]);
  steps_.push_back({Operation::kTimes});
  --depth_;
}

std::optional<int> DerivedUnits::add(const Expression& e,
                                     const EventShape& shape) {
  if (e.kind == Expression::Kind::kLiteral) {
    if (const int64_t* v = e.literal.as_long()) return push(*v), 0;
    if (const Decimal* v = e.literal.as_decimal())
      return push(v->units), v->scale;
    return std::nullopt;
  }
  if (e.kind == Expression::Kind::kColumn) {
    for (size_t i = 0; i < shape.measures.size(); ++i) {
      if (shape.measures[i].name != e.name) continue;
      if (shape.measures[i].type.kind == ColumnKind::kDouble) break;
      steps_.push_back({Operation::kMeasure, i});
      most_depth_ = std::max(most_depth_, ++depth_);
      return shape.measures[i].type.scale;
    }
    return std::nullopt;
  }
  if (e.name == "cast" && e.arguments.size() == 1) {
    // To an exact type that keeps all digits, as the model adds it.
    std::optional<int> scale = add(*e.arguments[0], shape);
    bool exact = e.cast_type.type == ValueType::kDecimal ||
                 e.cast_type.type == ValueType::kLong;
    if (!scale || !exact || *scale > e.cast_type.scale) return std::nullopt;
    multiply_by_power(e.cast_type.scale - *scale);
    return e.cast_type.scale;
  }
  bool plus = e.name == "+", minus = e.name == "-", times = e.name == "*";
  if (e.arguments.size() != 2 || (!plus && !minus && !times))
    return std::nullopt;
  std::optional<int> left = add(*e.arguments[0], shape);
  if (!left) return std::nullopt;
  // The left side is brought to the right one's scale before that is known:
  // remember the place, and compile the right side to learn its scale.
  DerivedUnits probe;
  std::optional<int> right = probe.add(*e.arguments[1], shape);
  if (!right || *left + *right > 18) return std::nullopt;
  if (!times && *left < *right) multiply_by_power(*right - *left);
  add(*e.arguments[1], shape);
  if (!times && *right < *left) multiply_by_power(*left - *right);
  steps_.push_back({times  ? Operation::kTimes
                    : plus ? Operation::kAdd
                           : Operation::kSubtract});
  --depth_;
  return times ? *left + *right : std::max(*left, *right);
}

std::optional<__int128> DerivedUnits::value(const EventFacts& facts) const {
  std::array<__int128, kMostDepth> stack;
  size_t top = 0;
  for (const Step& step : steps_) {
    switch (step.operation) {
      case Operation::kMeasure:
        if (!facts.present[step.measure]) return std::nullopt;
        stack[top++] = facts.units[step.measure];
        break;
      case Operation::kPush:
        stack[top++] = step.literal;
        break;
      case Operation::kAdd:
        --top;
        stack[top - 1] += stack[top];
        break;
      case Operation::kSubtract:
        --top;
        stack[top - 1] -= stack[top];
        break;
      case Operation::kTimes:
        --top;
        stack[top - 1] *= stack[top];
        break;
    }
  }
  return stack[0];
}

}  // namespace freshet
