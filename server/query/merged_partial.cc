#include "server/query/merged_partial.h"

#include "server/query/free_later.h"

namespace freshet {

MergedPartial::MergedPartial(std::shared_ptr<const QueryPlan> plan)
    : plan_(std::move(plan)),
      accumulators_(make_accumulators(*plan_, nullptr, 0)) {
  if (!plan_->groups.empty()) groups_.emplace(plan_->groups);
}

MergedPartial::~MergedPartial() {
  free_later(memory_bytes(), plan_, groups_, accumulators_);
}

template <class Keys>
Status MergedPartial::merge_states(
    const Keys* keys,
    const std::vector<std::unique_ptr<Accumulator>>& accumulators,
    const QueryControl& control) {
  TRY(control.check());
  std::vector<uint32_t> to(1, 0);
  if (groups_) {
    TRY(groups_->map(*keys, to, control));
    TRY(control.check_groups(groups_->size()));
  }
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    TRY(control.check());
    if (groups_) accumulators_[i]->resize(groups_->size());
    TRY(accumulators_[i]->merge(*accumulators[i], to, control));
  }
  return {};
}

Status MergedPartial::merge(const Partial& partial,
                            const QueryControl& control) {
  rows_scanned_ += partial.rows_scanned();
  rows_matched_ += partial.rows_matched();
  return merge_states(partial.keys(), partial.accumulators(), control);
}

Status MergedPartial::merge(const MergedPartial& partial,
                            const QueryControl& control) {
  rows_matched_ += partial.rows_matched_;
  const MergedGroups* groups = partial.groups_ ? &*partial.groups_ : nullptr;
  return merge_states(groups, partial.accumulators_, control);
}

uint64_t MergedPartial::memory_bytes() const {
  uint64_t bytes = groups_ ? groups_->memory_bytes() : 0;
  for (const auto& a : accumulators_) bytes += a->memory_bytes();
  return bytes;
}

Result<ResultRows> MergedPartial::finish(QueryControl& control, Arena& arena) {
  std::vector<VectorPtr> columns;
  for (size_t i = 0; i < plan_->groups.size(); ++i) {
    TRY(control.check());
    TRY_ASSIGN(VectorPtr column, groups_->values(i, control));
    columns.push_back(std::move(column));
  }
  for (const auto& accumulator : accumulators_) {
    TRY(control.check());
    TRY_ASSIGN(VectorPtr column, accumulator->finish(control));
    columns.push_back(std::move(column));
  }
  return group_rows(*plan_, std::move(columns), num_groups(), control, arena);
}

}  // namespace freshet
