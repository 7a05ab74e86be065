// Quantiles: all values are kept, then the one at (n - 1) * p is taken,
// interpolated between neighbours (SQL's percentile_cont).
#include <algorithm>
#include <cmath>

#include "server/query/accumulator.h"

namespace freshet {
namespace {

class Quantile final : public Accumulator {
 public:
  explicit Quantile(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        parameter_(spec.aggregate.parameter) {}

  void resize(size_t groups) override { num_groups_ = groups; }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    const Vector& v = *value;
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      if (v.type.type == ValueType::kNull) return;
      groups_.push_back(group);
      values_.push_back(v.type.type == ValueType::kDouble
                            ? v.doubles[v.at(lane)]
                            : v.value(lane).to_double());
    });
    return {};
  }

  Status merge(const Accumulator& other,
               const std::vector<uint32_t>& to) override {
    const auto& from = static_cast<const Quantile&>(other);
    for (uint32_t group : from.groups_) groups_.push_back(to[group]);
    values_.insert(values_.end(), from.values_.begin(), from.values_.end());
    return {};
  }

  Result<VectorPtr> finish() override {
    std::vector<size_t> starts(num_groups_ + 1);
    for (uint32_t group : groups_) ++starts[group + 1];
    for (size_t g = 0; g < num_groups_; ++g) starts[g + 1] += starts[g];
    std::vector<double> sorted(values_.size());
    std::vector<size_t> next(starts.begin(), starts.end() - 1);
    for (size_t i = 0; i < values_.size(); ++i) {
      sorted[next[groups_[i]]++] = values_[i];
    }
    auto out = make_vector({ValueType::kDouble}, num_groups_);
    for (size_t g = 0; g < num_groups_; ++g) {
      if (starts[g] == starts[g + 1]) {
        out->set_null(g);
      } else {
        out->doubles[g] =
            pick(sorted.data() + starts[g], sorted.data() + starts[g + 1]);
      }
    }
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override {
    return groups_.capacity() * 4 + values_.capacity() * 8;
  }

 private:
  static bool less(double a, double b) {
    return std::isnan(b) ? !std::isnan(a) : a < b;
  }

  double pick(double* begin, double* end) const {
    double at = parameter_ * static_cast<double>(end - begin - 1);
    double* low = begin + static_cast<ptrdiff_t>(at);
    std::nth_element(begin, low, end, less);
    double rest = at - std::floor(at);
    if (rest == 0) return *low;
    double high = *std::min_element(low + 1, end, less);
    return *low + (high - *low) * rest;
  }

  ExpressionPtr argument_;
  const double parameter_;
  size_t num_groups_ = 0;
  std::vector<uint32_t> groups_;
  std::vector<double> values_;
};

}  // namespace

std::unique_ptr<Accumulator> make_quantile(const AccumulatorSpec& spec) {
  return std::make_unique<Quantile>(spec);
}

}  // namespace freshet
