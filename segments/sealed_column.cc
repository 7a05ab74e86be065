#include "segments/sealed_column.h"

#include <bit>
#include <cstring>
#include <vector>

#include "segments/bit_packing.h"

namespace freshet {
namespace {

constexpr uint32_t kNullBytes = kBlockRows / 8;

Error damaged(std::string what) {
  return Error{ErrorCode::kCorrupt, std::move(what)};
}

bool bit_at(const char* words, uint32_t row) {
  return (static_cast<unsigned char>(words[row / 8]) >> row % 8) & 1;
}

}  // namespace

Result<std::unique_ptr<SealedColumn>> SealedColumn::open(const MappedFile& file,
                                                         const Footer& footer,
                                                         size_t position) {
  const ColumnFooter& column = footer.columns[position];
  std::unique_ptr<SealedColumn> result(new SealedColumn(file, footer, column));
  Status status = result->verify();
  if (!status) {
    Error error = status.error();
    error.message = "column " + column.spec.name + ": " + error.message;
    return error;
  }
  return result;
}

SealedColumn::SealedColumn(const MappedFile& file, const Footer& footer,
                           const ColumnFooter& column)
    : file_(file),
      num_rows_(footer.num_rows),
      num_blocks_(footer.num_blocks()),
      footer_(column),
      blocks_(file.bytes().data() + column.blocks.offset) {}

SealedColumn::~SealedColumn() {
  if (!bitmaps_) return;
  for (uint32_t id = 0; id < footer_.dictionary_size; ++id) {
    delete bitmaps_[id].load(std::memory_order_relaxed);
  }
}

Status SealedColumn::verify() {
  TRY(pin(footer_.block_table, "block table", table_bytes_));
  entries_ = reinterpret_cast<const BlockEntry*>(table_bytes_.view().data());
  for (uint32_t block = 0; block < num_blocks_; ++block) {
    TRY(verify_block(block));
  }
  if (footer_.encoding != Encoding::kPackedIds) return {};
  TRY(pin(footer_.dictionary, "dictionary", dictionary_bytes_));
  TRY_ASSIGN(dictionary_, SealedDictionary::open(dictionary_bytes_.view(),
                                                 footer_.dictionary_size));
  for (uint32_t block = 0; block < num_blocks_; ++block) {
    TRY(verify_ids(block));
  }
  return open_index();
}

Status SealedColumn::pin(const Extent& extent, const char* part,
                         AlignedBytes& to) const {
  TRY_ASSIGN(to, file_.copy(extent.offset, extent.length));
  if (checksum_of(to.view()) == extent.checksum) return {};
  return damaged(std::string("checksum differs: ") + part);
}

Status SealedColumn::verify_extent(const Extent& extent,
                                   const char* part) const {
  std::string_view bytes = file_.bytes(extent.offset, extent.length);
  if (checksum_of(bytes) == extent.checksum) return {};
  return damaged(std::string("checksum differs: ") + part);
}

Status SealedColumn::verify_block(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  uint32_t rows = block_rows(block);
  bool width_known = footer_.encoding == Encoding::kRawDoubles
                         ? entry.width == 64
                         : is_packed_width(entry.width);
  uint64_t length =
      width_known ? block_value_bytes(footer_.encoding, rows, entry.width) : 0;
  bool has_null_words =
      entry.num_nulls > 0 && footer_.encoding != Encoding::kPackedIds;
  if (has_null_words) length += kNullBytes;
  uint64_t end = footer_.blocks.length;
  if (!width_known || entry.num_nulls > rows || entry.offset % 8 != 0 ||
      entry.length != length || entry.offset > end ||
      entry.length > end - entry.offset) {
    return damaged("wrong table entry of block " + std::to_string(block));
  }
  if (checksum_of({blocks_ + entry.offset, entry.length}) != entry.checksum) {
    return damaged("checksum differs: block " + std::to_string(block));
  }
  return {};
}

Status SealedColumn::verify_ids(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  std::vector<uint32_t> ids(kBlockRows);
  bool sound = entry.width <= 32 && reference(block) >= 0 &&
               reference(block) < footer_.dictionary_size;
  uint32_t rows = block_rows(block);
  if (sound) read_ids(block, ids.data());
  for (uint32_t i = 0; i < rows && sound; ++i) {
    sound = ids[i] < footer_.dictionary_size;
  }
  if (sound) return {};
  return damaged("id outside the dictionary: block " + std::to_string(block));
}

Status SealedColumn::open_index() {
  if (footer_.index_directory.length == 0) return {};
  TRY(pin(footer_.index_directory, "index directory", directory_bytes_));
  TRY(verify_extent(footer_.index, "index"));
  uint32_t size = footer_.dictionary_size;
  if (footer_.index_directory.length != size * sizeof(IndexEntry)) {
    return damaged("wrong size of the index directory");
  }
  auto* entries =
      reinterpret_cast<const IndexEntry*>(directory_bytes_.view().data());
  for (uint32_t id = 0; id < size; ++id) {
    uint64_t end =
        uint64_t{entries[id].offset} * kBitmapAlignment + entries[id].length;
    if (end > footer_.index.length) {
      return damaged("wrong entry of the index directory: id " +
                     std::to_string(id));
    }
  }
  bitmaps_.reset(new std::atomic<const Bitmap*>[size]());
  index_ = entries;
  return {};
}

uint32_t SealedColumn::block_rows(uint32_t block) const {
  uint32_t rest = num_rows_ - block * kBlockRows;
  return rest < kBlockRows ? rest : kBlockRows;
}

const char* SealedColumn::null_words(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  bool in_values = footer_.encoding == Encoding::kPackedIds;
  if (entry.num_nulls == 0 || in_values) return nullptr;
  return values(block) + entry.length - kNullBytes;
}

// Packed values are above the least; ids of a block with nulls, which are 0,
// above 0.
int64_t SealedColumn::reference(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  if (entry.num_nulls == block_rows(block)) return 0;
  bool nulls_packed = footer_.encoding == Encoding::kPackedIds;
  return nulls_packed && entry.num_nulls > 0 ? 0 : entry.min;
}

template <class T>
void SealedColumn::clear_nulls(uint32_t block, T* out) const {
  const char* words = null_words(block);
  if (words == nullptr) return;
  uint32_t rows = block_rows(block);
  for (uint32_t begin = 0; begin < rows; begin += 64, words += 8) {
    uint64_t word;
    std::memcpy(&word, words, sizeof(word));
    for (; word != 0; word &= word - 1) {
      uint32_t row = begin + static_cast<uint32_t>(std::countr_zero(word));
      if (row < rows) out[row] = 0;
    }
  }
}

template <class T>
void SealedColumn::clear_nulls(uint32_t block, std::span<const uint16_t> rows,
                               T* out) const {
  const char* words = null_words(block);
  if (words == nullptr) return;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (bit_at(words, rows[i])) out[i] = 0;
  }
}

