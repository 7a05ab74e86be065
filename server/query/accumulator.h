// Accumulator: the states of one aggregate for all groups, in flat arrays.
// A task has one per aggregate for the rows it reads; the query has one that
// the tasks' are merged into, by value. Used by one thread at a time.
//
//   (resize update)* on rows, or (resize merge)* of others; finish at any time.
#pragma once

#include <memory>
#include <vector>

#include "server/query/block_rows.h"
#include "server/query/cube_use.h"
#include "server/query/group_keys.h"
#include "server/query/query.h"

namespace freshet {

// The lanes of a block that an aggregate sees.
struct LaneChoice {
  size_t size = 0;                   // of the block's lanes
  const uint32_t* groups = nullptr;  // group of each lane; null: all group 0
  const uint16_t* chosen = nullptr;  // the lanes seen, ascending; null: all
  size_t num_chosen = 0;             // with `chosen`

  uint32_t group(size_t lane) const { return groups ? groups[lane] : 0; }
  template <class F>
  void each(F f) const {
    if (chosen) {
      for (size_t i = 0; i < num_chosen; ++i) f(group(chosen[i]), chosen[i]);
    } else if (groups) {
      for (size_t i = 0; i < size; ++i) f(groups[i], i);
    } else {
      for (size_t i = 0; i < size; ++i) f(0u, i);
    }
  }
  // Only lanes where `v` is not null.
  template <class F>
  void each_value(const Vector& v, F f) const {
    if (v.states.empty()) return each(f);
    each([&](uint32_t group, size_t lane) {
      if (v.is_value(lane)) f(group, lane);
    });
  }
};

class ValueSources;
struct PreparedSegment;

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // New groups have the state of no rows; never shrinks.
  virtual void resize(size_t groups) = 0;
  virtual Status update(BlockRows& rows, const LaneChoice& lanes) = 0;
  // Adds the states of `from`, of the same aggregate: its group g is to[g].
  // Looks at `control` every few milliseconds and fails as it does; this is of
  // no more use then.
  virtual Status merge(const Accumulator& from, const std::vector<uint32_t>& to,
                       const QueryControl& control) = 0;
  // One lane a group, of the aggregate's type; views into this, which goes on
  // as before. Looks at `control` as merge() does.
  virtual Result<VectorPtr> finish(const QueryControl& control) = 0;
  // The segments of the query that merges and finishes from now on; null:
  // they are not known.
  virtual void use(ValueSources* /*sources*/) {}
  virtual uint64_t memory_bytes() const = 0;
};

// The result type of a resolved aggregate; kInvalid if the argument's type
// does not fit the function.
Result<ExpressionType> aggregate_type(const Aggregate& aggregate);

// What an accumulator is made for. `context` is null for the merged one;
// `time` is the resolved __time column.
struct AccumulatorSpec {
  const Aggregate& aggregate;
  ExpressionType type;
  ExpressionPtr time;
  const SegmentContext* context = nullptr;
  uint64_t rows = 0;
  const PreparedSegment* segment = nullptr;  // of `context`
  // Where the rows are of a cube's table: what to take in their place.
  const CubeAggregate* cube = nullptr;

  // Column `i` of the states; null for rows, and for values of dimensions.
  ExpressionPtr state(size_t i) const {
    return cube && i < cube->states.size() ? cube->states[i] : nullptr;
  }
};

std::unique_ptr<Accumulator> make_accumulator(const AccumulatorSpec& spec);

// f(group) for all groups below `groups`, with looks at `control`.
template <class F>
Status each_group(size_t groups, const QueryControl& control, F f) {
  return in_runs(groups, &control, [&](size_t begin, size_t count) {
    for (size_t g = begin; g < begin + count; ++g) f(static_cast<uint32_t>(g));
  });
}

// kInvalid: a sum does not fit its type; `aggregate` has an argument.
Error sum_too_large(const Aggregate& aggregate);

// One maker per file.
std::unique_ptr<Accumulator> make_count(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_sum(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_extreme(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_distinct(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_newest(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_quantile(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_approximate_distinct(
    const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_approximate_quantile(
    const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_last_per_key(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_variance(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_bits(const AccumulatorSpec& spec);
std::unique_ptr<Accumulator> make_list(const AccumulatorSpec& spec);

}  // namespace freshet
