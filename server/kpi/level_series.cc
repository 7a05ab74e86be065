#include "server/kpi/level_series.h"

#include <algorithm>
#include <map>

#include "server/kpi/base_values.h"

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

GroupKey key_of(const std::vector<Value>& row, size_t num_keys) {
  return GroupKey(row.begin(), row.begin() + static_cast<long>(num_keys));
}

}  // namespace

bool same_keys(const std::vector<ExpressionPtr>& a,
               const std::vector<ExpressionPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExpressionPtr& x, const ExpressionPtr& y) {
                      return to_text(*x) == to_text(*y);
                    });
}

void carry_forward(const LevelSeries& levels, size_t num_keys,
                   const std::vector<Timestamp>& starts,
                   std::vector<BaseValues>& out) {
  std::map<Timestamp, std::vector<const std::vector<Value>*>> changes;
  for (const std::vector<Value>& row : levels.changes.rows) {
    if (const Timestamp* t = row[num_keys].as_timestamp()) {
      changes[*t].push_back(&row);
    }
  }
  for (size_t i = 0; i < levels.slots.size(); ++i) {
    LevelSum level;
    for (const std::vector<Value>& row : levels.before.rows) {
      level.set(key_of(row, num_keys), row[num_keys + i]);
    }
    for (size_t b = 0; b < starts.size(); ++b) {
      auto found = changes.find(starts[b]);
      if (found != changes.end()) {
        for (const std::vector<Value>* row : found->second) {
          level.set(key_of(*row, num_keys), (*row)[num_keys + 1 + i]);
        }
      }
      out[b][levels.slots[i]] = level.sum();
    }
  }
}

}  // namespace freshet
