#include "server/query/value_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace freshet {
namespace {

// Equal doubles have equal bits: 0.0 is -0.0, and NaN is NaN.
int64_t bits_of(double value) {
  if (value == 0) value = 0;
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<int64_t>(value);
}

}  // namespace

ValueSet::ValueSet(ExpressionType type, std::vector<Value> values)
    : type_(type), values_(std::move(values)) {
  size_t all = values_.size();
  std::erase_if(values_, [](const Value& v) { return v.is_null(); });
  has_null_ = values_.size() < all;
  std::sort(values_.begin(), values_.end(), [](const Value& a, const Value& b) {
    return Value::compare(a, b) < 0;
  });
  auto same = [](const Value& a, const Value& b) {
    return Value::compare(a, b) == 0;
  };
  values_.erase(std::unique(values_.begin(), values_.end(), same),
                values_.end());
  for (const Value& value : values_) {
    if (const std::string* text = value.as_string()) {
      texts_.insert(*text);
    } else if (const Decimal* decimal = value.as_decimal()) {
      decimals_.insert(decimal->units);
    } else if (const double* number = value.as_double()) {
      longs_.insert(bits_of(*number));
    } else if (const int64_t* whole = value.as_long()) {
      longs_.insert(*whole);
    } else if (const Timestamp* time = value.as_timestamp()) {
      longs_.insert(time->ms);
    } else if (const bool* truth = value.as_bool()) {
      longs_.insert(*truth);
    }
  }
}

bool ValueSet::contains(const Vector& v, size_t lane) const {
  const size_t at = v.at(lane);
  switch (type_.type) {
    case ValueType::kNull:
      return false;
    case ValueType::kString:
      return texts_.contains(v.strings[at]);
    case ValueType::kDecimal:
      return decimals_.contains(v.decimals[at]);
    case ValueType::kDouble:
      return longs_.contains(bits_of(v.doubles[at]));
    case ValueType::kBool:
    case ValueType::kLong:
    case ValueType::kTimestamp:
      break;
  }
  return longs_.contains(v.longs[at]);
}

}  // namespace freshet
