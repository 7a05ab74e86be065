// GET /healthz (the event loop and a worker answer), /readyz (caught up, disk
// not full, sources reachable), /metrics.
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {

void add_health_routes(Router& router, Services& services) {
  router.add("GET", "/healthz", Access::kPublic, [](const HttpRequest&) {
    return json_response(R"({"status":"ok"})");
  });
  router.add("GET", "/readyz", Access::kPublic,
             [&services](const HttpRequest&) {
               Readiness readiness = services.readiness();
               JsonWriter out;
               out.begin_object();
               out.field("status", readiness.ready ? "ready" : "not_ready");
               out.key("reasons").begin_array();
               for (const std::string& reason : readiness.reasons) {
                 out.value(std::string_view(reason));
               }
               out.end_array().end_object();
               return json_response(out.take(), readiness.ready ? 200 : 503);
             });
  router.add("GET", "/metrics", Access::kPublic,
             [&services](const HttpRequest&) {
               services.refresh_metrics();
               HttpResponse response;
               response.content_type = "text/plain; version=0.0.4";
               response.body = services.metrics.text();
               return response;
             });
}

}  // namespace freshet
