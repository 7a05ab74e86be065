// JsonPaths: which members of an event's objects lead to which targets.
//
// Producers write the fields of an event in the same order again and again, so
// each object level remembers which key followed which, and compares the raw
// bytes with that; only a key out of order costs a hash look-up. Used by one
// thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/field_targets.h"
#include "ingest/json_structure.h"

namespace freshet {

// A member name that a path goes through.
struct JsonMember {
  // How its value is stored when it is the plain kind of its one column.
  enum class Direct { kNo, kText, kLong };

  std::vector<size_t> targets;  // in FieldTargets
  int level = -1;               // of the object behind it; -1: none is wanted
  uint64_t seen_in = 0;         // number of a message, for duplicate keys
  Direct direct = Direct::kNo;
  int64_t* longs = nullptr;  // of the column in the open batch
  std::string_view* strings = nullptr;
  uint8_t* nulls = nullptr;
};

// The members of one object in the paths.
class JsonLevel {
 public:
  static constexpr int kUnknown = -1;     // a key nobody asks for
  static constexpr int kUnreadable = -2;  // its escapes are none
  static constexpr int kStart = -1;

  int add(std::string_view name);
  JsonMember& member(int number) {
    return members_[static_cast<size_t>(number)];
  }
  std::vector<JsonMember>& members() { return members_; }

  // The member of the key whose bytes between its quotes begin at `raw`, with
  // PaddedBlocks::kPadding readable bytes behind its object; `end` lies at the
  // colon. `place` is kStart for the first key of an object and kept by the
  // caller for the next one.
  int find(const char* raw, const char* end, JsonStructure& structure,
           int& place) {
    int guess = place == kStart ? first_ : known_[as_index(place)].next;
    // A field that is sometimes left out is stepped over.
    for (int hop = 0; hop < kMaxHops && guess != kStart; ++hop) {
      const KnownKey& key = known_[as_index(guess)];
      if (key.matches(raw)) {
        place = guess;
        return key.member;
      }
      guess = key.next;
    }
    return look_up(raw, end, structure, place);
  }

 private:
  static constexpr int kMaxHops = 4;
  static constexpr size_t kMaxKnown = 256;
  static constexpr size_t kMaxWords = 7;

  // A key without escapes and its closing quote, in words of 8 bytes.
  struct KnownKey {
    std::array<uint64_t, kMaxWords> words = {};
    uint64_t last_mask = 0;
    uint32_t last = 0;  // word
    int member = kUnknown;
    int next = kStart;  // the key that followed it, in known_

    bool matches(const char* raw) const {
      for (uint32_t i = 0; i < last; ++i) {
        if (word(raw, i) != words[i]) return false;
      }
      return ((word(raw, last) ^ words[last]) & last_mask) == 0;
    }
    static uint64_t word(const char* raw, uint32_t number) {
      uint64_t value;
      std::memcpy(&value, raw + 8 * number, sizeof value);
      return value;
    }
  };
  static size_t as_index(int number) { return static_cast<size_t>(number); }
  int look_up(const char* raw, const char* end, JsonStructure& structure,
              int& place);
  int remember(std::string_view name, int member);

  std::vector<JsonMember> members_;
  absl::flat_hash_map<std::string, int> by_name_;
  std::vector<KnownKey> known_;
  absl::flat_hash_map<std::string, int> known_by_name_;
  int first_ = kStart;  // in known_
};

class JsonPaths {
 public:
  explicit JsonPaths(const FieldTargets& targets);

  JsonLevel& root() { return levels_[0]; }
  JsonLevel& level(int number) { return levels_[static_cast<size_t>(number)]; }
  // Lets the members that can be stored directly point into the columns.
  void aim(const FieldTargets& targets, ColumnBatch& batch);

 private:
  void add(const FieldTargets& targets, size_t target);

  std::vector<JsonLevel> levels_;
};

}  // namespace freshet
