#include "server/query/filter.h"

#include <algorithm>

#include "server/query/evaluator.h"
#include "server/query/expression_type.h"
#include "server/query/value_set.h"

namespace freshet {
namespace {

using Kind = Expression::Kind;

bool range_backed(ExpressionType type) {
  return is_long_backed(type) || type.type == ValueType::kDecimal;
}

// A column, perhaps below a cast that only multiplies by a power of ten.
struct ScaledColumn {
  ExpressionPtr column;
  int shift = 0;  // the operand is column * 10^shift
};

ScaledColumn scaled_column(const ExpressionPtr& e) {
  if (e->kind == Kind::kColumn && range_backed(e->type)) return {e, 0};
  if (e->name != "cast" || e->type.type != ValueType::kDecimal) return {};
  const ExpressionPtr& in = e->arguments[0];
  bool exact =
      in->type.type == ValueType::kLong || in->type.type == ValueType::kDecimal;
  if (in->kind != Kind::kColumn || !exact) return {};
  int shift = e->type.scale - in->type.scale;
  return shift >= 0 ? ScaledColumn{in, shift} : ScaledColumn{};
}

std::optional<__int128> units(const Value& value) {
  if (const bool* v = value.as_bool()) return *v;
  if (const int64_t* v = value.as_long()) return *v;
  if (const Decimal* v = value.as_decimal()) return v->units;
  if (const Timestamp* v = value.as_timestamp()) return v->ms;
  return std::nullopt;
}

__int128 divided(__int128 value, int shift, bool up) {
  __int128 power = 1;
  for (int i = 0; i < shift; ++i) power *= 10;
  __int128 quotient = value / power, rest = value % power;
  if (up && rest > 0) ++quotient;
  if (!up && rest < 0) --quotient;
  return quotient;
}

class Splitter {
 public:
  explicit Splitter(Filter& out) : out_(out) {}

  Status add(const ExpressionPtr& e) {
    if (e->kind == Kind::kCall && e->name == "and") {
      for (const auto& argument : e->arguments) TRY(add(argument));
      return {};
    }
    auto constant = constant_value(*e);
    if (!constant) return constant.error();
    if (*constant) {
      const bool* truth = (*constant)->as_bool();
      if (!truth || !*truth) out_.never = true;
      return {};
    }
    if (e->kind == Kind::kCall) {
      if (e->set) narrow_to_set(*e);
      TRY_ASSIGN(bool taken, add_range(*e));
      if (taken) return {};
    }
    out_.rest.push_back(e);
    return {};
  }

  void narrow(const ExpressionPtr& column, __int128 low, __int128 high) {
    constexpr __int128 kLeast = std::numeric_limits<int64_t>::min();
    constexpr __int128 kMost = std::numeric_limits<int64_t>::max();
    if (low > kMost || high < kLeast || low > high) {
      out_.never = true;
      return;
    }
    auto at = std::find_if(
        out_.ranges.begin(), out_.ranges.end(),
        [&](const RangeTest& r) { return r.column->name == column->name; });
    if (at == out_.ranges.end()) {
      at = out_.ranges.insert(at, RangeTest{column});
    }
    at->low = std::max(at->low, static_cast<int64_t>(std::max(low, kLeast)));
    at->high = std::min(at->high, static_cast<int64_t>(std::min(high, kMost)));
    if (at->low > at->high) out_.never = true;
  }

 private:
  static constexpr __int128 kFar = static_cast<__int128>(1) << 120;

  Result<bool> add_range(const Expression& e) {
    if (e.name == "between") return add_between(e);
    static constexpr std::string_view kTests[] = {"=", "<", "<=", ">", ">="};
    if (std::find(std::begin(kTests), std::end(kTests), e.name) ==
        std::end(kTests)) {
      return false;
    }
    std::string test = e.name;
    ScaledColumn column = scaled_column(e.arguments[0]);
    const Expression* other = e.arguments[1].get();
    if (!column.column) {
      column = scaled_column(e.arguments[1]);
      other = e.arguments[0].get();
      if (test[0] == '<') {
        test[0] = '>';
      } else if (test[0] == '>') {
        test[0] = '<';
      }
    }
    if (!column.column) return false;
    TRY_ASSIGN(std::optional<Value> constant, constant_value(*other));
    if (!constant) return false;
    if (constant->is_null()) {
      out_.never = true;
      return true;
    }
    auto bound = units(*constant);
    if (!bound) return false;
    __int128 low = -kFar, high = kFar;
    if (test == "=" || test == ">=") low = *bound;
    if (test == ">") low = *bound + 1;
    if (test == "=" || test == "<=") high = *bound;
    if (test == "<") high = *bound - 1;
    apply(column, low, high);
    return true;
  }

  // From the least to the greatest constant; the set itself is tested later.
  void narrow_to_set(const Expression& e) {
    ScaledColumn column = scaled_column(e.arguments[0]);
    if (e.set->values().empty()) {
      out_.never = true;
      return;
    }
    if (!column.column) return;
    auto low = units(e.set->values().front());
    auto high = units(e.set->values().back());
    if (low && high) apply(column, *low, *high);
  }

  Result<bool> add_between(const Expression& e) {
    ScaledColumn column = scaled_column(e.arguments[0]);
    if (!column.column) return false;
    TRY_ASSIGN(std::optional<Value> low, constant_value(*e.arguments[1]));
    TRY_ASSIGN(std::optional<Value> high, constant_value(*e.arguments[2]));
    if (!low || !high) return false;
    if (low->is_null() || high->is_null()) {
      out_.never = true;
      return true;
    }
    auto from = units(*low), to = units(*high);
    if (!from || !to) return false;
    apply(column, *from, *to);
    return true;
  }

  void apply(const ScaledColumn& column, __int128 low, __int128 high) {
    narrow(column.column, low == -kFar ? low : divided(low, column.shift, true),
           high == kFar ? high : divided(high, column.shift, false));
  }

  Filter& out_;
};

}  // namespace

Result<Filter> Filter::split(const ExpressionPtr& condition,
                             const ExpressionPtr& time, Interval interval) {
  Filter out;
  Splitter splitter(out);
  splitter.narrow(time, interval.start.ms,
                  static_cast<__int128>(interval.end.ms) - 1);
  if (condition) TRY(splitter.add(condition));
  out.interval = interval;
  for (const RangeTest& range : out.ranges) {
    if (range.column->name != kTimeColumn) continue;
    out.interval.start = Timestamp{std::max(interval.start.ms, range.low)};
    out.interval.end = Timestamp{std::min(interval.end.ms - 1, range.high) + 1};
  }
  return out;
}

}  // namespace freshet
