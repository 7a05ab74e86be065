// KeyHash: what stands for a row's key, and how it is computed from the key
// columns of a batch or of a segment's block.
//
// 128 bits of XXH3 over kind and bytes of each value. The seed is drawn at
// each start, so that nobody can choose keys that collide; by chance two of
// 10^9 keys do with odds of 1 in 10^20.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segments/column_batch.h"
#include "segments/segment.h"

namespace freshet {

struct KeyHash {
  uint64_t high = 0, low = 0;  // never both 0
  bool operator==(const KeyHash&) const = default;
};

// In KeyValues::nulls, where 1 is a null: a number stored before its column
// became wider, which the column's type cannot hold. No event can say it, so
// its row has no key. Its long is the greatest or the least value, for
// order_of.
inline constexpr uint8_t kBeyondType = 2;

// One key column over some rows; only the span of its kind is used, and
// `nulls` may be empty where none is null.
struct KeyValues {
  ColumnKind kind = ColumnKind::kString;
  std::span<const int64_t> longs;
  std::span<const double> doubles;
  std::span<const std::string_view> strings;
  std::span<const uint8_t> nulls;
};

class KeyHasher {
 public:
  KeyHasher();  // draws a seed
  // Nothing if every column of the row is null, or one is kBeyondType: such a
  // row has no key.
  std::optional<KeyHash> hash(std::span<const KeyValues> columns, size_t row);
  // What hash() is computed from, the same at every start; valid until the next
  // call.
  std::optional<std::string_view> bytes(std::span<const KeyValues> columns,
                                        size_t row);
  KeyHash hash(std::string_view bytes) const;

 private:
  const uint64_t seed_;
  std::string bytes_;
};

// The key columns of a segment in the types that the schema has now, read block
// by block. Used by one thread.
class SegmentKeys {
 public:
  // Columns the segment was built without are null, as those of a type that may
  // not become the schema's. kCorrupt as column().
  // `segment` must outlive it.
  static Result<SegmentKeys> open(const Segment& segment, const Schema& schema,
                                  std::span<const size_t> columns);
  // Values of the block's rows, valid until the next call.
  std::span<const KeyValues> read(uint32_t block);

 private:
  struct Source {
    const Column* column = nullptr;  // null: not there
    ColumnType type;                 // of the schema
    std::vector<int64_t> longs;
    std::vector<double> doubles;
    std::vector<uint32_t> ids;
    std::vector<std::string_view> strings;
    std::vector<uint8_t> nulls;
  };
  explicit SegmentKeys(const Segment& segment) : segment_(&segment) {}
  void read_column(Source& source, uint32_t block);
  void read_texts(Source& source, uint32_t block);
  void read_nulls(Source& source, uint32_t block);
  void read_numbers(Source& source, uint32_t block);
  void widen(Source& source, uint32_t block);

  const Segment* segment_;
  std::vector<Source> sources_;
  std::vector<KeyValues> values_;
};

// Views of the batch's columns, valid while it has these rows.
std::vector<KeyValues> key_values(const ColumnBatch& batch,
                                  std::span<const size_t> columns);

// A value that orders rows: of an integer-backed or double column, so that
// less means less; null is kNoOrder, the least of all.
inline constexpr int64_t kNoOrder = std::numeric_limits<int64_t>::min();
int64_t order_of(const KeyValues& values, size_t row);
// The order of the same value in the column's type of now. REQUIRES:
// may_become().
int64_t widened_order(int64_t order, ColumnType stored, ColumnType now);

}  // namespace freshet
