// GET /api/v1/dashboards[/{d}] and the event stream of a dashboard's tiles.
#include <memory>
#include <set>

#include "server/api/services.h"
#include "server/json/json_writer.h"
#include "server/kpi/tile_picture.h"

namespace freshet {
namespace {

HttpResponse list_dashboards(Services& services) {
  auto model = services.model();
  JsonWriter out;
  out.begin_object().key("dashboards").begin_array();
  for (const DashboardModel& dashboard : model->dashboards) {
    out.begin_object();
    out.field("dashboard", std::string_view(dashboard.name));
    out.field("title", std::string_view(dashboard.title));
    if (!dashboard.description.empty()) {
      out.field("description", std::string_view(dashboard.description));
    }
    out.field("tz", std::string_view(dashboard.tz));
    out.end_object();
  }
  out.end_array().end_object();
  return json_response(out.take());
}

HttpResponse show_dashboard(Services& services, const HttpRequest& request) {
  auto model = services.model();
  const std::string& name = request.params.at("d");
  const DashboardModel* dashboard = model->dashboard(name);
  if (!dashboard) {
    return error_response(no_such_dashboard(*model, name), request.request_id);
  }
  return json_response(to_json(*dashboard, *model));
}

std::string* member(DashboardView& view, std::string_view key) {
  if (key == "range") return &view.range;
  if (key == "from") return &view.from;
  if (key == "to") return &view.to;
  if (key == "compare") return &view.compare;
  if (key == "tz") return &view.tz;
  if (key == "filter") return &view.filter;
  if (key == "grain") return &view.grain;
  return nullptr;
}

// What a filter may name differs between the tiles: each says for itself that
// its KPI lacks a dimension, but one that no tile has can only be a mistake.
Status check_filter(const DashboardModel& dashboard, const Model& model,
                    const std::string& filter) {
  std::set<std::string> known;
  auto add = [&](const std::string& name) {
    const KpiModel* kpi = model.kpi(name);
    if (kpi) known.insert(kpi->dimensions.begin(), kpi->dimensions.end());
  };
  for (const TileModel& tile : dashboard.tiles) {
    add(tile.kpi);
    for (const std::string& step : tile.steps) add(step);
  }
  TRY(at_path("filter", parse_kpi_filter(
                            filter, {known.begin(), known.end()},
                            "a tile of dashboard '" + dashboard.name + "'")));
  return {};
}

Result<DashboardView> view_of(const HttpRequest& request,
                              const DashboardModel& dashboard,
                              const Model& model) {
  DashboardView view;
  std::vector<std::pair<std::string, std::string>> given = {{"kpi", "any"}};
  std::set<std::string> seen;
  for (const auto& [key, value] : request.query) {
    if (!seen.insert(key).second) {
      return at_path(key,
                     invalid("the parameter '" + key + "' is given twice"));
    }
    std::string* text = member(view, key);
    if (!text) continue;
    *text = value;
    given.emplace_back(key, value);
  }
  // As in a request for one KPI: one way to name the range.
  TRY(parse_kpi_request(given));
  TRY(check_view(dashboard, view));
  TRY(check_filter(dashboard, model, view.filter));
  return view;
}

HttpResponse open_stream(Services& services, const HttpRequest& request) {
  const std::string* name = request.query_value("dashboard");
  if (!name) {
    return error_response(
        at_path("dashboard", invalid("the parameter 'dashboard' is missing")),
        request.request_id);
  }
  auto model = services.model();
  const DashboardModel* dashboard = model->dashboard(*name);
  if (!dashboard) {
    return error_response(no_such_dashboard(*model, *name), request.request_id);
  }
  auto view = view_of(request, *dashboard, *model);
  if (!view) return error_response(view.error(), request.request_id);
  std::string last_id(request.header("last-event-id"));
  if (const std::string* id = request.query_value("last_event_id")) {
    last_id = *id;
  }
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.events =
      [&services, name = *name, view = *view,
       last_id](std::shared_ptr<EventStream> stream) -> std::shared_ptr<void> {
    auto subscription = services.hub.subscribe(
        name, view, last_id, [stream](const PushEvent& event) {
          return stream->send(event.id, event.event, event.data);
        });
    if (!subscription) return nullptr;
    return std::shared_ptr<PushHub::Subscription>(std::move(*subscription));
  };
  return response;
}

}  // namespace

void add_dashboard_routes(Router& router, Services& services) {
  router.add(
      "GET", "/api/v1/dashboards", Access::kRead,
      [&services](const HttpRequest&) { return list_dashboards(services); });
  router.add("GET", "/api/v1/dashboards/{d}", Access::kRead,
             [&services](const HttpRequest& r) {
               return show_dashboard(services, r);
             });
  router.add(
      "GET", "/api/v1/stream", Access::kRead,
      [&services](const HttpRequest& r) { return open_stream(services, r); });
}

}  // namespace freshet
