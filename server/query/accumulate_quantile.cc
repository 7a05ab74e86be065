// Quantiles: all values are kept, then the one at (n - 1) * p is taken,
// interpolated between neighbours (SQL's percentile_cont).
#include <algorithm>
#include <cmath>

#include "server/query/accumulator.h"

namespace freshet {
namespace {

constexpr ptrdiff_t kPickedBetweenChecks = 1 << 17;

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

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Quantile&>(other);
    return in_runs(from.values_.size(), &control,
                   [&](size_t begin, size_t count) {
                     for (size_t i = begin; i < begin + count; ++i) {
                       groups_.push_back(to[from.groups_[i]]);
                       values_.push_back(from.values_[i]);
                     }
                   });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    std::vector<size_t> starts(num_groups_ + 1);
    TRY(in_runs(groups_.size(), &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) ++starts[groups_[i] + 1];
    }));
    for (size_t g = 0; g < num_groups_; ++g) starts[g + 1] += starts[g];
    std::vector<double> sorted(values_.size());
    std::vector<size_t> next(starts.begin(), starts.end() - 1);
    TRY(in_runs(groups_.size(), &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        sorted[next[groups_[i]]++] = values_[i];
      }
    }));
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kDouble}, num_groups_, control));
    size_t picked = 0;  // values since the last look
    for (size_t g = 0; g < num_groups_; ++g) {
      const size_t begin = starts[g], end = starts[g + 1];
      if (begin == end) {
        out->set_null(g);
        continue;
      }
      picked += end - begin;
      if (picked > size_t{kPickedBetweenChecks}) {
        TRY(control.check());
        picked = 0;
      }
      TRY_ASSIGN(out->doubles[g],
                 pick(sorted.data() + begin, sorted.data() + end, control));
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

  // Puts what is at `nth` in order there, less before it and greater after it.
  static Status select(double* begin, double* nth, double* end,
                       const QueryControl& control) {
    while (end - begin > kPickedBetweenChecks) {
      TRY(control.check());
      constexpr ptrdiff_t kSample = 127;
      double sample[kSample];
      for (ptrdiff_t i = 0; i < kSample; ++i) {
        sample[i] = begin[(end - begin - 1) / kSample * i];
      }
      std::sort(sample, sample + kSample, less);
      const double pivot = sample[(nth - begin) * kSample / (end - begin)];
      double* middle =
          std::partition(begin, end, [&](double x) { return less(x, pivot); });
      double* after = std::partition(middle, end,
                                     [&](double x) { return !less(pivot, x); });
      if (nth >= middle && nth < after) return {};
      if (nth < middle) {
        end = middle;
      } else {
        begin = after;
      }
    }
    std::nth_element(begin, nth, end, less);
    return {};
  }

  Result<double> pick(double* begin, double* end,
                      const QueryControl& control) const {
    double at = parameter_ * static_cast<double>(end - begin - 1);
    double* low = begin + static_cast<ptrdiff_t>(at);
    TRY(select(begin, low, end, control));
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
