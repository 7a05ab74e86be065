#include "server/query/value.h"

#include <fmt/format.h>

#include <cmath>

namespace freshet {
namespace {

int sign(auto a, auto b) { return a < b ? -1 : (b < a ? 1 : 0); }

// NaN is the greatest number and equal to itself, so that sorting is total.
int compare_doubles(long double a, long double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
  }
  return sign(a, b);
}

int compare_decimals(Decimal a, Decimal b) {
  if (a.scale > b.scale) return -compare_decimals(b, a);
  for (int i = a.scale; i < b.scale; ++i) {
    // Past 128 bits, a's magnitude is above anything b can hold.
    if (__builtin_mul_overflow(a.units, static_cast<__int128>(10), &a.units)) {
      return a.units == 0 ? 0 : (a.units > 0 ? 1 : -1);
    }
  }
  return sign(a.units, b.units);
}

bool is_number(ValueType type) {
  return type == ValueType::kLong || type == ValueType::kDouble ||
         type == ValueType::kDecimal;
}

Decimal exact(const Value& value) {
  if (value.as_long()) return Decimal{*value.as_long(), 0};
  return *value.as_decimal();
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.as_double() || b.as_double()) {
    auto wide = [](const Value& v) -> long double {
      if (v.as_long()) return static_cast<long double>(*v.as_long());
      return v.to_double();
    };
    return compare_doubles(wide(a), wide(b));
  }
  if (a.as_long() && b.as_long()) return sign(*a.as_long(), *b.as_long());
  return compare_decimals(exact(a), exact(b));
}

}  // namespace

double Value::to_double() const {
  if (const int64_t* v = as_long()) return static_cast<double>(*v);
  if (const double* v = as_double()) return *v;
  if (const Decimal* v = as_decimal()) {
    // A power of ten up to 10^22 is an exact double: one rounding in all for
    // units below 2^53.
    double power = 1;
    for (int i = 0; i < v->scale; ++i) power *= 10;
    return static_cast<double>(v->units) / power;
  }
  return 0;
}

std::string Value::to_text() const {
  switch (type()) {
    case ValueType::kNull:
      return "null";
    case ValueType::kBool:
      return *as_bool() ? "true" : "false";
    case ValueType::kLong:
      return fmt::format("{}", *as_long());
    case ValueType::kDouble:
      return fmt::format("{}", *as_double());
    case ValueType::kDecimal:
      return decimal_to_string(as_decimal()->units, as_decimal()->scale);
    case ValueType::kString:
      return *as_string();
    case ValueType::kTimestamp:
      return to_iso8601(*as_timestamp());
  }
  return "null";
}

int Value::compare(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) {
    return static_cast<int>(b.is_null()) - static_cast<int>(a.is_null());
  }
  if (is_number(a.type()) && is_number(b.type())) return compare_numbers(a, b);
  if (a.type() != b.type()) {
    return sign(static_cast<int>(a.type()), static_cast<int>(b.type()));
  }
  if (a.as_string()) return sign(a.as_string()->compare(*b.as_string()), 0);
  if (a.as_bool()) return sign(*a.as_bool(), *b.as_bool());
  return sign(a.as_timestamp()->ms, b.as_timestamp()->ms);
}

bool Value::operator==(const Value& o) const { return compare(*this, o) == 0; }

}  // namespace freshet
