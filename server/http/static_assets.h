// The dashboard's files, embedded in the binary. A fixed map: no file system
// path is ever built from a request.
#pragma once

#include <span>
#include <string_view>

#include "server/http/http.h"

namespace freshet {

struct Asset {
  std::string_view path;  // "/assets/index-abc.js"
  std::string_view content_type;
  std::string_view bytes, gzip, brotli;  // gzip/brotli may be empty
};

// Defined by the generated assets.cc.
std::span<const Asset> embedded_assets();

// Adds a route per asset, and index.html for the pages "/", "/d/{dashboard}",
// "/explore", "/explore/{dataset}", "/alerts", "/data", "/query". Hashed assets
// are cached for ever, index.html never; CSP and the other browser headers on
// all.
void add_static_routes(Router& router);

}  // namespace freshet
