// SegmentFilter: how a Filter is answered on one segment. Dictionary
// conditions become sets of ids, selective ones row bitmaps; what zone maps
// decide is dropped. Made once per segment, then read by all tasks on it.
#pragma once

#include <optional>
#include <vector>

#include "server/query/block_rows.h"
#include "server/query/filter.h"

namespace freshet {

class SegmentFilter {
 public:
  static Result<SegmentFilter> create(const Filter& filter,
                                      const SegmentContext& context);

  // No row of the segment passes.
  bool never() const { return never_; }
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
  struct Range {
    const Column* column;
    int64_t low, high;
    std::string name;
  };
  struct IdSet {
    const Column* column;
    std::string name;
    std::vector<uint8_t> member;  // by dictionary id
    uint32_t low = 0, high = 0;   // least and greatest member
  };

  void leave_out_hidden(const Segment& segment);
  void add_range(const RangeTest& test, const SegmentContext& context);
  Status add_condition(const ExpressionPtr& condition,
                       const SegmentContext& context);
  void add_id_set(IdSet set, uint32_t members, const SegmentContext& context);
  bool zone_excludes(uint32_t block) const;

  bool never_ = false;
  // Candidates, if an index was worth it or rows are hidden.
  std::optional<Bitmap> rows_;
  std::vector<Range> ranges_;
  std::vector<IdSet> id_sets_;
  std::vector<ExpressionPtr> rest_;
};

}  // namespace freshet
