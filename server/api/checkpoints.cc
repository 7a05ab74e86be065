// POST /api/v1/checkpoint: the data folder as it is now, for a backup;
// DELETE /api/v1/checkpoint/{c}: it is not needed any more.
#include "server/api/empty_body.h"
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

HttpResponse make(Services& services, const HttpRequest& request) {
  Status empty = check_empty_body(request.body);
  if (!empty) return error_response(empty.error(), request.request_id);
  auto name = services.checkpoint();
  if (!name) return error_response(name.error(), request.request_id);
  JsonWriter out;
  out.begin_object();
  out.field("checkpoint", std::string_view(*name));
  out.end_object();
  return json_response(out.take());
}

HttpResponse release(Services& services, const HttpRequest& request) {
  Status done = services.release_checkpoint(request.params.at("c"));
  if (!done) return error_response(done.error(), request.request_id);
  return json_response("{}");
}

}  // namespace

void add_checkpoint_routes(Router& router, Services& services) {
  router.add("POST", "/api/v1/checkpoint", Access::kAdmin,
             [&services](const HttpRequest& r) { return make(services, r); });
  router.add(
      "DELETE", "/api/v1/checkpoint/{c}", Access::kAdmin,
      [&services](const HttpRequest& r) { return release(services, r); });
}

}  // namespace freshet
