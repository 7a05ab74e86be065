#include "segments/rolled_states.h"

#include "segments/hll_sketch.h"
#include "segments/quantile_sketch.h"

namespace freshet {
namespace {

constexpr ColumnType kLong{ColumnKind::kLong, 0};
constexpr ColumnType kTime{ColumnKind::kTimestamp, 0};
constexpr ColumnType kText{ColumnKind::kString, 0};

GroupValues zeros(ColumnType type, uint32_t groups) {
  GroupValues out(type, groups);
  std::fill(out.null.begin(), out.null.end(), 0);
  return out;
}

class MergedStates {
 public:
  MergedStates(const Segment& segment, const CubeGroups& groups,
               std::string measure)
      : segment_(segment), groups_(groups), measure_(std::move(measure)) {}

  Result<GroupValues> counts() {
    TRY_ASSIGN(const Column* column, state("#count"));
    GroupValues out = zeros(kLong, groups_.size());
    each(*column, [&](uint32_t group, auto value) { add(out, group, value); });
    return out;
  }

  Result<GroupValues> double_sums() {
    TRY_ASSIGN(const Column* column, state("#sum"));
    GroupValues out = zeros(column->type(), groups_.size());
    each(*column, [&](uint32_t group, auto value) { add(out, group, value); });
    return out;
  }

  // High and low halves; kLimit where a sum leaves 128 bits.
  Result<std::pair<GroupValues, GroupValues>> sums() {
    TRY_ASSIGN(const Column* high, state("#sum_high"));
    TRY_ASSIGN(const Column* low, state("#sum"));
    std::vector<__int128> sums(groups_.size());
    bool overflow = false;
    auto add_shifted = [&](const Column& column, int shift) {
      each(column, [&](uint32_t group, auto value) {
        if constexpr (std::is_same_v<decltype(value), int64_t>) {
          auto part = static_cast<unsigned __int128>(__int128{value}) << shift;
          overflow |= __builtin_add_overflow(
              sums[group], static_cast<__int128>(part), &sums[group]);
        }
      });
    };
    add_shifted(*high, 64);
    add_shifted(*low, 0);
    if (overflow) {
      return Error{ErrorCode::kLimit, "sum beyond 128 bits: " + measure_};
    }
    auto out = std::make_pair(zeros(kLong, groups_.size()),
                              zeros(kLong, groups_.size()));
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      auto rest = static_cast<int64_t>(sums[g]);
      out.second.longs[g] = rest;
      out.first.longs[g] = static_cast<int64_t>((sums[g] - rest) >> 64);
    }
    return out;
  }

  Result<GroupValues> extreme(bool greatest) {
    TRY_ASSIGN(const Column* column, state(greatest ? "#max" : "#min"));
    return extreme_values(segment_, groups_, *column, greatest);
  }

  // As MeasureStates::newest: of equal times, first takes the earlier row and
  // last the later one.
  Result<std::pair<GroupValues, GroupValues>> newest(bool last) {
    TRY_ASSIGN(const Column* time, state(last ? "#last_time" : "#first_time"));
    TRY_ASSIGN(const Column* column, state(last ? "#last" : "#first"));
    std::vector<int64_t> times(segment_.num_rows());
    for_each_value(segment_, *time, [&](uint32_t row, auto value) {
      if constexpr (std::is_same_v<decltype(value), int64_t>) {
        times[row] = value;
      }
    });
    auto out = std::make_pair(GroupValues(kTime, groups_.size()),
                              GroupValues(column->type(), groups_.size()));
    for_each_value(segment_, *column, [&](uint32_t row, auto value) {
      uint32_t group = groups_.of_rows()[row];
      int64_t t = times[row];
      if (out.first.null[group] == 0) {
        int64_t best = out.first.longs[group];
        if (last ? t < best : t >= best) return;
      }
      out.first.set(group, t);
      out.second.set(group, value);
    });
    return out;
  }

