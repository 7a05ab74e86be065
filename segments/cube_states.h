// The states of a cube's measure, computed for all groups at once.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "segments/cube_groups.h"

namespace freshet {

// A column of the table: one value, or null, for each group.
struct GroupValues {
  GroupValues(ColumnType type, uint32_t groups);
  void set(uint32_t group, int64_t value) {
    longs[group] = value;
    null[group] = 0;
  }
  void set(uint32_t group, double value) {
    doubles[group] = value;
    null[group] = 0;
  }
  void set(uint32_t group, std::string_view value) {
    texts[group] = value;
    null[group] = 0;
  }
  // Sets column `column` of the batch's open row, unless it is null.
  void put(uint32_t group, size_t column, ColumnBatch& batch) const;

  ColumnType type;
  std::vector<uint8_t> null;  // all 1 at first
  // One of these, by the type.
  std::vector<int64_t> longs;
  std::vector<double> doubles;
  std::vector<std::string> texts;
};

// Calls visit(row, value) for each row with a value, in order; the value is an
// int64_t, a double or a string_view.
template <class Visit>
void for_each_value(const Segment& segment, const Column& column, Visit visit);

// Least or greatest value of each group; null where it has none.
GroupValues extreme_values(const Segment& segment, const CubeGroups& groups,
                           const Column& column, bool greatest);

// The columns that cube_schema() lists for the measure, in its order. Takes
// `distinct` out of its states where the lists of ids would be long.
Result<std::vector<GroupValues>> measure_states(const Segment& segment,
                                                const CubeGroups& groups,
                                                CubeMeasure& measure);

template <class Visit>
void for_each_value(const Segment& segment, const Column& column, Visit visit) {
  std::vector<int64_t> longs(kBlockRows);
  std::vector<double> doubles(kBlockRows);
  std::vector<uint32_t> ids(kBlockRows);
  uint64_t nulls[kBlockRows / 64];
  ColumnKind kind = column.type().kind;
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    uint32_t rows = segment.block_rows(block), first = block * kBlockRows;
    if (kind == ColumnKind::kString) {
      column.read_ids(block, ids.data());
      for (uint32_t i = 0; i < rows; ++i) {
        if (ids[i] == kNullId) continue;
        visit(first + i, column.dictionary()->value(ids[i]));
      }
      continue;
    }
    bool some = column.has_nulls() && column.read_nulls(block, nulls);
    auto is_null = [&](uint32_t i) {
      return some && (nulls[i / 64] >> i % 64 & 1) != 0;
    };
    if (kind == ColumnKind::kDouble) {
      column.read_doubles(block, doubles.data());
      for (uint32_t i = 0; i < rows; ++i) {
        if (!is_null(i)) visit(first + i, doubles[i]);
      }
    } else {
      column.read_longs(block, longs.data());
      for (uint32_t i = 0; i < rows; ++i) {
        if (!is_null(i)) visit(first + i, longs[i]);
      }
    }
  }
}

}  // namespace freshet
