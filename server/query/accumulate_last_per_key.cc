// The newest argument of each key within a group, summed: stock levels and
// other semi-additive measures. Null arguments are passed over; null keys are
// keys. Of equal times the later row counts: rows come in order, and so do the
// states that are merged.
#include "server/query/accumulator.h"
#include "server/query/merged_groups.h"
#include "server/query/value_slots.h"

namespace freshet {
namespace {

class LastPerKey final : public Accumulator {
 public:
  explicit LastPerKey(const AccumulatorSpec& spec)
      : aggregate_(spec.aggregate),
        type_(spec.type),
        time_(spec.time),
        slots_(spec.type) {
    if (aggregate_.keys.empty()) return;
    if (spec.context) {
      local_.emplace(aggregate_.keys, *spec.context, spec.rows);
    } else {
      merged_.emplace(aggregate_.keys);
    }
  }

  void resize(size_t groups) override { num_groups_ = groups; }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*aggregate_.argument));
    TRY_ASSIGN(VectorPtr time, rows.evaluate_checked(*time_));
    if (value->type.type == ValueType::kNull) return {};
    if (local_) {
      TRY(local_->assign(rows, keys_));
    } else {
      keys_.assign(rows.size(), 0);
    }
    TRY(pairs_.make_room(rows.size(), &rows.context().control()));
    lanes.each_value(*value, [&](uint32_t group, size_t lane) {
      offer(group, keys_[lane], time->longs[time->at(lane)], *value, lane);
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const LastPerKey&>(other);
    std::vector<uint32_t> key_to(1, 0);
    if (merged_ && from.local_) {
      TRY(merged_->map(*from.local_, key_to, control));
    }
    if (merged_ && from.merged_) {
      TRY(merged_->map(*from.merged_, key_to, control));
    }
    const std::span<const uint64_t> pairs = from.pairs_.keys();
    return in_runs(
        pairs.size(), &control, [&](size_t begin, size_t count) -> Status {
          TRY(pairs_.make_room(count, &control));
          for (size_t i = begin; i < begin + count; ++i) {
            offer(to[pairs[i] >> 32], key_to[static_cast<uint32_t>(pairs[i])],
                  from.times_[i], from.slots_.values(), i);
          }
          return {};
        });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out, make_vector(type_, num_groups_, control));
    TRY(each_group(num_groups_, control,
                   [&](uint32_t g) { out->set_null(g); }));
    std::vector<__int128> sums(num_groups_);
    const Vector& v = slots_.values();
    bool overflow = false;
    TRY(each_group(pairs_.size(), control, [&](uint32_t i) {
      size_t group = pairs_.keys()[i] >> 32;
      if (!out->states.empty()) out->states[group] = kLaneValue;
      if (type_.type == ValueType::kDouble) {
        out->doubles[group] += v.doubles[i];
        return;
      }
      __int128 x = type_.type == ValueType::kDecimal ? v.decimals[i]
                                                     : __int128{v.longs[i]};
      overflow |= __builtin_add_overflow(sums[group], x, &sums[group]);
    }));
    TRY(each_group(num_groups_, control, [&](uint32_t g) {
      if (type_.type == ValueType::kDecimal) out->decimals[g] = sums[g];
      if (type_.type != ValueType::kLong) return;
      out->longs[g] = static_cast<int64_t>(sums[g]);
      overflow |= out->longs[g] != sums[g];
    }));
    if (overflow) return sum_too_large(aggregate_);
    return VectorPtr(out);
  }

  uint64_t memory_bytes() const override {
    return pairs_.memory_bytes() + slots_.memory_bytes() +
           times_.capacity() * 8 + (local_ ? local_->memory_bytes() : 0) +
           (merged_ ? merged_->memory_bytes() : 0);
  }

 private:
  void offer(uint32_t group, uint32_t key, int64_t time, const Vector& v,
             size_t lane) {
    uint32_t slot = pairs_.find_or_add(uint64_t{group} << 32 | key);
    if (slot == times_.size()) {
      times_.push_back(time);
      slots_.resize(times_.size());
    } else if (time < times_[slot]) {
      return;
    }
    times_[slot] = time;
    slots_.set(slot, v, lane);
  }

  const Aggregate& aggregate_;
  const ExpressionType type_;
  ExpressionPtr time_;
  std::optional<GroupKeys> local_;
  std::optional<MergedGroups> merged_;
  IdTable pairs_;               // (group, key) -> slot
  std::vector<int64_t> times_;  // by slot
  ValueSlots slots_;
  size_t num_groups_ = 0;
  std::vector<uint32_t> keys_;
};

}  // namespace

std::unique_ptr<Accumulator> make_last_per_key(const AccumulatorSpec& spec) {
  return std::make_unique<LastPerKey>(spec);
}

}  // namespace freshet
