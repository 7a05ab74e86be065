// LiveDictionary: the distinct values of a string column being written, with
// ids in order of arrival.
//
// One writer adds, many readers look up, without a lock. Values lie in blocks
// that never move. The hash table is open addressing over 64-bit slots (upper
// half of the hash, whose upper bits are the slot's place, and id). When it is
// half full the writer begins a larger copy, to which each new value moves a
// few slots, and publishes it when all have moved: no add() takes long. It
// keeps the old one, so that a reader in the midst of a probe is safe. A reader
// may ask for ids that were published to it (LiveSegment's row count).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "segments/stable_array.h"

namespace freshet {

class LiveDictionary {
 public:
  LiveDictionary();
  ~LiveDictionary();
  LiveDictionary(const LiveDictionary&) = delete;
  LiveDictionary& operator=(const LiveDictionary&) = delete;

  // Id of the value, added if new; never kNullId. Writer only.
  uint32_t add(std::string_view value);
  // Number of ids, null included. Any thread.
  uint32_t size() const { return size_.load(std::memory_order_acquire); }
  // REQUIRES: 1 <= id < a size() seen by the caller.
  std::string_view value(uint32_t id) const { return values_[id - 1]; }
  // Id of the value if it is below `limit`. Any thread.
  std::optional<uint32_t> find(std::string_view value, uint32_t limit) const;
  // Memory held. Writer only.
  uint64_t bytes() const { return bytes_; }

 private:
  struct Table;
  // A text of at most 16 bytes in two words, which overlap where it is shorter.
  struct ShortText {
    explicit ShortText(std::string_view value);
    bool operator==(const ShortText&) const = default;
    uint64_t low = 0, high = 0;
    uint32_t size;
  };
  // What a short text was found to be; found again without a look at values_.
  struct Recent {
    ShortText text{std::string_view()};
    uint32_t id = 0;  // 0: none yet
  };
  uint32_t add_short(std::string_view value);
  uint32_t find_or_insert(std::string_view value);
  uint32_t insert(std::string_view value, uint64_t hash);
  std::string_view keep(std::string_view value);
  void begin_growth();
  void move_slots();
  void resize_recent();

  StableArray<std::string_view> values_;
  std::atomic<uint32_t> size_{1};
  std::atomic<Table*> table_;
  std::vector<std::unique_ptr<Table>> tables_;  // the last is table_
  std::unique_ptr<Table> larger_;  // will be the next; null while there is room
  uint32_t moved_ = 0;             // so many slots of table_ are in larger_
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_size_ = 0, block_used_ = 0;
  std::vector<Recent> recent_;  // by hash; a power of two; empty: no short text
  std::string_view last_value_;  // of the last longer add(), and its id
  uint32_t last_id_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace freshet
