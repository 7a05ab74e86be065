// GET|PUT|DELETE /api/v1/alerts[/{a}], GET /api/v1/alerts/{a}/history.
#include "server/alert/alert_engine.h"
#include "server/api/services.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

HttpResponse respond(const Result<std::string>& json,
                     const HttpRequest& request) {
  if (!json) return error_response(json.error(), request.request_id);
  return json_response(*json);
}

HttpResponse put_alert(Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("a");
  auto body = parse_json(request.body);
  if (!body) return error_response(body.error(), request.request_id);
  Status stored = services.alerts.edit_rule(name, *body);
  if (!stored) return error_response(stored.error(), request.request_id);
  return respond(services.alerts.rule_json(name), request);
}

HttpResponse delete_alert(Services& services, const HttpRequest& request) {
  Status removed = services.alerts.delete_rule(request.params.at("a"));
  if (!removed) return error_response(removed.error(), request.request_id);
  return json_response("{}");
}

}  // namespace

void add_alert_routes(Router& router, Services& services) {
  router.add("GET", "/api/v1/alerts", Access::kRead,
             [&services](const HttpRequest&) {
               return json_response(services.alerts.list_json());
             });
  router.add("GET", "/api/v1/alerts/{a}", Access::kRead,
             [&services](const HttpRequest& r) {
               return respond(services.alerts.rule_json(r.params.at("a")), r);
             });
  router.add("GET", "/api/v1/alerts/{a}/history", Access::kRead,
             [&services](const HttpRequest& r) {
               return respond(services.alerts.history_json(r.params.at("a")),
                              r);
             });
  router.add(
      "PUT", "/api/v1/alerts/{a}", Access::kAdmin,
      [&services](const HttpRequest& r) { return put_alert(services, r); });
  router.add(
      "DELETE", "/api/v1/alerts/{a}", Access::kAdmin,
      [&services](const HttpRequest& r) { return delete_alert(services, r); });
}

}  // namespace freshet
