// string_agg and array_agg: the values of a group as one text, in the order in
// which the blocks are merged. Texts pass over nulls; arrays, written as JSON,
// keep them.
#include <absl/container/flat_hash_set.h>

#include "server/json/json_writer.h"
#include "server/query/accumulator.h"

namespace freshet {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;  // of one group's text
constexpr uint64_t kTextsBetweenChecks = 8192;

class List final : public Accumulator {
 public:
  explicit List(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        array_(spec.aggregate.function == Aggregate::Function::kArray),
        distinct_(spec.aggregate.distinct),
        separator_(array_ ? "," : spec.aggregate.separator) {}

  void resize(size_t groups) override {
    groups_.resize(groups);
    seen_.resize(distinct_ ? groups : 0);
  }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    Status status;
    lanes.each([&](uint32_t group, size_t lane) {
      if (!value->is_value(lane) && !array_) return;
      if (status) status = add(group, text_of(*value, lane));
    });
    return status;
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const List&>(other);
    uint64_t added = 0;
    for (size_t g = 0; g < from.groups_.size(); ++g) {
      for (const std::string& text : from.groups_[g].texts) {
        if (added++ % kTextsBetweenChecks == 0) TRY(control.check());
        TRY(add(to[g], text));
      }
    }
    return {};
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kString}, groups_.size(), control));
    uint64_t written = 0;
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].texts.empty()) {
        out->set_null(g);
        continue;
      }
      std::string joined = array_ ? "[" : "";
      for (size_t i = 0; i < groups_[g].texts.size(); ++i) {
        if (written++ % kTextsBetweenChecks == 0) TRY(control.check());
        if (i > 0) joined += separator_;
        joined += groups_[g].texts[i];
      }
      if (array_) joined += "]";
      out->strings[g] = arena_.copy(joined);
    }
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override { return bytes_ * 2; }

 private:
  struct Group {
    std::vector<std::string> texts;
    size_t bytes = 0;
  };

  std::string text_of(const Vector& v, size_t lane) const {
    Value value = v.is_value(lane) ? v.value(lane) : Value();
    if (!array_) return value.to_text();
    JsonWriter out;
    if (value.is_null()) {
      out.null();
    } else if (const bool* truth = value.as_bool()) {
      out.value(*truth);
    } else if (const int64_t* number = value.as_long()) {
      out.value(*number);
    } else if (const double* real = value.as_double()) {
      out.value(*real);
    } else if (const Decimal* decimal = value.as_decimal()) {
      out.decimal(decimal->units, decimal->scale);
    } else {
      out.value(std::string_view(value.to_text()));
    }
    return out.take();
  }

  Status add(uint32_t group, std::string text) {
    if (distinct_ && !seen_[group].insert(text).second) return {};
    Group& g = groups_[group];
    g.bytes += text.size() + separator_.size();
    if (g.bytes > kMostBytes) {
      return Error{ErrorCode::kLimit,
                   "a list of values has more than 16777216 bytes: " +
                       to_text(*argument_)};
    }
    bytes_ += text.size() + sizeof(std::string);
    g.texts.push_back(std::move(text));
    return {};
  }

  ExpressionPtr argument_;
  const bool array_, distinct_;
  const std::string separator_;
  std::vector<Group> groups_;
  std::vector<absl::flat_hash_set<std::string>> seen_;  // with `distinct_`
  size_t bytes_ = 0;
  Arena arena_;
};

}  // namespace

std::unique_ptr<Accumulator> make_list(const AccumulatorSpec& spec) {
  return std::make_unique<List>(spec);
}

}  // namespace freshet
