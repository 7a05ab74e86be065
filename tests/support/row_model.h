// A table as a vector of rows of values: the obviously right thing that
// segments are compared with. And seeded random rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "segments/column_batch.h"
#include "segments/segment.h"

namespace freshet {

// Null, an integer-backed value, a double or a text.
using Cell = std::variant<std::monostate, int64_t, double, std::string>;
using Row = std::vector<Cell>;

// A folder that goes with the object.
class TemporaryFolder {
 public:
  // In memory where the machine has room for that, if asked: for tests that
  // sync thousands of times and need no disk to do so.
  explicit TemporaryFolder(bool in_memory = false);
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One column of each kind, nullable and not, few and many distinct values.
std::shared_ptr<const Schema> model_schema();

// A row whose __time is in [start, start + one hour).
Row random_row(std::mt19937_64& random, int64_t start);

void append_row(ColumnBatch& batch, const Row& row);

// All rows of a segment, read by the block.
std::vector<Row> read_rows(const Segment& segment);

// Checks gathers, nulls, zone maps, dictionary and index of every column
// against its block reads; the text of the first difference, or nothing.
std::string check_consistency(const Segment& segment, std::mt19937_64& random);

}  // namespace freshet
