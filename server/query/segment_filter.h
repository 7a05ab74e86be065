// SegmentFilter: how a Filter is answered on one segment. Dictionary
// conditions become sets of ids, selective ones row bitmaps; what zone maps
// decide is dropped. Made once per segment, then read by all tasks on it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "server/query/block_rows.h"
#include "server/query/filter.h"
#include "server/query/row_mask.h"

namespace freshet {

class SegmentFilter {
 public:
  static Result<SegmentFilter> create(const Filter& filter,
                                      const SegmentContext& context);

  // No row of the segment passes.
  bool never() const { return never_; }
  // That was read from an index, so that the segment's status() is to be asked.
  bool never_by_index() const { return never_ && rows_.has_value(); }
  // What select() does, in order: "index: 12 rows", "ids of store: 3", "range
  // of qty", "test: (a > b)".
  std::vector<std::string> describe() const;

  // Leaves `rows` at the passing rows of `block`; `positions` is their
  // storage and must stay until the next reset. False if there is none.
  // `looked_at` grows by the rows whose values were read.
  Result<bool> select(uint32_t block, BlockRows& rows,
                      std::vector<uint16_t>& positions,
                      uint64_t& looked_at) const;

 private:
  // A test of one column's values or dictionary ids.
  struct ColumnTest {
    const Column* column;
    int64_t low, high;  // of values, or the members' ids
    std::string name;   // the column's
    IdSet members;      // of size 0: a test of values
    bool gaps = false;  // not all ids from low to high are members
    double share = 1;   // of the rows, that is thought to pass
    // The same test of the column whose ids this one's follow from, if they
    // do: what is read in place of it.
    std::unique_ptr<ColumnTest> base = nullptr;

    bool of_ids() const { return members.size() > 0; }
    // low, high and gaps. REQUIRES: a member.
    void find_bounds();
  };
  static std::unique_ptr<ColumnTest> test_of_base(const ColumnTest& test);
  // The rows of a block that passed so far: as bits while they are many, as
  // positions when few are left.
  struct Passing;

  void leave_out_hidden(const Segment& segment);
  void add_range(const RangeTest& test, const SegmentContext& context);
  Status add_condition(const ExpressionPtr& condition,
                       const SegmentContext& context);
  void add_ids(ColumnTest test, const SegmentContext& context);
  bool index_ids(const ColumnTest& test, uint32_t members,
                 const SegmentContext& context);
  bool zone_excludes(uint32_t block) const;
  // Leaves the rows that pass rest_; false if there is none.
  std::vector<size_t> rest_in_order() const;
  Result<bool> test_rest(BlockRows& rows, Passing& passing) const;
  // False if the block's zone map shows that all rows pass.
  static bool needed(const ColumnTest& test, uint32_t block);

  bool never_ = false;
  // Candidates, if an index was worth it.
  std::optional<Bitmap> rows_;
  const Bitmap* hidden_ = nullptr;  // where rows_ does not leave them out
  std::vector<ColumnTest> tests_;   // those that leave fewest rows first
  std::vector<ExpressionPtr> rest_;
  // By position in rest_: those that failed on a row that others exclude.
  std::shared_ptr<std::atomic<uint64_t>> late_ =
      std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace freshet
