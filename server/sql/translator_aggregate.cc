// Aggregates: SQL's, Druid's and those of KPI formulas.
#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "server/sql/aggregate_name.h"
#include "server/sql/expression_equal.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

using Function = Aggregate::Function;

constexpr size_t kMostAggregates = 1000;

struct Named {
  std::string_view name;
  Function function;
  double parameter = 0;
  // Second argument Druid takes and exact answers do not need (maxBytes, k).
  bool ignores_second = false;
  bool sample = false;
  size_t most = 0;  // arguments, if further ones are ignored too
};

constexpr Named kAggregates[] = {
    {"count", Function::kCount},
    {"sum", Function::kSum},
    {"min", Function::kMin},
    {"max", Function::kMax},
    {"avg", Function::kAvg},
    {"approx_count_distinct", Function::kApproxDistinct},
    {"approx_count_distinct_builtin", Function::kApproxDistinct},
    {"approx_count_distinct_ds_hll", Function::kApproxDistinct, 0, true, false,
     3},
    {"approx_count_distinct_ds_theta", Function::kApproxDistinct, 0, true},
    {"distinct", Function::kCountDistinct},
    {"approx_distinct", Function::kApproxDistinct},
    {"earliest", Function::kFirst, 0, true},
    {"first", Function::kFirst},
    {"latest", Function::kLast, 0, true},
    {"last", Function::kLast},
    {"any_value", Function::kMin, 0, true, false, 3},
    {"approx_quantile", Function::kApproxQuantile, -1, false, false, 3},
    {"approx_quantile_ds", Function::kApproxQuantile, -1, false, false, 3},
    {"approx_quantile_fixed_buckets", Function::kApproxQuantile, -1},
    {"earliest_by", Function::kFirst},
    {"latest_by", Function::kLast},
    {"var_pop", Function::kVariance},
    {"variance_pop", Function::kVariance},
    {"var_samp", Function::kVariance, 0, false, true},
    {"variance", Function::kVariance, 0, false, true},
    {"stddev_pop", Function::kDeviation},
    {"stddev_samp", Function::kDeviation, 0, false, true},
    {"stddev", Function::kDeviation, 0, false, true},
    {"bit_and", Function::kBitAnd},
    {"bit_or", Function::kBitOr},
    {"bit_xor", Function::kBitXor},
    {"string_agg", Function::kTexts},
    {"listagg", Function::kTexts},
    {"group_concat", Function::kTexts},
    {"array_agg", Function::kArray, 0, true},
    {"median", Function::kQuantile, 0.50},
    {"p50", Function::kQuantile, 0.50},
    {"p90", Function::kQuantile, 0.90},
    {"p95", Function::kQuantile, 0.95},
    {"p99", Function::kQuantile, 0.99},
    {"last by", Function::kLastPerKeySum},
    {"first by", Function::kLastPerKeySum}};

const Named* find_aggregate(std::string_view name) {
  auto at = std::find_if(std::begin(kAggregates), std::end(kAggregates),
                         [&](const Named& n) { return n.name == name; });
  return at == std::end(kAggregates) ? nullptr : at;
}

bool same_aggregate(const Aggregate& a, const Aggregate& b) {
  if (a.function != b.function || a.parameter != b.parameter ||
      a.sample != b.sample || a.distinct != b.distinct ||
      a.separator != b.separator || !same_expression(a.argument, b.argument) ||
      !same_expression(a.filter, b.filter) || a.keys.size() != b.keys.size()) {
    return false;
  }
  for (size_t i = 0; i < a.keys.size(); ++i) {
    if (!same_expression(a.keys[i], b.keys[i])) return false;
  }
  return true;
}

}  // namespace

bool is_aggregate_name(std::string_view name) {
  return find_aggregate(name) != nullptr || is_sketch_name(name);
}

bool goes_by_time(std::string_view name) {
  const Named* named = find_aggregate(name);
  return named && !name.ends_with("_by") &&
         (named->function == Function::kFirst ||
          named->function == Function::kLast);
}

std::vector<std::string_view> aggregate_names() {
  std::vector<std::string_view> out;
  for (const Named& named : kAggregates) {
    if (named.name.find(' ') == std::string_view::npos) {
      out.push_back(named.name);
    }
  }
  return out;
}

Result<ExpressionPtr> Translator::translate_aggregate(
    const SqlExpression& node) {
  if (!allow_aggregates_) {
    return sql_error(
        ErrorCode::kInvalid,
        fmt::format("an aggregate is not allowed here: {}", node.name), node);
  }
  // Arguments are over columns: neither aggregates nor aliases.
  allow_aggregates_ = false;
  ++alias_depth_;
  auto result = aggregate(node);
  --alias_depth_;
  allow_aggregates_ = true;
  if (!result) return result.error();
  if (aggregates_.size() >= kMostAggregates) {
    return sql_error(
        ErrorCode::kLimit,
        fmt::format("more than {} different aggregates", kMostAggregates),
        node);
  }
  return share(std::move(*result), node);
}

Result<double> Translator::fraction_argument(const SqlExpression& node,
                                             size_t i) {
  TRY_ASSIGN(ExpressionPtr argument, translate(*node.arguments[i]));
  double fraction = argument->literal.to_double();
  ValueType type = argument->literal.type();
  bool number = type == ValueType::kLong || type == ValueType::kDouble ||
                type == ValueType::kDecimal;
  if (!number || fraction < 0 || fraction > 1) {
    return sql_error(ErrorCode::kInvalid,
                     "the fraction of a quantile is a number from 0 to 1",
                     *node.arguments[i]);
  }
  return fraction;
}

