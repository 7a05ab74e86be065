#include <algorithm>

#include "server/http/http.h"
#include "server/http/request_head.h"
#include "server/http/target.h"

namespace freshet {
namespace {

bool is_parameter(std::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

// "/a/{b}/" -> "a", "{b}", "". REQUIRES: `path` starts with '/'.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  size_t start = 1;
  while (true) {
    size_t end = path.find('/', start);
    parts.push_back(path.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

bool fits(const std::vector<std::string>& pattern,
          const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (is_parameter(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

// Whether `a` has a literal part at the first place where they differ in kind.
bool more_literal(const std::vector<std::string>& a,
                  const std::vector<std::string>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    bool in_a = is_parameter(a[i]), in_b = is_parameter(b[i]);
    if (in_a != in_b) return in_b;
  }
  return false;
}

}  // namespace

void Router::add(std::string method, std::string pattern, Access access,
                 HttpHandler handler, size_t max_body, Workers workers) {
  std::vector<std::string> parts;
  for (std::string_view part : split(pattern)) parts.emplace_back(part);
  routes_.push_back({std::move(method), std::move(pattern), std::move(parts),
                     access, std::move(handler), max_body, workers,
                     std::nullopt, nullptr});
}

void Router::write_errors(std::string_view prefix, ErrorWriter writer) {
  for (Route& route : routes_) {
    if (route.pattern.starts_with(prefix)) route.errors = writer;
  }
}

void Router::take_only(std::string_view method, std::string_view pattern,
                       std::vector<std::string> parameters) {
  for (Route& route : routes_) {
    if (route.method == method && route.pattern == pattern) {
      route.parameters = std::move(parameters);
      return;
    }
  }
}

Router::Match Router::match(std::string_view method,
                            std::string_view path) const {
  if (method == "HEAD") method = "GET";
  Match match;
  if (path.empty() || path[0] != '/') return match;
  std::vector<std::string_view> parts = split(path);
  // The most literal pattern decides, whatever its method: another pattern
  // must not answer for a method that the nearest one refuses.
  const Route* best = nullptr;
  const Route* found = nullptr;
  for (const Route& route : routes_) {
    if (!fits(route.parts, parts)) continue;
    if (best && more_literal(best->parts, route.parts)) continue;
    if (!best || more_literal(route.parts, best->parts)) {
      best = &route;
      found = nullptr;
      match.allowed.clear();
    }
    if (route.method == method && !found) found = &route;
    match.allowed.push_back(route.method);
    if (route.method == "GET") match.allowed.push_back("HEAD");
  }
  if (best && !found) match.pattern = best->pattern;
  if (!found) return match;
  match.allowed.clear();
  match.handler = &found->handler;
  match.access = found->access;
  match.max_body = found->max_body;
  if (found->errors) match.errors = &found->errors;
  match.workers = found->workers;
  match.pattern = found->pattern;
  if (found->parameters) match.parameters = &*found->parameters;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = found->parts[i];
    if (!is_parameter(part)) continue;
    match.params.emplace(part.substr(1, part.size() - 2),
                         decode_part(parts[i]));
  }
  return match;
}

std::optional<Router::Match> Router::missing_page(const RequestHead& head,
                                                  std::string_view path) const {
  if (!missing_page_ || (head.method != "GET" && head.method != "HEAD")) {
    return std::nullopt;
  }
  auto accept = head.headers.find("accept");
  bool browser = accept != head.headers.end() &&
                 accept->second.find("text/html") != std::string::npos;
  std::string_view first = path.substr(0, path.find('/', 1));
  bool program = first == "/api" || first == "/druid" || first == "/ingest";
  if (!browser || program) return std::nullopt;
  Match match;
  match.handler = &missing_page_;
  match.access = Access::kPublic;
  return match;
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Route& route : routes_) {
    all.emplace_back(route.method, route.pattern);
  }
  return all;
}

}  // namespace freshet
