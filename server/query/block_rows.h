// BlockRows: the chosen rows of one block of a segment, as lanes. Reads only
// the columns it is asked for, each once per block, and only the chosen rows.
// Used by one task.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <span>

#include "server/query/evaluator.h"
#include "server/query/segment_context.h"

namespace freshet {

class BlockRows final : public RowSource {
 public:
  explicit BlockRows(const SegmentContext& context)
      : context_(context),
        arena_(context.control()),
        evaluation_{arena_, false, &context.control()} {}

  // Moves to the rows at `positions` of `block`, ascending, or to all of its
  // rows (`all`, positions then unused). Everything read before is forgotten.
  void reset(uint32_t block, std::span<const uint16_t> positions, bool all);

  const SegmentContext& context() const { return context_; }
  uint32_t block() const { return block_; }
  size_t size() const override { return size_; }
  // Of a lane's row in the block.
  uint16_t position(size_t lane) const {
    return all_ ? static_cast<uint16_t>(lane) : positions_[lane];
  }
  Result<VectorPtr> column(const Expression& column) override;
  Result<VectorPtr> known(const Expression& expression) override;

  Result<VectorPtr> evaluate(const Expression& expression) {
    return evaluate_vector(expression, *this, evaluation_);
  }
  // The same, raising errors of any lane.
  Result<VectorPtr> evaluate_checked(const Expression& expression);
  // Like evaluate_checked, but a decimal column comes as its int64 units in
  // `longs` (with type kDecimal).
  Result<VectorPtr> evaluate_narrow(const Expression& expression);
  // Dictionary ids of a string column; valid until reset().
  const std::vector<uint32_t>& ids(const Column& column);
  // Of all rows of the block, chosen or not; valid until another block. What
  // is read so is not unpacked again for the chosen rows.
  const std::vector<uint32_t>& whole_ids(const Column& column);
  const std::vector<int64_t>& whole_longs(const Column& column);
  // Integers of an integer-backed column.
  void read_longs(const Column& column, std::vector<int64_t>& out);
  // Marks null lanes of `column` in `out.states`.
  void mark_nulls(const Column& column, Vector& out);

 private:
  std::shared_ptr<Vector> read(const Column& column, ExpressionType type);

  const SegmentContext& context_;
  Arena arena_;
  EvaluationContext evaluation_;
  uint32_t block_ = 0;
  std::span<const uint16_t> positions_;
  bool all_ = false;
  size_t size_ = 0;
  template <class T>
  struct Whole {
    std::optional<uint32_t> block;
    std::vector<T> values;
  };
  absl::flat_hash_map<const Column*, Whole<uint32_t>> whole_ids_;
  absl::flat_hash_map<const Column*, Whole<int64_t>> whole_longs_;
  struct LaneIds {
    bool read = false;  // since the last reset()
    std::vector<uint32_t> ids;
  };
  absl::flat_hash_map<const Column*, LaneIds> ids_;
  absl::flat_hash_map<const Column*, VectorPtr> columns_;
  absl::flat_hash_map<const Column*, VectorPtr> narrow_;
  uint64_t null_words_[kBlockRows / 64] = {};
};

}  // namespace freshet
