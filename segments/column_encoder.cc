#include "segments/column_encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "segments/dictionary_encoder.h"
#include "segments/dictionary_order.h"
#include "segments/double_block.h"
#include "segments/index_encoder.h"
#include "segments/integer_block.h"

namespace freshet {
namespace {

constexpr uint32_t kWords = kBlockRows / 64;
constexpr uint32_t kLargeRows = 2 * kBlockRows;

// A column's values in arrival order.
template <class T>
struct Values {
  std::vector<T> values;
  std::vector<uint64_t> nulls;  // bits; empty if there is none

  bool is_null(uint32_t row) const {
    return !nulls.empty() && (nulls[row / 64] >> row % 64 & 1) != 0;
  }
};

void read_block(const Column& column, uint32_t block, int64_t* out) {
  column.read_longs(block, out);
}
void read_block(const Column& column, uint32_t block, double* out) {
  column.read_doubles(block, out);
}
void read_block(const Column& column, uint32_t block, uint32_t* out) {
  column.read_ids(block, out);
}

template <class T>
Values<T> read_all(const Segment& segment, const Column& column) {
  Values<T> all;
  all.values.resize(size_t{segment.num_blocks()} * kBlockRows);
  bool bits = column.has_nulls() && !std::is_same_v<T, uint32_t>;
  if (bits) all.nulls.resize(size_t{segment.num_blocks()} * kWords);
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    read_block(column, block, all.values.data() + size_t{block} * kBlockRows);
    if (bits) column.read_nulls(block, all.nulls.data() + block * kWords);
  }
  return all;
}

// One block in the order of the file.
template <class T>
struct Block {
  uint32_t rows = 0;
  T values[kBlockRows];
  uint64_t nulls[kWords];
  uint32_t num_nulls = 0;

  bool is_null(uint32_t i) const {
    if constexpr (std::is_same_v<T, uint32_t>) return values[i] == kNullId;
    return num_nulls > 0 && (nulls[i / 64] >> i % 64 & 1) != 0;
  }
};

template <class T>
void fill(const Values<T>& all, std::span<const uint32_t> order, uint32_t begin,
          Block<T>& block) {
  block.num_nulls = 0;
  std::memset(block.nulls, 0, sizeof(block.nulls));
  for (uint32_t i = 0; i < block.rows; ++i) {
    uint32_t row = order.empty() ? begin + i : order[begin + i];
    block.values[i] = all.values[row];
    if constexpr (std::is_same_v<T, uint32_t>) {
      block.num_nulls += block.values[i] == kNullId;
    } else if (all.is_null(row)) {
      block.nulls[i / 64] |= uint64_t{1} << i % 64;
      ++block.num_nulls;
    }
  }
}

template <class T>
struct Range {
  T min = std::numeric_limits<T>::max();
  T max = std::numeric_limits<T>::lowest();
  void add(T value) {
    if constexpr (std::is_same_v<T, double>) {
      if (std::isnan(value)) {  // unordered: let no zone map exclude it
        min = -std::numeric_limits<double>::infinity();
        max = std::numeric_limits<double>::infinity();
        return;
      }
    }
    min = std::min(min, value);
    max = std::max(max, value);
  }
  void add(const Range& other) {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }
};

template <class T>
Range<T> range_of(const Block<T>& block) {
  Range<T> range;
  for (uint32_t i = 0; i < block.rows; ++i) {
    if (!block.is_null(i)) range.add(block.values[i]);
  }
  return range;
}

int64_t stored(double value) { return std::bit_cast<int64_t>(value); }
int64_t stored(int64_t value) { return value; }
int64_t stored(uint32_t value) { return value; }

// Values as the codecs take them: under a null, the value before it (or the
// first there is), which costs least.
template <class T, class Out>
std::span<const Out> without_nulls(const Block<T>& block, Out* out) {
  uint32_t first = 0;
  while (first < block.rows && block.is_null(first)) ++first;
  T value = first < block.rows ? block.values[first] : T();
  for (uint32_t i = 0; i < block.rows; ++i) {
    if (!block.is_null(i)) value = block.values[i];
    out[i] = static_cast<Out>(value);
  }
  return {out, block.rows};
}

// The same without nulls among them, or with null ids as the ids they are.
template <class T, class Out>
std::span<const Out> as_they_are(const Block<T>& block, Out* out) {
  std::copy_n(block.values, block.rows, out);
  return {out, block.rows};
}

std::string encode_values(const Block<double>& block, const Range<double>&,
                          BlockEntry& entry) {
  double values[kBlockRows];
  EncodedDoubles encoded = encode_doubles(without_nulls(block, values));
  entry.codec = encoded.codec;
  entry.width = encoded.width;
  entry.exponent = encoded.exponent;
  entry.parameter = encoded.exceptions;
  return std::move(encoded.bytes);
}

template <class T>
std::string encode_values(const Block<T>& block, const Range<T>& range,
                          BlockEntry& entry) {
  if (block.num_nulls == block.rows) return {};  // width 0 above 0
  constexpr bool kIds = std::is_same_v<T, uint32_t>;
  int64_t values[kBlockRows];
  bool as_is = kIds || block.num_nulls == 0;
  auto all = as_is ? as_they_are(block, values) : without_nulls(block, values);
  bool null_ids = kIds && block.num_nulls > 0;
  int64_t least = null_ids ? 0 : static_cast<int64_t>(range.min);
  EncodedIntegers encoded =
      encode_integers(all, least, static_cast<int64_t>(range.max));
  entry.codec = encoded.codec;
  entry.width = encoded.width;
  entry.parameter = encoded.factor;
  return std::move(encoded.bytes);
}

template <class T>
Status encode_blocks(const Segment& segment, const Values<T>& all,
                     std::span<const uint32_t> order, SegmentFile& file,
                     ColumnFooter& footer) {
  // Large columns start on a page, so that they can be advised about alone.
  bool large = segment.num_rows() >= kLargeRows;
  TRY(file.align(large ? kPageBytes : kExtentAlignment));
  footer.blocks.offset = file.offset();
  std::vector<BlockEntry> entries(segment.num_blocks());
  auto block = std::make_unique<Block<T>>();
  Range<T> range;
  for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
    BlockEntry& entry = entries[b];
    block->rows = segment.block_rows(b);
    fill(all, order, b * kBlockRows, *block);
    Range<T> block_range = range_of(*block);
    range.add(block_range);
    std::string bytes;
    if (footer.encoding != Encoding::kDerivedIds) {
      bytes = encode_values(*block, block_range, entry);
    }
    bool some_null = block->num_nulls > 0 && block->num_nulls < block->rows;
    if (some_null && !std::is_same_v<T, uint32_t>) {
      bytes.append(reinterpret_cast<const char*>(block->nulls),
                   sizeof(block->nulls));
    }
    TRY(file.align(kBlockAlignment));
    entry.offset = file.offset() - footer.blocks.offset;
    entry.checksum = checksum_of(bytes);
    entry.min = stored(block_range.min);
    entry.max = stored(block_range.max);
    entry.length = static_cast<uint32_t>(bytes.size());
    entry.num_nulls = block->num_nulls;
    footer.num_nulls += block->num_nulls;
    TRY(file.append(bytes));
  }
  footer.min = stored(range.min);
  footer.max = stored(range.max);
  footer.blocks.length = file.offset() - footer.blocks.offset;
  TRY_ASSIGN(footer.block_table,
             file.append_extent({reinterpret_cast<char*>(entries.data()),
                                 entries.size() * sizeof(BlockEntry)}));
  return {};
}

