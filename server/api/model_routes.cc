// POST /api/v1/model/reload: reads the model folder again, whole or not at all.
// GET /api/v1/model/schema/{kind}: JSON Schema of its files.
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
        ModelLoad load = services.reload();
        JsonWriter out;
        out.begin_object();
        if (load.model) {
          out.field("version", std::string_view(load.model->version));
          out.end_object();
          return json_response(out.take());
        }
        out.key("error").begin_object();
        out.field("code", "invalid");
        out.field("message", "the model has faults; the last good one stays");
        out.key("details").begin_array();
        for (const ModelFault& fault : load.faults) {
          std::string path = fault.file;
          if (fault.line > 0) path += ":" + std::to_string(fault.line);
          out.begin_object().field("path", std::string_view(path));
          out.field("message", std::string_view(fault.message)).end_object();
        }
        out.end_array();
        out.field("request_id", std::string_view(request.request_id));
        out.end_object().end_object();
        return json_response(out.take(), 400);
      });
}

}  // namespace freshet
