// + - * / % neg, abs, round, floor, ceil, sign, power, sqrt, ln, exp, div,
// safe_divide, greatest, least.
#include <cmath>
#include <limits>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kDouble{ValueType::kDouble};
constexpr ExpressionType kTimestamp{ValueType::kTimestamp};

__int128 power_of_ten(int exponent) {
  __int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Half away from zero.
__int128 rounded_quotient(__int128 value, __int128 divisor) {
  __int128 quotient = value / divisor, rest = value % divisor;
  if (rest < 0) rest = -rest;
  if (rest >= divisor - rest) quotient += value < 0 ? -1 : 1;
  return quotient;
}

// f(lane, i, j) for the stored positions of both operands.
template <class F>
void each_pair(const FunctionCall& call, F f) {
  const Vector& a = call.argument(0);
  const Vector& b = call.argument(1);
  const size_t step_a = a.constant ? 0 : 1, step_b = b.constant ? 0 : 1;
  for (size_t i = 0; i < call.size; ++i) f(i, i * step_a, i * step_b);
}

void overflow(Vector& out, size_t lane) {
  out.need_states();
  if (out.states[lane] == kLaneValue) out.states[lane] = kLaneOverflow;
}

// Numbers become one type; timestamps and longs are left to the caller.
Result<ExpressionType> check_numbers(Expression& call) {
  for (const auto& argument : call.arguments) {
    bool fits =
        is_numeric(argument->type) || argument->type.type == ValueType::kNull;
    if (!fits) return type_error(call);
  }
  TRY_ASSIGN(ExpressionType type, unify(call, 0, call.arguments.size()));
  if (type.type == ValueType::kNull) {
    for (auto& argument : call.arguments) argument = as_type(argument, kLong);
    return kLong;
  }
  return type;
}

bool is_time(const Expression& call, size_t i) {
  return call.arguments[i]->type.type == ValueType::kTimestamp;
}

// timestamp + long, long + timestamp, timestamp - long (milliseconds),
// timestamp - timestamp.
Result<ExpressionType> check_add(Expression& call) {
  if (!is_time(call, 0) && !is_time(call, 1)) return check_numbers(call);
  bool minus = call.name == "-";
  if (is_time(call, 0) && is_time(call, 1)) {
    if (!minus) return type_error(call);
    return kLong;
  }
  if (minus && is_time(call, 1)) return type_error(call);
  TRY(expect(call, is_time(call, 0) ? 1 : 0, kLong));
  return kTimestamp;
}

Result<ExpressionType> check_multiply(Expression& call) {
  ExpressionType a = call.arguments[0]->type, b = call.arguments[1]->type;
  bool decimal = a.type == ValueType::kDecimal || b.type == ValueType::kDecimal;
  bool exact = is_numeric(a) && is_numeric(b) && a.type != ValueType::kDouble &&
               b.type != ValueType::kDouble;
  if (!decimal || !exact) return check_numbers(call);
  if (a.scale + b.scale > kMaxExpressionScale) {
    for (auto& argument : call.arguments) argument = as_type(argument, kDouble);
    return kDouble;
  }
  for (auto& argument : call.arguments) {
    argument = as_type(argument, {ValueType::kDecimal, argument->type.scale});
  }
  return ExpressionType{ValueType::kDecimal,
                        static_cast<uint8_t>(a.scale + b.scale)};
}

// Longs divide as integers, as in Druid; anything else as doubles.
Result<ExpressionType> check_divide(Expression& call) {
  TRY_ASSIGN(ExpressionType type, check_numbers(call));
  if (type == kLong) return kLong;
  for (auto& argument : call.arguments) argument = as_type(argument, kDouble);
  return kDouble;
}

Result<ExpressionType> check_doubles(Expression& call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    TRY(expect(call, i, kDouble));
  }
  return kDouble;
}

enum class Operation { kAdd, kSubtract, kMultiply };

template <Operation kOperation, class T>
bool operate(T a, T b, T* out) {
  if constexpr (kOperation == Operation::kAdd) {
    return __builtin_add_overflow(a, b, out);
  } else if constexpr (kOperation == Operation::kSubtract) {
    return __builtin_sub_overflow(a, b, out);
  } else {
    return __builtin_mul_overflow(a, b, out);
  }
}

template <Operation kOperation, class T>
void operate_all(const FunctionCall& call, const std::vector<T>& a,
                 const std::vector<T>& b, std::vector<T>& out, Vector& result) {
  bool any = false;
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    any |= operate<kOperation>(a[x], b[y], &out[i]);
  });
  if (!any) return;
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    T ignored;
    if (operate<kOperation>(a[x], b[y], &ignored)) overflow(result, i);
  });
}

