#include "server/query/merged_groups.h"

namespace freshet {

MergedGroups::MergedGroups(const std::vector<ExpressionPtr>& expressions)
    : folds_(expressions.size()) {
  components_.reserve(expressions.size());
  for (const auto& e : expressions) components_.emplace_back(e->type);
}

template <class Keys>
void MergedGroups::map_groups(const Keys& local, std::vector<uint32_t>& to) {
  if (components_.size() == 1) return map_values(local, to);
  const size_t count = components_.size();
  // Each distinct value is looked up once, not once a group.
  std::vector<std::vector<uint32_t>> merged(count);
  for (size_t c = 0; c < count; ++c) {
    merged[c].assign(local.num_ids(c), IdTable::kNone);
  }
  std::vector<uint32_t> ids(count);
  to.resize(local.size());
  for (uint32_t group = 0; group < local.size(); ++group) {
    uint64_t running = 0;
    for (size_t c = 0; c < count; ++c) {
      uint32_t& id = merged[c][local.id(group, c)];
      if (id == IdTable::kNone) {
        id = local.intern(c, local.id(group, c), components_[c]);
      }
      ids[c] = id;
      running = folds_[c].find_or_add(running << 32 | id);
    }
    to[group] = static_cast<uint32_t>(running);
    if (to[group] < num_groups_) continue;
    ++num_groups_;
    group_ids_.insert(group_ids_.end(), ids.begin(), ids.end());
  }
}

// Of one component each id is a group.
template <class Keys>
void MergedGroups::map_values(const Keys& local, std::vector<uint32_t>& to) {
  to.resize(local.size());
  for (uint32_t group = 0; group < local.size(); ++group) {
    const uint32_t id = local.intern(0, local.id(group, 0), components_[0]);
    if (id >= group_of_.size()) {
      group_of_.resize(std::max<size_t>(id + 1, group_of_.size() * 2),
                       IdTable::kNone);
    }
    if (group_of_[id] == IdTable::kNone) {
      group_of_[id] = num_groups_++;
      group_ids_.push_back(id);
    }
    to[group] = group_of_[id];
  }
}

template void MergedGroups::map_groups(const GroupKeys&,
                                       std::vector<uint32_t>&);
template void MergedGroups::map_groups(const MergedGroups&,
                                       std::vector<uint32_t>&);

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
