// What bodies and answers look like, and what parameters mean: the tables
// behind the OpenAPI document. A test asks a running server and holds its
// answers against them.
#pragma once

#include <span>

#include "server/api/openapi_schema.h"

namespace freshet {

struct DescribedParameter {
  const char* name;
  const char* type;  // as in openapi_schema.h
  const char* description;
};

std::span<const NamedShape> api_shapes();
// Of paths, queries and headers; one of a name means the same everywhere.
std::span<const DescribedParameter> api_parameters();

}  // namespace freshet
