// Variance and standard deviation, by Welford's update and Chan's merge: sums
// of squares would lose all digits on large values that vary little.
#include <cmath>

#include "server/query/accumulator.h"

namespace freshet {
namespace {

struct Moments {
  double count = 0, mean = 0, squares = 0;  // squares: of distances to mean

  void add(double x) {
    count += 1;
    double delta = x - mean;
    mean += delta / count;
    squares += delta * (x - mean);
  }
  void add(const Moments& other) {
    if (other.count == 0) return;
    double both = count + other.count;
    double delta = other.mean - mean;
    squares += other.squares + delta * delta * count * other.count / both;
    mean += delta * other.count / both;
    count = both;
  }
};

class Variance final : public Accumulator {
 public:
  explicit Variance(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        sample_(spec.aggregate.sample),
        root_(spec.aggregate.function == Aggregate::Function::kDeviation) {}

  void resize(size_t groups) override { groups_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    const Vector& v = *value;
    if (v.type.type == ValueType::kNull) return {};
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      groups_[group].add(v.type.type == ValueType::kDouble
                             ? v.doubles[v.at(lane)]
                             : v.value(lane).to_double());
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Variance&>(other).groups_;
    return each_group(from.size(), control,
                      [&](uint32_t g) { groups_[to[g]].add(from[g]); });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kDouble}, groups_.size(), control));
    TRY(each_group(groups_.size(), control, [&](uint32_t g) {
      double divisor = groups_[g].count - (sample_ ? 1 : 0);
      if (divisor <= 0) return out->set_null(g);
      double variance = groups_[g].squares / divisor;
      out->doubles[g] = root_ ? std::sqrt(variance) : variance;
    }));
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override {
    return groups_.capacity() * sizeof(Moments);
  }

 private:
  ExpressionPtr argument_;
  const bool sample_, root_;
  std::vector<Moments> groups_;
};

}  // namespace

std::unique_ptr<Accumulator> make_variance(const AccumulatorSpec& spec) {
  return std::make_unique<Variance>(spec);
}

}  // namespace freshet
