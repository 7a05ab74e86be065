// `cubes:` and `rollup:` of datasets/*.yaml
#include "server/model/cube_reader.h"

#include <algorithm>

#include "segments/rollup.h"

namespace freshet {
namespace {

// What `measures` may name beside a column alone.
struct NamedState {
  const char* name;
  uint32_t state;
};
constexpr NamedState kStates[] = {{"count", 0},
                                  {"sum", kCubeSum},
                                  {"min", kCubeMin},
                                  {"max", kCubeMax},
                                  {"first", kCubeFirst},
                                  {"last", kCubeLast},
                                  {"distinct", kCubeDistinct},
                                  {"approx_distinct", kCubeApproxDistinct},
                                  {"approx_quantile", kCubeQuantiles}};

class CubeReader {
 public:
  // `rollup` is that of the dataset, or null.
  CubeReader(ConfigMap& map, const Schema& schema, const CubeSpec* rollup)
      : map_(map), schema_(schema), rollup_(rollup) {}

  CubeSpec read() {
    read_dimensions();
    read_buckets();
    if (map_.has("measures")) {
      for (const ConfigText& text : map_.texts("measures")) add_named(text);
    } else {
      add_all();
    }
    return std::move(spec_);
  }

  // All columns that are no measure are dimensions: none is lost silently.
  CubeSpec read_rollup() {
    is_rollup_ = true;
    spec_.name = kRollupName;
    map_.required_text("granularity");
    read_buckets();
    if (map_.has("measures")) {
      for (const ConfigText& text : map_.texts("measures")) add_named(text);
    } else {
      add_all();
    }
    for (const ColumnSpec& column : schema_.columns) {
      if (column.name == kTimeColumn || spec_.measure(column.name)) continue;
      if (column.type.kind == ColumnKind::kDouble) {
        map_.faults().add(map_.line(), map_.place() + ": '" + column.name +
                                           "' is a double, which is no "
                                           "dimension; name it in 'measures'");
      }
      spec_.dimensions.push_back(column.name);
    }
    for (const ColumnSpec& column : schema_.columns) {
      if (column.name.find('#') == std::string::npos) continue;
      map_.faults().add(map_.line(),
                        map_.place() + ": a column has '#' in " +
                            "its name, as states have: " + column.name);
    }
    return std::move(spec_);
  }

 private:
  uint32_t default_states(const ColumnSpec& column) const {
    if (is_rollup_) return default_rollup_states(column.type);
    uint32_t states = default_cube_states(column.type);
    if (!rollup_) return states;
    const CubeMeasure* kept = rollup_->measure(column.name);
    return kept ? states & kept->states : states & ~uint32_t{kCubeSum};
  }

  uint32_t possible_states(ColumnType type) const {
    return is_rollup_ ? possible_rollup_states(type)
                      : possible_cube_states(type);
  }

  // Whether rows that are rolled up still say it.
  bool is_kept(const ConfigText& text, const std::string& column,
               uint32_t states) {
    if (!rollup_) return true;
    constexpr uint32_t kOfDimension =
        kCubeMin | kCubeMax | kCubeDistinct | kCubeApproxDistinct;
    const CubeMeasure* kept = rollup_->measure(column);
    if ((states & ~(kept ? kept->states : kOfDimension)) == 0) return true;
    fault(text, text.text + " is not kept by 'rollup'");
    return false;
  }

  std::string place_of(const char* key) const {
    return std::string("'") + key + "' of " + map_.place();
  }

  void read_dimensions() {
    for (const ConfigText& c : map_.texts("dimensions")) {
      if (!check_column(c.text, schema_, place_of("dimensions"), c.line,
                        map_.faults())) {
        continue;
      }
      const ColumnSpec& column = schema_.columns[*schema_.find(c.text)];
      if (column.name == kTimeColumn) {
        map_.faults().add(c.line, place_of("dimensions") +
                                      ": time is cut by 'granularity', it is "
                                      "no dimension");
      } else if (column.type.kind == ColumnKind::kDouble) {
        map_.faults().add(c.line, place_of("dimensions") + ": '" + c.text +
                                      "' is a double, which is no dimension");
      } else if (rollup_ && rollup_->measure(column.name)) {
        map_.faults().add(c.line, place_of("dimensions") + ": '" + c.text +
                                      "' is a measure of 'rollup'");
      } else {
        spec_.dimensions.push_back(c.text);
      }
    }
  }

