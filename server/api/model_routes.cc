// POST /api/v1/model/reload: reads the model folder again, whole or not at all.
// GET /api/v1/model/schema/{kind}: JSON Schema of its files.
#include "server/api/empty_body.h"
#include "server/api/services.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/model/model_schema.h"

namespace freshet {

namespace {

HttpResponse show_schema(const HttpRequest& request) {
  const std::string& kind = request.params.at("kind");
  if (auto schema = model_schema(kind)) return json_response(*schema);
  std::string near = nearest_name(kind, schema_kinds());
  return error_response(
      {ErrorCode::kNotFound,
       "there is no model file of kind '" + kind + "'" +
           (near.empty() ? "" : "; did you mean '" + near + "'?")},
      request.request_id);
}

}  // namespace

void add_model_routes(Router& router, Services& services) {
  router.add("GET", "/api/v1/model/schema/{kind}", Access::kRead, show_schema);
  router.add(
      "POST", "/api/v1/model/reload", Access::kAdmin,
      [&services](const HttpRequest& request) {
        Status empty = check_empty_body(request.body);
        if (!empty) return error_response(empty.error(), request.request_id);
        ModelLoad load = services.reload();
        if (!load.model) {
          return error_response(
              faults_error("the model has faults; the last good one stays",
                           load.faults, load.code),
              request.request_id);
        }
        JsonWriter out;
        out.begin_object();
        out.field("version", std::string_view(load.model->version));
        out.end_object();
        return json_response(out.take());
      });
}

}  // namespace freshet
