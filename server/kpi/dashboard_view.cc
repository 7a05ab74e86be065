// Dashboards: their definition as JSON, and the requests that draw one.
#include <limits>

#include "server/json/json_writer.h"
#include "server/kpi/calendar.h"
#include "server/kpi/comparison.h"
#include "server/kpi/kpi.h"

namespace freshet {
namespace {

constexpr double kMostPoints = 400;  // of a chart that a person can read

// The finest of the grains that keeps a chart readable.
std::string grain_for(Interval range, const std::string& wanted,
                      const absl::TimeZone& zone) {
  auto points = [&](const std::string& name) {
    auto grain = Granularity::parse(name);
    if (!grain) return std::numeric_limits<double>::infinity();
    auto length = static_cast<double>(range.end.ms - range.start.ms);
    if (grain->unit() == Granularity::Unit::kMillis) {
      return length / static_cast<double>(grain->count());
    }
    return length_in(*grain, range, zone);
  };
  if (!wanted.empty() && points(wanted) <= kMostPoints) return wanted;
  for (const char* name : {"minute", "five_minute", "fifteen_minute", "hour",
                           "day", "week", "month", "year"}) {
    // A grain coarser than the wanted one has fewer points.
    if (points(name) <= kMostPoints) return name;
  }
  return "year";
}

std::string or_default(const std::string& value, const std::string& fallback) {
  return value.empty() ? fallback : value;
}

// What all tiles ask alike.
KpiRequest view_request(const DashboardModel& dashboard,
                        const DashboardView& view) {
  KpiRequest request;
  bool absolute = !view.from.empty() || !view.to.empty();
  request.from = view.from;
  request.to = view.to;
  request.range = absolute ? "" : or_default(view.range, dashboard.range);
  request.tz = or_default(view.tz, dashboard.tz);
  request.compare = or_default(view.compare, dashboard.compare);
  request.filter = view.filter;
  return request;
}

KpiRequest tile_request(const TileModel& tile, const DashboardModel& dashboard,
                        const DashboardView& view) {
  if (tile.show == "text") return {};
  KpiRequest request = view_request(dashboard, view);
  request.kpi = tile.kpi;
  if (!tile.by.empty()) {
    request.by = {tile.by};
    request.top = static_cast<uint32_t>(tile.top);
  }
  if (tile.show == "heatmap") {
    request.by = {"__weekday", "__hour"};
    request.order = "name";
  }
  if (tile.show == "line" || !tile.grain.empty()) {
    std::string wanted =
        tile.show == "line" ? or_default(view.grain, tile.grain) : tile.grain;
    request.grain = or_default(wanted, "hour");
    auto zone = load_time_zone(request.tz);
    if (zone) {
      auto range =
          resolve_range(request.range, request.from, request.to, now(), *zone);
      if (range) request.grain = grain_for(*range, wanted, *zone);
    }
  }
  return request;
}

void write_text(JsonWriter& out, const char* key, const std::string& text) {
  if (!text.empty()) out.field(key, std::string_view(text));
}

void write_steps(JsonWriter& out, const TileModel& tile, const Model& model) {
  if (tile.steps.empty()) return;
  out.key("steps").begin_array();
  for (const std::string& step : tile.steps) {
    const KpiModel* kpi = model.kpi(step);
    out.begin_object();
    write_text(out, "kpi", step);
    write_text(out, "title", kpi ? kpi->title : step);
    out.end_object();
  }
  out.end_array();
}

void write_point(JsonWriter& out, const GeoPoint& point) {
  out.begin_array().value(point.latitude).value(point.longitude).end_array();
}

// Points are [latitude, longitude] in degrees.
void write_places(JsonWriter& out, const TileModel& tile) {
  if (tile.places.empty()) return;
  out.key("places").begin_object();
  for (const auto& [name, point] : tile.places) {
    write_point(out.key(name), point);
  }
  out.end_object().key("outline").begin_array();
  for (const std::vector<GeoPoint>& line : tile.outline) {
    out.begin_array();
    for (const GeoPoint& point : line) write_point(out, point);
    out.end_array();
  }
  out.end_array();
}

void write_tile(JsonWriter& out, const TileModel& tile, const Model& model) {
  const KpiModel* kpi = model.kpi(tile.kpi);
  out.begin_object();
  write_text(out, "kpi", tile.kpi);
  write_text(out, "title", tile.title.empty() && kpi ? kpi->title : tile.title);
  write_text(out, "show", tile.show);
  write_text(out, "grain", tile.grain);
  if (!tile.by.empty()) {
    write_text(out, "by", tile.by);
    out.field("top", tile.top);
  }
  std::string size =
      std::to_string(tile.width) + "x" + std::to_string(tile.height);
  write_text(out, "size", size);
  write_text(out, "text", tile.text);
  write_steps(out, tile, model);
  write_places(out, tile);
  if (kpi) {
    write_text(out, "description", kpi->description);
    write_text(out, "unit", kpi->unit);
    write_text(out, "currency", kpi->currency);
    write_text(out, "good", kpi->good);
  }
  out.end_object();
}

void write_annotations(JsonWriter& out, const DashboardModel& dashboard) {
  auto zone = load_time_zone(dashboard.tz);
  if (dashboard.annotations.empty() || !zone) return;
  out.key("annotations").begin_array();
  for (const AnnotationModel& annotation : dashboard.annotations) {
    out.begin_object();
    write_text(out, "title", annotation.title);
    write_text(out, "kind", annotation.kind);
    write_text(out, "from", to_iso8601(annotation.from, *zone));
    write_text(out, "to", to_iso8601(annotation.to, *zone));
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::vector<KpiRequest> tile_requests(const DashboardModel& dashboard,
                                      const DashboardView& view) {
  std::vector<KpiRequest> requests;
  for (const TileModel& tile : dashboard.tiles) {
    requests.push_back(tile_request(tile, dashboard, view));
  }
  return requests;
}

Status check_view(const DashboardModel& dashboard, const DashboardView& view) {
  KpiRequest request = view_request(dashboard, view);
  TRY_ASSIGN(absl::TimeZone zone, at_path("tz", load_time_zone(request.tz)));
  Timestamp time = now();
  TRY_ASSIGN(Interval range, resolve_range(request.range, request.from,
                                           request.to, time, zone));
  TRY(at_path("compare", plan_comparison(request, range, time, zone)));
  if (!view.grain.empty()) {
    TRY(at_path("grain", parse_grain(view.grain)));
  }
  return {};
}

std::string to_json(const DashboardModel& dashboard, const Model& model) {
  JsonWriter out;
  out.begin_object();
  write_text(out, "dashboard", dashboard.name);
  write_text(out, "title", dashboard.title);
  write_text(out, "description", dashboard.description);
  out.key("default").begin_object();
  write_text(out, "range", dashboard.range);
  write_text(out, "compare", dashboard.compare);
  write_text(out, "tz", dashboard.tz);
  out.end_object();
  out.key("filters").begin_array();
  for (const std::string& f : dashboard.filters) {
    out.value(std::string_view(f));
  }
  out.end_array();
  write_annotations(out, dashboard);
  out.key("tiles").begin_array();
  for (const TileModel& tile : dashboard.tiles) write_tile(out, tile, model);
  out.end_array().end_object();
  return out.take();
}

}  // namespace freshet
