// The OpenAPI document of a table of routes.
#pragma once

#include <span>
#include <string>

#include "server/http/http.h"

namespace freshet {

struct DescribedRoute {
  const char* method;
  const char* pattern;
  const char* summary;
  const char* query = "";  // names of query parameters, blank-separated
  // What it reads, blank-separated: a type as in openapi_schema.h, or
  // "text/csv=string" where it is no JSON; "" if it reads nothing.
  const char* body = "";
  // "201:View 429:Error": what it answers besides errors, by status.
  const char* answers = "200:object";
  const char* headers = "";  // names of request headers, blank-separated
};

// `router` tells who may call a route. REQUIRES: every name in `routes` is
// among api_shapes() and api_parameters().
std::string openapi_document(std::span<const DescribedRoute> routes,
                             const Router& router);

}  // namespace freshet
