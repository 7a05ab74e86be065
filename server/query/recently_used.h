// RecentlyUsed: values by text, of which the least recently used leave when
// their bytes are over the limit. Guarded by its owner.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace freshet {

template <class T>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(uint64_t max_bytes)
      : RecentlyUsed(max_bytes, max_bytes / 4) {}
  RecentlyUsed(uint64_t max_bytes, uint64_t most_of_one)
      : max_bytes_(max_bytes), most_of_one_(most_of_one) {}

  // Null if there is none; valid until put(). The value is in use now.
  const T* find(const std::string& key) {
    auto at = places_.find(key);
    if (at == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    return &at->second->value;
  }

  // The value leaves; nothing if there is none.
  std::optional<T> take(const std::string& key) {
    auto at = places_.find(key);
    if (at == places_.end()) return std::nullopt;
    T value = std::move(at->second->value);
    remove(at->second);
    return value;
  }

  // In place of an earlier one. A value of more than a quarter of all bytes
  // (or `most_of_one`) is not kept: it must not drive out all others.
  void put(std::string key, T value, uint64_t bytes) {
    bytes += key.size() + kEntryBytes;
    if (bytes > most_of_one_) return;
    auto at = places_.find(key);
    if (at != places_.end()) remove(at->second);
    while (!entries_.empty() && bytes_ + bytes > max_bytes_) {
      remove(std::prev(entries_.end()));
      ++evicted_;
    }
    entries_.push_front({std::move(key), std::move(value), bytes});
    places_.emplace(entries_.front().key, entries_.begin());
    bytes_ += bytes;
  }

  uint64_t size() const { return entries_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t evicted() const { return evicted_; }  // since the start

 private:
  static constexpr uint64_t kEntryBytes = 256;  // besides key and value

  struct Entry {
    std::string key;
    T value;
    uint64_t bytes = 0;
  };
  void remove(typename std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    places_.erase(entry->key);
    entries_.erase(entry);
  }

  const uint64_t max_bytes_, most_of_one_;
  std::list<Entry> entries_;  // latest use first
  absl::flat_hash_map<std::string_view, typename std::list<Entry>::iterator>
      places_;  // by the entries' own keys
  uint64_t bytes_ = 0, evicted_ = 0;
};

}  // namespace freshet
