// first and last: the argument at the least or greatest __time, or by another
// time (keys[0]). Null arguments, and rows without that time, are passed over.
// Of equal times, last takes the later row and first the earlier one.
#include "server/query/accumulator.h"
#include "server/query/value_slots.h"

namespace freshet {
namespace {

class Newest final : public Accumulator {
 public:
  explicit Newest(const AccumulatorSpec& spec)
      : argument_(spec.state(0) ? spec.state(0) : spec.aggregate.argument),
        time_(spec.state(1)                 ? spec.state(1)
              : spec.aggregate.keys.empty() ? spec.time
                                            : spec.aggregate.keys[0]),
        last_(spec.aggregate.function == Aggregate::Function::kLast),
        slots_(spec.type) {}

  void resize(size_t groups) override {
    slots_.resize(groups);
    times_.resize(groups);
  }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*argument_));
    TRY_ASSIGN(VectorPtr time, rows.evaluate_checked(*time_));
    lanes.each_value(*value, [&](uint32_t group, size_t lane) {
      if (!time->is_value(lane)) return;
      offer(group, time->longs[time->at(lane)], *value, lane);
    });
    return slots_.keep(rows.context().control());
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Newest&>(other);
    TRY(each_group(from.slots_.size(), control, [&](uint32_t g) {
      if (!from.slots_.filled(g)) return;
      offer(to[g], from.times_[g], from.slots_.values(), g);
    }));
    return slots_.keep(control);
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    return copied_lanes(slots_.values(), control);
  }
  uint64_t memory_bytes() const override {
    return slots_.memory_bytes() + times_.capacity() * 8;
  }

 private:
  void offer(uint32_t group, int64_t time, const Vector& v, size_t lane) {
    bool better = !slots_.filled(group) ||
                  (last_ ? time >= times_[group] : time < times_[group]);
    if (!better) return;
    times_[group] = time;
    slots_.set(group, v, lane);
  }

  ExpressionPtr argument_;
  ExpressionPtr time_;
  const bool last_;
  ValueSlots slots_;
  std::vector<int64_t> times_;
};

}  // namespace

std::unique_ptr<Accumulator> make_newest(const AccumulatorSpec& spec) {
  return std::make_unique<Newest>(spec);
}

}  // namespace freshet
