// Comparisons, three-valued and/or/not, null tests, in, between, case,
// coalesce, nullif, greatest, least.
#include "server/query/evaluator.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/value_set.h"

namespace freshet {
namespace {

constexpr ExpressionType kBool{ValueType::kBool};

Result<ExpressionType> check_comparison(Expression& call) {
  TRY_ASSIGN(ExpressionType type, unify(call, 0, call.arguments.size()));
  (void)type;
  return kBool;
}

enum class Test {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual
};

template <Test kTest, class T>
bool test(const T& a, const T& b) {
  if constexpr (kTest == Test::kEqual) return a == b;
  if constexpr (kTest == Test::kNotEqual) return a != b;
  if constexpr (kTest == Test::kLess) return a < b;
  if constexpr (kTest == Test::kLessEqual) return a <= b;
  if constexpr (kTest == Test::kGreater) return a > b;
  if constexpr (kTest == Test::kGreaterEqual) return a >= b;
}

template <Test kTest, class T>
void test_all(const std::vector<T>& a, bool constant_a, const std::vector<T>& b,
              bool constant_b, std::vector<int64_t>& out) {
  const size_t step_a = constant_a ? 0 : 1, step_b = constant_b ? 0 : 1;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = test<kTest>(a[i * step_a], b[i * step_b]);
  }
}

template <Test kTest>
std::shared_ptr<Vector> evaluate_comparison(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  auto all = [&](const auto& x, const auto& y) {
    test_all<kTest>(x, a.constant, y, b.constant, out->longs);
  };
  switch (a.type.type) {
    case ValueType::kNull:
      break;
    case ValueType::kDouble:
      // compare_lanes: NaN equals itself and is greatest, as in ORDER BY.
      for (size_t i = 0; i < call.size; ++i) {
        out->longs[i] = test<kTest>(compare_lanes(a, i, b, i), 0);
      }
      break;
    case ValueType::kDecimal:
      all(a.decimals, b.decimals);
      break;
    case ValueType::kString:
      all(a.strings, b.strings);
      break;
    default:
      all(a.longs, b.longs);
  }
  return out;
}

Result<ExpressionType> check_bools(Expression& call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    TRY(expect(call, i, kBool));
  }
  return kBool;
}

// One false decides "and", one true decides "or", whatever else is there.
template <bool kDecides>
std::shared_ptr<Vector> evaluate_connective(const FunctionCall& call) {
  auto out = result_vector(call);
  for (size_t i = 0; i < call.size; ++i) out->longs[i] = !kDecides;
  for (const VectorPtr& argument : call.arguments) {
    for (size_t i = 0; i < call.size; ++i) {
      bool decides = argument->state(i) == kLaneValue &&
                     (argument->longs[argument->at(i)] != 0) == kDecides;
      if (!decides) continue;
      out->longs[i] = kDecides;
      if (!out->states.empty()) out->states[i] = kLaneValue;
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_not(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) out->longs[i] = !a.longs[a.at(i)];
  return out;
}

Result<ExpressionType> check_any(Expression& call) { return kBool; }

// Keeps errors, forgets nulls.
void keep_errors_only(Vector& out) {
  for (uint8_t& state : out.states) {
    if (state == kLaneNull) state = kLaneValue;
  }
}

template <bool kWanted>
std::shared_ptr<Vector> evaluate_null_test(const FunctionCall& call) {
  auto out = result_vector(call);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = (call.argument(0).state(i) == kLaneNull) == kWanted;
  }
  keep_errors_only(*out);
  return out;
}

// is_true, is_false, is_not_true, is_not_false.
template <bool kTruth, bool kNegated>
std::shared_ptr<Vector> evaluate_truth_test(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    bool is = a.is_value(i) && (a.longs[a.at(i)] != 0) == kTruth;
    out->longs[i] = is != kNegated;
  }
  keep_errors_only(*out);
  return out;
}

