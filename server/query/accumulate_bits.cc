// bit_and, bit_or and bit_xor of longs; null of no values.
#include "server/query/accumulator.h"

namespace freshet {
namespace {

class Bits final : public Accumulator {
 public:
  explicit Bits(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        function_(spec.aggregate.function) {}

  void resize(size_t groups) override {
    bits_.resize(groups);
    filled_.resize(groups);
  }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    if (value->type.type == ValueType::kNull) return {};
    lanes.each_value(*value, [&](uint32_t group, size_t lane) {
      add(group, value->longs[value->at(lane)]);
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Bits&>(other);
    return each_group(from.bits_.size(), control, [&](uint32_t g) {
      if (from.filled_[g]) add(to[g], from.bits_[g]);
    });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kLong}, bits_.size(), control));
    TRY(each_group(bits_.size(), control, [&](uint32_t g) {
      out->longs[g] = bits_[g];
      if (!filled_[g]) out->set_null(g);
    }));
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override {
    return bits_.capacity() * 8 + filled_.capacity();
  }

 private:
  void add(uint32_t group, int64_t x) {
    int64_t& bits = bits_[group];
    if (!filled_[group]) {
      bits = x;
    } else if (function_ == Aggregate::Function::kBitAnd) {
      bits &= x;
    } else if (function_ == Aggregate::Function::kBitOr) {
      bits |= x;
    } else {
      bits ^= x;
    }
    filled_[group] = 1;
  }

  ExpressionPtr argument_;
  const Aggregate::Function function_;
  std::vector<int64_t> bits_;
  std::vector<uint8_t> filled_;
};

}  // namespace

std::unique_ptr<Accumulator> make_bits(const AccumulatorSpec& spec) {
  return std::make_unique<Bits>(spec);
}

}  // namespace freshet
