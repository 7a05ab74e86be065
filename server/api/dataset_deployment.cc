// PUT and DELETE of datasets, KPIs and dashboards: files of the model; and the
// versions of a dataset's definition.
#include <algorithm>

#include "server/api/dataset_deployer.h"
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

// As far as it is known: who holds the token, from where.
std::string who(const HttpRequest& request) {
  bool token = !request.header("authorization").empty() ||
               !request.header("cookie").empty();
  return (token ? "token from " : "anonymous from ") + request.peer;
}

HttpResponse faults_response(const ModelLoad& load,
                             const HttpRequest& request) {
  return error_response(
      faults_error("the definition has faults; nothing was changed",
                   load.faults, load.code),
      request.request_id);
}

// A kind of definition, by its name in addresses and answers.
struct Kind {
  ModelPart part;
  const char* name;  // "kpi"
  const char* list;  // "/api/v1/kpis/{k}"
  const char* param;
};
constexpr Kind kKinds[] = {
    {ModelPart::kDataset, "dataset", "/api/v1/datasets/{d}", "d"},
    {ModelPart::kKpi, "kpi", "/api/v1/kpis/{k}", "k"},
    {ModelPart::kDashboard, "dashboard", "/api/v1/dashboards/{d}", "d"},
};

HttpResponse changed_response(const Services& services, const Kind& kind,
                              const std::string& name, const ModelLoad& load) {
  JsonWriter out;
  out.begin_object().field(kind.name, std::string_view(name));
  if (auto versions = services.deployer.versions(kind.part, name);
      versions && !versions->empty()) {
    out.field("version", versions->back().number);
  }
  out.field("model", std::string_view(load.model->version)).end_object();
  return json_response(out.take());
}

HttpResponse put(Services& services, const Kind& kind,
                 const HttpRequest& request) {
  const std::string& name = request.params.at(kind.param);
  ModelLoad load =
      services.deployer.put(kind.part, name, request.body, who(request));
  if (!load.model) return faults_response(load, request);
  return changed_response(services, kind, name, load);
}

bool is_known(const Model& model, ModelPart part, const std::string& name) {
  if (part == ModelPart::kKpi) return model.kpi(name) != nullptr;
  if (part == ModelPart::kDashboard) return model.dashboard(name) != nullptr;
  return model.dataset(name) != nullptr;
}

HttpResponse remove(Services& services, const Kind& kind,
                    const HttpRequest& request) {
  const std::string& name = request.params.at(kind.param);
  if (!is_known(*services.model(), kind.part, name)) {
    return error_response(
        {ErrorCode::kNotFound,
         "there is no " + std::string(kind.name) + " '" + name + "'"},
        request.request_id);
  }
  ModelLoad load = services.deployer.remove(kind.part, name, who(request));
  if (!load.model) return faults_response(load, request);
  return changed_response(services, kind, name, load);
}

HttpResponse list(Services& services, const HttpRequest& request) {
  auto versions =
      services.deployer.versions(ModelPart::kDataset, request.params.at("d"));
  if (!versions) return error_response(versions.error(), request.request_id);
  JsonWriter out;
  out.begin_object().key("versions").begin_array();
  for (const DatasetVersion& version : *versions) {
    out.begin_object().field("version", version.number);
    out.field("when", std::string_view(to_iso8601(version.when)));
    out.field("who", std::string_view(version.who));
    out.field("action", std::string_view(version.action));
    out.field("definition", std::string_view(version.text)).end_object();
  }
  out.end_array().end_object();
  return json_response(out.take());
}

}  // namespace

void add_deployment_routes(Router& router, Services& services) {
  for (const Kind& kind : kKinds) {
    router.add("PUT", kind.list, Access::kAdmin,
               [&services, &kind](const HttpRequest& r) {
                 return put(services, kind, r);
               });
    router.add("DELETE", kind.list, Access::kAdmin,
               [&services, &kind](const HttpRequest& r) {
                 return remove(services, kind, r);
               });
  }
  router.add("GET", "/api/v1/datasets/{d}/versions", Access::kRead,
             [&services](const HttpRequest& r) { return list(services, r); });
}

}  // namespace freshet
