#include "server/model/derived_cubes.h"

#include <algorithm>
#include <map>
#include <set>

#include "server/model/dimension_filter.h"
#include "server/model/formula_parts.h"

namespace freshet {
namespace {

using Function = Aggregate::Function;

constexpr int64_t kQuarterHourMs = 15 * 60'000;
constexpr int64_t kHourMs = 4 * kQuarterHourMs;

// What one question about one KPI wants of a cube.
struct Need {
  KpiModel* kpi = nullptr;  // the one that is asked for
  std::string use;          // "tile 'net_sales' of dashboard 'trading'"
  DatasetModel* dataset = nullptr;
  std::set<std::string> dimensions;
  Granularity grain{Granularity::Unit::kMillis, kHourMs};
  std::string zone = "UTC";
  std::map<std::string, uint32_t> measures;  // states by column
  std::string refusal;                       // why it reads rows
};

// The largest bucket of UTC that the hours of `zone` nest in.
int64_t hours_of(const std::string& zone) {
  auto loaded = load_time_zone(zone);
  if (!loaded) return kHourMs;
  for (int64_t day = 0; day < 366; day += 30) {
    Timestamp t{day * 24 * kHourMs + int64_t{1'700'000'000'000}};
    Granularity hour(Granularity::Unit::kMillis, kHourMs);
    if (hour.floor(t, *loaded).ms % kHourMs != 0) return kQuarterHourMs;
  }
  return kHourMs;
}

const ColumnModel* column_model(const DatasetModel& dataset,
                                const std::string& name) {
  for (const ColumnModel& column : dataset.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

uint32_t state_of(Function function) {
  switch (function) {
    case Function::kSum:
      return kCubeSum;
    case Function::kMin:
      return kCubeMin;
    case Function::kMax:
      return kCubeMax;
    case Function::kFirst:
      return kCubeFirst;
    case Function::kLast:
      return kCubeLast;
    case Function::kCountDistinct:
      return kCubeDistinct;
    case Function::kApproxDistinct:
      return kCubeApproxDistinct;
    case Function::kApproxQuantile:
      return kCubeQuantiles;
    default:
      return 0;
  }
}

class NeedBuilder {
 public:
  NeedBuilder(const KpiModel& leaf, Need& need) : leaf_(leaf), need_(need) {}

  void build() {
    if (!leaf_.time_column.empty()) {
      return refuse("it goes by " + leaf_.time_column +
                    ", not by the time of the events");
    }
    if (leaf_.where) dimensions_of(*leaf_.where);
    each_formula(leaf_.formula, [&](const Formula& formula) {
      for (const Aggregate& aggregate : formula.aggregates) add(aggregate);
    });
    for (const std::string& name : need_.dimensions) check_dimension(name);
  }

 private:
  void refuse(const std::string& why) {
    if (need_.refusal.empty()) need_.refusal = why;
  }

  void dimensions_of(const Expression& e) {
    std::vector<std::string> names;
    collect_columns(e, names);
    need_.dimensions.insert(names.begin(), names.end());
  }

  void check_dimension(const std::string& name) {
    if (name == kTimeColumn) return refuse("it looks at the time of events");
    const ColumnModel* column = column_model(*need_.dataset, name);
    if (!column) return refuse("there is no column '" + name + "'");
    if (column->high_cardinality) {
      return refuse("a cube by '" + name +
                    "', which has a high cardinality, would be about as large "
                    "as the rows");
    }
    if (column->type.kind == ColumnKind::kDouble) {
      refuse("'" + name + "' is a double, and no dimension of a cube");
    }
  }

  void add(const Aggregate& aggregate) {
    if (aggregate.filter) dimensions_of(*aggregate.filter);
    if (aggregate.function == Function::kLastPerKeySum) {
      return refuse("levels are read from the rows");
    }
    if (aggregate.function == Function::kQuantile) {
      return refuse("percentiles are exact and need the rows");
    }
    if (!aggregate.argument) return;
    if (aggregate.argument->kind != Expression::Kind::kColumn) {
      return refuse("it aggregates " + to_text(*aggregate.argument) +
                    ": make that a column, by `from`");
    }
    add_measure(aggregate.argument->name, aggregate.function);
  }

  void add_measure(const std::string& name, Function function) {
    const ColumnModel* column = column_model(*need_.dataset, name);
    uint32_t states = state_of(function);
    if (!column || (states & ~possible_cube_states(column->type))) {
      return refuse("a cube cannot keep this of '" + name + "'");
    }
    if (function == Function::kCountDistinct && column->high_cardinality) {
      return refuse("exact distinct counts of '" + name +
                    "', which has a high cardinality, need the rows; "
                    "approx_distinct does not");
    }
    need_.measures[name] |= states;
  }

  const KpiModel& leaf_;
  Need& need_;
};

class CubeDerivation {
 public:
  explicit CubeDerivation(Model& model) : model_(model) {}

  void run() {
    for (KpiModel& kpi : model_.kpis) need(kpi, "its total", {}, "", "UTC");
    for (const DashboardModel& dashboard : model_.dashboards) {
      for (const TileModel& tile : dashboard.tiles) add(dashboard, tile);
    }
    for (const AlertModel& alert : model_.alerts) add(alert);
    std::stable_sort(needs_.begin(), needs_.end(),
                     [](const Need& a, const Need& b) {
                       return a.dimensions.size() > b.dimensions.size();
                     });
    for (Need& need : needs_) place(need);
    for (Need& need : needs_) tell(need);
  }

 private:
  KpiModel* find(const std::string& name) {
    for (KpiModel& kpi : model_.kpis) {
      if (kpi.name == name) return &kpi;
    }
    return nullptr;
  }

  DatasetModel* dataset(const std::string& name) {
    for (DatasetModel& dataset : model_.datasets) {
      if (dataset.name == name) return &dataset;
    }
    return nullptr;
  }

  void add(const DashboardModel& dashboard, const TileModel& tile) {
    KpiModel* kpi = find(tile.kpi);
    if (!kpi) return;
    std::set<std::string> dimensions(dashboard.filters.begin(),
                                     dashboard.filters.end());
    if (!tile.by.empty()) dimensions.insert(tile.by);
    need(*kpi,
         "tile '" + tile.kpi + (tile.by.empty() ? "" : "' by '" + tile.by) +
             "' of dashboard '" + dashboard.name + "'",
         dimensions, tile.grain, dashboard.tz);
  }

  void add(const AlertModel& alert) {
    KpiModel* kpi = find(alert.kpi);
    if (!kpi) return;
    std::set<std::string> dimensions(alert.by.begin(), alert.by.end());
    auto filter = parse_dimension_filter(alert.filter, kpi->dimensions,
                                         "kpi '" + kpi->name + "'");
    if (filter && *filter) {
      std::vector<std::string> names;
      collect_columns(**filter, names);
      dimensions.insert(names.begin(), names.end());
    }
    need(*kpi, "alert '" + alert.name + "'", dimensions, "", "UTC");
  }

  // One need for each KPI with aggregates that `kpi` is made of.
  void need(KpiModel& kpi, const std::string& use,
            const std::set<std::string>& dimensions, const std::string& grain,
            const std::string& zone) {
    std::set<std::string> seen;
    add_leaves(kpi, kpi, use, dimensions, grain, zone, seen);
  }

  void add_leaves(KpiModel& asked, const KpiModel& kpi, const std::string& use,
                  const std::set<std::string>& dimensions,
                  const std::string& grain, const std::string& zone,
                  std::set<std::string>& seen) {
    if (!seen.insert(kpi.name).second) return;
    for (const std::string& name : used_kpis(kpi.formula)) {
      if (const KpiModel* used = find(name)) {
        add_leaves(asked, *used, use, dimensions, grain, zone, seen);
      }
    }
    bool aggregates = false;
    each_formula(kpi.formula, [&](const Formula& formula) {
      aggregates = aggregates || !formula.aggregates.empty();
    });
    if (!aggregates) return;
    Need need;
    need.kpi = &asked;
    need.use = use;
    need.dataset = dataset(kpi.dataset);
    if (!need.dataset) return;
    need.dimensions = dimensions;
    need.zone = zone;
    need.grain = Granularity(Granularity::Unit::kMillis, hours_of(zone));
    auto asked_grain = Granularity::parse(grain);
    if (asked_grain && (asked_grain->unit() != Granularity::Unit::kMillis)) {
      // Ranges begin and end on days, which are hours too.
    } else if (asked_grain && asked_grain->count() < need.grain.count()) {
      need.refusal = "buckets of " + grain + " are finer than a cube's hours";
    }
    NeedBuilder(kpi, need).build();
    needs_.push_back(std::move(need));
  }

  static bool covers(const CubeSpec& cube, const Need& need) {
    for (const std::string& name : need.dimensions) {
      if (std::find(cube.dimensions.begin(), cube.dimensions.end(), name) ==
          cube.dimensions.end()) {
        return false;
      }
    }
    for (const auto& [column, states] : need.measures) {
      const CubeMeasure* measure = cube.measure(column);
      if (!measure || (states & ~measure->states)) return false;
    }
    return cube.granularity.unit() == Granularity::Unit::kMillis &&
           need.grain.count() % cube.granularity.count() == 0;
  }

  static void widen(CubeSpec& cube, const Need& need) {
    for (const std::string& name : need.dimensions) {
      auto& names = cube.dimensions;
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
    for (const auto& [column, states] : need.measures) {
      auto at = std::find_if(
          cube.measures.begin(), cube.measures.end(),
          [&](const CubeMeasure& m) { return m.column == column; });
      if (at == cube.measures.end()) {
        cube.measures.push_back({column, states});
      } else {
        at->states |= states;
      }
    }
  }

  static bool fits(const CubeSpec& cube, const Need& need) {
    std::set<std::string> all = need.dimensions;
    all.insert(cube.dimensions.begin(), cube.dimensions.end());
    return cube.granularity == need.grain && all.size() <= kMostCubeDimensions;
  }

  void place(Need& need) {
    if (!need.refusal.empty() || !need.dataset->auto_cubes) return;
    std::vector<CubeSpec>& cubes = need.dataset->cubes;
    for (const CubeSpec& cube : cubes) {
      if (covers(cube, need)) return;
    }
    size_t given = need.dataset->given_cubes();
    for (size_t i = given; i < cubes.size(); ++i) {
      if (fits(cubes[i], need)) return widen(cubes[i], need);
    }
    CubeSpec cube;
    cube.name = "auto_" + std::to_string(cubes.size() - given + 1);
    cube.granularity = need.grain;
    if (!fits(cube, need)) {
      need.refusal = "it needs more than " +
                     std::to_string(kMostCubeDimensions) + " dimensions";
    } else if (cubes.size() - given == kMostDerivedCubes) {
      need.refusal = "the dataset has " + std::to_string(kMostDerivedCubes) +
                     " derived cubes already";
    } else {
      widen(cube, need);
      cubes.push_back(std::move(cube));
      ++need.dataset->derived_cubes;
    }
  }

  static void tell(Need& need) {
    auto add = [](std::vector<std::string>& list, const std::string& text) {
      if (std::find(list.begin(), list.end(), text) == list.end()) {
        list.push_back(text);
      }
    };
    for (const CubeSpec& cube : need.dataset->cubes) {
      if (need.refusal.empty() && covers(cube, need)) {
        return add(need.kpi->cubes, need.dataset->name + "." + cube.name);
      }
    }
    if (need.refusal.empty()) need.refusal = "no cube has what it needs";
    add(need.kpi->reads_rows, need.use + ": " + need.refusal);
  }

  Model& model_;
  std::vector<Need> needs_;
};

}  // namespace

void derive_cubes(Model& model) { CubeDerivation(model).run(); }

bool cube_keeps(const CubeSpec& cube, const std::set<std::string>& dimensions,
                const std::vector<Aggregate>& aggregates) {
  auto has = [&](const std::string& name) {
    return std::find(cube.dimensions.begin(), cube.dimensions.end(), name) !=
           cube.dimensions.end();
  };
  if (!std::all_of(dimensions.begin(), dimensions.end(), has)) return false;
  return std::all_of(
      aggregates.begin(), aggregates.end(), [&](const Aggregate& aggregate) {
        if (aggregate.filter) {
          std::vector<std::string> names;
          collect_columns(*aggregate.filter, names);
          if (!std::all_of(names.begin(), names.end(), has)) return false;
        }
        if (!aggregate.argument) return true;
        if (aggregate.argument->kind != Expression::Kind::kColumn) return false;
        const CubeMeasure* measure = cube.measure(aggregate.argument->name);
        const uint32_t state = state_of(aggregate.function);
        return measure && state != 0 && (measure->states & state) != 0;
      });
}

}  // namespace freshet
