#include "segments/sealed_column.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "segments/bit_packing.h"

namespace freshet {
namespace {

Error damaged(std::string what) {
  return Error{ErrorCode::kCorrupt, std::move(what)};
}

Error in_column(const ColumnFooter& column, Error error) {
  error.message = "column " + column.spec.name + ": " + error.message;
  return error;
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
  Status status = result->open_derivation(footer);
  if (status) status = result->verify();
  if (!status) return in_column(column, status.error());
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
  TRY(verify_blocks());
  if (!has_ids()) return {};
  TRY(open_dictionary());
  return open_index();
}

// Tables, dictionary and derivation are copies in memory.
Status SealedColumn::verify_mapped() const {
  for (uint32_t block = 0; block < num_blocks_; ++block) {
    TRY(verify_checksum(block));
  }
  if (base_) TRY(base_->verify_mapped());
  return index_ == nullptr ? Status() : verify_extent(footer_.index, "index");
}

Status SealedColumn::verify_again() {
  Status status = verify_mapped();
  if (!status) return in_column(footer_, status.error());
  renew_bitmaps();
  return {};
}

Status SealedColumn::verify_blocks() {
  TRY(pin(footer_.block_table, "block table", table_bytes_));
  entries_ = reinterpret_cast<const BlockEntry*>(table_bytes_.view().data());
  for (uint32_t block = 0; block < num_blocks_; ++block) {
    TRY(verify_block(block));
    if (footer_.encoding == Encoding::kIds) TRY(verify_ids(block));
  }
  verified_ = true;
  return {};
}

Status SealedColumn::open_derivation(const Footer& footer) {
  if (footer_.encoding != Encoding::kDerivedIds) return {};
  TRY(pin(footer_.derivation, "derivation", derivation_bytes_));
  derivation_ =
      reinterpret_cast<const uint32_t*>(derivation_bytes_.view().data());
  const ColumnFooter& base = footer.columns[footer_.base];
  for (uint32_t id = 0; id < base.dictionary_size; ++id) {
    if (derivation_[id] >= footer_.dictionary_size) {
      return damaged("derived id outside the dictionary: " +
                     std::to_string(derivation_[id]));
    }
  }
  base_.reset(new SealedColumn(file_, footer, base));
  return base_->verify_blocks();
}

Status SealedColumn::open_dictionary() {
  TRY(pin(footer_.dictionary, "dictionary", dictionary_bytes_));
  TRY_ASSIGN(dictionary_, SealedDictionary::open(dictionary_bytes_.view(),
                                                 footer_.dictionary_size));
  return {};
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

Status SealedColumn::verify_checksum(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  if (checksum_of({blocks_ + entry.offset, entry.length}) == entry.checksum) {
    return {};
  }
  return damaged("checksum differs: block " + std::to_string(block));
}

Status SealedColumn::verify_block(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  uint64_t end = footer_.blocks.length;
  bool inside = entry.offset % kBlockAlignment == 0 && entry.offset <= end &&
                entry.length <= end - entry.offset &&
                entry.num_nulls <= block_rows(block) &&
                (!has_null_words(block) || entry.length >= kNullBytes);
  if (!inside) {
    return damaged("wrong table entry of block " + std::to_string(block));
  }
  TRY(verify_checksum(block));
  bool fits = base_ ? entry.length == 0
              : footer_.encoding == Encoding::kDoubles
                  ? doubles_fit(doubles(block))
                  : integers_fit(integers(block));
  if (fits) return {};
  return damaged("values do not fit their bytes: block " +
                 std::to_string(block));
}

Status SealedColumn::verify_ids(uint32_t block) const {
  uint32_t ids[kBlockRows];
  read_ids(block, ids);
  if (*std::max_element(ids, ids + block_rows(block)) <
      footer_.dictionary_size) {
    return {};
  }
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

bool SealedColumn::has_null_words(uint32_t block) const {
  return entries_[block].num_nulls > 0 && !all_null(block) && !has_ids();
}

std::string_view SealedColumn::value_bytes(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  uint64_t nulls = has_null_words(block) ? kNullBytes : 0;
  return {blocks_ + entry.offset, entry.length - nulls};
}

const char* SealedColumn::null_words(uint32_t block) const {
  if (!has_null_words(block)) return nullptr;
  const BlockEntry& entry = entries_[block];
  return blocks_ + entry.offset + entry.length - kNullBytes;
}

IntegerBlock SealedColumn::integers(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  return {entry.codec,       entry.width,      entry.parameter,
          block_rows(block), reference(block), value_bytes(block)};
}

DoubleBlock SealedColumn::doubles(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  return {entry.codec,     entry.width,       entry.exponent,
          entry.parameter, block_rows(block), value_bytes(block)};
}

// Packed values are above the least; ids of a block with nulls, which are 0,
// above 0.
int64_t SealedColumn::reference(uint32_t block) const {
  const BlockEntry& entry = entries_[block];
  if (all_null(block)) return 0;
  return has_ids() && entry.num_nulls > 0 ? 0 : entry.min;
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
  decode_longs(integers(block), out);
  clear_nulls(block, out);
}

void SealedColumn::read_doubles(uint32_t block, double* out) const {
  decode_doubles(doubles(block), out);
  clear_nulls(block, out);
}

// A block that changes after it was verified may give any id: one that is none
// must not lead a reader out of a dictionary. Packed ids often have no bits for
// one.
void SealedColumn::keep_known(uint32_t block, uint32_t* ids,
                              size_t count) const {
  const BlockEntry& entry = entries_[block];
  const uint32_t last = footer_.dictionary_size - 1;
  if (entry.codec == BlockCodec::kPacked && entry.width < 32) {
    uint64_t above =
        uint64_t{entry.parameter} * ((uint64_t{1} << entry.width) - 1);
    if (above + static_cast<uint64_t>(reference(block)) <= last) return;
  }
  cap_ids(ids, count, last);
}

void SealedColumn::read_ids(uint32_t block, uint32_t* out) const {
  if (!base_) {
    decode_ids(integers(block), out);
    if (verified_) keep_known(block, out, block_rows(block));
    return;
  }
  base_->read_ids(block, out);
  map_ids(derivation_, out, block_rows(block));
}

std::optional<DerivedIds> SealedColumn::derived() const {
  if (!base_) return std::nullopt;
  return DerivedIds{base_.get(), {derivation_, base_->footer_.dictionary_size}};
}

void SealedColumn::gather_longs(uint32_t block, std::span<const uint16_t> rows,
                                int64_t* out) const {
  freshet::gather_longs(integers(block), rows, out);
  clear_nulls(block, rows, out);
}

void SealedColumn::gather_doubles(uint32_t block,
                                  std::span<const uint16_t> rows,
                                  double* out) const {
  freshet::gather_doubles(doubles(block), rows, out);
  clear_nulls(block, rows, out);
}

void SealedColumn::gather_ids(uint32_t block, std::span<const uint16_t> rows,
                              uint32_t* out) const {
  if (!base_) {
    freshet::gather_ids(integers(block), rows, out);
    keep_known(block, out, rows.size());
    return;
  }
  base_->gather_ids(block, rows, out);
  map_ids(derivation_, out, rows.size());
}

bool SealedColumn::may_have(uint32_t block, int64_t low, int64_t high) const {
  const BlockEntry& entry = entries_[block];
  if (entry.max < low || entry.min > high || entry.min > entry.max)
    return false;
  return footer_.encoding != Encoding::kLongs ||
         integers_may_have(integers(block), low, high);
}

bool SealedColumn::read_nulls(uint32_t block, uint64_t* words) const {
  if (entries_[block].num_nulls == 0) return false;
  if (const char* stored = null_words(block)) {
    std::memcpy(words, stored, kNullBytes);
    return true;
  }
  uint32_t ids[kBlockRows] = {};  // of an all-null block: kNullId
  if (!all_null(block)) read_ids(block, ids);
  uint32_t rows = block_rows(block);
  std::memset(words, 0, kNullBytes);
  for (uint32_t row = 0; row < rows; ++row) {
    words[row / 64] |= uint64_t{ids[row] == kNullId} << row % 64;
  }
  return true;
}

ZoneMap SealedColumn::zone_of(int64_t min, int64_t max,
                              uint32_t num_nulls) const {
  ZoneMap zone;
  zone.num_nulls = num_nulls;
  if (footer_.encoding == Encoding::kDoubles) {
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

std::unique_ptr<const Bitmap> SealedColumn::read_bitmap(uint32_t id) const {
  uint64_t offset = uint64_t{index_[id].offset} * kBitmapAlignment;
  auto bytes = file_.copy(footer_.index.offset + offset, index_[id].length);
  if (!bytes) return nullptr;  // the segment's status() says so
  std::string_view copy = bytes->view();
  Result<Bitmap> view = Bitmap::frozen_view({copy.data(), copy.size()});
  // Checksums held, so this is a writer's fault, or of bytes that changed
  // since, as the segment's status() says; without an index the caller scans.
  if (!view || view->maximum().value_or(0) >= num_rows_) return nullptr;
  return std::make_unique<const Bitmap>(view->clone());
}

const Bitmap* SealedColumn::rows_of(uint32_t id) const {
  if (index_ == nullptr || index_[id].length == 0) return nullptr;
  if (const Bitmap* made = bitmaps_[id].load(std::memory_order_acquire)) {
    return made;
  }
  std::unique_ptr<const Bitmap> bitmap = read_bitmap(id);
  const Bitmap* expected = nullptr;
  if (bitmap == nullptr) return nullptr;
  if (bitmaps_[id].compare_exchange_strong(expected, bitmap.get(),
                                           std::memory_order_acq_rel)) {
    return bitmap.release();
  }
  return expected;  // another thread was first
}

// A bitmap may have been copied while the file was damaged. The bytes are
// right now.
void SealedColumn::renew_bitmaps() {
  if (index_ == nullptr) return;
  for (uint32_t id = 0; id < footer_.dictionary_size; ++id) {
    const Bitmap* made = bitmaps_[id].load(std::memory_order_acquire);
    if (made == nullptr) continue;
    std::unique_ptr<const Bitmap> right = read_bitmap(id);
    if (right && made->equals(*right)) continue;
    bitmaps_[id].store(right.release(), std::memory_order_release);
    wrong_bitmaps_.emplace_back(made);
  }
}

}  // namespace freshet
