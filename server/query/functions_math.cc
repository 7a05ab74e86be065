// Trigonometry, logarithms, truncation, bits, and sizes for people.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kDouble{ValueType::kDouble};
constexpr ExpressionType kString{ValueType::kString};

Result<ExpressionType> check_doubles(Expression& call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    TRY(expect(call, i, kDouble));
  }
  return kDouble;
}

Result<ExpressionType> check_longs(Expression& call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    TRY(expect(call, i, kLong));
  }
  return kLong;
}

template <double (*kFunction)(double)>
std::shared_ptr<Vector> evaluate_unary(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    out->doubles[i] = kFunction(a.doubles[a.at(i)]);
  }
  return out;
}

double degrees(double x) { return x * 180 / std::numbers::pi; }
double radians(double x) { return x * std::numbers::pi / 180; }
double cotangent(double x) { return 1 / std::tan(x); }

std::shared_ptr<Vector> evaluate_atan2(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    out->doubles[i] = std::atan2(a.doubles[a.at(i)], b.doubles[b.at(i)]);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_pi(const FunctionCall& call) {
  auto out = result_vector(call);
  for (double& x : out->doubles) x = std::numbers::pi;
  return out;
}

// truncate(x[, digits]): toward zero; keeps the type.
Result<ExpressionType> check_truncate(Expression& call) {
  ExpressionType type = call.arguments[0]->type;
  if (type.type == ValueType::kNull) {
    call.arguments[0] = as_type(call.arguments[0], kDouble);
    type = kDouble;
  }
  if (!is_numeric(type)) return type_error(call);
  if (call.arguments.size() == 2) TRY(expect(call, 1, kLong));
  return type;
}

double truncated(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < -300) return 0;
  double power = std::pow(10.0, static_cast<double>(std::abs(digits)));
  double out = digits >= 0 ? std::trunc(value * power) / power
                           : std::trunc(value / power) * power;
  return std::isfinite(out) ? out : value;
}

__int128 without_digits(__int128 units, int64_t drop) {
  if (drop <= 0) return units;
  if (drop > 37) return 0;
  __int128 power = 1;
  for (int64_t i = 0; i < drop; ++i) power *= 10;
  return units / power * power;
}

std::shared_ptr<Vector> evaluate_truncate(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    size_t x = a.at(i);
    int64_t digits = 0;
    if (call.arguments.size() > 1) {
      const Vector& given = call.argument(1);
      digits = std::clamp<int64_t>(given.longs[given.at(i)], -400, 400);
    }
    if (a.type.type == ValueType::kDouble) {
      out->doubles[i] = truncated(a.doubles[x], digits);
    } else if (a.type.type == ValueType::kDecimal) {
      out->decimals[i] = without_digits(a.decimals[x], a.type.scale - digits);
    } else {
      out->longs[i] = static_cast<int64_t>(without_digits(a.longs[x], -digits));
    }
  }
  return out;
}

using Bits = int64_t (*)(int64_t, int64_t);
int64_t bits_and(int64_t a, int64_t b) { return a & b; }
int64_t bits_or(int64_t a, int64_t b) { return a | b; }
int64_t bits_xor(int64_t a, int64_t b) { return a ^ b; }
// By the low six bits of the count, as Java shifts.
int64_t bits_left(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) << (b & 63));
}
int64_t bits_right(int64_t a, int64_t b) { return a >> (b & 63); }

template <Bits kBits>
std::shared_ptr<Vector> evaluate_bits(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector &a = call.argument(0), &b = call.argument(1);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = kBits(a.longs[a.at(i)], b.longs[b.at(i)]);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_complement(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) out->longs[i] = ~a.longs[a.at(i)];
  return out;
}

Result<ExpressionType> check_long_to_double(Expression& call) {
  TRY(expect(call, 0, kLong));
  return kDouble;
}
Result<ExpressionType> check_double_to_long(Expression& call) {
  TRY(expect(call, 0, kDouble));
  return kLong;
}

std::shared_ptr<Vector> evaluate_bits_to_double(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    out->doubles[i] = std::bit_cast<double>(a.longs[a.at(i)]);
  }
  return out;
}

std::shared_ptr<Vector> evaluate_double_to_bits(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  for (size_t i = 0; i < call.size; ++i) {
    out->longs[i] = std::bit_cast<int64_t>(a.doubles[a.at(i)]);
  }
  return out;
}

