// Estimates of Druid's sketches, in terms of aggregates: a sketch is no value,
// what is asked of it is.
#include <fmt/core.h>

#include <map>

#include "server/sql/aggregate_name.h"
#include "server/sql/syntax_equal.h"
#include "server/sql/syntax_node.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

// The sketches of one set expression: of one argument, by their filters.
struct Sketches {
  SqlPtr argument;
  std::vector<SqlPtr> filters;  // null: all rows
};
constexpr size_t kMostSketches = 8;

// Whether a value is in a set, as a polynomial of "is not in sketch i", which
// are 0 or 1: factors by (bits of their sketches).
using Membership = std::map<uint32_t, int64_t>;

Membership product(const Membership& a, const Membership& b) {
  Membership out;
  for (const auto& [x, m] : a) {
    for (const auto& [y, n] : b) out[x | y] += m * n;
  }
  std::erase_if(out, [](const auto& term) { return term.second == 0; });
  return out;
}

Membership complement(Membership a) {
  for (auto& [sketches, factor] : a) factor = -factor;
  ++a[0];
  std::erase_if(a, [](const auto& term) { return term.second == 0; });
  return a;
}

SqlPtr sql_text(const SqlExpression& place, const char* text) {
  return sql_literal(place, Value(std::string(text)));
}

SqlPtr sql_cast(const SqlExpression& place, SqlPtr value, const char* type) {
  SqlExpression out = place;
  out.kind = Kind::kCast;
  out.name.clear();
  out.type_name = type;
  out.arguments = {std::move(value)};
  out.filter = nullptr;
  return std::make_shared<SqlExpression>(std::move(out));
}

SqlPtr sql_and(const SqlExpression& place, const SqlPtr& a, SqlPtr b) {
  return a ? sql_call(place, "and", {a, std::move(b)}) : b;
}

// NAME(argument, more ...) FILTER (WHERE filter)
SqlPtr aggregate_of(const SqlExpression& place, std::string name,
                    std::vector<SqlPtr> arguments, SqlPtr filter,
                    bool distinct = false) {
  SqlExpression out = *sql_call(place, std::move(name), std::move(arguments));
  out.filter = std::move(filter);
  out.distinct = distinct;
  return std::make_shared<SqlExpression>(std::move(out));
}

// Text of a JSON array, as that of ARRAY_AGG.
SqlPtr array_text(const SqlExpression& place, const std::vector<SqlPtr>& all) {
  std::vector<SqlPtr> parts;
  for (const SqlPtr& value : all) {
    parts.push_back(sql_text(place, parts.empty() ? "[" : ","));
    parts.push_back(sql_cast(place, value, "varchar"));
  }
  parts.push_back(sql_text(place, "]"));
  return sql_call(place, "||", std::move(parts));
}

class SketchReader {
 public:
  // `kind`: "hll" or "theta".
  explicit SketchReader(std::string kind) : kind_(std::move(kind)) {}

  Result<Membership> read(const SqlExpression& node) {
    if (is_call_of(node, "ds_" + kind_)) return one(node);
    const bool either = is_call_of(node, kind_ + "_sketch_union");
    const bool both = is_call_of(node, "theta_sketch_intersect");
    const bool without = is_call_of(node, "theta_sketch_not");
    std::vector<SqlPtr> operands = operands_of(node);
    if ((!either && !both && !without) || operands.empty()) {
      return sql_error(ErrorCode::kUnsupported,
                       fmt::format("expected DS_{}(x) or sets of such",
                                   kind_ == "hll" ? "HLL" : "THETA"),
                       node);
    }
    TRY_ASSIGN(Membership out, read(*operands[0]));
    if (either) out = complement(std::move(out));
    for (size_t i = 1; i < operands.size(); ++i) {
      TRY_ASSIGN(Membership next, read(*operands[i]));
      out = product(out, both ? next : complement(std::move(next)));
    }
    return either ? complement(std::move(out)) : out;
  }

  // How many values are in the set: those in no sketch of a term are all but
  // those in the union of its sketches, whose rows fit one of the filters.
  SqlPtr count(const SqlExpression& place, const Membership& set) const {
    const bool exact = set.size() > 2;
    SqlPtr sum;
    for (const auto& [sketches, factor] : set) {
      if (sketches == 0) continue;
      std::string name = exact ? "count" : "approx_count_distinct";
      SqlPtr term = aggregate_of(place, std::move(name), {sketches_.argument},
                                 either_filter(place, sketches), exact);
      term = sql_call(place, "*", {sql_literal(place, Value(-factor)), term});
      sum = sum ? sql_call(place, "+", {sum, term}) : term;
    }
    return sum ? sum : sql_literal(place, Value(int64_t{0}));
  }

 private:
  Result<Membership> one(const SqlExpression& node) {
    TRY(check_arguments(node, 1, 3));
    if (!sketches_.argument) sketches_.argument = node.arguments[0];
    if (!same_syntax(*sketches_.argument, *node.arguments[0])) {
      return sql_error(ErrorCode::kUnsupported,
                       "sets of sketches are of one expression, with a FILTER "
                       "for each",
                       *node.arguments[0]);
    }
    uint32_t bit = 1u << sketches_.filters.size();
    sketches_.filters.push_back(node.filter);
    if (sketches_.filters.size() > kMostSketches) {
      return sql_error(
          ErrorCode::kLimit,
          fmt::format("more than {} sketches in one estimate", kMostSketches),
          node);
    }
    return Membership{{0, 1}, {bit, -1}};
  }

