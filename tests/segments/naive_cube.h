// What cubes and rollups must hold: rows grouped one at a time.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "segments/cube.h"
#include "tests/support/row_model.h"

namespace freshet {

std::shared_ptr<const Schema> cube_rows_schema();

// A row of that schema whose time is in [start, start + span).
Row cube_row(std::mt19937_64& random, int64_t start, int64_t span);

// NaN is the same as NaN.
bool same_cell(const Cell& a, const Cell& b);

// Equal for cells that are equal.
std::string key_text(const Row& row);

// The rows of each combination of bucket and dimensions, in order; by the
// key_text of both.
std::map<std::string, std::vector<Row>> naive_groups(
    const CubeSpec& spec, const std::vector<Row>& rows);

// Of that schema: dimensions are what is no measure; a double always is one.
CubeSpec random_rollup(std::mt19937_64& random);
// Rows of an hour as they come in to be rolled up: the time is that of the
// bucket.
std::vector<Row> rollup_rows(std::mt19937_64& random, const CubeSpec& spec,
                             uint64_t count, int64_t start);

// One row of a table, its columns by name. Both outlive it.
class TableRow {
 public:
  TableRow(const Segment& table, const Row& row) : table_(table), row_(row) {}
  const Cell& operator()(const std::string& name) const;

 private:
  const Segment& table_;
  const Row& row_;
};

// CHECKs the states of a measure against the rows behind them. `segment` has
// the dictionary of distinct ids; null where there are none.
void check_measure(const TableRow& row, const CubeMeasure& measure,
                   const Schema& source, const Segment* segment,
                   const std::vector<Row>& rows);

}  // namespace freshet
