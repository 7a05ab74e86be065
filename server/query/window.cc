#include "server/query/window.h"

#include <fmt/format.h>

#include <limits>
#include <span>

#include "server/query/expression_type.h"
#include "server/query/frame_tree.h"
#include "server/query/growing_array.h"
#include "server/query/range_frame.h"
#include "server/query/widen_value.h"

namespace freshet {
namespace {

using Function = WindowCall::Function;
using Edge = WindowFrame::Edge;

constexpr size_t kRowsBetweenChecks = 4096;

bool sums(Function f) { return f == Function::kSum || f == Function::kAvg; }

Result<ExpressionType> result_type(const QueryResult& rows,
                                   const WindowCall& call) {
  ExpressionType type;
  if (call.argument) type = rows.columns[*call.argument].type;
  switch (call.function) {
    case Function::kPercentRank:
    case Function::kCumeDist:
      return ExpressionType{ValueType::kDouble};
    case Function::kSum:
    case Function::kAvg:
      // A bool is 0 or 1, as in sums without a window.
      if (type.type == ValueType::kBool) type = {ValueType::kLong};
      if (!is_numeric(type) && type.type != ValueType::kNull) {
        return invalid(
            fmt::format("a sum or mean over a window needs a "
                        "number, not {}",
                        type_name(type)));
      }
      if (call.function == Function::kAvg) {
        return ExpressionType{ValueType::kDouble};
      }
      return type.type == ValueType::kNull ? ExpressionType{ValueType::kLong}
                                           : type;
    case Function::kLag:
    case Function::kLead: {
      if (!call.fallback) return type;
      ExpressionType other = rows.columns[*call.fallback].type;
      auto common = common_type(type, other);
      if (common) return *common;
      return invalid(fmt::format("types of LAG or LEAD do not fit: {} and {}",
                                 type_name(type), type_name(other)));
    }
    case Function::kFirstValue:
    case Function::kLastValue:
    case Function::kNthValue:
    case Function::kMin:
    case Function::kMax:
      return type;
    default:
      return ExpressionType{ValueType::kLong};
  }
}

// The rows of one partition, in order, and the runs of equal ones.
class Partition {
 public:
  Partition(const QueryResult& rows, const WindowCall& call,
            std::span<const uint32_t> numbers, ExpressionType type)
      : rows_(rows), call_(call), numbers_(numbers), type_(type) {}

  // Before all else. Fails as `control` does.
  Status prepare(const QueryControl& control) {
    group_of_ = ZeroedArray<uint32_t>(size());
    TRY(in_runs(size(), &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        bool first =
            i == 0 || compare_rows(row(i - 1), row(i), call_.order) != 0;
        if (first) group_starts_.push_back(static_cast<uint32_t>(i));
        group_of_[i] = static_cast<uint32_t>(group_starts_.size() - 1);
      }
    }));
    if (by_value(call_.frame.start) || by_value(call_.frame.end)) {
      range_.emplace(rows_, call_, numbers_);
    }
    bool folds = call_.function >= Function::kCount;
    if (!folds) return {};
    TRY_ASSIGN(tree_, FrameTree::create(
                          size(), call_.function == Function::kMin,
                          [&](size_t i) { return leaf(i); }, control));
    return {};
  }

  size_t size() const { return numbers_.size(); }

  Result<Value> value(size_t i) const {
    const double last = static_cast<double>(size()) - 1;
    switch (call_.function) {
      case Function::kRowNumber:
        return Value(static_cast<int64_t>(i + 1));
      case Function::kRank:
        return Value(static_cast<int64_t>(peers_begin(i) + 1));
      case Function::kDenseRank:
        return Value(static_cast<int64_t>(group_of_[i] + 1));
      case Function::kPercentRank:
        return Value(last > 0 ? static_cast<double>(peers_begin(i)) / last
                              : 0.0);
      case Function::kCumeDist:
        return Value(static_cast<double>(peers_end(i)) /
                     static_cast<double>(size()));
      case Function::kNtile:
        return bucket(i);
      case Function::kLag:
      case Function::kLead:
        return neighbour(i);
      case Function::kFirstValue:
      case Function::kLastValue:
      case Function::kNthValue:
        return of_frame(i);
      default:
        return folded(i);
    }
  }

 private:
  const std::vector<Value>& row(size_t i) const {
    return rows_.rows[numbers_[i]];
  }
  const Value& argument(size_t i) const { return row(i)[*call_.argument]; }
  size_t peers_begin(size_t i) const { return group_starts_[group_of_[i]]; }
  size_t peers_end(size_t i) const { return group_end(group_of_[i]); }
  size_t group_end(size_t group) const {
    return group + 1 < group_starts_.size() ? group_starts_[group + 1] : size();
  }

  Value bucket(size_t i) const {
    size_t buckets = static_cast<size_t>(call_.offset);
    size_t each = size() / buckets, longer = size() % buckets;
    size_t in_longer = longer * (each + 1);
    size_t number =
        i < in_longer ? i / (each + 1) : longer + (i - in_longer) / each;
    return Value(static_cast<int64_t>(number + 1));
  }

  Result<Value> neighbour(size_t i) const {
    int64_t step =
        call_.function == Function::kLag ? -call_.offset : call_.offset;
    int64_t at;
    bool outside = __builtin_add_overflow(static_cast<int64_t>(i), step, &at) ||
                   at < 0 || at >= static_cast<int64_t>(size());
    if (!outside) return widen(argument(static_cast<size_t>(at)), type_);
    if (!call_.fallback) return Value();
    return widen(row(i)[*call_.fallback], type_);
  }

