#include "segments/merged_column.h"

#include <algorithm>
#include <cstring>
#include <queue>

namespace freshet {
namespace {

// The next value of one dictionary in byte order.
struct Head {
  std::string_view value;
  size_t input;
  uint32_t at;  // in the input's order
};

struct Later {
  bool operator()(const Head& a, const Head& b) const {
    return a.value > b.value;
  }
};

// A dictionary's ids in byte order of their values.
std::vector<uint32_t> ordered_ids(const Dictionary& dictionary) {
  std::vector<uint32_t> ids(dictionary.size() - 1);
  for (uint32_t i = 0; i < ids.size(); ++i) ids[i] = i + 1;
  if (!dictionary.sorted()) {
    std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) {
      return dictionary.value(a) < dictionary.value(b);
    });
  }
  return ids;
}

}  // namespace

MergedDictionary::MergedDictionary(
    const std::vector<const Dictionary*>& dictionaries,
    std::vector<std::vector<uint32_t>>& ids) {
  std::vector<std::vector<uint32_t>> order(dictionaries.size());
  std::priority_queue<Head, std::vector<Head>, Later> heads;
  ids.resize(dictionaries.size());
  auto push = [&](size_t input, uint32_t at) {
    if (at == order[input].size()) return;
    heads.push({dictionaries[input]->value(order[input][at]), input, at});
  };
  for (size_t i = 0; i < dictionaries.size(); ++i) {
    if (dictionaries[i] == nullptr) continue;
    order[i] = ordered_ids(*dictionaries[i]);
    ids[i].assign(dictionaries[i]->size(), kNullId);
    push(i, 0);
  }
  while (!heads.empty()) {
    Head head = heads.top();
    heads.pop();
    if (values_.empty() || values_.back() != head.value) {
      values_.push_back(head.value);
    }
    ids[head.input][order[head.input][head.at]] =
        static_cast<uint32_t>(values_.size());
    push(head.input, head.at + 1);
  }
}

std::optional<uint32_t> MergedDictionary::find(std::string_view value) const {
  auto at = std::lower_bound(values_.begin(), values_.end(), value);
  if (at == values_.end() || *at != value) return std::nullopt;
  return static_cast<uint32_t>(at - values_.begin()) + 1;
}

MergedColumn::MergedColumn(ColumnType type, const MergedRows& rows,
                           std::vector<const Column*> inputs)
    : type_(type), rows_(rows), inputs_(std::move(inputs)) {
  std::vector<const Dictionary*> dictionaries;
  for (const Column* input : inputs_) {
    has_nulls_ |= input == nullptr || input->has_nulls();
    dictionaries.push_back(input ? input->dictionary() : nullptr);
  }
  if (type_.kind == ColumnKind::kString) {
    dictionary_ = std::make_unique<MergedDictionary>(dictionaries, ids_);
  }
}

template <class T, class Read, class Map>
void MergedColumn::assemble(uint32_t block, T* out, Read read, Map map) const {
  T values[kBlockRows];
  uint32_t begin = block * kBlockRows;
  uint32_t end = std::min(begin + kBlockRows, rows_.num_rows());
  rows_.for_each_run(begin, end,
                     [&](size_t input, uint32_t input_block,
                         std::span<const uint16_t> positions, uint32_t at) {
                       if (inputs_[input] == nullptr) {
                         std::fill_n(out + at, positions.size(), T(0));
                         return;
                       }
                       read(*inputs_[input], input_block, values);
                       for (uint16_t position : positions) {
                         out[at++] = map(input, values[position]);
                       }
                     });
}

void MergedColumn::read_longs(uint32_t block, int64_t* out) const {
  assemble(
      block, out,
      [](const Column& column, uint32_t b, int64_t* to) {
        column.read_longs(b, to);
      },
      [](size_t, int64_t value) { return value; });
}

void MergedColumn::read_doubles(uint32_t block, double* out) const {
  assemble(
      block, out,
      [](const Column& column, uint32_t b, double* to) {
        column.read_doubles(b, to);
      },
      [](size_t, double value) { return value; });
}

void MergedColumn::read_ids(uint32_t block, uint32_t* out) const {
  assemble(
      block, out,
      [](const Column& column, uint32_t b, uint32_t* to) {
        column.read_ids(b, to);
      },
      [this](size_t input, uint32_t id) { return ids_[input][id]; });
}

void MergedColumn::gather_longs(uint32_t block, std::span<const uint16_t> rows,
                                int64_t* out) const {
  int64_t values[kBlockRows];
  read_longs(block, values);
  for (uint16_t row : rows) *out++ = values[row];
}

void MergedColumn::gather_doubles(uint32_t block,
                                  std::span<const uint16_t> rows,
                                  double* out) const {
  double values[kBlockRows];
  read_doubles(block, values);
  for (uint16_t row : rows) *out++ = values[row];
}

void MergedColumn::gather_ids(uint32_t block, std::span<const uint16_t> rows,
                              uint32_t* out) const {
  uint32_t ids[kBlockRows];
  read_ids(block, ids);
  for (uint16_t row : rows) *out++ = ids[row];
}

bool MergedColumn::read_nulls(uint32_t block, uint64_t* words) const {
  if (!has_nulls_) return false;
  uint8_t nulls[kBlockRows] = {};
  bool some = false;
  assemble(
      block, nulls,
      [](const Column& column, uint32_t b, uint8_t* to) {
        uint64_t bits[kBlockRows / 64];
        if (!column.read_nulls(b, bits)) std::memset(bits, 0, sizeof(bits));
        for (uint32_t i = 0; i < kBlockRows; ++i) {
          to[i] = bits[i / 64] >> i % 64 & 1;
        }
      },
      [&](size_t, uint8_t is_null) { return is_null; });
  // assemble() writes 0 where an input lacks the column.
  uint32_t begin = block * kBlockRows;
  uint32_t end = std::min(begin + kBlockRows, rows_.num_rows());
  rows_.for_each_run(begin, end,
                     [&](size_t input, uint32_t,
                         std::span<const uint16_t> positions, uint32_t at) {
                       if (inputs_[input] != nullptr) return;
                       std::fill_n(nulls + at, positions.size(), 1);
                     });
  for (uint32_t i = 0; i < end - begin; ++i) some |= nulls[i] != 0;
  if (!some) return false;
  std::memset(words, 0, kBlockRows / 8);
  for (uint32_t i = 0; i < end - begin; ++i) {
    words[i / 64] |= uint64_t{nulls[i]} << i % 64;
  }
  return true;
}

}  // namespace freshet
