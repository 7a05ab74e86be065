#include "segments/live_column.h"

#include <algorithm>
#include <cstring>

namespace freshet {
namespace {

template <class T>
void gather(const T* values, std::span<const uint16_t> rows, T* out) {
  for (size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
}

}  // namespace

LiveColumn::LiveColumn(ColumnType type, const RowGroups* groups,
                       RowGroupLayout::Slot slot,
                       const LiveDictionary* dictionary, uint32_t num_rows,
                       bool has_nulls)
    : type_(type),
      groups_(groups),
      slot_(slot),
      num_rows_(num_rows),
      has_nulls_(has_nulls) {
  if (dictionary != nullptr) dictionary_ = LiveDictionaryView(dictionary);
}

void LiveColumn::read_longs(uint32_t block, int64_t* out) const {
  std::memcpy(out, values<int64_t>(block), block_rows(block) * sizeof(*out));
}

void LiveColumn::read_doubles(uint32_t block, double* out) const {
  std::memcpy(out, values<double>(block), block_rows(block) * sizeof(*out));
}

void LiveColumn::read_ids(uint32_t block, uint32_t* out) const {
  std::memcpy(out, values<uint32_t>(block), block_rows(block) * sizeof(*out));
}

void LiveColumn::gather_longs(uint32_t block, std::span<const uint16_t> rows,
                              int64_t* out) const {
  gather(values<int64_t>(block), rows, out);
}

void LiveColumn::gather_doubles(uint32_t block, std::span<const uint16_t> rows,
                                double* out) const {
  gather(values<double>(block), rows, out);
}

void LiveColumn::gather_ids(uint32_t block, std::span<const uint16_t> rows,
                            uint32_t* out) const {
  gather(values<uint32_t>(block), rows, out);
}

bool LiveColumn::read_nulls(uint32_t block, uint64_t* words) const {
  if (!has_nulls_) return false;
  uint32_t rows = block_rows(block);
  const RowGroup& group = *(*groups_)[block];
  bool is_string = type_.kind == ColumnKind::kString;
  const uint32_t* ids = group.values<uint32_t>(slot_);
  uint64_t found[kBlockWords] = {};
  uint64_t any = 0;
  for (uint32_t word = 0; word * 64 < rows; ++word) {
    uint32_t in_word = std::min(64u, rows - word * 64);
    uint64_t bits = 0;
    if (is_string) {
      for (uint32_t i = 0; i < in_word; ++i) {
        bits |= uint64_t{ids[word * 64 + i] == kNullId} << i;
      }
    } else {
      bits = group.null_word(slot_, word) & (~uint64_t{0} >> (64 - in_word));
    }
    found[word] = bits;
    any |= bits;
  }
  if (any == 0) return false;
  std::memcpy(words, found, sizeof(found));
  return true;
}

}  // namespace freshet
