// MergedColumn: one column of a MergedSegment.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "segments/merged_segment.h"
#include "segments/segment.h"

namespace freshet {

// The values of several dictionaries, sorted; views into them.
class MergedDictionary final : public Dictionary {
 public:
  // Entries may be null. Fills ids[input][id of the input] with the id here.
  MergedDictionary(const std::vector<const Dictionary*>& dictionaries,
                   std::vector<std::vector<uint32_t>>& ids);

  uint32_t size() const override {
    return static_cast<uint32_t>(values_.size()) + 1;
  }
  std::string_view value(uint32_t id) const override { return values_[id - 1]; }
  std::optional<uint32_t> find(std::string_view value) const override;
  bool sorted() const override { return true; }

 private:
  std::vector<std::string_view> values_;
};

class MergedColumn final : public Column {
 public:
  // `rows` outlives this. `inputs` has the column of each input; null where it
  // lacks the column: those rows are null.
  MergedColumn(ColumnType type, const MergedRows& rows,
               std::vector<const Column*> inputs);

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
  const Dictionary* dictionary() const override { return dictionary_.get(); }
  const Bitmap* rows_of(uint32_t) const override { return nullptr; }

 private:
  // The rows of a block, put together from the inputs' blocks. `read` reads a
  // whole block of an input's column, `map` makes the input's value one of
  // this column.
  template <class T, class Read, class Map>
  void assemble(uint32_t block, T* out, Read read, Map map) const;

  const ColumnType type_;
  const MergedRows& rows_;
  const std::vector<const Column*> inputs_;
  bool has_nulls_ = false;
  std::unique_ptr<const MergedDictionary> dictionary_;
  std::vector<std::vector<uint32_t>> ids_;  // by input, of its dictionary ids
};

}  // namespace freshet
