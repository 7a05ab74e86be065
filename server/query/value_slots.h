// ValueSlots: one value per group that is replaced now and then. Strings are
// copied when keep() is called, once per group and block, not on each
// replacement.
#pragma once

#include <span>
#include <vector>

#include "server/query/query_control.h"
#include "server/query/vector.h"

namespace freshet {

class ValueSlots {
 public:
  explicit ValueSlots(ExpressionType type) { values_.type = type; }

  void resize(size_t groups) {
    size_t before = values_.size;
    if (groups <= before) return;
    values_.resize(groups);
    filled_.resize(groups);
    values_.need_states();
    for (size_t g = before; g < groups; ++g) values_.states[g] = kLaneNull;
  }
  size_t size() const { return values_.size; }
  bool filled(uint32_t group) const { return filled_[group] != 0; }
  const Vector& values() const { return values_; }

  void set(uint32_t group, const Vector& v, size_t lane) {
    if (values_.type.type == ValueType::kString && filled_[group] != kTouched) {
      touched_.push_back(group);
    }
    filled_[group] = kTouched;
    if (!v.longs.empty() && !values_.decimals.empty()) {
      // Narrow decimals, as evaluate_narrow() gives them.
      values_.decimals[group] = v.longs[v.at(lane)];
      values_.states[group] = kLaneValue;
      return;
    }
    values_.set_from(group, v, lane);
  }
  // The vectors given to set() go away after this. Fails as `control` does;
  // this is of no more use then.
  Status keep(const QueryControl& control) {
    TRY(in_runs(touched_.size(), &control, [&](size_t begin, size_t count) {
      for (uint32_t group : std::span(touched_).subspan(begin, count)) {
        values_.strings[group] = arena_.copy(values_.strings[group]);
        filled_[group] = kFilled;
      }
    }));
    touched_.clear();
    return {};
  }
  uint64_t memory_bytes() const {
    return values_.memory_bytes() + arena_.memory_bytes();
  }

 private:
  enum : uint8_t { kEmpty = 0, kFilled = 1, kTouched = 2 };
  Vector values_;
  Arena arena_;
  std::vector<uint8_t> filled_;
  std::vector<uint32_t> touched_;  // strings set since keep()
};

}  // namespace freshet