template <Operation kOperation>
std::shared_ptr<Vector> evaluate_exact(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  if (out->type.type == ValueType::kDouble) {
    each_pair(call, [&](size_t i, size_t x, size_t y) {
      double p = a.doubles[x], q = b.doubles[y];
      out->doubles[i] = kOperation == Operation::kAdd        ? p + q
                        : kOperation == Operation::kSubtract ? p - q
                                                             : p * q;
    });
  } else if (out->type.type == ValueType::kDecimal) {
    operate_all<kOperation>(call, a.decimals, b.decimals, out->decimals, *out);
  } else {
    operate_all<kOperation>(call, a.longs, b.longs, out->longs, *out);
  }
  return out;
}

void zero_divisor(const FunctionCall& call, Vector& out, size_t lane) {
  out.need_states();
  if (out.states[lane] != kLaneValue) return;
  const bool fails =
      call.context.strict && call.expression.name != "safe_divide";
  out.states[lane] = fails ? kLaneDivision : kLaneNull;
}

std::shared_ptr<Vector> evaluate_divide(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    if (out->type.type == ValueType::kDouble) {
      if (b.doubles[y] == 0) return zero_divisor(call, *out, i);
      out->doubles[i] = a.doubles[x] / b.doubles[y];
      return;
    }
    if (b.longs[y] == 0) return zero_divisor(call, *out, i);
    bool wraps =
        b.longs[y] == -1 && a.longs[x] == std::numeric_limits<int64_t>::min();
    if (wraps) return overflow(*out, i);
    out->longs[i] = a.longs[x] / b.longs[y];
  });
  return out;
}

// div: the whole part of the quotient, of any numbers.
Result<ExpressionType> check_whole_divide(Expression& call) {
  TRY_ASSIGN(ExpressionType type, check_numbers(call));
  (void)type;
  return kLong;
}

std::shared_ptr<Vector> evaluate_whole_divide(const FunctionCall& call) {
  const Vector &a = call.argument(0), &b = call.argument(1);
  if (a.type == kLong) return evaluate_divide(call);
  auto out = result_vector(call);
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    if (a.type == kDouble) {
      if (b.doubles[y] == 0) return zero_divisor(call, *out, i);
      const double whole = std::trunc(a.doubles[x] / b.doubles[y]);
      if (!(whole >= -0x1p63 && whole < 0x1p63)) return overflow(*out, i);
      out->longs[i] = static_cast<int64_t>(whole);
      return;
    }
    if (b.decimals[y] == 0) return zero_divisor(call, *out, i);
    const __int128 whole = a.decimals[x] / b.decimals[y];
    out->longs[i] = static_cast<int64_t>(whole);
    if (out->longs[i] != whole) overflow(*out, i);
  });
  return out;
}

std::shared_ptr<Vector> evaluate_modulo(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    if (out->type.type == ValueType::kDouble) {
      if (b.doubles[y] == 0) return zero_divisor(call, *out, i);
      out->doubles[i] = std::fmod(a.doubles[x], b.doubles[y]);
    } else if (out->type.type == ValueType::kDecimal) {
      if (b.decimals[y] == 0) return zero_divisor(call, *out, i);
      out->decimals[i] = a.decimals[x] % b.decimals[y];
    } else {
      if (b.longs[y] == 0) return zero_divisor(call, *out, i);
      out->longs[i] = b.longs[y] == -1 ? 0 : a.longs[x] % b.longs[y];
    }
  });
  return out;
}

std::shared_ptr<Vector> evaluate_negate(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  const bool absolute = call.expression.name == "abs";
  for (size_t i = 0; i < call.size; ++i) {
    size_t x = a.at(i);
    if (out->type.type == ValueType::kDouble) {
      out->doubles[i] = absolute ? std::fabs(a.doubles[x]) : -a.doubles[x];
    } else if (out->type.type == ValueType::kDecimal) {
      __int128 v = a.decimals[x];
      out->decimals[i] = absolute && v >= 0 ? v : -v;
    } else {
      int64_t v = a.longs[x];
      if (absolute && v >= 0) {
        out->longs[i] = v;
      } else if (__builtin_sub_overflow(int64_t{0}, v, &out->longs[i])) {
        overflow(*out, i);
      }
    }
  }
  return out;
}

// round(x[, digits]) keeps the type; floor and ceil of a decimal are whole.
Result<ExpressionType> check_round(Expression& call) {
  ExpressionType type = call.arguments[0]->type;
  if (type.type == ValueType::kNull) {
    call.arguments[0] = as_type(call.arguments[0], kDouble);
    type = kDouble;
  }
  if (!is_numeric(type)) return type_error(call);
  if (call.arguments.size() == 2) TRY(expect(call, 1, kLong));
  bool whole = call.name == "floor" || call.name == "ceil";
  if (whole && type.type == ValueType::kDecimal) type.scale = 0;
  return type;
}

double round_double(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < -300) return 0;
  double power = std::pow(10.0, static_cast<double>(std::abs(digits)));
  double rounded = digits >= 0 ? std::round(value * power) / power
                               : std::round(value / power) * power;
  return std::isfinite(rounded) ? rounded : value;
}

__int128 round_units(__int128 units, int64_t drop) {
  if (drop <= 0) return units;
  if (drop > 37) return 0;
  __int128 power = power_of_ten(static_cast<int>(drop));
  return rounded_quotient(units, power) * power;
}

