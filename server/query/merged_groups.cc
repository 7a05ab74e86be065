#include "server/query/merged_groups.h"

#include <algorithm>

namespace freshet {

MergedGroups::MergedGroups(const std::vector<ExpressionPtr>& expressions)
    : folds_(expressions.size()) {
  components_.reserve(expressions.size());
  for (const auto& e : expressions) components_.emplace_back(e->type);
}

namespace {

// The component's id in each group of `local`.
template <class Keys>
std::vector<uint32_t> ids_of_groups(const Keys& local, size_t component) {
  std::vector<uint32_t> out(local.size());
  for (uint32_t group = 0; group < local.size(); ++group) {
    out[group] = local.id(group, component);
  }
  return out;
}

// merged[id] for the ids that occur, each looked up once, not once a group.
template <class Keys>
Result<std::vector<uint32_t>> merge_ids(const Keys& local, size_t component,
                                        const std::vector<uint32_t>& occurring,
                                        ValueIds& values,
                                        const QueryControl* control) {
  std::vector<uint32_t> merged(local.num_ids(component), IdTable::kNone);
  std::vector<uint32_t> distinct;
  for (uint32_t id : occurring) {
    if (merged[id] != IdTable::kNone) continue;
    merged[id] = 0;
    distinct.push_back(id);
  }
  std::vector<uint32_t> to(distinct.size());
  TRY(in_runs(distinct.size(), control, [&](size_t begin, size_t count) {
    local.intern(component, std::span(distinct).subspan(begin, count), values,
                 to.data() + begin);
  }));
  for (size_t i = 0; i < distinct.size(); ++i) merged[distinct[i]] = to[i];
  return merged;
}

}  // namespace

template <class Keys>
Status MergedGroups::map_groups(const Keys& local, std::vector<uint32_t>& to,
                                const QueryControl* control) {
  if (components_.size() == 1) return map_values(local, to, control);
  const size_t count = components_.size(), size = local.size();
  std::vector<uint32_t> ids(size * count);
  std::vector<uint64_t> running(size);
  to.assign(size, 0);
  for (size_t c = 0; c < count; ++c) {
    const std::vector<uint32_t> occurring = ids_of_groups(local, c);
    TRY_ASSIGN(const std::vector<uint32_t> merged,
               merge_ids(local, c, occurring, components_[c], control));
    for (size_t group = 0; group < size; ++group) {
      const uint32_t id = merged[occurring[group]];
      ids[group * count + c] = id;
      running[group] = uint64_t{to[group]} << 32 | id;
    }
    TRY(in_runs(size, control, [&](size_t begin, size_t count) {
      folds_[c].find_or_add_all(running.data() + begin, count,
                                to.data() + begin);
    }));
  }
  for (size_t group = 0; group < size; ++group) {
    if (to[group] < num_groups_) continue;
    ++num_groups_;
    const auto at = ids.begin() + static_cast<ptrdiff_t>(group * count);
    group_ids_.insert(group_ids_.end(), at, at + static_cast<ptrdiff_t>(count));
  }
  return {};
}

// Of one component each id is a group.
template <class Keys>
Status MergedGroups::map_values(const Keys& local, std::vector<uint32_t>& to,
                                const QueryControl* control) {
  const std::vector<uint32_t> ids = ids_of_groups(local, 0);
  to.resize(ids.size());
  TRY(in_runs(ids.size(), control, [&](size_t begin, size_t count) {
    local.intern(0, std::span(ids).subspan(begin, count), components_[0],
                 to.data() + begin);
  }));
  if (group_of_.size() < components_[0].size()) {
    group_of_.resize(
        std::max<size_t>(components_[0].size(), group_of_.size() * 2),
        IdTable::kNone);
  }
  for (uint32_t& id : to) {
    uint32_t& group = group_of_[id];
    if (group == IdTable::kNone) {
      group = num_groups_++;
      group_ids_.push_back(id);
    }
    id = group;
  }
  return {};
}

template Status MergedGroups::map_groups(const GroupKeys&,
                                         std::vector<uint32_t>&,
                                         const QueryControl*);
template Status MergedGroups::map_groups(const MergedGroups&,
                                         std::vector<uint32_t>&,
                                         const QueryControl*);

VectorPtr MergedGroups::values(size_t component) const {
  const Vector& values = components_[component].values();
  auto out = make_vector(values.type, num_groups_);
  for (uint32_t group = 0; group < num_groups_; ++group) {
    out->set_from(group, values,
                  group_ids_[group * components_.size() + component]);
  }
  return out;
}

uint64_t MergedGroups::memory_bytes() const {
  uint64_t bytes = (group_ids_.capacity() + group_of_.capacity()) * 4;
  for (const ValueIds& c : components_) bytes += c.memory_bytes();
  for (const IdTable& fold : folds_) bytes += fold.memory_bytes();
  return bytes;
}

}  // namespace freshet
