// dashboards/*.yaml
#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "server/model/model_reader.h"
#include "server/model/range_names.h"

namespace freshet {
namespace {

const KpiModel* find_kpi(ConfigMap& map, const std::string& key,
                         const std::string& name, ReadContext& context) {
  for (const KpiModel& kpi : context.model.kpis) {
    if (kpi.name == name) return &kpi;
  }
  if (!context.kpis_unread) {
    std::vector<std::string> known;
    for (const KpiModel& kpi : context.model.kpis) known.push_back(kpi.name);
    map.fault(key, "unknown kpi '" + name + "' in " + map.place() +
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

void lacks(ConfigMap& map, const TileModel& tile, const std::string& key) {
  map.faults().add(map.line(),
                   map.place() + " lacks the key '" + key + "', which " +
                       (tile.show == "bars" ? "bars need" : "a map needs"));
}

void only_of(ConfigMap& map, const TileModel& tile, const char* key,
             const char* shows) {
  if (!map.has(key)) return;
  map.fault(key, std::string("'") + key + "' in " + map.place() +
                     " needs show " + shows + ", not " + tile.show);
}

void check_shape(ConfigMap& map, const TileModel& tile) {
  bool by_rows =
      tile.show == "bars" || tile.show == "table" || tile.show == "map";
  bool needs_by = tile.show == "bars" || tile.show == "map";
  if (needs_by && tile.by.empty()) lacks(map, tile, "by");
  if (!by_rows) {
    only_of(map, tile, "by", "bars, table or map");
    only_of(map, tile, "top", "bars, table or map");
  }
  if (tile.show == "map") {
    if (tile.places.empty()) lacks(map, tile, "places");
  } else {
    only_of(map, tile, "places", "map");
    only_of(map, tile, "outline", "map");
  }
  if (tile.show != "funnel") only_of(map, tile, "steps", "funnel");
}

// [latitude, longitude] in degrees.
std::optional<GeoPoint> read_point(const ConfigNode& node) {
  if (node.kind != ConfigNode::Kind::kList || node.items.size() != 2) {
    return std::nullopt;
  }
  auto latitude = parse_number(node.items[0].text);
  auto longitude = parse_number(node.items[1].text);
  if (!latitude || !longitude) return std::nullopt;
  if (!(*latitude >= -90 && *latitude <= 90)) return std::nullopt;
  if (!(*longitude >= -180 && *longitude <= 180)) return std::nullopt;
  return GeoPoint{*latitude, *longitude};
}

constexpr const char* kPoint =
    "[LATITUDE, LONGITUDE] in degrees, such as [40.4, -3.7]";

void read_places(ConfigMap& map, TileModel& tile) {
  const ConfigNode* places = map.find("places");
  if (!places) return;
  if (places->kind != ConfigNode::Kind::kMap) {
    map.wrong("places", *places, "a map of values and where they lie");
    return;
  }
  for (const ConfigEntry& entry : places->entries) {
    auto point = read_point(entry.value);
    if (point) {
      tile.places.emplace_back(entry.key, *point);
    } else {
      map.wrong(entry.key, entry.value, kPoint);
    }
  }
}

void read_outline(ConfigMap& map, TileModel& tile) {
  const ConfigNode* outline = map.find("outline");
  if (!outline) return;
  if (outline->kind != ConfigNode::Kind::kList) {
    map.wrong("outline", *outline, "a list of lines, each a list of points");
    return;
  }
  for (const ConfigNode& line : outline->items) {
    tile.outline.emplace_back();
    for (const ConfigNode& item : line.items) {
      auto point = read_point(item);
      if (!point) {
        map.wrong("outline", item, kPoint);
        return;
      }
      tile.outline.back().push_back(*point);
    }
  }
}

// Whether a KPI is a level at a moment or has windows, itself or by the KPIs it
// is made of: then it has no value of an hour of the day.
bool is_at_a_moment(const KpiModel& kpi, const Model& model,
                    std::set<std::string>& seen) {
  if (!seen.insert(kpi.name).second) return false;
  const Formula& formula = kpi.formula;
  if (!formula.windows.empty()) return true;
  for (const Aggregate& aggregate : formula.aggregates) {
    if (aggregate.function == Aggregate::Function::kLastPerKeySum) return true;
  }
  return std::any_of(formula.kpis.begin(), formula.kpis.end(),
                     [&](const std::string& name) {
                       const KpiModel* used = model.kpi(name);
                       return used && is_at_a_moment(*used, model, seen);
                     });
}

void check_heatmap(ConfigMap& map, const KpiModel& kpi, const Model& model) {
  std::set<std::string> seen;
  if (!is_at_a_moment(kpi, model, seen)) return;
  map.fault("show", "a heatmap shows hours and weekdays, of which kpi '" +
                        kpi.name +
                        "' has none: it is a level at a moment, or looks at "
                        "other times; show a line or table in " +
                        map.place());
}

// A tile that ignored a filter of its page would show a wrong number.
void check_filters(ConfigMap& map, const std::string& key, const KpiModel& kpi,
                   const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    if (std::find(kpi.dimensions.begin(), kpi.dimensions.end(), filter) ==
        kpi.dimensions.end()) {
      map.fault(key, map.place() + " cannot follow the page's filter '" +
                         filter + "': it isn't a dimension of kpi '" +
                         kpi.name + "'" + did_you_mean(filter, kpi.dimensions));
    }
  }
}

void read_steps(ConfigMap& map, TileModel& tile,
                const std::vector<std::string>& filters, ReadContext& context) {
  constexpr size_t kFewest = 2, kMost = 12;
  tile.steps = plain_texts(map.texts("steps"));
  if (tile.steps.size() < kFewest || tile.steps.size() > kMost) {
    map.fault("steps", "'steps' in " + map.place() +
                           " lists 2 to 12 KPIs, from the first step to the "
                           "last, not " +
                           std::to_string(tile.steps.size()));
    return;
  }
  for (const std::string& step : tile.steps) {
    const KpiModel* kpi = find_kpi(map, "steps", step, context);
    if (kpi) check_filters(map, "steps", *kpi, filters);
  }
  tile.kpi = tile.steps.front();
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
  auto grain = Granularity::parse(tile.grain.empty() ? "day" : tile.grain);
  if (!grain || grain->unit() == Granularity::Unit::kAll) {
    map.wrong("grain", *map.find("grain"),
              "a grain such as minute, hour or day");
  }
  tile.by = map.text("by");
  // A map shows all its places.
  int64_t top = tile.show == "map" ? 1000 : 10;
  tile.top = static_cast<int>(map.integer("top", top, 1, 1000));
  read_size(map, tile);
  read_places(map, tile);
  read_outline(map, tile);
  if (tile.show == "text") {
    if (!tile.kpi.empty()) {
      map.fault("kpi", map.place() + " shows a text and has no kpi");
    }
    if (tile.text.empty()) map.required_text("text");
  } else if (tile.show == "funnel") {
    if (!tile.kpi.empty()) {
      map.fault("kpi", map.place() + " shows a funnel: its KPIs are 'steps'");
    }
    read_steps(map, tile, filters, context);
  } else if (tile.kpi.empty()) {
    map.required_text("kpi");
  } else if (const KpiModel* kpi = find_kpi(map, "kpi", tile.kpi, context)) {
    if (!tile.by.empty()) check_dimension(map, "by", tile.by, *kpi);
    check_filters(map, "kpi", *kpi, filters);
    if (tile.show == "heatmap") check_heatmap(map, *kpi, context.model);
  }
  check_shape(map, tile);
  map.finish();
  return tile;
}

// One of the kinds, or FROM/TO: two days or times of the zone.
bool is_compare(const std::string& text, const absl::TimeZone& zone) {
  static const std::vector<std::string> kKinds = {
      "none", "previous", "same_day_last_week", "last_year", "last_year_364"};
  if (std::find(kKinds.begin(), kKinds.end(), text) != kKinds.end()) {
    return true;
  }
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  auto from = parse_iso8601(text.substr(0, slash), zone);
  auto to = parse_iso8601(text.substr(slash + 1), zone);
  return from && to && *from < *to;
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
  dashboard.tz = map.text("tz", dashboard.tz);
  auto zone = load_time_zone(dashboard.tz);
  if (!zone) {
    map.wrong("tz", *map.find("tz"), "an IANA zone such as Europe/Madrid");
  }
  dashboard.compare = map.text("compare", dashboard.compare);
  if (!is_compare(dashboard.compare, zone ? *zone : absl::UTCTimeZone())) {
    map.wrong("compare", *map.find("compare"),
              "previous, same_day_last_week, last_year, last_year_364, none "
              "or FROM/TO, such as 2025-11-01/2025-12-01");
  }
  map.finish();
}

constexpr const char* kDay = "a day or a time, such as 2026-11-27";

std::optional<Timestamp> read_time(ConfigMap& map, const std::string& key,
                                   const absl::TimeZone& zone) {
  auto time = parse_iso8601(map.text(key), zone);
  if (time) return *time;
  map.wrong(key, *map.find(key), kDay);
  return std::nullopt;
}

// Days and times without an offset are of the page's zone; without `to` it
// lasts until the end of the day.
std::optional<AnnotationModel> read_annotation(const ConfigNode& node,
                                               const std::string& place,
                                               const absl::TimeZone& zone,
                                               FaultList& faults) {
  ConfigMap map(node, "an annotation of " + place, faults);
  AnnotationModel annotation;
  annotation.title = map.required_text("title");
  annotation.kind =
      map.choice("kind", annotation.kind, {"event", "promotion", "holiday"});
  if (map.required_text("from").empty()) {
    map.text("to");
    map.finish();
    return std::nullopt;
  }
  auto from = read_time(map, "from", zone);
  std::optional<Timestamp> to;
  if (map.has("to")) {
    to = read_time(map, "to", zone);
  } else if (from) {
    Granularity day(Granularity::Unit::kDay, 1);
    to = day.next(day.floor(*from, zone), zone);
  }
  map.finish();
  if (!from || !to) return std::nullopt;
  if (*to <= *from) {
    map.fault("to", "'to' of " + map.place() + " is not after 'from'");
    return std::nullopt;
  }
  annotation.from = *from;
  annotation.to = *to;
  return annotation;
}

void read_annotations(ConfigMap& map, DashboardModel& dashboard) {
  const ConfigNode* list = map.find("annotations");
  auto zone = load_time_zone(dashboard.tz);
  if (!list || !zone) return;
  if (list->kind != ConfigNode::Kind::kList) {
    map.wrong("annotations", *list, "a list of what happened when");
    return;
  }
  for (const ConfigNode& item : list->items) {
    auto annotation = read_annotation(item, map.place(), *zone, map.faults());
    if (annotation) dashboard.annotations.push_back(std::move(*annotation));
  }
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
  read_annotations(map, dashboard);
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
