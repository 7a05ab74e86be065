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

// What a plan is tried on: a cube, or rows that are rolled up, whose times are
// those of their buckets already.
struct Subject {
  const CubeSpec& spec;
  absl::TimeZone zone;
  const Schema& source;  // of the rows behind
  const Schema& table;
  Interval times;
  bool rollup = false;
};

// One table against one plan. Every test gives nothing, or why not.
class CubeFit {
 public:
  using Refusal = std::optional<std::string>;

  CubeFit(const QueryPlan& plan, const Subject& subject)
      : plan_(plan), subject_(subject), spec_(subject.spec) {}

  Refusal fit(CubeUse& use) {
    use.name = spec_.name;
    use.rollup = subject_.rollup;
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
      bool time = is_time(*range.column) && !subject_.rollup;
      auto no = time ? widen(range) : over_dimensions(*range.column);
      if (no) return no;
    }
    for (const Aggregate& aggregate : plan_.aggregates) {
      use.aggregates.emplace_back();
      if (auto no = states_of(aggregate, use.aggregates.back())) return no;
    }
    return std::nullopt;
  }

 private:
  BucketCut buckets() const { return {spec_.granularity, subject_.zone}; }

  // The column has the type that the query knows it by.
  bool native(const Expression& column) const {
    auto at = subject_.source.find(column.name);
    return at &&
           expression_type(subject_.source.columns[*at].type) == column.type;
  }

  bool is_dimension(const Expression& column) const {
    const auto& names = spec_.dimensions;
    return std::find(names.begin(), names.end(), column.name) != names.end() &&
           native(column);
  }

  // Neither dimension nor measure: rolled up before there was such a column,
  // whose values are null.
  bool is_unknown(const Expression& column) const {
    return !subject_.source.find(column.name);
  }

  // Whether the expression has one value for all rows behind a row of the
  // table, and the same there.
  Refusal over_dimensions(const Expression& e) const {
    if (e.kind == Expression::Kind::kColumn) {
      if (subject_.rollup && (is_time(e) || is_unknown(e))) return std::nullopt;
      if (is_time(e)) return "a time is wanted to the millisecond";
      if (is_dimension(e)) return std::nullopt;
      return fmt::format("{} is none of its dimensions", e.name);
    }
    bool of_time = !e.arguments.empty() && is_time(*e.arguments[0]);
    if (of_time && !subject_.rollup) {
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
    if (nest(buckets(), {granularity, e.zone}, subject_.times)) {
      return std::nullopt;
    }
    return fmt::format("its buckets of {} do not lie inside those of {}",
                       buckets_text(), granularity.to_string());
  }

  std::string buckets_text() const {
    return fmt::format("{} in {}", spec_.granularity.to_string(), spec_.zone);
  }

  // A bound within the segment's times must be where a bucket begins; one
  // outside is dropped, since the first bucket may begin before its rows.
  Refusal widen(RangeTest& range) const {
    Interval rows = subject_.times;
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
    if (subject_.rollup && aggregate.function == Kind::kCount &&
        !over_dimensions(argument)) {
      out.states = {state(std::string(kCubeRows))};
      out.of_argument = true;
      return std::nullopt;
    }
    if (subject_.rollup && column && is_unknown(argument)) return std::nullopt;
    bool by_time = aggregate.keys.empty();  // of first and last
    const CubeMeasure* measure =
        column && by_time ? spec_.measure(argument.name) : nullptr;
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

  bool is_double(const CubeMeasure& measure) const {
    auto at = subject_.source.find(measure.column);
    return subject_.source.columns[*at].type.kind == ColumnKind::kDouble;
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
        return is_double(measure)
                   ? add(kCubeSum, {"#count", "#sum"})
                   : add(kCubeSum, {"#count", "#sum_high", "#sum"});
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
    const Schema& schema = subject_.table;
    e->kind = Expression::Kind::kColumn;
    e->type = expression_type(schema.columns[*schema.find(name)].type);
    e->name = std::move(name);
    return e;
  }

  const QueryPlan& plan_;
  const Subject subject_;
  const CubeSpec& spec_;
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

Error no_rows(const QueryPlan& plan) {
  return invalid(
      "rows are rolled up and cannot be listed; ask for aggregates, such as "
      "COUNT(*) and SUM(measure) by dimensions: " +
      plan.query.dataset);
}

Error not_kept(const QueryPlan& plan, const std::string& why) {
  return invalid(fmt::format(
      "rows are rolled up, which does not keep what is asked: {}: {}", why,
      plan.query.dataset));
}

std::string no_cubes(const Segment& segment) {
  if (segment.hidden_rows() == nullptr) {
    return "a segment was sealed without cubes";
  }
  return "rows were deleted or replaced since the cubes of a segment were made";
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
  if (cubes == nullptr) {
    if (why_not && segment.sealed()) why_not->push_back(no_cubes(segment));
    return best;
  }
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  const Schema& source = rollup ? rollup->source : segment.schema();
  for (const Cube& cube : *cubes) {
    CubeUse use;
    use.table = cube.table;
    Subject subject{cube.spec, cube.zone, source, cube.table->schema(),
                    segment.time_range()};
    auto no = CubeFit(plan, subject).fit(use);
    if (no && why_not) {
      why_not->push_back(fmt::format("cube {}: {}", cube.spec.name, *no));
    }
    bool smaller = !best || cube.table->num_rows() < best->table->num_rows();
    if (!no && smaller) best = std::move(use);
  }
  if (best) TRY(add_dictionaries(plan, segment, *best));
  return best;
}

Result<CubeUse> use_rollup(const QueryPlan& plan, const Segment& segment,
                           const Rollup& rollup) {
  CubeUse use;
  Subject subject{rollup.spec,      absl::UTCTimeZone(),  rollup.source,
                  segment.schema(), segment.time_range(), true};
  if (plan.query.kind != Query::Kind::kAggregate) return no_rows(plan);
  auto no = CubeFit(plan, subject).fit(use);
  if (no) return not_kept(plan, *no);
  return use;
}

Status check_rollup(const QueryPlan& plan, const CubeSpec& spec,
                    const Schema& schema) {
  TRY_ASSIGN(Rollup rollup, rollup_of(spec, schema));
  TRY_ASSIGN(Schema table, rollup_schema(spec, schema));
  CubeUse use;
  Subject subject{rollup.spec, absl::UTCTimeZone(), rollup.source,
                  table,       Interval(),          true};
  if (plan.query.kind != Query::Kind::kAggregate) return no_rows(plan);
  auto no = CubeFit(plan, subject).fit(use);
  if (no) return not_kept(plan, *no);
  return {};
}

}  // namespace freshet
