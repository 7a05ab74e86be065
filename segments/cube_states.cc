#include "segments/cube_states.h"

#include <algorithm>
#include <cmath>

#include "segments/dictionary_order.h"
#include "segments/hll_sketch.h"
#include "segments/id_list.h"
#include "segments/quantile_sketch.h"

namespace freshet {
namespace {

constexpr ColumnType kLong{ColumnKind::kLong, 0};
constexpr ColumnType kTime{ColumnKind::kTimestamp, 0};
constexpr ColumnType kText{ColumnKind::kString, 0};

// NaN is the greatest of doubles.
bool less(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }
bool less(int64_t a, int64_t b) { return a < b; }
bool less(std::string_view a, std::string_view b) { return a < b; }

uint64_t hash_of(int64_t value) { return sketch_hash(__int128{value}); }
uint64_t hash_of(double value) { return sketch_hash(value); }
uint64_t hash_of(std::string_view value) { return sketch_hash(value); }

// The value of `column` in a row of GroupValues that was set before.
void held(const GroupValues& values, uint32_t group, int64_t& out) {
  out = values.longs[group];
}
void held(const GroupValues& values, uint32_t group, double& out) {
  out = values.doubles[group];
}
void held(const GroupValues& values, uint32_t group, std::string_view& out) {
  out = values.texts[group];
}

class MeasureStates {
 public:
  MeasureStates(const Segment& segment, const Column& column,
                const CubeGroups& groups)
      : segment_(segment),
        column_(column),
        groups_(groups),
        of_rows_(groups.of_rows()) {}

  GroupValues counts() {
    GroupValues out = zeros(kLong);
    each([&](uint32_t group, auto) { ++out.longs[group]; });
    return out;
  }

  // In the order of the rows: what a sum of doubles is depends on it.
  GroupValues double_sums() {
    GroupValues out = zeros(column_.type());
    each([&](uint32_t group, auto value) {
      if constexpr (std::is_same_v<decltype(value), double>) {
        out.doubles[group] += value;
      }
    });
    return out;
  }

  // High and low halves.
  std::pair<GroupValues, GroupValues> sums() {
    std::vector<__int128> sums(groups_.size());
    each([&](uint32_t group, auto value) {
      if constexpr (std::is_same_v<decltype(value), int64_t>) {
        sums[group] += value;
      }
    });
    auto out = std::make_pair(zeros(kLong), zeros(kLong));
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      auto low = static_cast<int64_t>(sums[g]);
      out.second.longs[g] = low;
      out.first.longs[g] = static_cast<int64_t>((sums[g] - low) >> 64);
    }
    return out;
  }

