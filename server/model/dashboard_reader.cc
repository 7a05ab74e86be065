// dashboards/*.yaml
#include <algorithm>
#include <charconv>

#include "server/model/model_reader.h"
#include "server/model/range_names.h"

namespace freshet {
namespace {

const KpiModel* find_kpi(ConfigMap& map, const std::string& name,
                         ReadContext& context) {
  for (const KpiModel& kpi : context.model.kpis) {
    if (kpi.name == name) return &kpi;
  }
  if (!context.kpis_unread) {
    std::vector<std::string> known;
    for (const KpiModel& kpi : context.model.kpis) known.push_back(kpi.name);
    map.fault("kpi", "unknown kpi '" + name + "' in " + map.place() +
                         did_you_mean(name, known));
  }
  return nullptr;
}

// "3x2": columns x rows of the grid.
void read_size(ConfigMap& map, TileModel& tile) {
  std::string text = map.text("size", "1x1");
  size_t x = text.find('x');
  constexpr int kMost = 12;
  auto read = [](std::string_view part, int& out) {
    auto [end, error] =
        std::from_chars(part.data(), part.data() + part.size(), out);
    return error == std::errc() && end == part.data() + part.size() &&
           out >= 1 && out <= kMost;
  };
  if (x == std::string::npos ||
      !read(std::string_view(text).substr(0, x), tile.width) ||
      !read(std::string_view(text).substr(x + 1), tile.height)) {
    map.wrong("size", *map.find("size"), "COLUMNSxROWS from 1x1 to 12x12");
  }
}

void read_show(ConfigMap& map, TileModel& tile) {
  tile.show = map.choice(
      "show", "tile",
      {"tile", "line", "bars", "table", "heatmap", "map", "funnel", "text"});
  for (const char* later : {"heatmap", "map", "funnel"}) {
    if (tile.show == later) {
      map.fault("show", "show '" + tile.show + "' of " + map.place() +
                            " isn't available in this version");
    }
  }
}

void check_dimension(ConfigMap& map, const std::string& key,
                     const std::string& name, const KpiModel& kpi) {
  if (std::find(kpi.dimensions.begin(), kpi.dimensions.end(), name) ==
      kpi.dimensions.end()) {
    map.fault(key, "'" + name + "' in " + map.place() +
                       " isn't a dimension of kpi '" + kpi.name + "'" +
                       did_you_mean(name, kpi.dimensions));
  }
}

void check_shape(ConfigMap& map, const TileModel& tile) {
  bool by_rows = tile.show == "bars" || tile.show == "table";
  if (tile.show == "bars" && tile.by.empty()) {
    map.faults().add(map.line(), map.place() +
                                     " lacks the key 'by', which "
                                     "bars need");
  }
  if (!by_rows && !tile.by.empty()) {
    map.fault("by", "'by' in " + map.place() +
                        " needs show bars or table, "
                        "not " +
                        tile.show);
  }
  if (!by_rows && map.has("top")) {
    map.fault("top", "'top' in " + map.place() +
                         " needs show bars or table, "
                         "not " +
                         tile.show);
  }
}

TileModel read_tile(const ConfigNode& node, const std::string& dashboard_place,
                    const std::vector<std::string>& filters,
                    ReadContext& context) {
  ConfigMap map(node, "a tile of " + dashboard_place, context.faults);
  TileModel tile;
  tile.kpi = map.text("kpi");
  if (!tile.kpi.empty()) {
    map.rename("tile '" + tile.kpi + "' of " + dashboard_place);
  }
  read_show(map, tile);
  tile.title = map.text("title");
  tile.text = map.text("text");
  tile.grain = map.text("grain");
  if (!tile.grain.empty() && !Granularity::parse(tile.grain)) {
    map.wrong("grain", *map.find("grain"),
              "a grain such as minute, hour or day");
  }
  tile.by = map.text("by");
  tile.top = static_cast<int>(map.integer("top", 10, 1, 1000));
  read_size(map, tile);
  if (tile.show == "text") {
    if (!tile.kpi.empty()) {
      map.fault("kpi", map.place() + " shows a text and has no kpi");
    }
    if (tile.text.empty()) map.required_text("text");
  } else if (tile.kpi.empty()) {
    map.required_text("kpi");
  } else if (const KpiModel* kpi = find_kpi(map, tile.kpi, context)) {
    if (!tile.by.empty()) check_dimension(map, "by", tile.by, *kpi);
    // A tile that ignored a filter of its page would show a wrong number.
    for (const std::string& filter : filters) {
      if (std::find(kpi->dimensions.begin(), kpi->dimensions.end(), filter) ==
          kpi->dimensions.end()) {
        map.fault("kpi", map.place() + " cannot follow the page's filter '" +
                             filter + "': it isn't a dimension of kpi '" +
                             kpi->name + "'" +
                             did_you_mean(filter, kpi->dimensions));
      }
    }
  }
  check_shape(map, tile);
  map.finish();
  return tile;
}

bool is_compare(const std::string& text) {
  static const std::vector<std::string> kKinds = {
      "none", "previous", "same_day_last_week", "last_year", "last_year_364"};
  return std::find(kKinds.begin(), kKinds.end(), text) != kKinds.end() ||
         text.find('/') != std::string::npos;
}

void read_default(ConfigMap& dashboard_map, DashboardModel& dashboard) {
  const ConfigNode* node = dashboard_map.find("default");
  if (!node) return;
  ConfigMap map(*node, "default of " + dashboard_map.place(),
                dashboard_map.faults());
  dashboard.range = map.text("range", dashboard.range);
  const std::vector<std::string>& names = range_names();
  if (std::find(names.begin(), names.end(), dashboard.range) == names.end() &&
      !parse_range_length(dashboard.range)) {
    map.fault("range", "unknown range '" + dashboard.range + "' in " +
                           map.place() + did_you_mean(dashboard.range, names));
  }
  dashboard.compare = map.text("compare", dashboard.compare);
  if (!is_compare(dashboard.compare)) {
    map.wrong("compare", *map.find("compare"),
              "previous, same_day_last_week, last_year, last_year_364, none "
              "or FROM/TO");
  }
  dashboard.tz = map.text("tz", dashboard.tz);
  if (!load_time_zone(dashboard.tz)) {
    map.wrong("tz", *map.find("tz"), "an IANA zone such as Europe/Madrid");
  }
  map.finish();
}

}  // namespace

void read_dashboard(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the dashboard", context.faults);
  DashboardModel dashboard;
  dashboard.name = map.name("dashboard");
  if (!dashboard.name.empty()) {
    map.rename("dashboard '" + dashboard.name + "'");
  }
  dashboard.title = map.text("title", dashboard.name);
  dashboard.description = map.text("description");
  read_default(map, dashboard);
  dashboard.filters = plain_texts(map.texts("filters"));
  const ConfigNode* tiles = map.find("tiles");
  if (!tiles) {
    map.required_text("tiles");
  } else if (tiles->kind != ConfigNode::Kind::kList) {
    map.wrong("tiles", *tiles, "a list of tiles");
  } else {
    for (const ConfigNode& item : tiles->items) {
      dashboard.tiles.push_back(
          read_tile(item, map.place(), dashboard.filters, context));
    }
  }
  map.finish();
  if (dashboard.name.empty()) return;
  if (context.names.define("dashboard", dashboard.name,
                           map.line_of("dashboard"), context.faults)) {
    context.model.dashboards.push_back(std::move(dashboard));
  }
}

}  // namespace freshet
