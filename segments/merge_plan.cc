#include "segments/merge_plan.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace freshet {
namespace {

constexpr uint64_t kDeadShare = 5;  // one in so many hidden is rewritten
constexpr size_t kLeast = 4, kLeastOfOld = 2;

// What is left of a segment when its hidden rows are gone.
struct Size {
  uint64_t rows = 0, bytes = 0;
};

Size visible_size(const MergeCandidate& one) {
  uint64_t rows = one.rows - one.hidden;
  double share =
      one.rows == 0 ? 0
                    : static_cast<double>(rows) / static_cast<double>(one.rows);
  return {rows, static_cast<uint64_t>(static_cast<double>(one.bytes) * share)};
}

using Run = std::vector<const MergeCandidate*>;

// The longest run from `begin` that fits the target; how many.
size_t fitting(const Run& granule, size_t begin, const MergeTarget& target) {
  Size sum;
  size_t end = begin;
  for (; end < granule.size(); ++end) {
    if (granule[end]->rollup != granule[begin]->rollup) break;
    Size size = visible_size(*granule[end]);
    bool is_small =
        size.rows < target.rows / 2 && size.bytes < target.bytes / 2;
    sum.rows += size.rows;
    sum.bytes += size.bytes;
    if (!is_small || sum.rows > target.rows || sum.bytes > target.bytes) break;
  }
  return end - begin;
}

bool largest_is_moderate(const Run& granule, size_t begin, size_t count) {
  uint64_t sum = 0, largest = 0;
  for (size_t i = begin; i < begin + count; ++i) {
    uint64_t bytes = visible_size(*granule[i]).bytes;
    sum += bytes;
    largest = std::max(largest, bytes);
  }
  return largest <= sum - largest;
}

// How many of the run may become one segment: up to the first that must not be
// merged, or in which a column has another type.
size_t alike(const Run& granule, size_t begin, size_t count,
             const SchemaOf& schema_of) {
  std::map<std::string_view, ColumnType> types;
  for (size_t i = 0; i < count; ++i) {
    const Schema* schema = schema_of(*granule[begin + i]);
    if (schema == nullptr) return i;
    for (const ColumnSpec& column : schema->columns) {
      auto known = types.try_emplace(column.name, column.type).first;
      if (known->second != column.type) return i;
    }
  }
  return count;
}

bool many_dead(const MergeCandidate& one) {
  return one.hidden * kDeadShare > one.rows;
}

void plan_granule(const Run& granule, size_t least, const MergeTarget& target,
                  const SchemaOf& schema_of,
                  std::vector<std::vector<std::string>>& plan) {
  auto pays = [&](size_t begin, size_t count) {
    return count >= least && largest_is_moderate(granule, begin, count);
  };
  for (size_t begin = 0; begin < granule.size();) {
    size_t count = fitting(granule, begin, target);
    if (pays(begin, count)) count = alike(granule, begin, count, schema_of);
    if (pays(begin, count)) {
      std::vector<std::string> ids;
      for (size_t i = begin; i < begin + count; ++i) {
        ids.push_back(granule[i]->id);
      }
      plan.push_back(std::move(ids));
      begin += count;
      continue;
    }
    if (many_dead(*granule[begin]) && schema_of(*granule[begin]) != nullptr) {
      plan.push_back({granule[begin]->id});
    }
    ++begin;
  }
}

}  // namespace

std::vector<std::vector<std::string>> plan_merges(
    const std::vector<MergeCandidate>& candidates, const MergeTarget& target,
    const SchemaOf& schema_of) {
  std::map<int64_t, Run> granules;
  for (const MergeCandidate& one : candidates) {
    granules[one.granule.start.ms].push_back(&one);
  }
  std::vector<std::vector<std::string>> plan;
  for (const auto& [start, run] : granules) {
    bool newest = start == granules.rbegin()->first;
    plan_granule(run, newest ? kLeast : kLeastOfOld, target, schema_of, plan);
  }
  return plan;
}

}  // namespace freshet
