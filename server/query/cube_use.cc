#include "server/query/cube_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "server/query/bucket_nesting.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

using Kind = Aggregate::Function;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

// Functions of a time whose value changes only where such a bucket begins.
struct SteadyPart {
  const char* name;
  const char* granularity;
};
constexpr SteadyPart kSteadyParts[] = {
    {"extract_minute", "minute"}, {"extract_hour", "hour"},
    {"extract_day", "day"},       {"extract_dow", "day"},
    {"extract_isodow", "day"},    {"extract_doy", "day"},
    {"extract_week", "week"},     {"extract_isoyear", "week"},
    {"extract_month", "month"},   {"extract_quarter", "quarter"},
    {"extract_year", "year"},
};

bool is_time(const Expression& e) {
  return e.kind == Expression::Kind::kColumn && e.name == kTimeColumn;
}

// One cube against one plan. Every test gives nothing, or why not.
class CubeFit {
 public:
  using Refusal = std::optional<std::string>;

  CubeFit(const QueryPlan& plan, const Segment& segment, const Cube& cube)
      : plan_(plan), segment_(segment), cube_(cube) {}

  Refusal fit(CubeUse& use) {
    use.name = cube_.spec.name;
    use.table = cube_.table;
    use.filter = plan_.filter;
    use.rows = state(std::string(kCubeRows));
    for (const auto& group : plan_.groups) {
      if (auto no = over_dimensions(*group)) return no;
    }
    for (const auto& condition : plan_.filter.rest) {
      if (auto no = over_dimensions(*condition)) return no;
    }
    for (const auto& condition : plan_.aggregate_filters) {
      if (auto no = over_dimensions(*condition)) return no;
    }
    for (RangeTest& range : use.filter.ranges) {
      auto no = is_time(*range.column) ? widen(range)
                                       : over_dimensions(*range.column);
      if (no) return no;
    }
    for (const Aggregate& aggregate : plan_.aggregates) {
      use.aggregates.emplace_back();
      if (auto no = states_of(aggregate, use.aggregates.back())) return no;
    }
    return std::nullopt;
  }

 private:
  BucketCut buckets() const { return {cube_.spec.granularity, cube_.zone}; }

  // The column has the type that the query knows it by.
  bool native(const Expression& column) const {
    const Schema& schema = segment_.schema();
    auto at = schema.find(column.name);
    return at && expression_type(schema.columns[*at].type) == column.type;
  }

  bool is_dimension(const Expression& column) const {
    const auto& names = cube_.spec.dimensions;
    return std::find(names.begin(), names.end(), column.name) != names.end() &&
           native(column);
  }

  // Whether the expression has one value for all rows behind a row of the
  // table, and the same there.
  Refusal over_dimensions(const Expression& e) const {
    if (e.kind == Expression::Kind::kColumn) {
      if (is_time(e)) return "a time is wanted to the millisecond";
      if (is_dimension(e)) return std::nullopt;
      return fmt::format("{} is none of its dimensions", e.name);
    }
    if (!e.arguments.empty() && is_time(*e.arguments[0])) {
      return steady(e);
    }
    for (const auto& argument : e.arguments) {
      if (auto no = over_dimensions(*argument)) return no;
    }
    return std::nullopt;
  }

  Refusal steady(const Expression& e) const {
    Granularity granularity = e.granularity;
    if (e.name != "time_floor") {
      auto at = std::find_if(std::begin(kSteadyParts), std::end(kSteadyParts),
                             [&](const auto& p) { return p.name == e.name; });
      if (at == std::end(kSteadyParts)) {
        return "a time is wanted to the millisecond";
      }
      granularity = *Granularity::parse(at->granularity);
    }
    if (nest(buckets(), {granularity, e.zone}, segment_.time_range())) {
      return std::nullopt;
    }
    return fmt::format("its buckets of {} do not lie inside those of {}",
                       buckets_text(), granularity.to_string());
  }

  std::string buckets_text() const {
    return fmt::format("{} in {}", cube_.spec.granularity.to_string(),
                       cube_.spec.zone);
  }

  // A bound within the segment's times must be where a bucket begins; one
  // outside is dropped, since the first bucket may begin before its rows.
  Refusal widen(RangeTest& range) const {
    Interval rows = segment_.time_range();
    if (range.low <= rows.start.ms) {
      range.low = kLeast;
    } else if (!begins_at(buckets(), Timestamp{range.low})) {
      return cut(range.low);
    }
    if (range.high >= rows.end.ms - 1) {
      range.high = kGreatest;
    } else if (!begins_at(buckets(), Timestamp{range.high + 1})) {
      return cut(range.high + 1);
    }
    return std::nullopt;
  }

  Refusal cut(int64_t ms) const {
    return fmt::format("none of its buckets of {} begins at {}", buckets_text(),
                       to_iso8601(Timestamp{ms}));
  }

