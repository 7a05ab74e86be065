#include "server/api/openapi_document.h"

#include <algorithm>
#include <map>
#include <vector>

#include "server/api/openapi_shapes.h"

namespace freshet {
namespace {

const DescribedParameter& parameter_of(std::string_view name) {
  static constexpr DescribedParameter kUnknown = {"", "string", ""};
  for (const DescribedParameter& one : api_parameters()) {
    if (name == one.name) return one;
  }
  return kUnknown;
}

void write_parameter(JsonWriter& out, std::string_view name,
                     std::string_view in) {
  const DescribedParameter& parameter = parameter_of(name);
  out.begin_object().field("name", name).field("in", in);
  out.field("description", parameter.description);
  out.field("required", in == "path").key("schema");
  write_type(out, parameter.type);
  out.end_object();
}

void write_parameters(JsonWriter& out, const DescribedRoute& route) {
  out.key("parameters").begin_array();
  std::string_view pattern = route.pattern;
  for (size_t at = pattern.find('{'); at != pattern.npos;
       at = pattern.find('{', at + 1)) {
    size_t end = pattern.find('}', at);
    write_parameter(out, pattern.substr(at + 1, end - at - 1), "path");
  }
  for (auto name : words_of(route.query)) write_parameter(out, name, "query");
  for (auto name : words_of(route.headers)) {
    write_parameter(out, name, "header");
  }
  out.end_array();
}

// "text/csv=string" as text/csv; other types are JSON.
void write_media(JsonWriter& out, std::string_view word) {
  size_t equals = word.find('=');
  bool json = equals == word.npos;
  out.key(json ? "application/json" : word.substr(0, equals));
  out.begin_object().key("schema");
  write_type(out, json ? word : word.substr(equals + 1));
  out.end_object();
}

void write_body(JsonWriter& out, const DescribedRoute& route) {
  std::vector<std::string_view> words = words_of(route.body);
  if (words.empty()) return;
  out.key("requestBody").begin_object().field("required", true);
  out.key("content").begin_object();
  for (std::string_view word : words) write_media(out, word);
  out.end_object().end_object();
}

const char* meaning_of(std::string_view status) {
  if (status == "201") return "Made";
  if (status == "429") return "Too much at a time; see Retry-After";
  if (status == "503") return "Not ready";
  return "Done";
}

bool is_druid(std::string_view pattern) {
  return pattern.starts_with("/druid/");
}

void write_answers(JsonWriter& out, const DescribedRoute& route) {
  out.key("responses").begin_object();
  for (std::string_view word : words_of(route.answers)) {
    std::string_view status = word.substr(0, word.find(':'));
    out.key(status).begin_object().field("description", meaning_of(status));
    out.key("content").begin_object();
    write_media(out, word.substr(status.size() + 1));
    out.end_object().end_object();
  }
  out.key("default").begin_object();
  out.field("$ref", is_druid(route.pattern)
                        ? "#/components/responses/DruidError"
                        : "#/components/responses/Error");
  out.end_object().end_object();
}

// "get_kpis_k_value"
std::string operation_id(const DescribedRoute& route) {
  std::string id = route.method;
  for (char c : std::string_view(route.pattern)) {
    bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    if (plain) {
      id += c;
    } else if (id.back() != '_') {
      id += '_';
    }
  }
  if (std::string_view(route.pattern).ends_with('/')) id += "slash";
  for (char& c : id) c = static_cast<char>(std::tolower(c));
  while (id.back() == '_') id.pop_back();
  return id;
}

void write_route(JsonWriter& out, const DescribedRoute& route,
                 const Router& router) {
  std::string id = operation_id(route);
  out.key(id.substr(0, id.find('_'))).begin_object();
  out.field("operationId", std::string_view(id));
  out.field("summary", route.summary);
  // A pattern is a path that it fits.
  if (router.match(route.method, route.pattern).access == Access::kPublic) {
    out.key("security").begin_array().end_array();
  }
  write_parameters(out, route);
  write_body(out, route);
  write_answers(out, route);
  out.end_object();
}

void write_error_response(JsonWriter& out, const char* name,
                          const char* description) {
  out.key(name).begin_object().field("description", description);
  out.key("content").begin_object();
  write_media(out, name);
  out.end_object().end_object();
}

void write_components(JsonWriter& out) {
  out.key("components").begin_object();
  out.key("securitySchemes").begin_object().key("bearer").begin_object();
  out.field("type", "http").field("scheme", "bearer");
  out.field("description", "The token of the settings, if there is one");
  out.end_object().end_object();
  out.key("responses").begin_object();
  write_error_response(out, "Error",
                       "What went wrong, by an honest status code; `details` "
                       "name the places of the request at fault");
  write_error_response(out, "DruidError", "An error as Druid tells it");
  out.end_object().key("schemas").begin_object();
  for (const NamedShape& shape : api_shapes()) {
    out.key(shape.name);
    write_shape(out, shape);
  }
  out.end_object().end_object();
}

}  // namespace

std::string openapi_document(std::span<const DescribedRoute> routes,
                             const Router& router) {
  std::map<std::string, std::vector<const DescribedRoute*>> paths;
  for (const DescribedRoute& route : routes) {
    paths[route.pattern].push_back(&route);
  }
  JsonWriter out;
  out.begin_object().field("openapi", "3.1.0");
  out.key("info").begin_object().field("title", "Freshet");
  out.field("version", FRESHET_VERSION).end_object();
  // Without a token in the settings nobody needs one.
  out.key("security").begin_array().begin_object();
  out.key("bearer").begin_array().end_array().end_object();
  out.begin_object().end_object().end_array();
  out.key("paths").begin_object();
  for (const auto& [pattern, some] : paths) {
    out.key(pattern).begin_object();
    for (const DescribedRoute* route : some) write_route(out, *route, router);
    out.end_object();
  }
  out.end_object();
  write_components(out);
  out.end_object();
  return out.take();
}

}  // namespace freshet