  void read_buckets() {
    std::string grain = map_.text("granularity", "hour");
    if (auto parsed = Granularity::parse(grain)) {
      spec_.granularity = *parsed;
    } else {
      map_.wrong("granularity", *map_.find("granularity"),
                 "a grain such as minute, hour or day");
    }
    spec_.zone = map_.text("tz", "UTC");
    if (!load_time_zone(spec_.zone)) {
      map_.wrong("tz", *map_.find("tz"), "a zone such as Europe/Madrid");
    }
  }

  // Every number that is no dimension.
  void add_all() {
    for (const ColumnSpec& column : schema_.columns) {
      const auto& dimensions = spec_.dimensions;
      bool grouped = std::find(dimensions.begin(), dimensions.end(),
                               column.name) != dimensions.end();
      uint32_t states = default_states(column);
      if (!grouped && states != 0)
        spec_.measures.push_back({column.name, states});
    }
  }

  // "net", or "last(price)".
  void add_named(const ConfigText& text) {
    std::string column = text.text, function;
    size_t open = column.find('(');
    if (open != std::string::npos && column.back() == ')') {
      function = column.substr(0, open);
      column = column.substr(open + 1, column.size() - open - 2);
    }
    if (!check_column(column, schema_, place_of("measures"), text.line,
                      map_.faults())) {
      return;
    }
    const ColumnSpec& declared = schema_.columns[*schema_.find(column)];
    ColumnType type = declared.type;
    uint32_t states = default_states(declared);
    if (!function.empty()) {
      auto at = std::find_if(std::begin(kStates), std::end(kStates),
                             [&](const auto& s) { return s.name == function; });
      if (at == std::end(kStates)) {
        fault(text,
              "knows count, sum, min, max, first, last, distinct, "
              "approx_distinct and approx_quantile, not " +
                  function);
        return;
      }
      states = at->state;
    } else if (states == 0 && !type.is_numeric()) {
      fault(text, "'" + column +
                      "' is no number; say what to keep of it, as "
                      "in distinct(" +
                      column + ")");
      return;
    }
    if (column == kTimeColumn && is_rollup_) {
      fault(text, "time is cut by 'granularity', it is no measure");
      return;
    }
    if (states & ~possible_states(type)) {
      fault(text, text.text + " can't be kept of a column of type " +
                      to_string(type));
      return;
    }
    if (is_kept(text, column, states)) add(column, states);
  }

  void add(const std::string& column, uint32_t states) {
    for (CubeMeasure& measure : spec_.measures) {
      if (measure.column != column) continue;
      measure.states |= states;
      return;
    }
    spec_.measures.push_back({column, states});
  }

  void fault(const ConfigText& text, const std::string& what) {
    map_.faults().add(text.line, place_of("measures") + ": " + what);
  }

  ConfigMap& map_;
  const Schema& schema_;
  const CubeSpec* const rollup_;
  bool is_rollup_ = false;
  CubeSpec spec_;
};

}  // namespace

std::vector<CubeSpec> read_cubes(ConfigMap& map, const Schema& schema,
                                 const CubeSpec* rollup) {
  std::vector<CubeSpec> cubes;
  const ConfigNode* node = map.find("cubes");
  if (!node) return cubes;
  if (node->kind != ConfigNode::Kind::kList) {
    map.wrong("cubes", *node, "a list of cubes");
    return cubes;
  }
  for (const ConfigNode& item : node->items) {
    ConfigMap cube(item, "a cube of " + map.place(), map.faults());
    std::string name = cube.name("name");
    if (!name.empty()) cube.rename("cube '" + name + "' of " + map.place());
    bool twice = std::any_of(cubes.begin(), cubes.end(),
                             [&](const auto& c) { return c.name == name; });
    if (twice) {
      cube.fault("name", "cube '" + name + "' stands twice in " + map.place());
    }
    cubes.push_back(CubeReader(cube, schema, rollup).read());
    cubes.back().name = name;
    cube.finish();
  }
  return cubes;
}

std::optional<CubeSpec> read_rollup(ConfigMap& dataset, const Schema& schema,
                                    const std::vector<std::string>& sort_by) {
  const ConfigNode* node = dataset.find("rollup");
  if (!node) return std::nullopt;
  ConfigMap map(*node, "rollup of " + dataset.place(), dataset.faults());
  if (dataset.has("key")) {
    dataset.fault("rollup", "'rollup' and 'key' exclude each other in " +
                                dataset.place() +
                                ": rows that are rolled up have no key");
  }
  CubeSpec spec = CubeReader(map, schema, nullptr).read_rollup();
  map.finish();
  for (const std::string& name : sort_by) {
    if (!spec.measure(name)) continue;
    dataset.fault("sort_by", "'sort_by' of " + dataset.place() + ": '" + name +
                                 "' is a measure of 'rollup'");
  }
  return spec;
}

}  // namespace freshet