// What EARLIEST and LATEST go by, if it is not the rows' own time: the first
// column named so, of a join the first table's.
Result<ExpressionPtr> Translator::time_of_rows(const SqlExpression& node) {
  if (!scope_.columns) return ExpressionPtr();
  for (const VisibleColumn& column : *scope_.columns) {
    if (column.name != kTimeColumn || column.merged) continue;
    if (column.computed) return column.computed;
    if (column.physical == kTimeColumn) return ExpressionPtr();
    auto out = made(node, Expression::Kind::kColumn);
    out->zone = absl::UTCTimeZone();
    out->name = column.physical;
    return ExpressionPtr(out);
  }
  if (scope_.rows_have_time) return ExpressionPtr();
  return sql_error(ErrorCode::kInvalid,
                   fmt::format("{0} goes by __time, which FROM does not give: "
                               "select it there, or take {0}_BY(x, time)",
                               absl::AsciiStrToUpper(node.name)),
                   node);
}

Result<Aggregate> Translator::aggregate(const SqlExpression& node) {
  const Named& named = *find_aggregate(node.name);
  if (named.name == "last by" || named.name == "first by") {
    return sql_error(
        ErrorCode::kUnsupported,
        "only sum(last(x by keys)) is supported for the newest value per key",
        node);
  }
  bool sum_of_last = named.function == Function::kSum &&
                     node.arguments.size() == 1 &&
                     node.arguments[0]->kind == SqlExpression::Kind::kCall &&
                     node.arguments[0]->name == "last by";
  if (sum_of_last) return last_per_key(node);

  Aggregate out;
  out.function = named.function;
  out.parameter = named.parameter;
  out.sample = named.sample;
  if (node.filter) {
    TRY_ASSIGN(out.filter, translate(*node.filter));
  }
  bool quantile = named.parameter < 0;
  bool by_time = named.name == "earliest_by" || named.name == "latest_by";
  bool texts = named.function == Function::kTexts;
  size_t most = quantile || named.ignores_second ? 2 : 1;
  size_t least = quantile ? 2 : (named.function == Function::kCount ? 0 : 1);
  if (named.name == "approx_quantile_fixed_buckets") most = 6;
  if (named.most > 0) most = named.most;
  if (by_time || texts) most = 3;
  if (by_time) least = 2;
  if (node.star) {
    if (named.function != Function::kCount) {
      return sql_error(ErrorCode::kInvalid,
                       fmt::format("{}(*) is not defined", node.name), node);
    }
    return out;
  }
  if (node.arguments.size() < least || node.arguments.size() > most) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("wrong number of arguments of {}: {}",
                                 node.name, node.arguments.size()),
                     node);
  }
  if (node.arguments.empty()) return out;  // count()
  TRY_ASSIGN(out.argument, translate(*node.arguments[0]));
  if (quantile) {
    TRY_ASSIGN(out.parameter, fraction_argument(node, 1));
  }
  ExpressionPtr time;
  if (by_time) {
    TRY_ASSIGN(time, translate(*node.arguments[1]));
  } else if (goes_by_time(named.name)) {
    TRY_ASSIGN(time, time_of_rows(node));
  }
  if (time) {
    // Rows without the time are passed over.
    ExpressionPtr known = made_call(node, "is_not_null", {time});
    out.filter = out.filter ? made_call(node, "and", {out.filter, known})
                            : std::move(known);
    out.keys = {time};
  }
  if (texts && node.arguments.size() > 1) {
    TRY_ASSIGN(out.separator, text_argument(node, 1));
    out.keys = {made_literal(node, Value(out.separator))};
  }
  if (node.distinct) {
    if (named.function == Function::kCount) {
      out.function = scope_.approximate_distinct ? Function::kApproxDistinct
                                                 : Function::kCountDistinct;
    } else if (texts || named.function == Function::kArray) {
      out.distinct = true;
    } else if (named.function != Function::kMin &&
               named.function != Function::kMax) {
      return sql_error(
          ErrorCode::kUnsupported,
          fmt::format("DISTINCT is not supported in {}", node.name), node);
    }
  }
  // Variants of a function differ in what all of its users look at.
  if (out.sample || out.distinct || time) out.parameter = 1;
  if (named.function == Function::kCount && !node.distinct &&
      out.argument->kind == Expression::Kind::kLiteral &&
      !out.argument->literal.is_null()) {
    out.argument = nullptr;  // COUNT(1)
  }
  return out;
}

Result<Aggregate> Translator::last_per_key(const SqlExpression& node) {
  const SqlExpression& last = *node.arguments[0];
  Aggregate out;
  out.function = Function::kLastPerKeySum;
  if (last.filter || last.distinct || last.arguments.size() < 2) {
    return sql_error(ErrorCode::kInvalid, "expected last(x by key, ...)", last);
  }
  TRY_ASSIGN(out.argument, translate(*last.arguments[0]));
  TRY_ASSIGN(out.keys, translate_all(last, 1));
  if (node.filter) {
    TRY_ASSIGN(out.filter, translate(*node.filter));
  }
  return out;
}

ExpressionPtr Translator::share(Aggregate aggregate,
                                const SqlExpression& node) {
  size_t i = 0;
  while (i < aggregates_.size() && !same_aggregate(aggregates_[i], aggregate)) {
    ++i;
  }
  if (i == aggregates_.size()) {
    aggregate.name = fmt::format("a{}", i);
    aggregates_.push_back(std::move(aggregate));
  }
  auto placeholder = made(node, Expression::Kind::kColumn);
  placeholder->zone = absl::UTCTimeZone();
  placeholder->name = aggregates_[i].name;
  placeholders_[placeholder.get()] = i;
  kept_.push_back(placeholder);
  return placeholder;
}

}  // namespace freshet