void SealedColumn::read_longs(uint32_t block, int64_t* out) const {
  unpack_longs(values(block), block_rows(block), entries_[block].width,
               reference(block), out);
  clear_nulls(block, out);
}

void SealedColumn::read_doubles(uint32_t block, double* out) const {
  std::memcpy(out, values(block), block_rows(block) * sizeof(*out));
}

void SealedColumn::read_ids(uint32_t block, uint32_t* out) const {
  unpack_ids(values(block), block_rows(block), entries_[block].width,
             static_cast<uint32_t>(reference(block)), out);
}

void SealedColumn::gather_longs(uint32_t block, std::span<const uint16_t> rows,
                                int64_t* out) const {
  uint64_t base = static_cast<uint64_t>(reference(block));
  uint8_t width = entries_[block].width;
  const char* packed = values(block);
  for (size_t i = 0; i < rows.size(); ++i) {
    uint64_t value = width == 0 ? 0 : packed_value(packed, rows[i], width);
    out[i] = static_cast<int64_t>(base + value);
  }
  clear_nulls(block, rows, out);
}

void SealedColumn::gather_doubles(uint32_t block,
                                  std::span<const uint16_t> rows,
                                  double* out) const {
  const char* raw = values(block);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(&out[i], raw + rows[i] * sizeof(*out), sizeof(*out));
  }
}

void SealedColumn::gather_ids(uint32_t block, std::span<const uint16_t> rows,
                              uint32_t* out) const {
  uint32_t base = static_cast<uint32_t>(reference(block));
  uint8_t width = entries_[block].width;
  const char* packed = values(block);
  for (size_t i = 0; i < rows.size(); ++i) {
    uint64_t value = width == 0 ? 0 : packed_value(packed, rows[i], width);
    out[i] = base + static_cast<uint32_t>(value);
  }
}

bool SealedColumn::read_nulls(uint32_t block, uint64_t* words) const {
  if (entries_[block].num_nulls == 0) return false;
  constexpr uint32_t kWords = kBlockRows / 64;
  if (const char* stored = null_words(block)) {
    std::memcpy(words, stored, kNullBytes);
    return true;
  }
  uint32_t ids[kBlockRows];
  read_ids(block, ids);
  uint32_t rows = block_rows(block);
  std::memset(words, 0, kWords * sizeof(*words));
  for (uint32_t row = 0; row < rows; ++row) {
    words[row / 64] |= uint64_t{ids[row] == kNullId} << row % 64;
  }
  return true;
}

ZoneMap SealedColumn::zone_of(int64_t min, int64_t max,
                              uint32_t num_nulls) const {
  ZoneMap zone;
  zone.num_nulls = num_nulls;
  if (footer_.encoding == Encoding::kRawDoubles) {
    zone.min_double = std::bit_cast<double>(min);
    zone.max_double = std::bit_cast<double>(max);
  } else {
    zone.min_long = min;
    zone.max_long = max;
  }
  return zone;
}

std::optional<ZoneMap> SealedColumn::zone_map(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  return zone_of(entry.min, entry.max, entry.num_nulls);
}

std::optional<ZoneMap> SealedColumn::zone_map() const {
  return zone_of(footer_.min, footer_.max, footer_.num_nulls);
}

const Bitmap* SealedColumn::rows_of(uint32_t id) const {
  if (index_ == nullptr) return nullptr;
  if (const Bitmap* made = bitmaps_[id].load(std::memory_order_acquire)) {
    return made;
  }
  uint64_t offset = uint64_t{index_[id].offset} * kBitmapAlignment;
  auto bytes = file_.copy(footer_.index.offset + offset, index_[id].length);
  if (!bytes) return nullptr;  // the segment's status() says so
  std::string_view copy = bytes->view();
  Result<Bitmap> view = Bitmap::frozen_view({copy.data(), copy.size()});
  // Checksums hold, so this is a writer's fault; without an index the caller
  // scans, which is right.
  if (!view || view->maximum().value_or(0) >= num_rows_) return nullptr;
  auto bitmap = std::make_unique<const Bitmap>(view->clone());
  const Bitmap* expected = nullptr;
  if (bitmaps_[id].compare_exchange_strong(expected, bitmap.get(),
                                           std::memory_order_acq_rel)) {
    return bitmap.release();
  }
  return expected;  // another thread was first
}

}  // namespace freshet
