// ValueIds: numbers the distinct values of one type; 0 is null, as in a
// dictionary. Keeps the values. One thread.
#pragma once

#include <span>

#include "segments/segment.h"
#include "server/query/id_table.h"
#include "server/query/tag_table.h"
#include "server/query/vector.h"

namespace freshet {

class ValueIds {
 public:
  explicit ValueIds(ExpressionType type);

  // As IdTable::make_room(), for so many more values.
  Status make_room(size_t more, const QueryControl* control);
  // REQUIRES: v.type is the type, the lane holds no error.
  uint32_t intern(const Vector& v, size_t lane);
  uint32_t intern_text(std::string_view text);
  uint32_t intern_long(int64_t value);
  // out[i] of every text; many at once cost less than one by one.
  void intern_texts(std::span<const std::string_view> texts, uint32_t* out);
  // out[lane] for all lanes.
  void intern_all(const Vector& v, std::vector<uint32_t>& out);
  // The same for any number of lanes; fails as `control` does.
  Status intern_many(const Vector& v, std::vector<uint32_t>& out,
                     const QueryControl& control);
  // out[i] for lane lanes[i] of each. REQUIRES: as intern().
  void intern_lanes(const Vector& v, std::span<const uint32_t> lanes,
                    uint32_t* out);
  // out[i] for entry ids[i] of each; null's is 0.
  void intern_entries(const Dictionary& dictionary,
                      std::span<const uint32_t> ids, uint32_t* out);

  uint32_t size() const { return static_cast<uint32_t>(values_.size); }
  // values() lane id; lane 0 is null.
  const Vector& values() const { return values_; }
  uint64_t memory_bytes() const;

 private:
  uint32_t add_lane();
  uint32_t add_text(std::string_view text, uint64_t hash);
  uint32_t add_decimal(__int128 units);
  void intern_longs(const std::vector<int64_t>& longs,
                    std::vector<uint32_t>& out);
  void intern_strings(const Vector& v, std::vector<uint32_t>& out);

  Vector values_;
  Arena arena_;
  IdTable numbers_;  // key of id + 1: bits of a long or double
  TagTable keys_;    // of id + 1: a text or decimal of values_
  int64_t last_long_ = 0;
  uint32_t last_id_ = 0;  // of last_long_; 0: none yet
};

}  // namespace freshet