  // Without the sizes that may stand before them.
  static std::vector<SqlPtr> operands_of(const SqlExpression& node) {
    std::vector<SqlPtr> out;
    for (const SqlPtr& argument : node.arguments) {
      if (!out.empty() || argument->kind != Kind::kLiteral) {
        out.push_back(argument);
      }
    }
    return out;
  }

  SqlPtr either_filter(const SqlExpression& place, uint32_t sketches) const {
    std::vector<SqlPtr> filters;
    for (size_t i = 0; i < sketches_.filters.size(); ++i) {
      if (!(sketches >> i & 1)) continue;
      if (!sketches_.filters[i]) return nullptr;
      filters.push_back(sketches_.filters[i]);
    }
    return filters.size() == 1 ? filters[0]
                               : sql_call(place, "or", std::move(filters));
  }

  const std::string kind_;
  Sketches sketches_;
};

// Points that a distribution is asked about; the first argument is its sketch.
std::vector<SqlPtr> points_of(const SqlExpression& node) {
  return {node.arguments.begin() + 1, node.arguments.end()};
}

// How many values are below `upper` and not below `lower`; null: no bound.
SqlPtr count_between(const SqlExpression& place, const SqlExpression& sketch,
                     const SqlPtr& lower, const SqlPtr& upper) {
  const SqlPtr& x = sketch.arguments[0];
  SqlPtr filter = sketch.filter;
  if (lower) filter = sql_and(place, filter, sql_call(place, ">=", {x, lower}));
  if (upper) filter = sql_and(place, filter, sql_call(place, "<", {x, upper}));
  return sql_cast(place, aggregate_of(place, "count", {x}, filter), "double");
}

// The part of the values that is below.
SqlPtr rank_of(const SqlExpression& place, const SqlExpression& sketch,
               const SqlPtr& point) {
  return sql_call(place, "/",
                  {count_between(place, sketch, nullptr, point),
                   count_between(place, sketch, nullptr, nullptr)});
}

SqlPtr distribution(const SqlExpression& node, const SqlExpression& sketch) {
  std::vector<SqlPtr> points = points_of(node), out;
  if (node.name == "ds_rank") return rank_of(node, sketch, points[0]);
  if (node.name == "ds_cdf") {
    for (const SqlPtr& p : points) out.push_back(rank_of(node, sketch, p));
    out.push_back(sql_literal(node, Value(1.0)));
    return array_text(node, out);
  }
  if (node.name == "ds_histogram") {
    for (size_t i = 0; i <= points.size(); ++i) {
      out.push_back(count_between(node, sketch, i ? points[i - 1] : nullptr,
                                  i < points.size() ? points[i] : nullptr));
    }
    return array_text(node, out);
  }
  for (const SqlPtr& fraction : points) {
    out.push_back(aggregate_of(node, "approx_quantile_ds",
                               {sketch.arguments[0], fraction}, sketch.filter));
  }
  return node.name == "ds_get_quantiles" ? array_text(node, out) : out[0];
}

}  // namespace

bool is_sketch_name(std::string_view name) {
  return name == "ds_hll" || name == "ds_theta" ||
         name == "ds_quantiles_sketch" || name == "tdigest_generate_sketch";
}

Result<ExpressionPtr> Translator::translate_sketch(const SqlExpression& node) {
  const std::string& f = node.name;
  if (is_sketch_name(f)) {
    return sql_error(ErrorCode::kUnsupported,
                     "a sketch is no value by itself; ask for its estimate, "
                     "quantile or rank, such as HLL_SKETCH_ESTIMATE(DS_HLL(x)) "
                     "or DS_GET_QUANTILE(DS_QUANTILES_SKETCH(x), 0.5)",
                     node);
  }
  if (f == "hll_sketch_estimate" || f == "theta_sketch_estimate") {
    TRY(check_arguments(node, 1, 2));
    SketchReader reader(f.substr(0, f.find('_')));
    TRY_ASSIGN(Membership set, reader.read(*node.arguments[0]));
    return translate(*sql_cast(node, reader.count(node, set), "double"));
  }
  const bool one = f == "ds_get_quantile" || f == "ds_rank";
  const bool several =
      f == "ds_get_quantiles" || f == "ds_cdf" || f == "ds_histogram";
  const bool digest = f == "tdigest_quantile";
  if (!one && !several && !digest) return ExpressionPtr();
  TRY(check_arguments(node, 2, several ? 1000 : 2));
  const SqlExpression& sketch = *node.arguments[0];
  const char* wanted =
      digest ? "tdigest_generate_sketch" : "ds_quantiles_sketch";
  if (!is_call_of(sketch, wanted) || sketch.arguments.empty() ||
      sketch.arguments.size() > 2) {
    return sql_error(ErrorCode::kUnsupported,
                     fmt::format("argument 1 of {} must be {}(x)", f, wanted),
                     sketch);
  }
  return translate(*distribution(node, sketch));
}

}  // namespace freshet
