// GET|POST /api/v1/views, DELETE /api/v1/views/{v}.
#include "server/api/saved_views.h"
#include "server/api/services.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

HttpResponse list(Services& services, const HttpRequest& request) {
  auto json = SavedViews(services.metadata).list_json();
  if (!json) return error_response(json.error(), request.request_id);
  return json_response(*json);
}

HttpResponse save(Services& services, const HttpRequest& request) {
  auto body = parse_json(request.body);
  if (!body) return error_response(body.error(), request.request_id);
  auto json = SavedViews(services.metadata).save(*body);
  if (!json) return error_response(json.error(), request.request_id);
  return json_response(*json, 201);
}

HttpResponse remove(Services& services, const HttpRequest& request) {
  Status done = SavedViews(services.metadata).remove(request.params.at("v"));
  if (!done) return error_response(done.error(), request.request_id);
  return json_response("{}");
}

}  // namespace

void add_view_routes(Router& router, Services& services) {
  router.add("GET", "/api/v1/views", Access::kRead,
             [&services](const HttpRequest& r) { return list(services, r); });
  router.add("POST", "/api/v1/views", Access::kWrite,
             [&services](const HttpRequest& r) { return save(services, r); });
  router.add("DELETE", "/api/v1/views/{v}", Access::kWrite,
             [&services](const HttpRequest& r) { return remove(services, r); });
}

}  // namespace freshet