  template <class Sketch>
  Result<GroupValues> sketches(const char* suffix) {
    TRY_ASSIGN(const Column* column, state(suffix));
    std::vector<Sketch> merged(groups_.size());
    Status status;
    each(*column, [&](uint32_t group, auto value) {
      if constexpr (std::is_same_v<decltype(value), std::string_view>) {
        auto sketch = Sketch::from_bytes(value);
        if (sketch) {
          merged[group].merge(*sketch);
        } else {
          status = sketch.error();
        }
      }
    });
    if (!status) return status.error();
    GroupValues out(kText, groups_.size());
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      out.set(g, std::string_view(merged[g].to_bytes()));
    }
    return out;
  }

 private:
  Result<const Column*> state(const char* suffix) {
    TRY_ASSIGN(const Column* column, segment_.column(measure_ + suffix));
    if (column != nullptr) return column;
    return Error{ErrorCode::kCorrupt, "state is missing: " + measure_ + suffix};
  }

  template <class Visit>
  void each(const Column& column, Visit visit) {
    for_each_value(segment_, column, [&](uint32_t row, auto value) {
      visit(groups_.of_rows()[row], value);
    });
  }

  template <class Value>
  static void add(GroupValues& out, uint32_t group, Value value) {
    if constexpr (std::is_same_v<Value, int64_t>) {
      out.longs[group] += value;
    } else if constexpr (std::is_same_v<Value, double>) {
      out.doubles[group] += value;
    }
  }

  const Segment& segment_;
  const CubeGroups& groups_;
  const std::string measure_;
};

}  // namespace

Result<std::vector<GroupValues>> merged_states(const Segment& segment,
                                               const CubeGroups& groups,
                                               const CubeMeasure& measure) {
  MergedStates states(segment, groups, measure.column);
  std::vector<GroupValues> out;
  auto add = [&](Result<GroupValues> values) -> Status {
    if (!values) return values.error();
    out.push_back(std::move(*values));
    return {};
  };
  auto add_both =
      [&](Result<std::pair<GroupValues, GroupValues>> both) -> Status {
    if (!both) return both.error();
    out.push_back(std::move(both->first));
    out.push_back(std::move(both->second));
    return {};
  };
  TRY(add(states.counts()));
  if (measure.states & kCubeSum) {
    TRY_ASSIGN(const Column* sum, segment.column(measure.column + "#sum"));
    bool is_double = sum && sum->type().kind == ColumnKind::kDouble;
    TRY(is_double ? add(states.double_sums()) : add_both(states.sums()));
  }
  if (measure.states & kCubeMin) TRY(add(states.extreme(false)));
  if (measure.states & kCubeMax) TRY(add(states.extreme(true)));
  if (measure.states & kCubeFirst) TRY(add_both(states.newest(false)));
  if (measure.states & kCubeLast) TRY(add_both(states.newest(true)));
  if (measure.states & kCubeApproxDistinct) {
    TRY(add(states.sketches<HllSketch>("#hll")));
  }
  if (measure.states & kCubeQuantiles) {
    TRY(add(states.sketches<QuantileSketch>("#quantiles")));
  }
  return out;
}

Result<GroupValues> counted_rows(const Segment& segment,
                                 const CubeGroups& groups,
                                 const std::string& column) {
  TRY_ASSIGN(const Column* rows, segment.column(kCubeRows));
  TRY_ASSIGN(const Column* counted, segment.column(column));
  std::vector<int64_t> behind(segment.num_rows());
  for_each_value(segment, *rows, [&](uint32_t row, auto value) {
    if constexpr (std::is_same_v<decltype(value), int64_t>) behind[row] = value;
  });
  GroupValues out = zeros(kLong, groups.size());
  for_each_value(segment, *counted, [&](uint32_t row, auto) {
    out.longs[groups.of_rows()[row]] += behind[row];
  });
  return out;
}

}  // namespace freshet
