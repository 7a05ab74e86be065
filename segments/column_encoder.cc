#include "segments/column_encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "segments/bit_packing.h"
#include "segments/dictionary_order.h"
#include "segments/index_encoder.h"

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

// The block's bytes: values, then null words.
template <class T>
std::string encode_values(const Block<T>& block, const Range<T>& range,
                          BlockEntry& entry) {
  if constexpr (std::is_same_v<T, double>) {
    entry.width = 64;
    return std::string(reinterpret_cast<const char*>(block.values),
                       block.rows * sizeof(double));
  } else {
    bool all_null = block.num_nulls == block.rows;
    bool nulls_packed = std::is_same_v<T, uint32_t> && block.num_nulls > 0;
    uint64_t base = static_cast<uint64_t>(range.min);
    if (all_null || nulls_packed) base = 0;
    uint64_t greatest = all_null ? 0 : static_cast<uint64_t>(range.max) - base;
    entry.width = packed_width(greatest);
    uint64_t offsets[kBlockRows];
    for (uint32_t i = 0; i < block.rows; ++i) {
      bool is_null = block.is_null(i);
      offsets[i] = is_null ? 0 : static_cast<uint64_t>(block.values[i]) - base;
    }
    std::string bytes(packed_bytes(block.rows, entry.width), '\0');
    pack(offsets, block.rows, entry.width, bytes.data());
    return bytes;
  }
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
    std::string bytes = encode_values(*block, block_range, entry);
    if (block->num_nulls > 0 && !std::is_same_v<T, uint32_t>) {
      bytes.append(reinterpret_cast<const char*>(block->nulls),
                   sizeof(block->nulls));
    }
    TRY(file.align(kExtentAlignment));
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

Result<std::string> dictionary_bytes(const Dictionary& dictionary,
                                     const DictionaryOrder& order,
                                     const std::string& name) {
  std::vector<uint32_t> offsets = {0};
  std::string text;
  for (uint32_t id : order.ids) {
    text += dictionary.value(id);
    if (text.size() > UINT32_MAX) {
      return Error{ErrorCode::kLimit,
                   "more than 4 GiB of distinct values in column " + name};
    }
    offsets.push_back(static_cast<uint32_t>(text.size()));
  }
  std::string bytes(reinterpret_cast<const char*>(offsets.data()),
                    offsets.size() * sizeof(uint32_t));
  return bytes + text;
}

Status encode_strings(const Segment& segment, const Column& column,
                      std::span<const uint32_t> order, SegmentFile& file,
                      ColumnFooter& footer) {
  const Dictionary& dictionary = *column.dictionary();
  Values<uint32_t> all = read_all<uint32_t>(segment, column);
  all.values.resize(segment.num_rows());
  std::vector<uint8_t> used(dictionary.size());
  for (uint32_t id : all.values) used[id] = 1;
  DictionaryOrder sorted = DictionaryOrder::of(dictionary, used);
  for (uint32_t& id : all.values) id = sorted.rank[id];
  footer.dictionary_size = sorted.size();
  TRY(encode_blocks(segment, all, order, file, footer));
  TRY_ASSIGN(std::string bytes,
             dictionary_bytes(dictionary, sorted, footer.spec.name));
  TRY_ASSIGN(footer.dictionary, file.append_extent(bytes));
  if (!wants_index(footer.spec, sorted.size() - 1, segment.num_rows())) {
    return {};
  }
  return encode_index(all.values, order, sorted.size(), file, footer);
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
                                   SegmentFile& file) {
  ColumnFooter footer;
  footer.spec = spec;
  TRY_ASSIGN(const Column* column, segment.column(spec.name));
  if (spec.type.kind == ColumnKind::kString) {
    footer.encoding = Encoding::kPackedIds;
    TRY(encode_strings(segment, *column, order, file, footer));
  } else if (spec.type.kind == ColumnKind::kDouble) {
    footer.encoding = Encoding::kRawDoubles;
    TRY(encode_blocks(segment, read_all<double>(segment, *column), order, file,
                      footer));
  } else {
    footer.encoding = Encoding::kPackedLongs;
    TRY(encode_blocks(segment, read_all<int64_t>(segment, *column), order, file,
                      footer));
  }
  return footer;
}

}  // namespace freshet
