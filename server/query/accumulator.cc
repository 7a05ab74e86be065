#include "server/query/accumulator.h"

#include <fmt/format.h>

#include "server/query/expression_type.h"

namespace freshet {
namespace {

using Kind = Aggregate::Function;

Error misfit(const Aggregate& aggregate, std::string_view wanted) {
  return Error{
      ErrorCode::kInvalid,
      fmt::format(
          "aggregate '{}' needs {}, not {}: {}", aggregate.name, wanted,
          aggregate.argument ? type_name(aggregate.argument->type)
                             : "no argument",
          aggregate.argument ? to_text(*aggregate.argument) : "count(*)"),
      aggregate.argument ? aggregate.argument->line : 0,
      aggregate.argument ? aggregate.argument->column : 0};
}

}  // namespace

Error sum_too_large(const Aggregate& aggregate) {
  return Error{
      ErrorCode::kInvalid,
      fmt::format("sum out of the range of its type: '{}'", aggregate.name),
      aggregate.argument->line, aggregate.argument->column};
}

Result<ExpressionType> aggregate_type(const Aggregate& aggregate) {
  constexpr ExpressionType kLong{ValueType::kLong};
  constexpr ExpressionType kDouble{ValueType::kDouble};
  if (aggregate.function == Kind::kCount) return kLong;
  if (!aggregate.argument) return misfit(aggregate, "an argument");
  ExpressionType type = aggregate.argument->type;
  bool number = is_numeric(type) || type.type == ValueType::kNull;
  switch (aggregate.function) {
    case Kind::kCount:
    case Kind::kCountDistinct:
    case Kind::kApproxDistinct:
      return kLong;
    case Kind::kSum:
    case Kind::kLastPerKeySum:
      if (!number) return misfit(aggregate, "a number");
      return type.type == ValueType::kNull ? kLong : type;
    case Kind::kAvg:
      if (!number) return misfit(aggregate, "a number");
      return kDouble;
    case Kind::kVariance:
    case Kind::kDeviation:
      if (!number) return misfit(aggregate, "a number");
      return kDouble;
    case Kind::kBitAnd:
    case Kind::kBitOr:
    case Kind::kBitXor:
      if (type == kLong || type.type == ValueType::kNull) return kLong;
      return misfit(aggregate, "a whole number");
    case Kind::kTexts:
    case Kind::kArray:
      return ExpressionType{ValueType::kString};
    case Kind::kQuantile:
    case Kind::kApproxQuantile:
      if (!number) return misfit(aggregate, "a number");
      if (!(aggregate.parameter >= 0 && aggregate.parameter <= 1)) {
        return invalid(
            fmt::format("aggregate '{}': the quantile is not in [0, 1]: {}",
                        aggregate.name, aggregate.parameter));
      }
      return kDouble;
    case Kind::kFirst:
    case Kind::kLast:
      if (!aggregate.keys.empty() &&
          aggregate.keys[0]->type.type != ValueType::kTimestamp) {
        return Error{
            ErrorCode::kInvalid,
            fmt::format("aggregate '{}' goes by a time, not {}: {}",
                        aggregate.name, type_name(aggregate.keys[0]->type),
                        to_text(*aggregate.keys[0])),
            aggregate.keys[0]->line, aggregate.keys[0]->column};
      }
      return type;
    case Kind::kMin:
    case Kind::kMax:
      return type;
  }
  return misfit(aggregate, "a known function");
}

std::unique_ptr<Accumulator> make_accumulator(const AccumulatorSpec& spec) {
  switch (spec.aggregate.function) {
    case Kind::kCount:
      return make_count(spec);
    case Kind::kSum:
    case Kind::kAvg:
      return make_sum(spec);
    case Kind::kMin:
    case Kind::kMax:
      return make_extreme(spec);
    case Kind::kCountDistinct:
      return make_distinct(spec);
    case Kind::kFirst:
    case Kind::kLast:
      return make_newest(spec);
    case Kind::kQuantile:
      return make_quantile(spec);
    case Kind::kLastPerKeySum:
      return make_last_per_key(spec);
    case Kind::kVariance:
    case Kind::kDeviation:
      return make_variance(spec);
    case Kind::kBitAnd:
    case Kind::kBitOr:
    case Kind::kBitXor:
      return make_bits(spec);
    case Kind::kTexts:
    case Kind::kArray:
      return make_list(spec);
    case Kind::kApproxDistinct:
      return make_approximate_distinct(spec);
    case Kind::kApproxQuantile:
      return make_approximate_quantile(spec);
  }
  return nullptr;
}

}  // namespace freshet
