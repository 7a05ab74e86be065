#include "server/query/value_ids.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "server/query/expression_type.h"
#include "server/query/key_table.h"

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

Status ValueIds::make_room(size_t more, const QueryControl* control) {
  switch (values_.type.type) {
    case ValueType::kNull:
      return {};
    case ValueType::kString:
    case ValueType::kDecimal:
      return keys_.make_room(more, control);
    default:
      return numbers_.make_room(more, control);
  }
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

uint32_t ValueIds::add_text(std::string_view text, uint64_t hash) {
  auto [id, added] = keys_.find_or_add(
      hash, [&](uint32_t known) { return values_.strings[known + 1] == text; });
  if (added) values_.strings[add_lane()] = arena_.copy(text);
  return id + 1;
}

uint32_t ValueIds::add_decimal(__int128 units) {
  const char* bytes = reinterpret_cast<const char*>(&units);
  auto [id, added] = keys_.find_or_add(
      hash_contents({bytes, sizeof units}).high,
      [&](uint32_t known) { return values_.decimals[known + 1] == units; });
  if (added) values_.decimals[add_lane()] = units;
  return id + 1;
}

uint32_t ValueIds::intern_text(std::string_view text) {
  return add_text(text, hash_text(text));
}

// In steps over a few texts at once, so that what one waits for from memory
// comes while others are looked at.
void ValueIds::intern_texts(std::span<const std::string_view> texts,
                            uint32_t* out) {
  constexpr size_t kAtOnce = 64;
  uint64_t hashes[kAtOnce];
  uint32_t likely[kAtOnce];
  for (size_t begin = 0; begin < texts.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, texts.size() - begin);
    const std::string_view* text = texts.data() + begin;
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = hash_text(text[i]);
      keys_.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      likely[i] = keys_.likely(hashes[i]);
      if (likely[i] != TagTable::kNone) {
        __builtin_prefetch(&values_.strings[likely[i] + 1]);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      if (likely[i] != TagTable::kNone) {
        __builtin_prefetch(values_.strings[likely[i] + 1].data());
      }
    }
    for (size_t i = 0; i < count; ++i) {
      out[begin + i] = add_text(text[i], hashes[i]);
    }
  }
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
    case ValueType::kDecimal:
      return add_decimal(v.decimals[i]);
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
  if (v.type.type == ValueType::kString) return intern_strings(v, out);
  for (size_t i = 0; i < v.size; ++i) out[i] = intern(v, i);
}

Status ValueIds::intern_many(const Vector& v, std::vector<uint32_t>& out,
                             const QueryControl& control) {
  out.resize(v.size);
  std::vector<uint32_t> lanes;
  return in_runs(v.size, &control, [&](size_t begin, size_t count) -> Status {
    TRY(make_room(count, &control));
    lanes.resize(count);
    std::iota(lanes.begin(), lanes.end(), static_cast<uint32_t>(begin));
    intern_lanes(v, lanes, out.data() + begin);
    return {};
  });
}

void ValueIds::intern_strings(const Vector& v, std::vector<uint32_t>& out) {
  if (v.states.empty()) return intern_texts(v.strings, out.data());
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < v.size; ++i) {
    if (v.is_value(i)) texts.push_back(v.strings[i]);
  }
  std::vector<uint32_t> ids(texts.size());
  intern_texts(texts, ids.data());
  for (size_t i = 0, next = 0; i < v.size; ++i) {
    out[i] = v.is_value(i) ? ids[next++] : 0;
  }
}

void ValueIds::intern_entries(const Dictionary& dictionary,
                              std::span<const uint32_t> ids, uint32_t* out) {
  constexpr size_t kAtOnce = 4096;
  std::vector<std::string_view> texts;
  std::vector<uint32_t> known;
  for (size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const auto some = ids.subspan(begin, std::min(kAtOnce, ids.size() - begin));
    texts.clear();
    for (uint32_t id : some) {
      if (id != kNullId) texts.push_back(dictionary.value(id));
    }
    known.resize(texts.size());
    intern_texts(texts, known.data());
    for (size_t i = 0, next = 0; i < some.size(); ++i) {
      out[begin + i] = some[i] == kNullId ? 0 : known[next++];
    }
  }
}

void ValueIds::intern_lanes(const Vector& v, std::span<const uint32_t> lanes,
                            uint32_t* out) {
  Vector chosen;
  chosen.type = v.type;
  constexpr size_t kAtOnce = 4096;
  std::vector<uint32_t> ids;
  for (size_t begin = 0; begin < lanes.size(); begin += kAtOnce) {
    const auto some =
        lanes.subspan(begin, std::min(kAtOnce, lanes.size() - begin));
    chosen.states.clear();
    chosen.size = 0;
    chosen.resize(some.size());
    for (size_t i = 0; i < some.size(); ++i) chosen.set_from(i, v, some[i]);
    intern_all(chosen, ids);
    std::copy(ids.begin(), ids.end(), out + begin);
  }
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
         numbers_.memory_bytes() + keys_.memory_bytes();
}

}  // namespace freshet
