// Value: one SQL value, and the type of an expression.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "segments/schema.h"
#include "segments/time.h"

namespace freshet {

// A decimal of any size a sum can reach: units of 10^-scale.
struct Decimal {
  __int128 units = 0;
  uint8_t scale = 0;
};

// Type of an expression or result column. kNull is the type of a bare NULL.
enum class ValueType : uint8_t {
  kNull,
  kBool,
  kLong,
  kDouble,
  kDecimal,
  kString,
  kTimestamp
};

class Value {
 public:
  Value() = default;  // null
  explicit Value(bool v) : value_(v) {}
  explicit Value(int64_t v) : value_(v) {}
  explicit Value(double v) : value_(v) {}
  explicit Value(Decimal v) : value_(v) {}
  explicit Value(std::string v) : value_(std::move(v)) {}
  explicit Value(std::string_view v) : value_(std::string(v)) {}
  explicit Value(const char* v) : value_(std::string(v)) {}
  explicit Value(Timestamp v) : value_(v) {}

  bool is_null() const { return value_.index() == 0; }
  ValueType type() const { return static_cast<ValueType>(value_.index()); }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const int64_t* as_long() const { return std::get_if<int64_t>(&value_); }
  const double* as_double() const { return std::get_if<double>(&value_); }
  const Decimal* as_decimal() const { return std::get_if<Decimal>(&value_); }
  const std::string* as_string() const {
    return std::get_if<std::string>(&value_);
  }
  const Timestamp* as_timestamp() const {
    return std::get_if<Timestamp>(&value_);
  }
  // Number of any numeric type as a double (decimals rounded); 0 otherwise.
  double to_double() const;
  // For people and group keys: "1234.50", "2026-11-22T00:00:00.000Z", "null".
  std::string to_text() const;

  // SQL order with nulls first; numbers compare across numeric types by value.
  // REQUIRES: comparable types.
  static int compare(const Value& a, const Value& b);
  bool operator==(const Value& o) const;  // null equals null; same type family

 private:
  std::variant<std::nullptr_t, bool, int64_t, double, Decimal, std::string,
               Timestamp>
      value_ = nullptr;
};

}  // namespace freshet
