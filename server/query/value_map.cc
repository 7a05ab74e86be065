#include "server/query/value_map.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace freshet {
namespace {

// -0.0 is 0.0 and all NaN are one, as in lanes_equal().
int64_t double_bits(double value) {
  if (value == 0) value = 0;
  if (std::isnan(value)) value = std::nan("");
  return std::bit_cast<int64_t>(value);
}

int64_t long_bits(const Value& value) {
  if (const int64_t* number = value.as_long()) return *number;
  if (const bool* truth = value.as_bool()) return *truth;
  if (const Timestamp* time = value.as_timestamp()) return time->ms;
  return double_bits(value.to_double());
}

}  // namespace

KeyIndex::KeyIndex(ExpressionType type, std::vector<Value> keys)
    : type_(type), keys_(std::move(keys)) {
  for (uint32_t i = 0; i < keys_.size(); ++i) {
    const Value& key = keys_[i];
    if (key.is_null()) continue;
    bool added;
    if (const std::string* text = key.as_string()) {
      added = texts_.emplace(*text, i).second;
    } else if (const Decimal* decimal = key.as_decimal()) {
      added = decimals_.emplace(decimal->units, i).second;
    } else {
      added = longs_.emplace(long_bits(key), i).second;
    }
    unique_ &= added;
  }
}

uint32_t KeyIndex::find(const Vector& v, size_t lane) const {
  const size_t i = v.at(lane);
  auto position = [](const auto& map, const auto& key) {
    auto at = map.find(key);
    return at == map.end() ? kNone : at->second;
  };
  switch (type_.type) {
    case ValueType::kString:
      return position(texts_, v.strings[i]);
    case ValueType::kDecimal:
      return position(decimals_, absl::int128(v.decimals[i]));
    case ValueType::kDouble:
      return position(longs_, double_bits(v.doubles[i]));
    case ValueType::kNull:
      return kNone;
    default:
      return position(longs_, v.longs[i]);
  }
}

void KeyIndex::prefetch(const Vector& v, size_t lane) const {
  const size_t i = v.at(lane);
  switch (type_.type) {
    case ValueType::kString:
      return texts_.prefetch(v.strings[i]);
    case ValueType::kDecimal:
      return decimals_.prefetch(absl::int128(v.decimals[i]));
    case ValueType::kDouble:
      return longs_.prefetch(double_bits(v.doubles[i]));
    case ValueType::kNull:
      return;
    default:
      return longs_.prefetch(v.longs[i]);
  }
}

// Most probes of a large map wait for memory: several wait at once.
std::vector<uint32_t> KeyIndex::find_all(const Vector& v, size_t size) const {
  constexpr size_t kAhead = 12;
  std::vector<uint32_t> out(size, kNone);
  for (size_t lane = 0; lane < std::min(kAhead, size); ++lane) {
    if (v.is_value(lane)) prefetch(v, lane);
  }
  for (size_t lane = 0; lane < size; ++lane) {
    size_t ahead = lane + kAhead;
    if (ahead < size && v.is_value(ahead)) prefetch(v, ahead);
    if (v.is_value(lane)) out[lane] = find(v, lane);
  }
  return out;
}

uint32_t KeyIndex::find(const Value& key) const {
  if (key.is_null()) return kNone;
  auto position = [](const auto& map, const auto& wanted) {
    auto at = map.find(wanted);
    return at == map.end() ? kNone : at->second;
  };
  if (const std::string* text = key.as_string()) {
    return position(texts_, std::string_view(*text));
  }
  if (const Decimal* decimal = key.as_decimal()) {
    return position(decimals_, absl::int128(decimal->units));
  }
  return position(longs_, long_bits(key));
}

uint64_t KeyIndex::memory_bytes() const {
  constexpr uint64_t kEntry = sizeof(std::string_view) + 16;
  uint64_t bytes = keys_.size() * (sizeof(Value) + kEntry);
  for (const Value& key : keys_) {
    if (const std::string* text = key.as_string()) bytes += text->size();
  }
  return bytes;
}

}  // namespace freshet
