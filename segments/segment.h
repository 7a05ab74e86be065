// What a query may ask of any segment, live or sealed.
//
// Rows are numbered 0..num_rows and read in blocks of kBlockRows: block b holds
// rows [b*kBlockRows, min((b+1)*kBlockRows, num_rows)). Everything here is
// immutable while the object lives and may be read by many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segments/bitmap.h"
#include "segments/result.h"
#include "segments/schema.h"
#include "segments/time.h"

namespace freshet {

inline constexpr uint32_t kBlockRows = 4096;

// Dictionary id of null, in every string column of every segment.
inline constexpr uint32_t kNullId = 0;

// The distinct values of a string column. Id 0 is null; ids 1..size-1 have
// values. A sealed dictionary is sorted by bytes (so a range of values is a
// range of ids); a live one is in order of arrival.
class Dictionary {
 public:
  virtual ~Dictionary() = default;
  // Number of ids, null included; at least 1.
  virtual uint32_t size() const = 0;
  // REQUIRES: 1 <= id < size(). Valid as long as the segment.
  virtual std::string_view value(uint32_t id) const = 0;
  // The id of exactly this value, or nothing.
  virtual std::optional<uint32_t> find(std::string_view value) const = 0;
  virtual bool sorted() const = 0;
};

// Least and greatest non-null value and the number of nulls of a block.
// Integer-backed kinds fill the longs, kDouble the doubles, kString the ids
// (as longs; meaningful only when the dictionary is sorted). If all rows are
// null, min > max.
struct ZoneMap {
  int64_t min_long = 0, max_long = 0;
  double min_double = 0, max_double = 0;
  uint32_t num_nulls = 0;
};

class Column;

// Ids that follow from another column's: a row's id is ids[its id in `base`].
// Of `base` only read_ids and gather_ids may be used. Both are valid as long as
// the segment.
struct DerivedIds {
  const Column* base = nullptr;
  std::span<const uint32_t> ids;
};

// One column of a segment. The reads write exactly the block's rows (or the
// gathered rows) to `out`; a null row yields 0 / 0.0 / kNullId.
class Column {
 public:
  virtual ~Column() = default;
  virtual ColumnType type() const = 0;

  virtual void read_longs(uint32_t block, int64_t* out) const = 0;
  virtual void read_doubles(uint32_t block, double* out) const = 0;
  virtual void read_ids(uint32_t block, uint32_t* out) const = 0;
  // The same for chosen rows, given as ascending positions in the block.
  virtual void gather_longs(uint32_t block, std::span<const uint16_t> rows,
                            int64_t* out) const = 0;
  virtual void gather_doubles(uint32_t block, std::span<const uint16_t> rows,
                              double* out) const = 0;
  virtual void gather_ids(uint32_t block, std::span<const uint16_t> rows,
                          uint32_t* out) const = 0;

  // Sets bit r of `words` (kBlockRows/64 words, all written) for each null row
  // r of the block; returns false, writing nothing, if there is none.
  virtual bool read_nulls(uint32_t block, uint64_t* words) const = 0;
  virtual bool has_nulls() const = 0;

  // Nothing where none is kept (live segments).
  virtual std::optional<ZoneMap> zone_map(uint32_t block) const = 0;
  // Whether a non-null row of the block may have a value (of a string: an id)
  // of [low, high]. False is certain: by the zone map, and by the block's
  // table of values where it has one. REQUIRES: not kDouble.
  virtual bool may_have(uint32_t block, int64_t low, int64_t high) const {
    std::optional<ZoneMap> zone = zone_map(block);
    return !zone || (zone->min_long <= zone->max_long &&
                     zone->max_long >= low && zone->min_long <= high);
  }
  // Over the whole column; nothing where none is kept.
  virtual std::optional<ZoneMap> zone_map() const = 0;

  // kString only, else null.
  virtual const Dictionary* dictionary() const = 0;
  // Set where read_ids and gather_ids map the ids of another column, so that
  // whoever tests those spares the mapping.
  virtual std::optional<DerivedIds> derived() const { return std::nullopt; }
  // Rows with dictionary id `id`, or nothing if the column has no inverted
  // index, or none for this id because it is too frequent. REQUIRES: id <
  // dictionary()->size().
  virtual const Bitmap* rows_of(uint32_t id) const = 0;
};

struct Cube;    // segments/cube.h
struct Rollup;  // segments/rollup.h

class Segment {
 public:
  virtual ~Segment() = default;
  // Unique within the data folder: "sales_20261122T000000Z_42"; live segments
  // have "..._live_7".
  virtual const std::string& id() const = 0;
  virtual const Schema& schema() const = 0;
  virtual uint32_t num_rows() const = 0;
  // [least, greatest + 1 ms) of __time over the rows; empty without rows.
  virtual Interval time_range() const = 0;
  virtual bool sealed() const = 0;
  // Hash of a sealed file's content; 0 for live.
  virtual uint64_t content_hash() const = 0;
  // Bytes on disk (sealed) or held in memory (live).
  virtual uint64_t size_bytes() const = 0;
  // The column, or nullptr if this segment was built without it (its rows are
  // then null). The first call verifies the column's checksums: kCorrupt names
  // the file and the block. Valid as long as the segment.
  virtual Result<const Column*> column(std::string_view name) const = 0;

  // Its cubes, each of which answers for all of its rows; null if it has none,
  // as where rows were hidden since it was sealed. kCorrupt names the file.
  // Valid as long as the segment.
  virtual Result<const std::vector<Cube>*> cubes() const { return nullptr; }

  // What the rows are if they were rolled up: then the columns are states, as
  // rollup_schema() lists them, and a row stands for many. Null: they are
  // rows. Errors are those of opening the file. Valid as long as the segment.
  virtual Result<const Rollup*> rollup() const { return nullptr; }

  // Rows that count no more (deleted, or replaced by a newer one); null if
  // there are none. num_rows, reads, zone maps, dictionaries and indexes still
  // have them: whoever answers from the segment leaves them out, and takes no
  // answer from what was made before they were hidden.
  virtual const Bitmap* hidden_rows() const { return nullptr; }
  // Whoever uses values takes the mark before the first read, and asks
  // status(mark) after the last one and before it lets them out. Not good:
  // what was read may be anything, but for reads within the segment. kConflict:
  // the file was changed meanwhile and verified again, read again; kIo,
  // kCorrupt: it is cut short, cannot be read, or is another file.
  virtual uint64_t mark() const { return 0; }
  virtual Status status(uint64_t /*mark*/) const { return {}; }
  // For who reads alone: nothing else finds a change before it is asked.
  Status status() const { return status(mark()); }
  // What is damaged of the file, as far as anybody has met it; looked at again,
  // so that it goes when the right bytes are back.
  virtual std::optional<Error> fault() const { return std::nullopt; }
  // Reads again from the disk and verifies what was verified, though nothing
  // tells of a change.
  virtual void verify_again() const {}

  uint32_t num_visible_rows() const {
    const Bitmap* hidden = hidden_rows();
    if (hidden == nullptr) return num_rows();
    return num_rows() - static_cast<uint32_t>(hidden->cardinality());
  }
  uint32_t num_blocks() const {
    return (num_rows() + kBlockRows - 1) / kBlockRows;
  }
  // Rows of block b.
  uint32_t block_rows(uint32_t b) const {
    uint32_t rest = num_rows() - b * kBlockRows;
    return rest < kBlockRows ? rest : kBlockRows;
  }
};

}  // namespace freshet