template <bool kDistinct>
std::shared_ptr<Vector> evaluate_distinct_from(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = lanes_equal(a, i, b, i) != kDistinct;
  }
  keep_errors_only(*out);
  return out;
}

// A candidate's value, if it is a constant: a literal, or a cast of one.
std::optional<Value> constant_of(const Expression& e) {
  if (e.kind == Expression::Kind::kLiteral) return e.literal;
  bool cast = e.name == "cast" && e.arguments.size() == 1 &&
              e.arguments[0]->kind == Expression::Kind::kLiteral;
  if (!cast) return std::nullopt;
  auto value = constant_value(e);
  return value ? *value : std::nullopt;
}

// Constant candidates become a set.
Result<ExpressionType> check_in(Expression& call) {
  if (call.set) return kBool;  // resolved before
  TRY_ASSIGN(ExpressionType type, unify(call, 0, call.arguments.size()));
  if (type.type == ValueType::kNull) return kBool;
  std::vector<Value> values;
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    auto value = constant_of(*call.arguments[i]);
    if (!value) return kBool;
    values.push_back(std::move(*value));
  }
  call.set = std::make_shared<ValueSet>(type, std::move(values));
  call.arguments.resize(1);
  return kBool;
}

std::shared_ptr<Vector> evaluate_in_set(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  const ValueSet& set = *call.expression.set;
  for (size_t i = 0; i < call.size; ++i) {
    if (!a.is_value(i)) continue;
    out->longs[i] = set.contains(a, i);
    if (!out->longs[i] && set.has_null()) out->set_null(i);
  }
  return out;
}

// Null when nothing matches and a candidate, or the value, is null.
std::shared_ptr<Vector> evaluate_in(const FunctionCall& call) {
  if (call.expression.set) return evaluate_in_set(call);
  auto out = make_vector(kBool, call.size);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    uint8_t state = a.state(i);
    for (size_t k = 1; k < call.arguments.size(); ++k) {
      const Vector& b = call.argument(k);
      if (state == kLaneValue && b.is_value(i) &&
          compare_lanes(a, i, b, i) == 0) {
        out->longs[i] = 1;
        break;
      }
    }
    for (size_t k = 1; !out->longs[i] && k < call.arguments.size(); ++k) {
      state = std::max(state, call.argument(k).state(i));
    }
    if (state == kLaneValue) continue;
    out->need_states();
    out->states[i] = state;
  }
  return out;
}

std::shared_ptr<Vector> evaluate_between(const FunctionCall& call) {
  auto out = make_vector(kBool, call.size);
  const Vector &a = call.argument(0), &low = call.argument(1),
               &high = call.argument(2);
  for (size_t i = 0; i < call.size; ++i) {
    uint8_t state = std::max({a.state(i), low.state(i), high.state(i)});
    auto below = [&](const Vector& x, const Vector& y) {
      return x.is_value(i) && y.is_value(i) && compare_lanes(x, i, y, i) < 0;
    };
    if (below(a, low) || below(high, a)) continue;
    out->longs[i] = 1;
    if (state == kLaneValue) continue;
    out->need_states();
    out->states[i] = state;
  }
  return out;
}

Result<ExpressionType> check_case(Expression& call) {
  std::vector<size_t> values;
  size_t count = call.arguments.size();
  for (size_t i = 0; i + 1 < count; i += 2) {
    TRY(expect(call, i, kBool));
    values.push_back(i + 1);
  }
  if (count % 2 == 1) values.push_back(count - 1);
  return unify_at(call, values);
}

std::shared_ptr<Vector> evaluate_case(const FunctionCall& call) {
  auto out = make_vector(call.expression.type, call.size);
  const size_t count = call.arguments.size();
  for (size_t i = 0; i < call.size; ++i) {
    bool found = false;
    for (size_t k = 0; k + 1 < count && !found; k += 2) {
      const Vector& condition = call.argument(k);
      uint8_t state = condition.state(i);
      if (state > kLaneNull) {
        out->need_states();
        out->states[i] = state;
        found = true;
      } else if (state == kLaneValue && condition.longs[condition.at(i)]) {
        out->set_from(i, call.argument(k + 1), i);
        found = true;
      }
    }
    if (found) continue;
    if (count % 2 == 1) {
      out->set_from(i, call.argument(count - 1), i);
    } else {
      out->set_null(i);
    }
  }
  return out;
}

