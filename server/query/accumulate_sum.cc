// count, sum and avg.
#include "server/query/accumulator.h"

namespace freshet {
namespace {

class Count final : public Accumulator {
 public:
  explicit Count(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        counted_(spec.state(0)),
        of_argument_(spec.cube && spec.cube->of_argument) {}

  void resize(size_t groups) override { counts_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    auto count = [&](uint32_t group, size_t) { ++counts_[group]; };
    if (counted_) {
      TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*counted_));
      auto add = [&](uint32_t group, size_t lane) {
        counts_[group] += value->longs[value->at(lane)];
      };
      if (!of_argument_) {
        lanes.each(add);
        return {};
      }
      TRY_ASSIGN(VectorPtr argument, rows.evaluate_checked(*argument_));
      lanes.each_value(*argument, add);
      return {};
    }
    if (argument_) {
      TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*argument_));
      lanes.each_value(*value, count);
    } else if (!lanes.groups) {
      counts_[0] +=
          static_cast<int64_t>(lanes.chosen ? lanes.num_chosen : lanes.size);
    } else {
      lanes.each(count);
    }
    return {};
  }

  Status merge(const Accumulator& from, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& counts = static_cast<const Count&>(from).counts_;
    return each_group(counts.size(), control,
                      [&](uint32_t g) { counts_[to[g]] += counts[g]; });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kLong}, counts_.size(), control));
    TRY(each_group(counts_.size(), control,
                   [&](uint32_t g) { out->longs[g] = counts_[g]; }));
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override { return counts_.capacity() * 8; }

 private:
  ExpressionPtr argument_;
  ExpressionPtr counted_;  // of a cube: counts so far, or null
  const bool of_argument_;
  std::vector<int64_t> counts_;
};

// Sums of longs and decimals in 128 bits, exact; the mean divides the exact
// sum once.
class ExactSum final : public Accumulator {
 public:
  explicit ExactSum(const AccumulatorSpec& spec)
      : aggregate_(spec.aggregate),
        type_(spec.type),
        scale_(spec.aggregate.argument->type.scale),
        counted_(spec.state(0)),
        high_(spec.state(1)),
        low_(spec.state(2)) {}

  void resize(size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    if (counted_) return add_states(rows, lanes);
    TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*aggregate_.argument));
    const Vector& v = *value;
    if (v.type.type == ValueType::kNull) return {};
    if (!v.decimals.empty()) return add_wide(v, lanes);
    if (!lanes.groups && !lanes.chosen && v.states.empty() && !v.constant) {
      add_all(v.longs);
      return {};
    }
    const int64_t* longs = v.longs.data();
    const size_t step = v.constant ? 0 : 1;
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      sums_[group] += longs[lane * step];
      ++counts_[group];
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const ExactSum&>(other);
    bool overflow = false;
    TRY(each_group(from.sums_.size(), control, [&](uint32_t g) {
      overflow |=
          __builtin_add_overflow(sums_[to[g]], from.sums_[g], &sums_[to[g]]);
      counts_[to[g]] += from.counts_[g];
    }));
    if (overflow) return sum_too_large(aggregate_);
    return {};
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out, make_vector(type_, sums_.size(), control));
    bool overflow = false;
    TRY(each_group(sums_.size(), control, [&](uint32_t g) {
      if (counts_[g] == 0) {
        out->set_null(g);
      } else if (type_.type == ValueType::kDouble) {
        out->doubles[g] = Value(Decimal{sums_[g], scale_}).to_double() /
                          static_cast<double>(counts_[g]);
      } else if (type_.type == ValueType::kDecimal) {
        out->decimals[g] = sums_[g];
      } else {
        out->longs[g] = static_cast<int64_t>(sums_[g]);
        overflow |= out->longs[g] != sums_[g];
      }
    }));
    if (overflow) return sum_too_large(aggregate_);
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override { return sums_.capacity() * 24; }

 private:
  // Halves of the values above the least are summed apart, so that 64-bit
  // lanes cannot overflow in a block.
  void add_all(const std::vector<int64_t>& longs) {
    static_assert(kBlockRows < (1u << 30));
    constexpr uint64_t kSign = uint64_t{1} << 63;
    uint64_t high = 0, low = 0;
    for (int64_t v : longs) {
      const uint64_t above = static_cast<uint64_t>(v) ^ kSign;
      high += above >> 32;
      low += above & 0xFFFFFFFF;
    }
    sums_[0] += (static_cast<__int128>(high) << 32) + low -
                static_cast<__int128>(longs.size()) * kSign;
    counts_[0] += static_cast<int64_t>(longs.size());
  }

  // Counts and sums of a cube; the sum is high * 2^64 + low.
  Status add_states(BlockRows& rows, const LaneChoice& lanes) {
    TRY_ASSIGN(VectorPtr counted, rows.evaluate_checked(*counted_));
    TRY_ASSIGN(VectorPtr high, rows.evaluate_checked(*high_));
    TRY_ASSIGN(VectorPtr low, rows.evaluate_checked(*low_));
    bool overflow = false;
    lanes.each([&](uint32_t group, size_t lane) {
      auto upper = static_cast<unsigned __int128>(high->longs[high->at(lane)])
                   << 64;
      __int128 sum;
      overflow |= __builtin_add_overflow(static_cast<__int128>(upper),
                                         low->longs[low->at(lane)], &sum);
      overflow |= __builtin_add_overflow(sums_[group], sum, &sums_[group]);
      counts_[group] += counted->longs[counted->at(lane)];
    });
    if (overflow) return sum_too_large(aggregate_);
    return {};
  }

  Status add_wide(const Vector& v, const LaneChoice& lanes) {
    bool overflow = false;
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      overflow |= __builtin_add_overflow(sums_[group], v.decimals[v.at(lane)],
                                         &sums_[group]);
      ++counts_[group];
    });
    if (overflow) return sum_too_large(aggregate_);
    return {};
  }

  const Aggregate& aggregate_;
  const ExpressionType type_;
  const uint8_t scale_;
  const ExpressionPtr counted_, high_, low_;  // of a cube, or null
  std::vector<__int128> sums_;
  std::vector<int64_t> counts_;
};

