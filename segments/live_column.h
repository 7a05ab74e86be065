// LiveColumn: a column of a LiveSegment as far as one snapshot saw it.
#pragma once

#include <atomic>

#include "segments/live_dictionary.h"
#include "segments/row_group.h"
#include "segments/segment.h"

namespace freshet {

// The groups of a segment. The first is replaced by larger ones as it grows,
// copies of it; the owner keeps the smaller ones for who still reads them.
class RowGroups {
 public:
  const RowGroup* operator[](uint32_t block) const {
    return block == 0 ? first_.load(std::memory_order_acquire)
                      : rest_[block - 1];
  }
  // Writer only.
  void set_first(const RowGroup* group) {
    first_.store(group, std::memory_order_release);
  }
  void append(const RowGroup* group) { rest_.append(group); }

 private:
  std::atomic<const RowGroup*> first_{nullptr};
  StableArray<const RowGroup*> rest_;
};

// The ids of a LiveDictionary below a size fixed by the snapshot.
class LiveDictionaryView final : public Dictionary {
 public:
  LiveDictionaryView() = default;
  explicit LiveDictionaryView(const LiveDictionary* dictionary)
      : dictionary_(dictionary), size_(dictionary->size()) {}
  uint32_t size() const override { return size_; }
  std::string_view value(uint32_t id) const override {
    return dictionary_->value(id);
  }
  std::optional<uint32_t> find(std::string_view value) const override {
    return dictionary_->find(value, size_);
  }
  bool sorted() const override { return false; }

 private:
  const LiveDictionary* dictionary_ = nullptr;
  uint32_t size_ = 1;
};

class LiveColumn final : public Column {
 public:
  // `groups` and `dictionary` (null but for strings) outlive this.
  LiveColumn(ColumnType type, const RowGroups* groups,
             RowGroupLayout::Slot slot, const LiveDictionary* dictionary,
             uint32_t num_rows, bool has_nulls);

  ColumnType type() const override { return type_; }
  void read_longs(uint32_t block, int64_t* out) const override;
  void read_doubles(uint32_t block, double* out) const override;
  void read_ids(uint32_t block, uint32_t* out) const override;
  void gather_longs(uint32_t block, std::span<const uint16_t> rows,
                    int64_t* out) const override;
  void gather_doubles(uint32_t block, std::span<const uint16_t> rows,
                      double* out) const override;
  void gather_ids(uint32_t block, std::span<const uint16_t> rows,
                  uint32_t* out) const override;
  bool read_nulls(uint32_t block, uint64_t* words) const override;
  bool has_nulls() const override { return has_nulls_; }
  std::optional<ZoneMap> zone_map(uint32_t) const override { return {}; }
  std::optional<ZoneMap> zone_map() const override { return {}; }
  const Dictionary* dictionary() const override {
    return type_.kind == ColumnKind::kString ? &dictionary_ : nullptr;
  }
  const Bitmap* rows_of(uint32_t) const override { return nullptr; }

 private:
  template <class T>
  const T* values(uint32_t block) const {
    return (*groups_)[block]->template values<T>(slot_);
  }
  uint32_t block_rows(uint32_t block) const {
    uint32_t rest = num_rows_ - block * kBlockRows;
    return rest < kBlockRows ? rest : kBlockRows;
  }

  ColumnType type_;
  const RowGroups* groups_;
  RowGroupLayout::Slot slot_;
  LiveDictionaryView dictionary_;
  uint32_t num_rows_;
  bool has_nulls_;
};

}  // namespace freshet
