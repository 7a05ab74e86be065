// SealedColumn: a column of a mapped segment file. Values are unpacked from
// the mapping by the block; tables and dictionary are kept in memory.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "segments/double_block.h"
#include "segments/file_format.h"
#include "segments/mapped_file.h"
#include "segments/sealed_dictionary.h"
#include "segments/segment.h"

namespace freshet {

class SealedColumn final : public Column {
 public:
  // Verifies every checksum of the column and that its parts fit together, so
  // that no later read can leave the mapping. kCorrupt names column and block.
  // `file` outlives this.
  static Result<std::unique_ptr<SealedColumn>> open(const MappedFile& file,
                                                    const Footer& footer,
                                                    size_t position);
  ~SealedColumn() override;
  // Whether the bytes it reads from the mapping are still those that open()
  // verified. kCorrupt names column and block. One thread at a time.
  Status verify_again();

  ColumnType type() const override { return footer_.spec.type; }
  void read_longs(uint32_t block, int64_t* out) const override;
  void read_doubles(uint32_t block, double* out) const override;
  void read_ids(uint32_t block, uint32_t* out) const override;
  void gather_longs(uint32_t block, std::span<const uint16_t> rows,
                    int64_t* out) const override;
  void gather_doubles(uint32_t block, std::span<const uint16_t> rows,
                      double* out) const override;
  void gather_ids(uint32_t block, std::span<const uint16_t> rows,
                  uint32_t* out) const override;
  bool may_have(uint32_t block, int64_t low, int64_t high) const override;
  bool read_nulls(uint32_t block, uint64_t* words) const override;
  bool has_nulls() const override { return footer_.num_nulls > 0; }
  std::optional<ZoneMap> zone_map(uint32_t block) const override;
  std::optional<ZoneMap> zone_map() const override;
  const Dictionary* dictionary() const override {
    return dictionary_ ? &*dictionary_ : nullptr;
  }
  std::optional<DerivedIds> derived() const override;
  const Bitmap* rows_of(uint32_t id) const override;

  const ColumnFooter& footer() const { return footer_; }
  const BlockEntry& entry(uint32_t block) const { return entries_[block]; }
  const SealedDictionary* sealed_dictionary() const {
    return dictionary_ ? &*dictionary_ : nullptr;
  }

 private:
  struct IndexEntry {
    uint32_t offset = 0;  // in units of kBitmapAlignment
    uint32_t length = 0;
  };

  SealedColumn(const MappedFile& file, const Footer& footer,
               const ColumnFooter& column);
  Status verify();
  // Copies a part into memory and checks the copy.
  Status pin(const Extent& extent, const char* part, AlignedBytes& to) const;
  Status verify_blocks();
  Status open_dictionary();
  // The table and the base column, of which only the ids are read.
  Status open_derivation(const Footer& footer);
  bool has_ids() const { return footer_.dictionary_size > 0; }
  void keep_known(uint32_t block, uint32_t* ids, size_t count) const;
  Status verify_extent(const Extent& extent, const char* part) const;
  Status verify_checksum(uint32_t block) const;
  Status verify_block(uint32_t block) const;
  Status verify_ids(uint32_t block) const;
  Status open_index();
  Status verify_mapped() const;
  // Of an index entry, copied out of the file; null if it cannot be read.
  std::unique_ptr<const Bitmap> read_bitmap(uint32_t id) const;
  void renew_bitmaps();
  uint32_t block_rows(uint32_t block) const;
  IntegerBlock integers(uint32_t block) const;
  DoubleBlock doubles(uint32_t block) const;
  std::string_view value_bytes(uint32_t block) const;
  bool has_null_words(uint32_t block) const;
  bool all_null(uint32_t block) const {
    return entries_[block].num_nulls == block_rows(block);
  }
  // Null words follow the values; null if the block has none.
  const char* null_words(uint32_t block) const;
  int64_t reference(uint32_t block) const;
  ZoneMap zone_of(int64_t min, int64_t max, uint32_t num_nulls) const;
  template <class T>
  void clear_nulls(uint32_t block, T* out) const;
  template <class T>
  void clear_nulls(uint32_t block, std::span<const uint16_t> rows,
                   T* out) const;

  const MappedFile& file_;
  const uint32_t num_rows_;
  const uint32_t num_blocks_;
  const ColumnFooter footer_;
  const char* blocks_;
  // Parts that reads steer by are in memory: the file may be cut short at any
  // time, and its values then read as zeros (MappedFile).
  AlignedBytes table_bytes_, dictionary_bytes_, directory_bytes_,
      derivation_bytes_;
  const BlockEntry* entries_ = nullptr;
  std::optional<SealedDictionary> dictionary_;
  bool verified_ = false;                 // ids were found to be known
  std::unique_ptr<SealedColumn> base_;    // kDerivedIds only
  const uint32_t* derivation_ = nullptr;  // own id by id of the base
  const IndexEntry* index_ = nullptr;     // null: no inverted index
  // Bitmaps by id, copied when first asked for.
  mutable std::unique_ptr<std::atomic<const Bitmap*>[]> bitmaps_;
  // Copied from damaged bytes, and kept for those who have them.
  std::vector<std::unique_ptr<const Bitmap>> wrong_bitmaps_;
};

}  // namespace freshet