Result<ExpressionType> check_unified(Expression& call) {
  return unify(call, 0, call.arguments.size());
}

std::shared_ptr<Vector> evaluate_coalesce(const FunctionCall& call) {
  auto out = make_vector(call.expression.type, call.size);
  for (size_t i = 0; i < call.size; ++i) {
    size_t k = 0;
    while (k + 1 < call.arguments.size() &&
           call.argument(k).state(i) == kLaneNull) {
      ++k;
    }
    out->set_from(i, call.argument(k), i);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_nullif(const FunctionCall& call) {
  auto out = make_vector(call.expression.type, call.size);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    bool same =
        a.is_value(i) && b.is_value(i) && compare_lanes(a, i, b, i) == 0;
    if (same) {
      out->set_null(i);
    } else {
      out->set_from(i, a, i);
    }
  }
  return out;
}

// Druid's: nulls are left out; null only if all are.
template <int kSign>
std::shared_ptr<Vector> evaluate_extreme(const FunctionCall& call) {
  auto out = make_vector(call.expression.type, call.size);
  for (size_t i = 0; i < call.size; ++i) {
    size_t best = 0;
    for (size_t k = 1; k < call.arguments.size(); ++k) {
      const Vector &a = call.argument(best), &b = call.argument(k);
      bool better = a.is_value(i) && b.is_value(i)
                        ? compare_lanes(b, i, a, i) * kSign > 0
                        : b.state(i) > kLaneNull || a.state(i) == kLaneNull;
      if (better) best = k;
    }
    out->set_from(i, call.argument(best), i);
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"=", 2, 2, check_comparison, evaluate_comparison<Test::kEqual>},
    {"<>", 2, 2, check_comparison, evaluate_comparison<Test::kNotEqual>},
    {"<", 2, 2, check_comparison, evaluate_comparison<Test::kLess>},
    {"<=", 2, 2, check_comparison, evaluate_comparison<Test::kLessEqual>},
    {">", 2, 2, check_comparison, evaluate_comparison<Test::kGreater>},
    {">=", 2, 2, check_comparison, evaluate_comparison<Test::kGreaterEqual>},
    {"and", 1, -1, check_bools, evaluate_connective<false>},
    {"or", 1, -1, check_bools, evaluate_connective<true>},
    {"not", 1, 1, check_bools, evaluate_not},
    {"is_null", 1, 1, check_any, evaluate_null_test<true>},
    {"is_not_null", 1, 1, check_any, evaluate_null_test<false>},
    {"is_true", 1, 1, check_bools, evaluate_truth_test<true, false>},
    {"is_not_true", 1, 1, check_bools, evaluate_truth_test<true, true>},
    {"is_false", 1, 1, check_bools, evaluate_truth_test<false, false>},
    {"is_not_false", 1, 1, check_bools, evaluate_truth_test<false, true>},
    {"is_distinct_from", 2, 2, check_comparison, evaluate_distinct_from<true>},
    {"is_not_distinct_from", 2, 2, check_comparison,
     evaluate_distinct_from<false>},
    {"in", 1, -1, check_in, evaluate_in},
    {"between", 3, 3, check_comparison, evaluate_between},
    {"case", 2, -1, check_case, evaluate_case},
    {"coalesce", 1, -1, check_unified, evaluate_coalesce},
    {"nvl", 2, 2, check_unified, evaluate_coalesce},
    {"nullif", 2, 2, check_unified, evaluate_nullif},
    {"greatest", 1, -1, check_unified, evaluate_extreme<1>},
    {"least", 1, -1, check_unified, evaluate_extreme<-1>},
};

}  // namespace

std::span<const Function> logic_functions() { return kFunctions; }

}  // namespace freshet