class DoubleSum final : public Accumulator {
 public:
  explicit DoubleSum(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        mean_(spec.aggregate.function == Aggregate::Function::kAvg),
        counted_(spec.state(0)),
        summed_(spec.state(1)) {}

  void resize(size_t groups) override {
    sums_.resize(groups);
    counts_.resize(groups);
  }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    if (counted_) return add_states(rows, lanes);
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    const Vector& v = *value;
    const double* doubles = v.doubles.data();
    const size_t step = v.constant ? 0 : 1;
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      sums_[group] += doubles[lane * step];
      ++counts_[group];
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const DoubleSum&>(other);
    return each_group(from.sums_.size(), control, [&](uint32_t g) {
      sums_[to[g]] += from.sums_[g];
      counts_[to[g]] += from.counts_[g];
    });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kDouble}, sums_.size(), control));
    TRY(each_group(sums_.size(), control, [&](uint32_t g) {
      if (counts_[g] == 0) {
        out->set_null(g);
      } else {
        out->doubles[g] =
            mean_ ? sums_[g] / static_cast<double>(counts_[g]) : sums_[g];
      }
    }));
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override { return sums_.capacity() * 16; }

 private:
  // Of rows that are rolled up.
  Status add_states(BlockRows& rows, const LaneChoice& lanes) {
    TRY_ASSIGN(VectorPtr counted, rows.evaluate_checked(*counted_));
    TRY_ASSIGN(VectorPtr summed, rows.evaluate_checked(*summed_));
    lanes.each([&](uint32_t group, size_t lane) {
      sums_[group] += summed->doubles[summed->at(lane)];
      counts_[group] += counted->longs[counted->at(lane)];
    });
    return {};
  }

  ExpressionPtr argument_;
  const bool mean_;
  const ExpressionPtr counted_, summed_;  // of a rollup, or null
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
};

}  // namespace

std::unique_ptr<Accumulator> make_count(const AccumulatorSpec& spec) {
  return std::make_unique<Count>(spec);
}

std::unique_ptr<Accumulator> make_sum(const AccumulatorSpec& spec) {
  if (spec.aggregate.argument->type.type == ValueType::kDouble) {
    return std::make_unique<DoubleSum>(spec);
  }
  return std::make_unique<ExactSum>(spec);
}

}  // namespace freshet
