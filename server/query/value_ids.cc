#include "server/query/value_ids.h"

#include <bit>
#include <cmath>
#include <limits>

#include "server/query/expression_type.h"

namespace freshet {
namespace {

// One key for each value that compares equal.
uint64_t double_key(double value) {
  if (value == 0) value = 0.0;
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(value);
}

}  // namespace

ValueIds::ValueIds(ExpressionType type) {
  values_.type = type;
  values_.resize(1);
  values_.set_null(0);
}

uint32_t ValueIds::add_lane() {
  values_.resize(values_.size + 1);
  return static_cast<uint32_t>(values_.size - 1);
}

uint32_t ValueIds::intern_long(int64_t value) {
  if (last_id_ != 0 && last_long_ == value) return last_id_;
  uint32_t id = numbers_.find_or_add(static_cast<uint64_t>(value)) + 1;
  if (id == values_.size) values_.longs[add_lane()] = value;
  last_long_ = value;
  last_id_ = id;
  return id;
}

uint32_t ValueIds::intern_text(std::string_view text) {
  auto at = strings_.find(text);
  if (at != strings_.end()) return at->second;
  uint32_t id = add_lane();
  values_.strings[id] = arena_.copy(text);
  strings_.emplace(values_.strings[id], id);
  return id;
}

uint32_t ValueIds::intern(const Vector& v, size_t lane) {
  if (!v.is_value(lane)) return 0;
  size_t i = v.at(lane);
  switch (v.type.type) {
    case ValueType::kNull:
      return 0;
    case ValueType::kString:
      return intern_text(v.strings[i]);
    case ValueType::kDouble: {
      uint32_t id = numbers_.find_or_add(double_key(v.doubles[i])) + 1;
      if (id == values_.size) values_.doubles[add_lane()] = v.doubles[i];
      return id;
    }
    case ValueType::kDecimal: {
      auto [at, added] = decimals_.try_emplace(absl::int128(v.decimals[i]), 0);
      if (added) {
        at->second = add_lane();
        values_.decimals[at->second] = v.decimals[i];
      }
      return at->second;
    }
    default:
      return intern_long(v.longs[i]);
  }
}

void ValueIds::intern_all(const Vector& v, std::vector<uint32_t>& out) {
  out.resize(v.size);
  if (v.constant) {
    uint32_t id = v.size > 0 ? intern(v, 0) : 0;
    out.assign(v.size, id);
    return;
  }
  if (is_long_backed(v.type) && v.states.empty()) {
    return intern_longs(v.longs, out);
  }
  for (size_t i = 0; i < v.size; ++i) out[i] = intern(v, i);
}

// Equal neighbours are looked up once; many different values ahead of their
// use.
void ValueIds::intern_longs(const std::vector<int64_t>& longs,
                            std::vector<uint32_t>& out) {
  if (numbers_.cached()) {
    for (size_t i = 0; i < longs.size(); ++i) {
      const int64_t value = longs[i];
      out[i] =
          last_id_ != 0 && value == last_long_ ? last_id_ : intern_long(value);
    }
    return;
  }
  numbers_.find_or_add_all(reinterpret_cast<const uint64_t*>(longs.data()),
                           longs.size(), out.data());
  const auto known = static_cast<uint32_t>(values_.size);
  values_.resize(numbers_.size() + 1);
  for (uint32_t id = known; id < values_.size; ++id) {
    values_.longs[id] = static_cast<int64_t>(numbers_.keys()[id - 1]);
  }
  for (uint32_t& id : out) ++id;
}

uint64_t ValueIds::memory_bytes() const {
  return values_.memory_bytes() + arena_.memory_bytes() +
         numbers_.memory_bytes() + decimals_.capacity() * 32 +
         strings_.capacity() * 24;
}

}  // namespace freshet
