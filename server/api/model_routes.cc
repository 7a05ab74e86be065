// POST /api/v1/model/reload: reads the model folder again, whole or not at all.
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {

void add_model_routes(Router& router, Services& services) {
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
