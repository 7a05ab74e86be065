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
  void set_long(size_t column, int64_t value) {
    put(columns_[column], columns_[column].longs, value);
  }
  void set_double(size_t column, double value) {
    put(columns_[column], columns_[column].doubles, value);
  }
  void set_string(size_t column, std::string_view value) {
    put(columns_[column], columns_[column].strings, value);
  }
  void commit_row();
  void abandon_row();

  // The same for a writer that knows how many rows may come, at less cost:
  // open_rows (set_* (commit_row | abandon_row))* close_rows. In between each
  // column has room for `rows` more rows, all null, at places that do not
  // move, and the writer may also put value and nulls[row] = 0 there itself,
  // for row == num_rows().
  void open_rows(size_t rows);
  void close_rows();

  // Forgets the rows from `rows` on, and what was set of the next one. Not
  // between open_rows and close_rows.
  void truncate(size_t rows);

  // Copies text into memory owned by the batch until clear().
  std::string_view keep(std::string_view text);

  // Forgets all rows, keeps the memory.
  void clear();

 private:
  // Puts a value at the row being built: new, or over what is there.
  template <class Value>
  void put(ColumnBuffer& column, std::vector<Value>& values, Value value) {
    if (column.nulls.size() == num_rows_) {
      values.push_back(value);
      column.nulls.push_back(0);
    } else {
      values[num_rows_] = value;
      column.nulls[num_rows_] = 0;
    }
  }
  void resize(size_t column, size_t rows);

  std::shared_ptr<const Schema> schema_;
  std::vector<ColumnBuffer> columns_;
  size_t num_rows_ = 0;
  bool open_ = false;
  size_t opened_at_ = 0;                        // num_rows() at open_rows
  std::vector<std::unique_ptr<char[]>> arena_;  // blocks of kArenaBlock bytes
  std::vector<std::unique_ptr<char[]>> large_texts_;
  size_t arena_block_ = 0;
  size_t arena_used_ = 0;
};

}  // namespace freshet