// Declared of high cardinality, and at least half as many values as rows:
// their order is not worth sorting for.
bool near_unique(const ColumnSpec& spec, std::span<const uint8_t> used,
                 uint32_t num_rows) {
  if (!spec.high_cardinality) return false;
  auto values = std::count(used.begin() + 1, used.end(), 1);
  return static_cast<uint64_t>(values) * 2 >= num_rows;
}

DictionaryOrder dictionary_order(const Dictionary& dictionary,
                                 std::span<const uint32_t> ids,
                                 std::span<const uint32_t> order,
                                 const ColumnSpec& spec) {
  std::vector<uint8_t> used(dictionary.size());
  for (uint32_t id : ids) used[id] = 1;
  if (near_unique(spec, used, static_cast<uint32_t>(ids.size()))) {
    auto plain = DictionaryOrder::of_rows(ids, order, dictionary.size());
    if (fits_text_blocks(dictionary, plain)) return plain;
  }
  return DictionaryOrder::of(dictionary, used);
}

Status encode_strings(const Segment& segment, const Column& column,
                      std::span<const uint32_t> order,
                      const Derivation* derivation, SegmentFile& file,
                      ColumnFooter& footer) {
  const Dictionary& dictionary = *column.dictionary();
  Values<uint32_t> all = read_all<uint32_t>(segment, column);
  all.values.resize(segment.num_rows());
  DictionaryOrder ranked =
      dictionary_order(dictionary, all.values, order, footer.spec);
  for (uint32_t& id : all.values) id = ranked.rank[id];
  footer.dictionary_size = ranked.size();
  if (derivation != nullptr) {
    footer.encoding = Encoding::kDerivedIds;
    footer.base = static_cast<uint32_t>(derivation->base);
    std::string_view table(
        reinterpret_cast<const char*>(derivation->ids.data()),
        derivation->ids.size() * sizeof(uint32_t));
    TRY_ASSIGN(footer.derivation, file.append_extent(table));
  }
  TRY(encode_blocks(segment, all, order, file, footer));
  auto bytes = encode_dictionary(dictionary, ranked);
  if (!bytes) {
    return Error{bytes.error().code,
                 bytes.error().message + " in column " + footer.spec.name};
  }
  TRY_ASSIGN(footer.dictionary, file.append_extent(*bytes));
  if (!wants_index(footer.spec, ranked.size() - 1, segment.num_rows())) {
    return {};
  }
  return encode_index(all.values, order, ranked.size(), file, footer);
}

}  // namespace

bool wants_index(const ColumnSpec& spec, uint32_t num_values,
                 uint32_t num_rows) {
  if (spec.high_cardinality) return false;
  return num_values <= 1024 || uint64_t{num_values} * 8 <= num_rows;
}

Result<ColumnFooter> encode_column(const Segment& segment,
                                   const ColumnSpec& spec,
                                   std::span<const uint32_t> order,
                                   SegmentFile& file,
                                   const Derivation* derivation) {
  ColumnFooter footer;
  footer.spec = spec;
  TRY_ASSIGN(const Column* column, segment.column(spec.name));
  if (spec.type.kind == ColumnKind::kString) {
    footer.encoding = Encoding::kIds;
    TRY(encode_strings(segment, *column, order, derivation, file, footer));
  } else if (spec.type.kind == ColumnKind::kDouble) {
    footer.encoding = Encoding::kDoubles;
    TRY(encode_blocks(segment, read_all<double>(segment, *column), order, file,
                      footer));
  } else {
    footer.encoding = Encoding::kLongs;
    TRY(encode_blocks(segment, read_all<int64_t>(segment, *column), order, file,
                      footer));
  }
  return footer;
}

}  // namespace freshet
