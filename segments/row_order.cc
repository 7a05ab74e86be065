#include "segments/row_order.h"

#include <algorithm>
#include <array>
#include <bit>

#include "segments/dictionary_order.h"

namespace freshet {
namespace {

// A row and its sort key in one column.
struct Keyed {
  uint64_t key;
  uint32_t row;
};

constexpr unsigned kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

// Order-preserving map of doubles to unsigned numbers.
uint64_t ordered_bits(double value) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  return bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
}

// Keys of all rows, in row order: order-preserving, null least.
std::vector<uint64_t> column_keys(const Segment& segment,
                                  const Column& column) {
  std::vector<uint64_t> keys(segment.num_blocks() * size_t{kBlockRows});
  ColumnKind kind = column.type().kind;
  DictionaryOrder order;
  if (kind == ColumnKind::kString) {
    order = DictionaryOrder::of(*column.dictionary(), {});
  }
  std::vector<uint32_t> ids(kBlockRows);
  std::vector<double> doubles(kBlockRows);
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    uint64_t* out = keys.data() + size_t{block} * kBlockRows;
    uint32_t rows = segment.block_rows(block);
    if (kind == ColumnKind::kString) {
      column.read_ids(block, ids.data());
      for (uint32_t i = 0; i < rows; ++i) out[i] = order.rank[ids[i]];
    } else if (kind == ColumnKind::kDouble) {
      column.read_doubles(block, doubles.data());
      for (uint32_t i = 0; i < rows; ++i) out[i] = ordered_bits(doubles[i]);
    } else {
      column.read_longs(block, reinterpret_cast<int64_t*>(out));
      for (uint32_t i = 0; i < rows; ++i) out[i] ^= uint64_t{1} << 63;
    }
  }
  keys.resize(segment.num_rows());
  return keys;
}

// Moves keys down so that the least is 0: fewer digits to sort by. Returns
// the greatest.
uint64_t normalize(std::vector<uint64_t>& keys) {
  if (keys.empty()) return 0;
  auto [least, greatest] = std::minmax_element(keys.begin(), keys.end());
  uint64_t base = *least, range = *greatest - base;
  for (uint64_t& key : keys) key -= base;
  return range;
}

// 0 for a null row, 1 for the others.
std::vector<uint64_t> null_keys(const Segment& segment, const Column& column) {
  std::vector<uint64_t> keys(segment.num_rows(), 1);
  uint64_t words[kBlockRows / 64];
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    if (!column.read_nulls(block, words)) continue;
    for (uint32_t i = 0; i < segment.block_rows(block); ++i) {
      if (words[i / 64] >> i % 64 & 1) keys[block * kBlockRows + i] = 0;
    }
  }
  return keys;
}

bool in_order(const std::vector<Keyed>& rows) {
  return std::is_sorted(
      rows.begin(), rows.end(),
      [](const Keyed& a, const Keyed& b) { return a.key < b.key; });
}

// Stable least-significant-digit radix sort.
void radix_sort(std::vector<Keyed>& rows, std::vector<Keyed>& spare,
                uint64_t greatest) {
  if (in_order(rows)) return;
  spare.resize(rows.size());
  unsigned bits = static_cast<unsigned>(std::bit_width(greatest));
  for (unsigned shift = 0; shift < bits; shift += kDigitBits) {
    std::array<uint32_t, kDigits> starts = {};
    for (const Keyed& row : rows) ++starts[row.key >> shift & (kDigits - 1)];
    uint32_t next = 0;
    for (uint32_t& start : starts) {
      uint32_t count = start;
      start = next;
      next += count;
    }
    for (const Keyed& row : rows) {
      spare[starts[row.key >> shift & (kDigits - 1)]++] = row;
    }
    rows.swap(spare);
  }
}

// Sorts by one column, nulls first; equal rows keep their order.
void sort_by_column(const Segment& segment, const Column& column,
                    std::vector<Keyed>& rows, std::vector<Keyed>& spare) {
  std::vector<uint64_t> keys = column_keys(segment, column);
  uint64_t greatest = normalize(keys);
  for (Keyed& row : rows) row.key = keys[row.row];
  radix_sort(rows, spare, greatest);
  // A string's rank has null least already; numbers have no room for it.
  if (!column.has_nulls() || column.dictionary() != nullptr) return;
  keys = null_keys(segment, column);
  for (Keyed& row : rows) row.key = keys[row.row];
  radix_sort(rows, spare, 1);
}

}  // namespace

Result<std::vector<uint32_t>> sorted_rows(
    const Segment& segment, const std::vector<std::string>& sort_by) {
  std::vector<std::string> names = sort_by;
  if (std::find(names.begin(), names.end(), kTimeColumn) == names.end()) {
    names.emplace_back(kTimeColumn);
  }
  std::vector<Keyed> rows(segment.num_rows()), spare;
  for (uint32_t i = 0; i < segment.num_rows(); ++i) rows[i].row = i;
  // From the last column to the first, each sort being stable.
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    TRY_ASSIGN(const Column* column, segment.column(*name));
    if (column != nullptr) sort_by_column(segment, *column, rows, spare);
  }
  std::vector<uint32_t> order(rows.size());
  bool unchanged = true;
  for (uint32_t i = 0; i < order.size(); ++i) {
    order[i] = rows[i].row;
    unchanged &= order[i] == i;
  }
  if (unchanged) order.clear();
  return order;
}

}  // namespace freshet
