// min and max.
#include "server/query/accumulator.h"
#include "server/query/expression_type.h"
#include "server/query/value_slots.h"

namespace freshet {
namespace {

class Extreme final : public Accumulator {
 public:
  explicit Extreme(const AccumulatorSpec& spec)
      : argument_(spec.state(0) ? spec.state(0) : spec.aggregate.argument),
        sign_(spec.aggregate.function == Aggregate::Function::kMax ? 1 : -1),
        slots_(spec.type) {}

  void resize(size_t groups) override { slots_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*argument_));
    const Vector& v = *value;
    if (v.type.type == ValueType::kNull) return {};
    if (is_long_backed(v.type) && !v.constant) {
      add_longs(v, lanes);
    } else if (!v.longs.empty() && v.type.type == ValueType::kDecimal) {
      lanes.each_value(v, [&](uint32_t group, size_t lane) {
        __int128 x = v.longs[v.at(lane)];
        offer(group, v, lane, x, slots_.values().decimals[group]);
      });
    } else {
      lanes.each_value(v, [&](uint32_t group, size_t lane) {
        offer(group, v, lane,
              slots_.filled(group)
                  ? compare_lanes(v, lane, slots_.values(), group)
                  : 0,
              0);
      });
    }
    return slots_.keep(rows.context().control());
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Extreme&>(other).slots_;
    TRY(each_group(from.size(), control, [&](uint32_t g) {
      if (!from.filled(g)) return;
      bool better =
          !slots_.filled(to[g]) ||
          compare_lanes(from.values(), g, slots_.values(), to[g]) * sign_ > 0;
      if (better) slots_.set(to[g], from.values(), g);
    }));
    return slots_.keep(control);
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    return copied_lanes(slots_.values(), control);
  }
  uint64_t memory_bytes() const override { return slots_.memory_bytes(); }

 private:
  template <class T>
  void offer(uint32_t group, const Vector& v, size_t lane, T x, T best) {
    bool better = !slots_.filled(group) || (sign_ > 0 ? x > best : x < best);
    if (better) slots_.set(group, v, lane);
  }

  void add_longs(const Vector& v, const LaneChoice& lanes) {
    const int64_t* best = slots_.values().longs.data();
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      offer(group, v, lane, v.longs[lane], best[group]);
    });
  }

  ExpressionPtr argument_;
  const int sign_;
  ValueSlots slots_;
};

}  // namespace

std::unique_ptr<Accumulator> make_extreme(const AccumulatorSpec& spec) {
  return std::make_unique<Extreme>(spec);
}

}  // namespace freshet
