// `cubes:` of datasets/*.yaml
#include "server/model/cube_reader.h"

#include <algorithm>

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
  CubeReader(ConfigMap& map, const Schema& schema)
      : map_(map), schema_(schema) {}

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

 private:
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
      uint32_t states = default_cube_states(column.type);
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
    ColumnType type = schema_.columns[*schema_.find(column)].type;
    uint32_t states = default_cube_states(type);
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
    } else if (states == 0) {
      fault(text, "'" + column +
                      "' is no number; say what to keep of it, as "
                      "in distinct(" +
                      column + ")");
      return;
    }
    if (states & ~possible_cube_states(type)) {
      fault(text, text.text + " can't be kept of a column of type " +
                      to_string(type));
      return;
    }
    add(column, states);
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
  CubeSpec spec_;
};

}  // namespace

std::vector<CubeSpec> read_cubes(ConfigMap& map, const Schema& schema) {
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
    cubes.push_back(CubeReader(cube, schema).read());
    cubes.back().name = name;
    cube.finish();
  }
  return cubes;
}

}  // namespace freshet
