// Approximate distinct counts and quantiles: a sketch for each group.
#include "segments/hll_sketch.h"
#include "segments/quantile_sketch.h"
#include "server/query/accumulator.h"

namespace freshet {
namespace {

constexpr size_t kSketchesBetweenChecks = 512;

// One sketch a group, and what they take together.
template <class Sketch>
class Sketches {
 public:
  void resize(size_t groups) {
    if (groups > sketches_.size()) sketches_.resize(groups);
  }
  size_t size() const { return sketches_.size(); }
  const Sketch& operator[](size_t group) const { return sketches_[group]; }
  template <class F>
  void change(uint32_t group, F f) {
    Sketch& sketch = sketches_[group];
    bytes_ -= sketch.memory_bytes();
    f(sketch);
    bytes_ += sketch.memory_bytes();
  }
  // Merges sketches that come as bytes, of a cube.
  Status add_bytes(const Expression& column, BlockRows& rows,
                   const LaneChoice& lanes) {
    TRY_ASSIGN(VectorPtr bytes, rows.evaluate_checked(column));
    Status status;
    lanes.each_value(*bytes, [&](uint32_t group, size_t lane) {
      auto sketch = Sketch::from_bytes(bytes->strings[bytes->at(lane)]);
      if (!sketch) {
        status = sketch.error();
        return;
      }
      change(group, [&](Sketch& into) { into.merge(*sketch); });
    });
    return status;
  }
  Status merge(const Sketches& from, const std::vector<uint32_t>& to,
               const QueryControl& control) {
    for (size_t g = 0; g < from.size(); ++g) {
      if (g % kSketchesBetweenChecks == 0) TRY(control.check());
      change(to[g], [&](Sketch& sketch) { sketch.merge(from[g]); });
    }
    return {};
  }
  uint64_t memory_bytes() const {
    return bytes_ + sketches_.capacity() * sizeof(Sketch);
  }

 private:
  std::vector<Sketch> sketches_;
  uint64_t bytes_ = 0;
};

uint64_t lane_hash(const Vector& v, size_t i) {
  switch (v.type.type) {
    case ValueType::kString:
      return sketch_hash(v.strings[i]);
    case ValueType::kDouble:
      return sketch_hash(v.doubles[i]);
    case ValueType::kDecimal:
      return sketch_hash(v.decimals.empty() ? __int128{v.longs[i]}
                                            : v.decimals[i]);
    default:
      return sketch_hash(__int128{v.longs[i]});
  }
}

class ApproximateDistinct final : public Accumulator {
 public:
  explicit ApproximateDistinct(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument), bytes_(spec.state(0)) {
    if (!spec.context || bytes_) return;
    dictionary_ = spec.context->dictionary_column(*argument_);
    if (dictionary_) hashes_.resize(dictionary_->dictionary()->size());
  }

  void resize(size_t groups) override { sketches_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    if (bytes_) return sketches_.add_bytes(*bytes_, rows, lanes);
    if (dictionary_) {
      const auto& ids = rows.ids(*dictionary_);
      lanes.each([&](uint32_t group, size_t lane) {
        if (ids[lane] != kNullId) add(group, id_hash(ids[lane]));
      });
      return {};
    }
    TRY_ASSIGN(VectorPtr value, rows.evaluate_narrow(*argument_));
    if (value->type.type == ValueType::kNull) return {};
    lanes.each_value(*value, [&](uint32_t group, size_t lane) {
      add(group, lane_hash(*value, value->at(lane)));
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const ApproximateDistinct&>(other);
    return sketches_.merge(from.sketches_, to, control);
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kLong}, sketches_.size(), control));
    for (size_t g = 0; g < sketches_.size(); ++g) {
      if (g % kSketchesBetweenChecks == 0) TRY(control.check());
      out->longs[g] = sketches_[g].count();
    }
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override {
    return sketches_.memory_bytes() + hashes_.capacity() * 8;
  }

 private:
  void add(uint32_t group, uint64_t hash) {
    sketches_.change(group, [&](HllSketch& sketch) { sketch.add(hash); });
  }

  // Hashes of dictionary values as they are asked for; 0: not yet.
  uint64_t id_hash(uint32_t id) {
    uint64_t& hash = hashes_[id];
    if (hash == 0) hash = sketch_hash(dictionary_->dictionary()->value(id));
    return hash;
  }

  ExpressionPtr argument_;
  ExpressionPtr bytes_;  // of a cube, or null
  const Column* dictionary_ = nullptr;
  std::vector<uint64_t> hashes_;
  Sketches<HllSketch> sketches_;
};

class ApproximateQuantile final : public Accumulator {
 public:
  explicit ApproximateQuantile(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        bytes_(spec.state(0)),
        parameter_(spec.aggregate.parameter) {}

  void resize(size_t groups) override { sketches_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    if (bytes_) return sketches_.add_bytes(*bytes_, rows, lanes);
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    const Vector& v = *value;
    if (v.type.type == ValueType::kNull) return {};
    lanes.each_value(v, [&](uint32_t group, size_t lane) {
      double number = v.type.type == ValueType::kDouble
                          ? v.doubles[v.at(lane)]
                          : v.value(lane).to_double();
      sketches_.change(group, [&](QuantileSketch& s) { s.add(number); });
    });
    return {};
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const ApproximateQuantile&>(other);
    return sketches_.merge(from.sketches_, to, control);
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kDouble}, sketches_.size(), control));
    for (size_t g = 0; g < sketches_.size(); ++g) {
      if (g % kSketchesBetweenChecks == 0) TRY(control.check());
      if (sketches_[g].size() == 0) {
        out->set_null(g);
      } else {
        out->doubles[g] = sketches_[g].quantile(parameter_);
      }
    }
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override { return sketches_.memory_bytes(); }

 private:
  ExpressionPtr argument_;
  ExpressionPtr bytes_;  // of a cube, or null
  const double parameter_;
  Sketches<QuantileSketch> sketches_;
};

}  // namespace

std::unique_ptr<Accumulator> make_approximate_distinct(
    const AccumulatorSpec& spec) {
  return std::make_unique<ApproximateDistinct>(spec);
}

std::unique_ptr<Accumulator> make_approximate_quantile(
    const AccumulatorSpec& spec) {
  return std::make_unique<ApproximateQuantile>(spec);
}

}  // namespace freshet