  Value of_frame(size_t i) const {
    auto [begin, end] = frame(i);
    if (begin >= end) return Value();
    if (call_.function == Function::kFirstValue) return argument(begin);
    if (call_.function == Function::kLastValue) return argument(end - 1);
    size_t nth = static_cast<size_t>(call_.offset);
    return nth <= end - begin ? argument(begin + nth - 1) : Value();
  }

  // [begin, end); may be empty or turned.
  std::pair<size_t, size_t> frame(size_t i) const {
    return {edge(i, call_.frame.start, false), edge(i, call_.frame.end, true)};
  }

  bool by_value(const WindowFrame::Bound& bound) const {
    return call_.frame.unit == WindowFrame::Unit::kRange &&
           (bound.edge == Edge::kPreceding || bound.edge == Edge::kFollowing);
  }

  size_t edge(size_t i, const WindowFrame::Bound& bound, bool end) const {
    if (by_value(bound)) return range_->edge(i, bound, end);
    const bool rows = call_.frame.unit == WindowFrame::Unit::kRows;
    const bool back = bound.edge == Edge::kPreceding;
    switch (bound.edge) {
      case Edge::kUnboundedPreceding:
        return 0;
      case Edge::kUnboundedFollowing:
        return size();
      case Edge::kCurrentRow:
        if (rows) return end ? i + 1 : i;
        return end ? peers_end(i) : peers_begin(i);
      case Edge::kPreceding:
      case Edge::kFollowing:
        break;
    }
    // Counted in rows or in groups of equal rows.
    const int64_t here = static_cast<int64_t>(rows ? i : group_of_[i]);
    const int64_t most =
        static_cast<int64_t>(rows ? size() : group_starts_.size());
    int64_t offset = std::min(bound.offset, most);  // further is outside too
    int64_t at = here + (back ? -offset : offset) + (end ? 1 : 0);
    at = std::clamp<int64_t>(at, 0, most);
    if (rows) return static_cast<size_t>(at);
    return at == most ? size() : group_starts_[static_cast<size_t>(at)];
  }

  FrameState leaf(size_t i) const {
    FrameState out;
    if (!call_.argument) {
      out.count = 1;
      return out;
    }
    const Value& value = argument(i);
    if (value.is_null()) return out;
    out.count = 1;
    out.extreme = &value;
    if (!sums(call_.function)) return out;
    if (value.as_double()) out.real = *value.as_double();
    if (value.as_long()) out.exact = *value.as_long();
    if (value.as_bool()) out.exact = *value.as_bool();
    if (value.as_decimal()) out.exact = value.as_decimal()->units;
    return out;
  }

  Result<Value> folded(size_t i) const {
    auto [begin, end] = frame(i);
    FrameState state = tree_->fold(begin, end);
    if (call_.function == Function::kCount) return Value(state.count);
    if (state.count == 0) return Value();
    if (!sums(call_.function)) return *state.extreme;
    ExpressionType type = rows_.columns[*call_.argument].type;
    bool real = type.type == ValueType::kDouble;
    if (state.overflow) return out_of_range();
    if (call_.function == Function::kAvg) {
      double sum = real ? state.real
                        : Value(Decimal{state.exact, type.scale}).to_double();
      return Value(sum / static_cast<double>(state.count));
    }
    if (real) return Value(state.real);
    if (type_.type == ValueType::kDecimal) {
      return Value(Decimal{state.exact, type.scale});
    }
    int64_t sum = static_cast<int64_t>(state.exact);
    if (sum != state.exact) return out_of_range();
    return Value(sum);
  }

  static Error out_of_range() {
    return invalid("number out of range in a sum over a window");
  }

  const QueryResult& rows_;
  const WindowCall& call_;
  const std::span<const uint32_t> numbers_;
  const ExpressionType type_;
  GrowingArray<uint32_t> group_starts_;  // of rows equal in ORDER BY
  ZeroedArray<uint32_t> group_of_;       // by row
  std::optional<FrameTree> tree_;
  std::optional<RangeFrame> range_;  // RANGE with an offset
};

}  // namespace

Status add_window(QueryResult& rows, const WindowCall& call, std::string name,
                  QueryControl& control) {
  TRY_ASSIGN(ExpressionType type, result_type(rows, call));
  TRY(RangeFrame::check(rows, call));
  std::vector<RowOrder> parts;
  for (size_t column : call.partition) parts.push_back({column, false, true});
  std::vector<RowOrder> order = parts;
  order.insert(order.end(), call.order.begin(), call.order.end());
  TRY_ASSIGN(auto numbers, sorted_rows(rows.rows, order, control));
  MemoryCharge charge(control);
  charge.set(rows.rows.size() * (sizeof(Value) + sizeof(FrameState) * 2));
  TRY(in_runs(rows.rows.size(), &control, [&](size_t begin, size_t count) {
    for (auto& row : std::span(rows.rows).subspan(begin, count)) {
      row.emplace_back();
    }
  }));
  for (size_t begin = 0; begin < numbers.size();) {
    size_t end = begin + 1;
    while (end < numbers.size() &&
           compare_rows(rows.rows[numbers[begin]], rows.rows[numbers[end]],
                        parts) == 0) {
      if (++end % kRowsBetweenChecks == 0) TRY(control.check());
    }
    Partition part(rows, call, std::span(numbers).subspan(begin, end - begin),
                   type);
    TRY(part.prepare(control));
    for (size_t i = 0; i < part.size(); ++i) {
      if ((begin + i) % kRowsBetweenChecks == 0) TRY(control.check());
      TRY_ASSIGN(rows.rows[numbers[begin + i]].back(), part.value(i));
    }
    begin = end;
  }
  rows.columns.push_back({std::move(name), type});
  return {};
}

}  // namespace freshet
