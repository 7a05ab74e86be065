#include "ingest/key_hash.h"

#include <xxhash.h>

#include <bit>
#include <cassert>
#include <limits>
#include <random>

#include "segments/column_widening.h"

namespace freshet {
namespace {

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

bool is_null(const KeyValues& values, size_t row) {
  return !values.nulls.empty() && values.nulls[row] != 0;
}

bool is_beyond_type(const KeyValues& values, size_t row) {
  return !values.nulls.empty() && values.nulls[row] == kBeyondType;
}

// Of a number beyond its column's type.
int64_t extreme_order(int64_t value) {
  return value < 0 ? kNoOrder + 1 : std::numeric_limits<int64_t>::max();
}

// -0.0 is 0.0, and there is one NaN.
uint64_t bits_of(double value) {
  if (value == 0) value = 0;
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(value);
}

void append_word(std::string& bytes, uint64_t word) {
  bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
}

// Kind, then the value with its length where that varies: no two keys have
// the same bytes.
void append_value(std::string& bytes, const KeyValues& values, size_t row) {
  if (is_null(values, row)) {
    bytes.push_back('n');
  } else if (values.kind == ColumnKind::kString) {
    bytes.push_back('s');
    append_word(bytes, values.strings[row].size());
    bytes.append(values.strings[row]);
  } else if (values.kind == ColumnKind::kDouble) {
    bytes.push_back('d');
    append_word(bytes, bits_of(values.doubles[row]));
  } else {
    bytes.push_back('i');
    append_word(bytes, static_cast<uint64_t>(values.longs[row]));
  }
}

}  // namespace

KeyHasher::KeyHasher() : seed_(random_seed()) {}

KeyHash KeyHasher::hash(std::string_view bytes) const {
  XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed_);
  if (hash.high64 == 0 && hash.low64 == 0) hash.low64 = 1;
  return {hash.high64, hash.low64};
}

std::optional<KeyHash> KeyHasher::hash(std::span<const KeyValues> columns,
                                       size_t row) {
  std::optional<std::string_view> key = bytes(columns, row);
  if (!key) return std::nullopt;
  return hash(*key);
}

std::optional<std::string_view> KeyHasher::bytes(
    std::span<const KeyValues> columns, size_t row) {
  if (columns.size() == 1) {  // nothing to put together
    const KeyValues& only = columns[0];
    if (is_null(only, row)) return std::nullopt;
    if (only.kind == ColumnKind::kString) {
      return only.strings[row];
    }
  }
  bytes_.clear();
  bool some = false;
  for (const KeyValues& column : columns) {
    if (is_beyond_type(column, row)) return std::nullopt;
    some |= !is_null(column, row);
    append_value(bytes_, column, row);
  }
  if (!some) return std::nullopt;
  return std::string_view(bytes_);
}

Result<SegmentKeys> SegmentKeys::open(const Segment& segment,
                                      const Schema& schema,
                                      std::span<const size_t> columns) {
  SegmentKeys keys(segment);
  for (size_t position : columns) {
    const ColumnSpec& spec = schema.columns[position];
    TRY_ASSIGN(const Column* column, segment.column(spec.name));
    Source& source = keys.sources_.emplace_back();
    source.type = spec.type;
    if (column == nullptr || !may_become(column->type(), spec.type)) {
      source.nulls.assign(kBlockRows, 1);
    } else {
      source.column = column;
    }
  }
  keys.values_.resize(columns.size());
  return keys;
}

std::span<const KeyValues> SegmentKeys::read(uint32_t block) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    if (source.column != nullptr) read_column(source, block);
    values_[i] = {source.type.kind, source.longs, source.doubles,
                  source.strings, source.nulls};
  }
  return values_;
}

void SegmentKeys::read_column(Source& source, uint32_t block) {
  if (source.type.kind == ColumnKind::kString) {
    read_texts(source, block);
    return;
  }
  read_nulls(source, block);
  read_numbers(source, block);
}

void SegmentKeys::read_texts(Source& source, uint32_t block) {
  const Dictionary& dictionary = *source.column->dictionary();
  source.ids.resize(kBlockRows);
  source.strings.resize(kBlockRows);
  source.nulls.resize(kBlockRows);
  source.column->read_ids(block, source.ids.data());
  for (uint32_t i = 0; i < segment_->block_rows(block); ++i) {
    uint32_t id = source.ids[i];
    source.nulls[i] = id == kNullId;
    source.strings[i] =
        id == kNullId ? std::string_view() : dictionary.value(id);
  }
}

void SegmentKeys::read_nulls(Source& source, uint32_t block) {
  source.nulls.clear();
  uint64_t words[kBlockRows / 64];
  if (!source.column->read_nulls(block, words)) return;
  source.nulls.resize(kBlockRows);
  for (uint32_t i = 0; i < segment_->block_rows(block); ++i) {
    source.nulls[i] = words[i / 64] >> i % 64 & 1;
  }
}

void SegmentKeys::read_numbers(Source& source, uint32_t block) {
  if (source.column->type().kind == ColumnKind::kDouble) {
    source.doubles.resize(kBlockRows);
    source.column->read_doubles(block, source.doubles.data());
    return;
  }
  source.longs.resize(kBlockRows);
  source.column->read_longs(block, source.longs.data());
  if (source.column->type() != source.type) widen(source, block);
}

// REQUIRES: the block's longs and nulls are read.
void SegmentKeys::widen(Source& source, uint32_t block) {
  const ColumnType stored = source.column->type();
  const uint32_t rows = segment_->block_rows(block);
  if (source.type.kind == ColumnKind::kDouble) {
    source.doubles.resize(kBlockRows);
    for (uint32_t i = 0; i < rows; ++i) {
      source.doubles[i] = widened_double(source.longs[i], stored);
    }
    return;
  }
  for (uint32_t i = 0; i < rows; ++i) {
    int64_t& value = source.longs[i];
    if (auto units = widened_units(value, stored, source.type)) {
      value = *units;
      continue;
    }
    source.nulls.resize(kBlockRows);
    if (source.nulls[i] == 1) continue;
    source.nulls[i] = kBeyondType;
    value = extreme_order(value);
  }
}

std::vector<KeyValues> key_values(const ColumnBatch& batch,
                                  std::span<const size_t> columns) {
  std::vector<KeyValues> values;
  for (size_t position : columns) {
    const ColumnBuffer& buffer = batch.columns()[position];
    values.push_back({batch.schema().columns[position].type.kind, buffer.longs,
                      buffer.doubles, buffer.strings, buffer.nulls});
  }
  return values;
}

int64_t order_of(const KeyValues& values, size_t row) {
  assert(values.kind != ColumnKind::kString);
  if (is_null(values, row) && !is_beyond_type(values, row)) return kNoOrder;
  if (values.kind != ColumnKind::kDouble) return values.longs[row];
  auto bits = static_cast<int64_t>(bits_of(values.doubles[row]));
  return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
}

int64_t widened_order(int64_t order, ColumnType stored, ColumnType now) {
  if (stored == now || order == kNoOrder) return order;
  if (now.kind != ColumnKind::kDouble) {
    return widened_units(order, stored, now).value_or(extreme_order(order));
  }
  const double value = widened_double(order, stored);
  return order_of({now.kind, {}, std::span(&value, 1), {}, {}}, 0);
}

}  // namespace freshet
