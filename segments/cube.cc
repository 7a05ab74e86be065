#include "segments/cube.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr ColumnType kTime{ColumnKind::kTimestamp, 0};
constexpr ColumnType kLong{ColumnKind::kLong, 0};
constexpr ColumnType kText{ColumnKind::kString, 0};

Error misfit(const CubeSpec& spec, const std::string& what) {
  return invalid("cube " + spec.name + ": " + what);
}

using PossibleStates = uint32_t(ColumnType);

void add(Schema& out, std::string name, ColumnType type) {
  // No state is filtered by its value.
  bool high_cardinality = type.kind == ColumnKind::kString;
  out.columns.push_back({std::move(name), type, high_cardinality});
}

void add_measure(Schema& out, const CubeMeasure& measure, ColumnType type) {
  const std::string& x = measure.column;
  add(out, x + "#count", kLong);
  if (measure.states & kCubeSum) {
    bool is_double = type.kind == ColumnKind::kDouble;
    if (!is_double) add(out, x + "#sum_high", kLong);
    add(out, x + "#sum", is_double ? type : kLong);
  }
  if (measure.states & kCubeMin) add(out, x + "#min", type);
  if (measure.states & kCubeMax) add(out, x + "#max", type);
  if (measure.states & kCubeFirst) {
    add(out, x + "#first_time", kTime);
    add(out, x + "#first", type);
  }
  if (measure.states & kCubeLast) {
    add(out, x + "#last_time", kTime);
    add(out, x + "#last", type);
  }
  if (measure.states & kCubeDistinct) add(out, x + "#distinct", kText);
  if (measure.states & kCubeApproxDistinct) add(out, x + "#hll", kText);
  if (measure.states & kCubeQuantiles) add(out, x + "#quantiles", kText);
}

Result<Schema> table_schema(const CubeSpec& spec, const Schema& schema,
                            PossibleStates possible) {
  Schema out;
  add(out, std::string(kTimeColumn), kTime);
  for (const std::string& name : spec.dimensions) {
    auto at = schema.find(name);
    if (!at || name == kTimeColumn || out.find(name)) {
      return misfit(spec, "no such dimension, or twice: " + name);
    }
    if (schema.columns[*at].type.kind == ColumnKind::kDouble) {
      return misfit(spec, "a double is no dimension: " + name);
    }
    out.columns.push_back(schema.columns[*at]);
  }
  add(out, std::string(kCubeRows), kLong);
  for (const CubeMeasure& measure : spec.measures) {
    auto at = schema.find(measure.column);
    if (!at || &measure != spec.measure(measure.column)) {
      return misfit(spec, "no such measure, or twice: " + measure.column);
    }
    ColumnType type = schema.columns[*at].type;
    if (measure.states & ~possible(type)) {
      return misfit(spec, "states do not fit the type of " + measure.column);
    }
    add_measure(out, measure, type);
  }
  return out;
}

}  // namespace

const CubeMeasure* CubeSpec::measure(std::string_view column) const {
  auto at = std::find_if(measures.begin(), measures.end(),
                         [&](const auto& m) { return m.column == column; });
  return at == measures.end() ? nullptr : &*at;
}

std::string to_text(const CubeSpec& spec) {
  std::string text =
      spec.name + " " + spec.granularity.to_string() + " " + spec.zone + " by";
  for (const std::string& name : spec.dimensions) text += " " + name;
  text += " of";
  for (const CubeMeasure& measure : spec.measures) {
    text += " " + measure.column + "/" + std::to_string(measure.states);
  }
  return text;
}

uint32_t default_cube_states(ColumnType type) {
  if (!type.is_numeric()) return 0;
  return possible_cube_states(type) & (kCubeSum | kCubeMin | kCubeMax);
}

uint32_t possible_cube_states(ColumnType type) {
  uint32_t states = kCubeFirst | kCubeLast | kCubeApproxDistinct;
  if (type.kind == ColumnKind::kString) return states | kCubeDistinct;
  states |= kCubeMin | kCubeMax;
  if (type.is_numeric()) states |= kCubeQuantiles;
  bool exact = type.is_numeric() && type.kind != ColumnKind::kDouble;
  return exact ? states | kCubeSum : states;
}

uint32_t default_rollup_states(ColumnType type) {
  if (!type.is_numeric()) return 0;
  return kCubeSum | kCubeMin | kCubeMax;
}

uint32_t possible_rollup_states(ColumnType type) {
  uint32_t states = possible_cube_states(type) & ~uint32_t{kCubeDistinct};
  return type.is_numeric() ? states | kCubeSum : states;
}

Result<Schema> cube_schema(const CubeSpec& spec, const Schema& schema) {
  return table_schema(spec, schema, possible_cube_states);
}

Result<Schema> rollup_schema(const CubeSpec& spec, const Schema& schema) {
  return table_schema(spec, schema, possible_rollup_states);
}

}  // namespace freshet