  Refusal states_of(const Aggregate& aggregate, CubeAggregate& out) const {
    if (!aggregate.argument) {
      out.states = {state(std::string(kCubeRows))};
      return std::nullopt;
    }
    const Expression& argument = *aggregate.argument;
    bool of_values = aggregate.function == Kind::kMin ||
                     aggregate.function == Kind::kMax ||
                     aggregate.function == Kind::kCountDistinct ||
                     aggregate.function == Kind::kApproxDistinct;
    if (of_values && !over_dimensions(argument)) return std::nullopt;
    bool column = argument.kind == Expression::Kind::kColumn;
    bool by_time = aggregate.keys.empty();  // of first and last
    const CubeMeasure* measure =
        column && by_time ? cube_.spec.measure(argument.name) : nullptr;
    if (!measure || !native(argument)) {
      return fmt::format("{} is none of its measures", to_text(argument));
    }
    if (add_states(aggregate.function, *measure, out)) return std::nullopt;
    return fmt::format("it keeps no {} of {}",
                       aggregate_name(aggregate.function), argument.name);
  }

  static const char* aggregate_name(Kind function) {
    switch (function) {
      case Kind::kSum:
      case Kind::kAvg:
        return "sum";
      case Kind::kMin:
        return "min";
      case Kind::kMax:
        return "max";
      case Kind::kFirst:
        return "first";
      case Kind::kLast:
        return "last";
      case Kind::kCountDistinct:
        return "distinct values";
      case Kind::kApproxDistinct:
        return "approximate distinct count";
      case Kind::kApproxQuantile:
        return "quantile sketch";
      default:
        return "such state";
    }
  }

  // False if the measure does not keep them.
  bool add_states(Kind function, const CubeMeasure& measure,
                  CubeAggregate& out) const {
    auto add = [&](uint32_t needed,
                   std::initializer_list<const char*> suffixes) {
      if ((measure.states & needed) != needed) return false;
      for (const char* suffix : suffixes) {
        out.states.push_back(state(measure.column + suffix));
      }
      return true;
    };
    switch (function) {
      case Kind::kCount:
        return add(0, {"#count"});
      case Kind::kSum:
      case Kind::kAvg:
        return add(kCubeSum, {"#count", "#sum_high", "#sum"});
      case Kind::kMin:
        return add(kCubeMin, {"#min"});
      case Kind::kMax:
        return add(kCubeMax, {"#max"});
      case Kind::kFirst:
        return add(kCubeFirst, {"#first", "#first_time"});
      case Kind::kLast:
        return add(kCubeLast, {"#last", "#last_time"});
      case Kind::kCountDistinct:
        return add(kCubeDistinct, {"#distinct"});
      case Kind::kApproxDistinct:
        return add(kCubeApproxDistinct, {"#hll"});
      case Kind::kApproxQuantile:
        return add(kCubeQuantiles, {"#quantiles"});
      case Kind::kQuantile:
      case Kind::kLastPerKeySum:
      case Kind::kVariance:
      case Kind::kDeviation:
      case Kind::kBitAnd:
      case Kind::kBitOr:
      case Kind::kBitXor:
      case Kind::kTexts:
      case Kind::kArray:
        return false;
    }
    return false;
  }

  // A column of the table, as resolve() gives it.
  ExpressionPtr state(std::string name) const {
    auto e = std::make_shared<Expression>();
    const Schema& schema = cube_.table->schema();
    e->kind = Expression::Kind::kColumn;
    e->type = expression_type(schema.columns[*schema.find(name)].type);
    e->name = std::move(name);
    return e;
  }

  const QueryPlan& plan_;
  const Segment& segment_;
  const Cube& cube_;
};

// The segment's dictionaries, for lists of ids.
Status add_dictionaries(const QueryPlan& plan, const Segment& segment,
                        CubeUse& use) {
  for (size_t i = 0; i < plan.aggregates.size(); ++i) {
    bool ids = plan.aggregates[i].function == Kind::kCountDistinct &&
               !use.aggregates[i].states.empty();
    if (!ids) continue;
    TRY_ASSIGN(use.aggregates[i].dictionary_of,
               segment.column(plan.aggregates[i].argument->name));
  }
  return {};
}

}  // namespace

std::vector<ExpressionPtr> CubeUse::expressions() const {
  std::vector<ExpressionPtr> out = {rows};
  for (const CubeAggregate& aggregate : aggregates) {
    out.insert(out.end(), aggregate.states.begin(), aggregate.states.end());
  }
  return out;
}

Result<std::optional<CubeUse>> choose_cube(const QueryPlan& plan,
                                           const Segment& segment,
                                           std::vector<std::string>* why_not) {
  std::optional<CubeUse> best;
  if (plan.query.kind != Query::Kind::kAggregate || !plan.query.use_cubes) {
    return best;
  }
  TRY_ASSIGN(const std::vector<Cube>* cubes, segment.cubes());
  if (cubes == nullptr) return best;
  for (const Cube& cube : *cubes) {
    CubeUse use;
    auto no = CubeFit(plan, segment, cube).fit(use);
    if (no && why_not) {
      why_not->push_back(fmt::format("cube {}: {}", cube.spec.name, *no));
    }
    bool smaller = !best || cube.table->num_rows() < best->table->num_rows();
    if (!no && smaller) best = std::move(use);
  }
  if (best) TRY(add_dictionaries(plan, segment, *best));
  return best;
}

}  // namespace freshet
