// ColumnBatch: decoded rows on their way into a LiveSegment, column by column.
//
// A decoder fills it, a transform may add to it, LiveSegment::append copies
// out of it; then it is cleared and used again, so that a steady stream
// allocates nothing. Owned and used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/schema.h"

namespace freshet {

// One column of a batch. Only the vector of its kind is used; `nulls[row]` is
// 1 for a null, whose value slot then holds 0 / 0.0 / "".
struct ColumnBuffer {
  std::vector<int64_t> longs;   // every integer-backed kind
  std::vector<double> doubles;  // kDouble
  // kString: into the raw messages or the batch's arena; valid until clear().
  std::vector<std::string_view> strings;
  std::vector<uint8_t> nulls;
  size_t num_nulls = 0;
};

class ColumnBatch {
 public:
  explicit ColumnBatch(std::shared_ptr<const Schema> schema);

  const Schema& schema() const { return *schema_; }
  size_t num_rows() const { return num_rows_; }
  std::vector<ColumnBuffer>& columns() { return columns_; }
  const std::vector<ColumnBuffer>& columns() const { return columns_; }

  // Row protocol: (begin_row set_*  (commit_row | abandon_row))*
  // A column that no set_* names in a row becomes null at commit_row.
  // abandon_row takes back what begin_row..abandon_row set.
  void set_long(size_t column, int64_t value);
  void set_double(size_t column, double value);
  void set_string(size_t column, std::string_view value);
  void commit_row();
  void abandon_row();

  // Copies text into memory owned by the batch until clear().
  std::string_view keep(std::string_view text);

  // Forgets all rows, keeps the memory.
  void clear();

 private:
  std::shared_ptr<const Schema> schema_;
  std::vector<ColumnBuffer> columns_;
  size_t num_rows_ = 0;
  std::vector<std::unique_ptr<char[]>> arena_;  // blocks of kArenaBlock bytes
  std::vector<std::unique_ptr<char[]>> large_texts_;
  size_t arena_block_ = 0;
  size_t arena_used_ = 0;
};

}  // namespace freshet
