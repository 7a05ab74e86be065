// GET /api/v1/kpis, /kpis/{k}, /kpis/{k}/value, /kpis/{k}/drivers;
// POST /api/v1/kpis/query.
#include "server/api/services.h"
#include "server/json/error_text.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/kpi/drivers.h"
#include "server/kpi/tile_picture.h"

namespace freshet {
namespace {

constexpr size_t kMaxBatch = 200;
constexpr size_t kMaxBody = 1 << 20;

HttpResponse list_kpis(Services& services) {
  auto model = services.model();
  JsonWriter out;
  out.begin_object().key("kpis").begin_array();
  for (const KpiModel& kpi : model->kpis) out.raw(to_json(kpi, *model));
  out.end_array().end_object();
  return json_response(out.take());
}

HttpResponse show_kpi(Services& services, const HttpRequest& request) {
  auto model = services.model();
  const std::string& name = request.params.at("k");
  const KpiModel* kpi = model->kpi(name);
  if (!kpi) {
    std::vector<std::string> known;
    for (const KpiModel& other : model->kpis) known.push_back(other.name);
    std::string near = nearest_name(name, known);
    return error_response(
        {ErrorCode::kNotFound,
         "there is no KPI '" + name + "'" +
             (near.empty() ? "" : "; did you mean '" + near + "'?")},
        request.request_id);
  }
  return json_response(
      to_json(*kpi, *model, cube_costs(*kpi, services.runner.catalog())));
}

HttpResponse show_value(Services& services, const HttpRequest& request) {
  RunningQueries::Handle handle(services.running, request.request_id,
                                request.disconnected);
  auto parameters = request.query;
  parameters.emplace_back("kpi", request.params.at("k"));
  auto wanted = parse_kpi_request(parameters);
  if (!wanted) return error_response(wanted.error(), request.request_id);
  auto answer = services.kpis.answer(*wanted, handle.flag());
  if (!answer) {
    return error_response(handle.told(answer.error()), request.request_id);
  }
  return json_response(to_json(*answer));
}

HttpResponse show_drivers(Services& services, const HttpRequest& request) {
  RunningQueries::Handle handle(services.running, request.request_id,
                                request.disconnected);
  auto parameters = request.query;
  parameters.emplace_back("kpi", request.params.at("k"));
  auto wanted = parse_drivers_request(std::move(parameters));
  if (!wanted) return error_response(wanted.error(), request.request_id);
  auto drivers = services.kpis.drivers(*wanted, handle.flag());
  if (!drivers) {
    return error_response(handle.told(drivers.error()), request.request_id);
  }
  return json_response(to_json(*drivers));
}

// What is wrong with an entry of a batch, at its place: "queries[1].range".
std::string entry_error(Error error, const std::string& place,
                        const HttpRequest& request) {
  if (error.code == ErrorCode::kNotFound) error = at_path("kpi", error);
  if (error.code == ErrorCode::kInvalid || !error.details.empty()) {
    error = at_path(place, error);
  }
  return error_json(error, request.request_id);
}

// Of each entry of a batch: an answer, or {"error":...} in its place.
std::vector<std::string> answer_entries(Services& services,
                                        const JsonArray& entries,
                                        const std::string& list,
                                        const HttpRequest& request,
                                        const RunningQueries::Handle& handle) {
  std::vector<std::string> texts(entries.size());
  std::vector<KpiRequest> requests;
  std::vector<size_t> places;
  auto place = [&list](size_t i) {
    return list + "[" + std::to_string(i) + "]";
  };
  for (size_t i = 0; i < entries.size(); ++i) {
    auto wanted = parse_kpi_request(entries[i]);
    if (!wanted) {
      texts[i] = entry_error(wanted.error(), place(i), request);
      continue;
    }
    requests.push_back(std::move(*wanted));
    places.push_back(i);
  }
  std::vector<Result<KpiAnswer>> answers =
      services.kpis.answer_all(requests, handle.flag());
  for (size_t i = 0; i < answers.size(); ++i) {
    texts[places[i]] = answers[i] ? to_json(*answers[i])
                                  : entry_error(handle.told(answers[i].error()),
                                                place(places[i]), request);
  }
  return texts;
}

HttpResponse answer_batch(Services& services, const HttpRequest& request) {
  auto body = parse_json(request.body);
  if (!body) return error_response(body.error(), request.request_id);
  if (const JsonObject* object = body->as_object()) {
    for (const auto& [key, value] : *object) {
      if (key == "queries") continue;
      return error_response(at_path(key, invalid("unknown key '" + key +
                                                 "'; did you mean 'queries'?")),
                            request.request_id);
    }
  }
  const JsonValue* queries = body->find("queries");
  const JsonArray* list = queries ? queries->as_array() : body->as_array();
  if (!list || list->size() > kMaxBatch) {
    return error_response(
        at_path("queries",
                invalid("the body must be {\"queries\":[...]} with at most " +
                        std::to_string(kMaxBatch) + " entries")),
        request.request_id);
  }
  RunningQueries::Handle handle(services.running, request.request_id,
                                request.disconnected);
  JsonWriter out;
  out.begin_object().key("answers").begin_array();
  for (const std::string& text : answer_entries(
           services, *list, queries ? "queries" : "", request, handle)) {
    out.raw(text);
  }
  out.end_array().end_object();
  return json_response(out.take());
}

}  // namespace

void add_kpi_routes(Router& router, Services& services) {
  router.add("GET", "/api/v1/kpis", Access::kRead,
             [&services](const HttpRequest&) { return list_kpis(services); });
  router.add(
      "GET", "/api/v1/kpis/{k}", Access::kRead,
      [&services](const HttpRequest& r) { return show_kpi(services, r); });
  router.add(
      "GET", "/api/v1/kpis/{k}/value", Access::kRead,
      [&services](const HttpRequest& r) { return show_value(services, r); },
      kMaxBody, Workers::kQueries);
  router.add(
      "GET", "/api/v1/kpis/{k}/drivers", Access::kRead,
      [&services](const HttpRequest& r) { return show_drivers(services, r); },
      kMaxBody, Workers::kQueries);
  router.add(
      "POST", "/api/v1/kpis/query", Access::kRead,
      [&services](const HttpRequest& r) { return answer_batch(services, r); },
      kMaxBody, Workers::kQueries);
}

}  // namespace freshet
