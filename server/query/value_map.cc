#include "server/query/value_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace freshet {
namespace {

// -0.0 is 0.0 and all NaN are one, as in lanes_equal().
uint64_t double_bits(double value) {
  if (value == 0) value = 0;
  if (std::isnan(value)) value = std::nan("");
  return std::bit_cast<uint64_t>(value);
}

ContentHash hash_units(__int128 units) {
  return hash_contents({reinterpret_cast<const char*>(&units), sizeof units});
}

// REQUIRES: not null.
ContentHash hash_of(const Value& value) {
  if (const std::string* text = value.as_string()) return hash_contents(*text);
  if (const Decimal* decimal = value.as_decimal()) {
    return hash_units(decimal->units);
  }
  if (const double* real = value.as_double()) {
    return hash_number(double_bits(*real));
  }
  int64_t number = 0;
  if (const int64_t* whole = value.as_long()) number = *whole;
  if (const bool* truth = value.as_bool()) number = *truth;
  if (const Timestamp* time = value.as_timestamp()) number = time->ms;
  return hash_number(static_cast<uint64_t>(number));
}

// REQUIRES: the lane is a value.
ContentHash hash_of(const Vector& v, size_t lane) {
  const size_t i = v.at(lane);
  switch (v.type.type) {
    case ValueType::kString:
      return hash_contents(v.strings[i]);
    case ValueType::kDecimal:
      return hash_units(v.decimals[i]);
    case ValueType::kDouble:
      return hash_number(double_bits(v.doubles[i]));
    case ValueType::kNull:
      return {};
    default:
      return hash_number(static_cast<uint64_t>(v.longs[i]));
  }
}

}  // namespace

Result<std::shared_ptr<const KeyIndex>> KeyIndex::create(
    ExpressionType type, std::vector<Value> keys, const QueryControl* control) {
  std::shared_ptr<KeyIndex> made(new KeyIndex(type, std::move(keys)));
  const auto& all = made->keys_;
  auto add = [&](uint32_t position) {
    auto [id, added] = made->table_.find_or_add(hash_of(all[position]));
    made->unique_ &= added;
    if (!added) return;
    auto& positions = made->positions_;
    if (positions.empty()) {
      if (id == position) return;
      positions.resize(id);
      std::iota(positions.begin(), positions.end(), 0u);
    }
    positions.push_back(position);
  };
  TRY(in_runs(all.size(), control, [&](size_t begin, size_t count) -> Status {
    TRY(made->table_.make_room(count, control));
    for (size_t i = begin; i < begin + count; ++i) {
      if (!all[i].is_null()) add(static_cast<uint32_t>(i));
    }
    return {};
  }));
  return std::shared_ptr<const KeyIndex>(std::move(made));
}

uint32_t KeyIndex::find(const ContentHash& key) const {
  const uint32_t id = table_.find(key);
  return id == kNone || positions_.empty() ? id : positions_[id];
}

uint32_t KeyIndex::find(const Vector& v, size_t lane) const {
  return find(hash_of(v, lane));
}

// Most probes of a large map wait for memory: several wait at once.
std::vector<uint32_t> KeyIndex::find_all(const Vector& v, size_t size) const {
  constexpr size_t kAhead = 16;
  ContentHash hashes[kAhead];  // of the next lanes
  std::vector<uint32_t> out(size, kNone);
  auto look_ahead = [&](size_t lane) {
    if (lane >= size || !v.is_value(lane)) return;
    hashes[lane % kAhead] = hash_of(v, lane);
    table_.prefetch(hashes[lane % kAhead]);
  };
  for (size_t lane = 0; lane < kAhead; ++lane) look_ahead(lane);
  for (size_t lane = 0; lane < size; ++lane) {
    if (v.is_value(lane)) out[lane] = find(hashes[lane % kAhead]);
    look_ahead(lane + kAhead);
  }
  return out;
}

uint32_t KeyIndex::find(const Value& key) const {
  return key.is_null() ? kNone : find(hash_of(key));
}

uint64_t KeyIndex::memory_bytes() const {
  uint64_t bytes = keys_.size() * sizeof(Value) + table_.memory_bytes() +
                   positions_.capacity() * sizeof(uint32_t);
  for (const Value& key : keys_) {
    if (const std::string* text = key.as_string()) bytes += text->size();
  }
  return bytes;
}

}  // namespace freshet
