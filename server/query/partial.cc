#include "server/query/partial.h"

namespace freshet {

std::vector<std::unique_ptr<Accumulator>> make_accumulators(
    const QueryPlan& plan, const PreparedSegment* segment, uint64_t rows) {
  const SegmentContext* context = segment ? segment->context.get() : nullptr;
  std::vector<std::unique_ptr<Accumulator>> out;
  for (size_t i = 0; i < plan.aggregates.size(); ++i) {
    AccumulatorSpec spec{plan.aggregates[i],
                         plan.aggregate_types[i],
                         plan.time,
                         context,
                         rows,
                         segment,
                         nullptr};
    if (segment && segment->cube) spec.cube = &segment->cube->aggregates[i];
    out.push_back(make_accumulator(spec));
    if (plan.groups.empty()) out.back()->resize(1);
  }
  return out;
}

Partial::Partial(const QueryPlan& plan, const BlockRange& range,
                 QueryControl& control)
    : plan_(plan),
      range_(range),
      control_(control),
      charge_(control),
      chosen_(plan.aggregate_filters.size()) {
  const SegmentContext& context = *range.segment->context;
  uint64_t rows = uint64_t{range.end - range.begin} * kBlockRows;
  if (!plan.groups.empty()) keys_.emplace(plan.groups, context, rows);
  accumulators_ = make_accumulators(plan, range.segment, rows);
}

Status Partial::scan(const std::atomic<bool>& stop) {
  BlockRows rows(*range_.segment->context);
  std::vector<uint16_t> positions, later;
  for (uint32_t block = range_.begin; block < range_.end; ++block) {
    if (stop.load(std::memory_order_relaxed)) return {};
    TRY(control_.check());
    TRY_ASSIGN(bool some, range_.segment->filter.select(block, rows, positions,
                                                        rows_scanned_));
    if (!some || !leave_new_rows(block, rows, later)) continue;
    TRY(count_rows(rows));
    TRY(add_block(rows));
    uint64_t bytes = keys_ ? keys_->memory_bytes() : 0;
    for (const auto& a : accumulators_) bytes += a->memory_bytes();
    charge_.set(bytes);
  }
  return {};
}

bool Partial::leave_new_rows(uint32_t block, BlockRows& rows,
                             std::vector<uint16_t>& positions) const {
  const uint64_t first = uint64_t{block} * kBlockRows;
  const uint64_t merged = range_.segment->merged_rows;
  if (merged <= first) return true;
  positions.clear();
  for (size_t lane = 0; lane < rows.size(); ++lane) {
    const uint16_t position = rows.position(lane);
    if (first + position >= merged) positions.push_back(position);
  }
  rows.reset(block, positions, false);
  return !positions.empty();
}

Status Partial::count_rows(BlockRows& rows) {
  if (!range_.segment->cube) {
    rows_matched_ += rows.size();
    return {};
  }
  TRY_ASSIGN(VectorPtr behind,
             rows.evaluate_checked(*range_.segment->cube->rows));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows_matched_ += static_cast<uint64_t>(behind->longs[behind->at(i)]);
  }
  return {};
}

Status Partial::add_block(BlockRows& rows) {
  LaneChoice lanes;
  lanes.size = rows.size();
  if (keys_) {
    TRY(keys_->assign(rows, groups_));
    TRY(control_.check_groups(keys_->size()));
    lanes.groups = groups_.data();
  }
  for (Chosen& chosen : chosen_) chosen.valid = false;
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    LaneChoice mine = lanes;
    if (plan_.filter_of[i] >= 0) {
      TRY_ASSIGN(const std::vector<uint16_t>* chosen_lanes,
                 chosen(static_cast<size_t>(plan_.filter_of[i]), rows));
      static constexpr uint16_t kNoLane = 0;
      mine.chosen = chosen_lanes->empty() ? &kNoLane : chosen_lanes->data();
      mine.num_chosen = chosen_lanes->size();
    }
    if (keys_) accumulators_[i]->resize(keys_->size());
    TRY(accumulators_[i]->update(rows, mine));
  }
  return {};
}

Result<const std::vector<uint16_t>*> Partial::chosen(size_t filter,
                                                     BlockRows& rows) {
  Chosen& chosen = chosen_[filter];
  if (chosen.valid) return &chosen.lanes;
  const Expression& condition = *plan_.aggregate_filters[filter];
  TRY_ASSIGN(VectorPtr truth, rows.evaluate_checked(condition));
  chosen.lanes.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (truth->is_value(i) && truth->longs[truth->at(i)]) {
      chosen.lanes.push_back(static_cast<uint16_t>(i));
    }
  }
  chosen.valid = true;
  return &chosen.lanes;
}

}  // namespace freshet
