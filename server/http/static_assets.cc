#include "server/http/static_assets.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "server/http/accept_encoding.h"

namespace freshet {
namespace {

constexpr std::string_view kIndex = "/index.html";

// Vite puts a hash of the content into the names under /assets/.
bool is_hashed(std::string_view path) { return path.starts_with("/assets/"); }

std::string entity_tag(std::string_view bytes, std::string_view coding) {
  return fmt::format("\"{:016x}-{}\"", XXH3_64bits(bytes.data(), bytes.size()),
                     coding);
}

// If-None-Match is a list, of weak tags too.
bool names_tag(std::string_view header, std::string_view tag) {
  return header == "*" || header.find(tag) != std::string_view::npos;
}

// An asset with the parts of its answers that never change.
struct Prepared {
  struct Form {
    std::string_view coding, bytes;
    std::string tag;
  };
  std::string content_type, cache_control;
  std::vector<Form> forms;  // smallest first; identity last
};

Prepared prepare(const Asset& asset) {
  Prepared prepared;
  prepared.content_type = asset.content_type;
  prepared.cache_control = is_hashed(asset.path)
                               ? "public, max-age=31536000, immutable"
                               : "no-cache";
  auto add = [&](std::string_view coding, std::string_view bytes) {
    prepared.forms.push_back({coding, bytes, entity_tag(bytes, coding)});
  };
  if (!asset.brotli.empty()) add("br", asset.brotli);
  if (!asset.gzip.empty()) add("gzip", asset.gzip);
  add("identity", asset.bytes);
  return prepared;
}

HttpResponse serve(const Prepared& asset, const HttpRequest& request) {
  std::string_view accepted = request.header("accept-encoding");
  const Prepared::Form* form = &asset.forms.back();
  for (const Prepared::Form& candidate : asset.forms) {
    if (!accepts_encoding(accepted, candidate.coding)) continue;
    form = &candidate;
    break;
  }
  HttpResponse response;
  response.content_type = asset.content_type;
  response.headers = {{"Cache-Control", asset.cache_control},
                      {"ETag", form->tag},
                      {"Vary", "Accept-Encoding"}};
  if (names_tag(request.header("if-none-match"), form->tag)) {
    response.status = 304;
    return response;
  }
  if (form->coding != "identity") {
    response.headers.emplace_back("Content-Encoding", form->coding);
  }
  response.static_body = form->bytes;
  return response;
}

}  // namespace

void add_static_routes(Router& router) {
  for (const Asset& asset : embedded_assets()) {
    auto prepared = std::make_shared<const Prepared>(prepare(asset));
    HttpHandler handler = [prepared](const HttpRequest& request) {
      return serve(*prepared, request);
    };
    if (asset.path != kIndex) {
      router.add("GET", std::string(asset.path), Access::kPublic, handler);
      continue;
    }
    for (const char* page :
         {"/", "/d/{dashboard}", "/explore", "/explore/{dataset}", "/alerts",
          "/data", "/query"}) {
      router.add("GET", page, Access::kPublic, handler);
    }
    // The same page says that there is nothing; no tag, since it would be
    // taken for that of a page that is there.
    router.set_missing_page([prepared](const HttpRequest& request) {
      HttpRequest fresh = request;
      fresh.headers.erase("if-none-match");
      HttpResponse response = serve(*prepared, fresh);
      response.status = 404;
      std::erase_if(response.headers,
                    [](const auto& header) { return header.first == "ETag"; });
      return response;
    });
  }
}

}  // namespace freshet