std::shared_ptr<Vector> evaluate_round(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    size_t x = a.at(i);
    const Vector* given =
        call.arguments.size() > 1 ? &call.argument(1) : nullptr;
    int64_t digits = given ? given->longs[given->at(i)] : 0;
    digits = std::min<int64_t>(std::max<int64_t>(digits, -400), 400);
    if (a.type.type == ValueType::kDouble) {
      out->doubles[i] = round_double(a.doubles[x], digits);
    } else if (a.type.type == ValueType::kDecimal) {
      out->decimals[i] = round_units(a.decimals[x], a.type.scale - digits);
    } else {
      __int128 v = round_units(a.longs[x], -digits);
      if (v != static_cast<int64_t>(v)) {
        overflow(*out, i);
      } else {
        out->longs[i] = static_cast<int64_t>(v);
      }
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_whole(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  const bool up = call.expression.name == "ceil";
  const __int128 power = power_of_ten(a.type.scale);
  for (size_t i = 0; i < call.size; ++i) {
    size_t x = a.at(i);
    if (a.type.type == ValueType::kDouble) {
      out->doubles[i] = up ? std::ceil(a.doubles[x]) : std::floor(a.doubles[x]);
    } else if (a.type.type == ValueType::kDecimal) {
      __int128 whole = a.decimals[x] / power, rest = a.decimals[x] % power;
      if (up && rest > 0) ++whole;
      if (!up && rest < 0) --whole;
      out->decimals[i] = whole;
    } else {
      out->longs[i] = a.longs[x];
    }
  }
  return out;
}

double unary_double(std::string_view name, double x) {
  if (name == "sqrt") return std::sqrt(x);
  if (name == "ln") return std::log(x);
  if (name == "log10") return std::log10(x);
  return std::exp(x);
}

std::shared_ptr<Vector> evaluate_unary_double(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    out->doubles[i] = unary_double(call.expression.name, a.doubles[a.at(i)]);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_power(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  each_pair(call, [&](size_t i, size_t x, size_t y) {
    out->doubles[i] = std::pow(a.doubles[x], b.doubles[y]);
  });
  return out;
}

Result<ExpressionType> check_sign(Expression& call) {
  TRY_ASSIGN(ExpressionType ignored, check_numbers(call));
  return ignored.type == ValueType::kNull ? ignored : kLong;
}

std::shared_ptr<Vector> evaluate_sign(const FunctionCall& call) {
  auto out = result_vector(call);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    double x = call.argument(0).value(i).to_double();
    out->longs[i] = (x > 0) - (x < 0);
  }
  return out;
}

// wide_decimal(high, low, scale): a decimal that was kept as two halves.
Result<ExpressionType> check_halves(Expression& call) {
  TRY(expect(call, 0, kLong));
  TRY(expect(call, 1, kLong));
  const int64_t* scale = call.arguments[2]->literal.as_long();
  if (!scale || *scale < 0 || *scale > 38) return type_error(call);
  return ExpressionType{ValueType::kDecimal, static_cast<uint8_t>(*scale)};
}

std::shared_ptr<Vector> evaluate_halves(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &high = call.argument(0), &low = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    const auto upper = static_cast<unsigned __int128>(high.longs[high.at(i)]);
    const auto lower = static_cast<uint64_t>(low.longs[low.at(i)]);
    out->decimals[i] = static_cast<__int128>(upper << 64 | lower);
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"wide_decimal", 3, 3, check_halves, evaluate_halves},
    {"+", 2, 2, check_add, evaluate_exact<Operation::kAdd>},
    {"-", 2, 2, check_add, evaluate_exact<Operation::kSubtract>},
    {"*", 2, 2, check_multiply, evaluate_exact<Operation::kMultiply>},
    {"/", 2, 2, check_divide, evaluate_divide},
    {"div", 2, 2, check_whole_divide, evaluate_whole_divide},
    {"safe_divide", 2, 2, check_doubles, evaluate_divide},
    {"%", 2, 2, check_numbers, evaluate_modulo},
    {"mod", 2, 2, check_numbers, evaluate_modulo},
    {"neg", 1, 1, check_numbers, evaluate_negate},
    {"abs", 1, 1, check_numbers, evaluate_negate},
    {"round", 1, 2, check_round, evaluate_round},
    {"floor", 1, 1, check_round, evaluate_whole},
    {"ceil", 1, 1, check_round, evaluate_whole},
    {"sign", 1, 1, check_sign, evaluate_sign},
    {"sqrt", 1, 1, check_doubles, evaluate_unary_double},
    {"ln", 1, 1, check_doubles, evaluate_unary_double},
    {"log10", 1, 1, check_doubles, evaluate_unary_double},
    {"exp", 1, 1, check_doubles, evaluate_unary_double},
    {"power", 2, 2, check_doubles, evaluate_power},
};

}  // namespace

std::span<const Function> arithmetic_functions() { return kFunctions; }

}  // namespace freshet
