#include "segments/dictionary_order.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace freshet {
namespace {

// A value's first eight bytes as a number decides most comparisons.
struct Key {
  uint64_t prefix;
  uint32_t id;
};

uint64_t prefix_of(std::string_view value) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, value.data(), std::min<size_t>(value.size(), 8));
  return __builtin_bswap64(prefix);
}

}  // namespace

DictionaryOrder DictionaryOrder::of(const Dictionary& dictionary,
                                    const std::vector<uint8_t>& used) {
  std::vector<Key> keys;
  keys.reserve(dictionary.size());
  for (uint32_t id = 1; id < dictionary.size(); ++id) {
    if (!used.empty() && used[id] == 0) continue;
    keys.push_back({prefix_of(dictionary.value(id)), id});
  }
  if (!dictionary.sorted()) {
    std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      return dictionary.value(a.id) < dictionary.value(b.id);
    });
  }
  DictionaryOrder order;
  order.rank.resize(dictionary.size());
  order.ids.reserve(keys.size());
  for (const Key& key : keys) {
    order.ids.push_back(key.id);
    order.rank[key.id] = static_cast<uint32_t>(order.ids.size());
  }
  return order;
}

DictionaryOrder DictionaryOrder::of_rows(std::span<const uint32_t> ids,
                                         std::span<const uint32_t> order,
                                         uint32_t size) {
  DictionaryOrder result;
  result.by_appearance = true;
  result.rank.resize(size);
  for (uint32_t i = 0; i < ids.size(); ++i) {
    uint32_t id = ids[order.empty() ? i : order[i]];
    if (id == kNullId || result.rank[id] != 0) continue;
    result.ids.push_back(id);
    result.rank[id] = static_cast<uint32_t>(result.ids.size());
  }
  return result;
}

}  // namespace freshet
