// MergedPartial: groups and states by value, of a whole query or of one of its
// segments (as PartialCache keeps it). Filled by one thread, then read-only.
#pragma once

#include "server/query/merged_groups.h"
#include "server/query/partial.h"
#include "server/query/result_rows.h"

namespace freshet {

class MergedPartial {
 public:
  explicit MergedPartial(std::shared_ptr<const QueryPlan> plan);
  ~MergedPartial();
  MergedPartial(const MergedPartial&) = delete;
  MergedPartial& operator=(const MergedPartial&) = delete;

  // Accumulator::use() of all.
  void use(ValueSources* sources) {
    for (const auto& a : accumulators_) a->use(sources);
  }

  // Of the same groups and aggregates; in the order of the rows, since sums of
  // doubles and rows of equal time depend on it.
  Status merge(const Partial& partial, const QueryControl& control);
  Status merge(const MergedPartial& partial, const QueryControl& control);

  uint64_t num_groups() const { return groups_ ? groups_->size() : 1; }
  uint64_t memory_bytes() const;
  uint64_t rows_scanned() const { return rows_scanned_; }
  uint64_t rows_matched() const { return rows_matched_; }

  // Rows before ordering; views into this and `arena`, valid until the next
  // merge(): the states stay (RunningTotal goes on with them).
  Result<ResultRows> finish(QueryControl& control, Arena& arena);

 private:
  template <class Keys>
  Status merge_states(
      const Keys* keys,
      const std::vector<std::unique_ptr<Accumulator>>& accumulators,
      const QueryControl& control);

  std::shared_ptr<const QueryPlan> plan_;
  std::optional<MergedGroups> groups_;  // nothing without groups
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  uint64_t rows_scanned_ = 0, rows_matched_ = 0;
};

}  // namespace freshet