  // Times and values. Of equal times, first takes the earlier row and last
  // the later one.
  Result<std::pair<GroupValues, GroupValues>> newest(bool last) {
    TRY_ASSIGN(const Column* time, segment_.column(kTimeColumn));
    std::vector<int64_t> times(segment_.num_blocks() * size_t{kBlockRows});
    for (uint32_t block = 0; block < segment_.num_blocks(); ++block) {
      time->read_longs(block, times.data() + size_t{block} * kBlockRows);
    }
    auto out = std::make_pair(GroupValues(kTime, groups_.size()),
                              GroupValues(column_.type(), groups_.size()));
    for_each_value(segment_, column_, [&](uint32_t row, auto value) {
      uint32_t group = of_rows_[row];
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

  template <class Sketch, class Add>
  GroupValues sketches(Add add) {
    std::vector<Sketch> sketches(groups_.size());
    each([&](uint32_t group, auto value) { add(sketches[group], value); });
    GroupValues out(kText, groups_.size());
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      out.set(g, std::string_view(sketches[g].to_bytes()));
    }
    return out;
  }

  GroupValues distinct_hashes() {
    return sketches<HllSketch>(
        [](HllSketch& sketch, auto value) { sketch.add(hash_of(value)); });
  }

  GroupValues quantiles() {
    double scale = std::pow(10.0, column_.type().scale);
    return sketches<QuantileSketch>([&](QuantileSketch& s, auto value) {
      if constexpr (std::is_same_v<decltype(value), int64_t>) {
        s.add(static_cast<double>(value) / scale);
      } else if constexpr (std::is_same_v<decltype(value), double>) {
        s.add(value);
      }
    });
  }

  // Nothing where the lists would have more than `most` ids.
  std::optional<GroupValues> distinct_ids(size_t most) {
    const Dictionary& dictionary = *column_.dictionary();
    std::vector<uint32_t> ids(segment_.num_blocks() * size_t{kBlockRows});
    std::vector<uint8_t> used(dictionary.size());
    for (uint32_t block = 0; block < segment_.num_blocks(); ++block) {
      column_.read_ids(block, ids.data() + size_t{block} * kBlockRows);
    }
    ids.resize(segment_.num_rows());
    for (uint32_t id : ids) used[id] = 1;
    // The ids that the seal gives.
    DictionaryOrder order = DictionaryOrder::of(dictionary, used);
    std::vector<uint64_t> pairs;
    for (uint32_t row = 0; row < ids.size(); ++row) {
      if (ids[row] == kNullId) continue;
      pairs.push_back(uint64_t{of_rows_[row]} << 32 | order.rank[ids[row]]);
    }
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    if (pairs.size() > most) return std::nullopt;
    GroupValues out(kText, groups_.size());
    std::vector<uint32_t> of_group;
    for (size_t i = 0, g = 0; g < groups_.size(); ++g) {
      of_group.clear();
      for (; i < pairs.size() && pairs[i] >> 32 == g; ++i) {
        of_group.push_back(static_cast<uint32_t>(pairs[i]));
      }
      out.set(static_cast<uint32_t>(g), std::string_view(encode_ids(of_group)));
    }
    return out;
  }

 private:
  template <class Visit>
  void each(Visit visit) {
    for_each_value(segment_, column_, [&](uint32_t row, auto value) {
      visit(of_rows_[row], value);
    });
  }

  GroupValues zeros(ColumnType type) {
    GroupValues out(type, groups_.size());
    std::fill(out.null.begin(), out.null.end(), 0);
    return out;
  }

  const Segment& segment_;
  const Column& column_;
  const CubeGroups& groups_;
  const std::vector<uint32_t>& of_rows_;
};

}  // namespace

GroupValues::GroupValues(ColumnType column_type, uint32_t groups)
    : type(column_type), null(groups, 1) {
  if (type.kind == ColumnKind::kString) {
    texts.resize(groups);
  } else if (type.kind == ColumnKind::kDouble) {
    doubles.resize(groups);
  } else {
    longs.resize(groups);
  }
}

void GroupValues::put(uint32_t group, size_t column, ColumnBatch& batch) const {
  if (null[group] != 0) return;
  if (type.kind == ColumnKind::kString) {
    batch.set_string(column, texts[group]);
  } else if (type.kind == ColumnKind::kDouble) {
    batch.set_double(column, doubles[group]);
  } else {
    batch.set_long(column, longs[group]);
  }
}

GroupValues extreme_values(const Segment& segment, const CubeGroups& groups,
                           const Column& column, bool greatest) {
  GroupValues out(column.type(), groups.size());
  for_each_value(segment, column, [&](uint32_t row, auto value) {
    uint32_t group = groups.of_rows()[row];
    decltype(value) best;
    if (out.null[group] == 0) {
      held(out, group, best);
      if (!(greatest ? less(best, value) : less(value, best))) return;
    }
    out.set(group, value);
  });
  return out;
}

Result<std::vector<GroupValues>> measure_states(const Segment& segment,
                                                const CubeGroups& groups,
                                                CubeMeasure& measure) {
  TRY_ASSIGN(const Column* column, segment.column(measure.column));
  MeasureStates states(segment, *column, groups);
  std::vector<GroupValues> out;
  auto add = [&](GroupValues values) { out.push_back(std::move(values)); };
  auto add_both = [&](std::pair<GroupValues, GroupValues> both) {
    add(std::move(both.first));
    add(std::move(both.second));
  };
  add(states.counts());
  if (measure.states & kCubeSum) {
    if (column->type().kind == ColumnKind::kDouble) {
      add(states.double_sums());
    } else {
      add_both(states.sums());
    }
  }
  if (measure.states & kCubeMin)
    add(extreme_values(segment, groups, *column, false));
  if (measure.states & kCubeMax)
    add(extreme_values(segment, groups, *column, true));
  for (uint32_t state : {kCubeFirst, kCubeLast}) {
    if (!(measure.states & state)) continue;
    TRY_ASSIGN(auto newest, states.newest(state == kCubeLast));
    add_both(std::move(newest));
  }
  if (measure.states & kCubeDistinct) {
    auto ids = states.distinct_ids(segment.num_rows() / 4);
    if (ids) add(std::move(*ids));
    if (!ids) measure.states &= ~uint32_t{kCubeDistinct};
  }
  if (measure.states & kCubeApproxDistinct) add(states.distinct_hashes());
  if (measure.states & kCubeQuantiles) add(states.quantiles());
  return out;
}

}  // namespace freshet
