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
Result<std::vector<uint32_t>> ids_of_groups(const Keys& local, size_t component,
                                            const QueryControl& control) {
  std::vector<uint32_t> out(local.size());
  TRY(in_runs(local.size(), &control, [&](size_t begin, size_t count) {
    for (size_t group = begin; group < begin + count; ++group) {
      out[group] = local.id(static_cast<uint32_t>(group), component);
    }
  }));
  return out;
}

// to[i] of each of the component's `ids`.
template <class Keys>
Status intern_ids(const Keys& local, size_t component,
                  const std::vector<uint32_t>& ids, ValueIds& values,
                  std::vector<uint32_t>& to, const QueryControl& control) {
  to.resize(ids.size());
  return in_runs(ids.size(), &control,
                 [&](size_t begin, size_t count) -> Status {
                   TRY(values.make_room(count, &control));
                   local.intern(component, std::span(ids).subspan(begin, count),
                                values, to.data() + begin);
                   return {};
                 });
}

// merged[id] for the ids that occur, each looked up once, not once a group.
template <class Keys>
Result<std::vector<uint32_t>> merge_ids(const Keys& local, size_t component,
                                        const std::vector<uint32_t>& occurring,
                                        ValueIds& values,
                                        const QueryControl& control) {
  std::vector<uint32_t> merged(local.num_ids(component), IdTable::kNone);
  std::vector<uint32_t> distinct, to;
  TRY(in_runs(occurring.size(), &control, [&](size_t begin, size_t count) {
    for (uint32_t id : std::span(occurring).subspan(begin, count)) {
      if (merged[id] != IdTable::kNone) continue;
      merged[id] = 0;
      distinct.push_back(id);
    }
  }));
  TRY(intern_ids(local, component, distinct, values, to, control));
  TRY(in_runs(distinct.size(), &control, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count; ++i) merged[distinct[i]] = to[i];
  }));
  return merged;
}

}  // namespace

template <class Keys>
Status MergedGroups::map_groups(const Keys& local, std::vector<uint32_t>& to,
                                const QueryControl& control) {
  if (components_.size() == 1) return map_values(local, to, control);
  const size_t count = components_.size(), size = local.size();
  std::vector<uint32_t> ids(size * count);
  std::vector<uint64_t> running(size);
  to.assign(size, 0);
  for (size_t c = 0; c < count; ++c) {
    TRY_ASSIGN(const std::vector<uint32_t> occurring,
               ids_of_groups(local, c, control));
    TRY_ASSIGN(const std::vector<uint32_t> merged,
               merge_ids(local, c, occurring, components_[c], control));
    TRY(in_runs(size, &control, [&](size_t begin, size_t some) -> Status {
      for (size_t group = begin; group < begin + some; ++group) {
        const uint32_t id = merged[occurring[group]];
        ids[group * count + c] = id;
        running[group] = uint64_t{to[group]} << 32 | id;
      }
      TRY(folds_[c].make_room(some, &control));
      folds_[c].find_or_add_all(running.data() + begin, some,
                                to.data() + begin);
      return {};
    }));
  }
  return in_runs(size, &control, [&](size_t begin, size_t some) {
    for (size_t group = begin; group < begin + some; ++group) {
      if (to[group] < num_groups_) continue;
      ++num_groups_;
      const auto at = ids.begin() + static_cast<ptrdiff_t>(group * count);
      group_ids_.insert(group_ids_.end(), at,
                        at + static_cast<ptrdiff_t>(count));
    }
  });
}

// Of one component each id is a group.
template <class Keys>
Status MergedGroups::map_values(const Keys& local, std::vector<uint32_t>& to,
                                const QueryControl& control) {
  TRY_ASSIGN(const std::vector<uint32_t> ids, ids_of_groups(local, 0, control));
  TRY(intern_ids(local, 0, ids, components_[0], to, control));
  if (group_of_.size() < components_[0].size()) {
    group_of_.grow(
        std::max<size_t>(components_[0].size(), group_of_.size() * 2));
  }
  return in_runs(to.size(), &control, [&](size_t begin, size_t count) {
    for (uint32_t& id : std::span(to).subspan(begin, count)) {
      uint32_t& group = group_of_[id];
      if (group == 0) {
        group = ++num_groups_;
        group_ids_.push_back(id);
      }
      id = group - 1;
    }
  });
}

template Status MergedGroups::map_groups(const GroupKeys&,
                                         std::vector<uint32_t>&,
                                         const QueryControl&);
template Status MergedGroups::map_groups(const MergedGroups&,
                                         std::vector<uint32_t>&,
                                         const QueryControl&);

Result<VectorPtr> MergedGroups::values(size_t component,
                                       const QueryControl& control) const {
  const Vector& values = components_[component].values();
  TRY_ASSIGN(auto out, make_vector(values.type, num_groups_, control));
  TRY(in_runs(num_groups_, &control, [&](size_t begin, size_t count) {
    for (size_t group = begin; group < begin + count; ++group) {
      out->set_from(group, values,
                    group_ids_[group * components_.size() + component]);
    }
  }));
  return VectorPtr(out);
}

uint64_t MergedGroups::memory_bytes() const {
  uint64_t bytes = group_ids_.capacity() * 4 + group_of_.memory_bytes();
  for (const ValueIds& c : components_) bytes += c.memory_bytes();
  for (const IdTable& fold : folds_) bytes += fold.memory_bytes();
  return bytes;
}

}  // namespace freshet
