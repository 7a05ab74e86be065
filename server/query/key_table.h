// KeyTable: numbers distinct keys 0, 1, 2, ... in order of arrival: what joins,
// DISTINCT and set operations find rows by. A key is the hash of its contents,
// of 128 bits and with a seed of this process, so that nobody can choose
// contents whose hashes are equal. One thread; find() any, once it is filled.
#pragma once

#include <string_view>

#include "server/query/growing_array.h"
#include "server/query/tag_table.h"

namespace freshet {

struct ContentHash {
  uint64_t high = 0, low = 0;
  bool operator==(const ContentHash&) const = default;
};

ContentHash hash_contents(std::string_view contents);
// Of a text: two may have the same one, but nobody can choose them so.
uint64_t hash_text(std::string_view text);
// Of a number: no two have the same one.
ContentHash hash_number(uint64_t number);

class KeyTable {
  auto same_as(const ContentHash& key) const {
    return [this, &key](uint32_t id) { return keys_[id] == key; };
  }

 public:
  static constexpr uint32_t kNone = TagTable::kNone;

  // As IdTable::make_room().
  Status make_room(size_t more, const QueryControl* control) {
    return tags_.make_room(more, control);
  }
  // The key's id; true: it is a new one.
  std::pair<uint32_t, bool> find_or_add(const ContentHash& key) {
    auto found = tags_.find_or_add(key.high, same_as(key));
    if (found.second) keys_.push_back(key);
    return found;
  }
  // kNone if it is not known.
  uint32_t find(const ContentHash& key) const {
    return tags_.find(key.high, same_as(key));
  }
  void prefetch(const ContentHash& key) const { tags_.prefetch(key.high); }

  uint32_t size() const { return tags_.size(); }
  uint64_t memory_bytes() const {
    return tags_.memory_bytes() + keys_.memory_bytes();
  }

 private:
  TagTable tags_;
  GrowingArray<ContentHash> keys_;
};

}  // namespace freshet