// human_readable_..._format(number[, digits])
Result<ExpressionType> check_readable(Expression& call) {
  ExpressionPtr& number = call.arguments[0];
  if (!is_numeric(number->type) && number->type.type != ValueType::kNull) {
    return type_error(call);
  }
  number = as_type(number, kLong);
  if (call.arguments.size() == 2) TRY(expect(call, 1, kLong));
  return kString;
}

std::string readable(int64_t value, int64_t digits, double step,
                     std::string_view units, std::string_view suffix) {
  constexpr std::string_view kPrefixes = "KMGTPE";
  double amount = std::fabs(static_cast<double>(value));
  size_t power = 0;
  while (amount >= step && power < kPrefixes.size()) {
    amount /= step;
    ++power;
  }
  const char* sign = value < 0 ? "-" : "";
  if (power == 0) return fmt::format("{}{}{}", sign, amount, units);
  return fmt::format("{}{:.{}f} {}{}", sign, amount, digits,
                     kPrefixes[power - 1], suffix);
}

std::shared_ptr<Vector> evaluate_readable(const FunctionCall& call) {
  auto out = result_vector(call);
  const Vector& a = call.argument(0);
  const std::string& name = call.expression.name;
  bool binary = name == "human_readable_binary_byte_format";
  bool bytes = binary || name == "human_readable_decimal_byte_format";
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    int64_t digits = 2;
    if (call.arguments.size() > 1) {
      const Vector& given = call.argument(1);
      digits = std::clamp<int64_t>(given.longs[given.at(i)], 0, 3);
    }
    out->strings[i] = call.context.arena.copy(
        readable(a.longs[a.at(i)], digits, binary ? 1024 : 1000,
                 bytes ? " B" : "", binary ? "iB" : (bytes ? "B" : "")));
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"pi", 0, 0, check_doubles, evaluate_pi},
    {"sin", 1, 1, check_doubles, evaluate_unary<std::sin>},
    {"cos", 1, 1, check_doubles, evaluate_unary<std::cos>},
    {"tan", 1, 1, check_doubles, evaluate_unary<std::tan>},
    {"cot", 1, 1, check_doubles, evaluate_unary<cotangent>},
    {"asin", 1, 1, check_doubles, evaluate_unary<std::asin>},
    {"acos", 1, 1, check_doubles, evaluate_unary<std::acos>},
    {"atan", 1, 1, check_doubles, evaluate_unary<std::atan>},
    {"atan2", 2, 2, check_doubles, evaluate_atan2},
    {"sinh", 1, 1, check_doubles, evaluate_unary<std::sinh>},
    {"cosh", 1, 1, check_doubles, evaluate_unary<std::cosh>},
    {"tanh", 1, 1, check_doubles, evaluate_unary<std::tanh>},
    {"cbrt", 1, 1, check_doubles, evaluate_unary<std::cbrt>},
    {"log2", 1, 1, check_doubles, evaluate_unary<std::log2>},
    {"degrees", 1, 1, check_doubles, evaluate_unary<degrees>},
    {"radians", 1, 1, check_doubles, evaluate_unary<radians>},
    {"truncate", 1, 2, check_truncate, evaluate_truncate},
    {"bitwise_and", 2, 2, check_longs, evaluate_bits<bits_and>},
    {"bitwise_or", 2, 2, check_longs, evaluate_bits<bits_or>},
    {"bitwise_xor", 2, 2, check_longs, evaluate_bits<bits_xor>},
    {"bitwise_shift_left", 2, 2, check_longs, evaluate_bits<bits_left>},
    {"bitwise_shift_right", 2, 2, check_longs, evaluate_bits<bits_right>},
    {"bitwise_complement", 1, 1, check_longs, evaluate_complement},
    {"bitwise_convert_long_bits_to_double", 1, 1, check_long_to_double,
     evaluate_bits_to_double},
    {"bitwise_convert_double_to_long_bits", 1, 1, check_double_to_long,
     evaluate_double_to_bits},
    {"human_readable_binary_byte_format", 1, 2, check_readable,
     evaluate_readable},
    {"human_readable_decimal_byte_format", 1, 2, check_readable,
     evaluate_readable},
    {"human_readable_decimal_format", 1, 2, check_readable, evaluate_readable},
};

}  // namespace

std::span<const Function> math_functions() { return kFunctions; }

}  // namespace freshet
