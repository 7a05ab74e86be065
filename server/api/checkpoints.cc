// POST /api/v1/checkpoint: the data folder as it is now, for a backup.
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {

void add_checkpoint_routes(Router& router, Services& services) {
  router.add("POST", "/api/v1/checkpoint", Access::kAdmin,
             [&services](const HttpRequest& request) {
               auto name = services.checkpoint();
               if (!name)
                 return error_response(name.error(), request.request_id);
               JsonWriter out;
               out.begin_object();
               out.field("checkpoint", std::string_view(*name));
               out.end_object();
               return json_response(out.take());
             });
}

}  // namespace freshet
