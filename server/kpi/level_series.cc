#include "server/kpi/level_series.h"

#include <algorithm>
#include <map>

namespace freshet {
namespace {

// The sum over the newest values. Exact numbers are kept as a running sum;
// with doubles the sum is made anew, since taking away leaves dust.
class LevelSum {
 public:
  void set(const GroupKey& key, const Value& value) {
    if (value.is_null()) return;
    has_double_ = has_double_ || value.as_double();
    Value& current = newest_[key];
    if (!has_double_) {
      if (!current.is_null()) sum_ = subtract_numbers(sum_, current);
      sum_ = sum_.is_null() ? value : add_numbers(sum_, value);
    }
    current = value;
  }

  Value sum() const {
    if (!has_double_) return sum_;
    double total = 0;
    for (const auto& [key, value] : newest_) total += value.to_double();
    return Value(total);
  }

 private:
  std::map<GroupKey, Value, GroupKeyLess> newest_;
  Value sum_;
  bool has_double_ = false;
};

using Row = std::vector<Value>;

GroupKey part_of(const Row& row, size_t first, size_t count) {
  auto begin = row.begin() + static_cast<long>(first);
  return GroupKey(begin, begin + static_cast<long>(count));
}

// The rows of one group.
struct GroupRows {
  std::vector<const Row*> before;
  std::map<Timestamp, std::vector<const Row*>> changes;
};
using RowsByGroup = std::map<GroupKey, GroupRows, GroupKeyLess>;

RowsByGroup split(const LevelSeries& levels) {
  RowsByGroup out;
  for (const Row& row : levels.before.rows) {
    out[part_of(row, 0, levels.num_groups)].before.push_back(&row);
  }
  size_t time = levels.num_groups + levels.num_keys;
  for (const Row& row : levels.changes.rows) {
    if (const Timestamp* t = row[time].as_timestamp()) {
      out[part_of(row, 0, levels.num_groups)].changes[*t].push_back(&row);
    }
  }
  return out;
}

}  // namespace

bool same_keys(const std::vector<ExpressionPtr>& a,
               const std::vector<ExpressionPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExpressionPtr& x, const ExpressionPtr& y) {
                      return to_text(*x) == to_text(*y);
                    });
}

Status carry_forward(const LevelSeries& levels,
                     const std::vector<Timestamp>& starts,
                     const BaseValues& empty, SeriesTable& out) {
  size_t time = levels.num_groups + levels.num_keys;
  auto key_of = [&](const Row& row) {
    return part_of(row, levels.num_groups, levels.num_keys);
  };
  const RowsByGroup groups = split(levels);
  TRY(check_series_size(groups.size(), starts.size()));
  for (const auto& [group, rows] : groups) {
    std::vector<BaseValues>& series = out[group];
    series.resize(starts.size(), empty);
    for (size_t i = 0; i < levels.slots.size(); ++i) {
      LevelSum level;
      for (const Row* row : rows.before) {
        level.set(key_of(*row), (*row)[time + i]);
      }
      for (size_t b = 0; b < starts.size(); ++b) {
        auto found = rows.changes.find(starts[b]);
        if (found != rows.changes.end()) {
          for (const Row* row : found->second) {
            level.set(key_of(*row), (*row)[time + 1 + i]);
          }
        }
        series[b][levels.slots[i]] = level.sum();
      }
    }
  }
  return {};
}

}  // namespace freshet
