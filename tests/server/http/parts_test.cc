// The parts that know no sockets.
#include <doctest/doctest.h>
#include <zstd.h>

#include <random>

#include "server/http/accept_encoding.h"
#include "server/http/content_coding.h"
#include "server/http/event_queue.h"
#include "server/http/metrics.h"
#include "server/http/response_head.h"
#include "server/http/static_assets.h"
#include "server/http/target.h"

namespace freshet {
namespace {

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(
      ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

TEST_CASE("a route that was told its parameters takes no others") {
  Router router;
  auto handler = [](const HttpRequest&) { return HttpResponse(); };
  router.add("GET", "/a/{b}", Access::kRead, handler);
  CHECK(router.match("GET", "/a/x").parameters == nullptr);
  router.take_only("GET", "/a/{b}", {"range", "tz"});
  const Router::Match match = router.match("HEAD", "/a/x");
  REQUIRE(match.parameters != nullptr);
  HttpRequest request;
  request.query = {{"tz", "UTC"}};
  CHECK(check_parameters(request, *match.parameters).has_value());
  auto refused = [&](const char* name, std::vector<std::string> known) {
    request.query = {{name, ""}};
    Status status = check_parameters(request, known);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().details[0].path == name);
    return status.error().message;
  };
  CHECK(refused("rnge", *match.parameters) ==
        "unknown parameter 'rnge'; did you mean 'range'?");
  CHECK(refused("foo", *match.parameters) ==
        "unknown parameter 'foo'; known are range, tz");
  CHECK(refused("foo", {}) ==
        "unknown parameter 'foo'; this address takes none");
}

TEST_CASE("targets are decoded once and have one spelling") {
  struct Case {
    const char* target;
    const char* path;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"/", "/"},
                                   {"/a/b/", "/a/b/"},
                                   {"/a%20b", "/a b"},
                                   {"/%61", "/a"},
                                   {"/a%2fb%2F", "/a%2Fb%2F"},
                                   {"/a%252fb", "/a%252fb"},
                                   {"/caf%C3%A9", "/caf\xc3\xa9"},
                                   {"http://localhost/x", "/x"},
                                   {"http://localhost?q", nullptr}}) {
    CAPTURE(c.target);
    auto target = parse_target(c.target);
    if (!c.path) {
      CHECK_FALSE(target.has_value());
      continue;
    }
    REQUIRE(target.has_value());
    CHECK(target->path == c.path);
  }
  for (const char* bad :
       {"",           "*",      "a",      "/..",      "/a/../b", "/a/%2e%2E/b",
        "/.",         "/a/./b", "/a//b",  "//a",      "/%00",    "/%0a",
        "/%",         "/%4",    "/%zz",   "/\x7f",    "/%ff",    "/%c0%af",
        "/%ed%a0%80", "/a#b",   "/a?x=%", "/a?x=%00", "/a?%ff"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_target(bad).has_value());
  }
  auto query = parse_target("/a?x=1&y=a+b%2Bc&&x=&z");
  REQUIRE(query.has_value());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(query->query ==
        Pairs{{"x", "1"}, {"y", "a b+c"}, {"x", ""}, {"z", ""}});
}

TEST_CASE("random targets: decoding never yields a control or a dot part") {
  uint32_t seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::string alphabet = "/.%2eEfF05ac?&=+~\xc3\xa9";
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = "/";
    for (size_t n = random() % 12; n > 0; --n) {
      text += alphabet[random() % alphabet.size()];
    }
    auto target = parse_target(text);
    if (!target) continue;
    ++accepted;
    CAPTURE(text);
    std::string path = target->path + "/";
    CHECK(path.find("/../") == std::string::npos);
    CHECK(path.find("/./") == std::string::npos);
    for (char c : path) CHECK((static_cast<unsigned char>(c) >= 0x20));
  }
  CHECK(accepted > 1000);
}

TEST_CASE("routes: literal parts first, methods, params") {
  Router router;
  auto name = [](std::string text) {
    return [text](const HttpRequest&) { return json_response(text); };
  };
  router.add("GET", "/a/{x}", Access::kRead, name("param"), 7);
  router.add("GET", "/a/fixed", Access::kPublic, name("fixed"));
  router.add("POST", "/a/{x}", Access::kAdmin, name("post"));
  router.add("POST", "/sql/", Access::kRead, name("slash"));
  auto run = [](const Router::Match& match) {
    return (*match.handler)(HttpRequest{}).body;
  };
  CHECK(run(router.match("GET", "/a/fixed")) == "fixed");
  auto match = router.match("HEAD", "/a/b%2Fc%25");
  CHECK(run(match) == "param");
  CHECK(match.params.at("x") == "b/c%");
  CHECK(match.max_body == 7);
  CHECK(match.pattern == "/a/{x}");
  CHECK(match.access == Access::kRead);
  CHECK(run(router.match("POST", "/a/b")) == "post");
  CHECK(run(router.match("POST", "/sql/")) == "slash");
  CHECK_FALSE(router.match("POST", "/sql").handler);
  CHECK_FALSE(router.match("GET", "/a/").handler);
  CHECK_FALSE(router.match("GET", "/a/b/c").handler);
  CHECK_FALSE(router.match("GET", "").handler);
  // A less literal pattern does not answer for the nearest one.
  CHECK_FALSE(router.match("POST", "/a/fixed").handler);
  auto wrong = router.match("DELETE", "/a/b");
  CHECK_FALSE(wrong.handler);
  CHECK(wrong.allowed == std::vector<std::string>{"GET", "HEAD", "POST"});
  CHECK(wrong.access == Access::kAdmin);
}

TEST_CASE("accepted encodings") {
  CHECK(accepts_encoding("gzip, deflate, br", "br"));
  CHECK(accepts_encoding("GZIP;q=0.5", "gzip"));
  CHECK(accepts_encoding("*", "gzip"));
  CHECK(accepts_encoding("gzip;q=0.001", "gzip"));
  CHECK_FALSE(accepts_encoding("gzip;q=0", "gzip"));
  CHECK_FALSE(accepts_encoding("*, gzip; q=0.0", "gzip"));
  CHECK_FALSE(accepts_encoding("", "gzip"));
  CHECK_FALSE(accepts_encoding("xgzip", "gzip"));
}

TEST_CASE("content codings there and back, cut and false") {
  std::string text;
  std::mt19937 random(7);
  for (int i = 0; i < 30'000; ++i) text += std::to_string(random() % 1000);
  for (const char* coding : {"gzip", "zstd"}) {
    CAPTURE(coding);
    bool is_gzip = coding == std::string("gzip");
    std::string packed = is_gzip ? gzip_body(text) : zstd(text);
    auto back = undo_coding(coding, packed, 1 << 20);
    REQUIRE(back.has_value());
    CHECK(*back == text);
    auto twice = undo_coding(coding, packed + packed, 1 << 20);
    REQUIRE(twice.has_value());
    CHECK(*twice == text + text);
    CHECK(undo_coding(coding, packed, text.size()).has_value());
    auto over = undo_coding(coding, packed, text.size() - 1);
    REQUIRE_FALSE(over.has_value());
    CHECK(over.error().code == ErrorCode::kLimit);
    for (size_t cut : {size_t{1}, size_t{11}, packed.size() - 1}) {
      auto part = undo_coding(coding, packed.substr(0, cut), 1 << 20);
      REQUIRE_FALSE(part.has_value());
      CHECK(part.error().code == ErrorCode::kInvalid);
    }
    CHECK_FALSE(undo_coding(coding, "not that", 1 << 20).has_value());
    CHECK_FALSE(undo_coding(coding, "", 1 << 20).has_value());
    CHECK_FALSE(undo_coding(coding, packed + "x", 1 << 20).has_value());
    std::string zeros(8 << 20, '\0');
    auto bomb =
        undo_coding(coding, is_gzip ? gzip_body(zeros) : zstd(zeros), 64 << 20);
    // gzip's fastest level stays below the ratio; zstd does not.
    if (!is_gzip) {
      REQUIRE_FALSE(bomb.has_value());
      CHECK(bomb.error().code == ErrorCode::kLimit);
    }
  }
  auto unknown = undo_coding("br", "x", 10);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("event text cannot be broken out of") {
  CHECK(event_text("1", "delta", "{}") == "id: 1\nevent: delta\ndata: {}\n\n");
  CHECK(event_text("", "", "a\nb\r\nc\rd") ==
        "data: a\ndata: b\ndata: c\ndata: d\n\n");
  CHECK(event_text("1\n2", "a\r\nb", "") == "id: 12\nevent: ab\ndata: \n\n");
}

TEST_CASE("an event queue is bounded and wakes its reader") {
  EventQueue queue;
  int woken = 0;
  queue.set_wake([&] { ++woken; });
  CHECK(queue.send("1", "big", std::string(EventQueue::kCapacity * 2, 'x')));
  CHECK_FALSE(queue.send("2", "small", "x"));
  CHECK(woken == 1);
  CHECK(queue.take().size() > EventQueue::kCapacity * 2);
  CHECK(queue.send("3", "small", "x"));
  CHECK(queue.send("4", "small", "x"));
  CHECK(woken == 2);
  queue.close();
  CHECK(woken == 3);
  CHECK(queue.closed());
  CHECK_FALSE(queue.send("5", "small", "x"));
  CHECK(queue.take().find("id: 4") != std::string::npos);
}

TEST_CASE("response heads: defaults, overrides and no smuggled lines") {
  HttpResponse response;
  response.headers = {{"cache-control", "max-age=5"},
                      {"X-Bad", "a\r\nSet-Cookie: x"}};
  ResponseFrame frame;
  frame.request_id = "id1";
  frame.content_length = 3;
  frame.keep_alive = false;
  std::string head = response_head(response, frame);
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  for (const char* line :
       {"X-Request-Id: id1\r\n", "Content-Length: 3\r\n",
        "Connection: close\r\n", "X-Content-Type-Options: nosniff\r\n",
        "Referrer-Policy: no-referrer\r\n", "frame-ancestors 'self'",
        "default-src 'self'", "cache-control: max-age=5\r\n"}) {
    CAPTURE(line);
    CHECK(head.find(line) != std::string::npos);
  }
  CHECK(head.find("Set-Cookie") == std::string::npos);
  CHECK(head.find("no-store") == std::string::npos);
  CHECK(head.find("Strict-Transport") == std::string::npos);
}

TEST_CASE("every error code has its status and the contract's JSON") {
  CHECK(http_status(ErrorCode::kInvalid) == 400);
  CHECK(http_status(ErrorCode::kUnauthorized) == 401);
  CHECK(http_status(ErrorCode::kNotFound) == 404);
  CHECK(http_status(ErrorCode::kInternal) == 500);
  CHECK(http_status(ErrorCode::kCorrupt) == 503);
  CHECK(http_status(ErrorCode::kIo) == 503);
  HttpResponse response =
      error_response({ErrorCode::kNotFound, "no \"x\""}, "id7");
  CHECK(response.status == 404);
  CHECK(response.body == R"({"error":{"code":"not_found","message":"no \"x\"",)"
                         R"("details":[],"request_id":"id7"}})");
}

TEST_CASE("the pages are there, compressed if the client likes") {
  Router router;
  add_static_routes(router);
  for (const char* page : {"/", "/d/trading", "/explore", "/explore/sales",
                           "/alerts", "/data", "/query"}) {
    CAPTURE(page);
    auto match = router.match("GET", page);
    REQUIRE(match.handler);
    HttpRequest request;
    HttpResponse plain = (*match.handler)(request);
    CHECK(plain.status == 200);
    CHECK(plain.content_type == "text/html; charset=utf-8");
    CHECK(plain.static_body.find("<!doctype html>") != std::string::npos);
    request.headers["accept-encoding"] = "gzip";
    HttpResponse packed = (*match.handler)(request);
    auto back = undo_coding("gzip", std::string(packed.static_body), 1 << 20);
    REQUIRE(back.has_value());
    CHECK(*back == plain.static_body);
    std::string tag;
    for (const auto& [name, value] : packed.headers) {
      if (name == "ETag") tag = value;
    }
    REQUIRE_FALSE(tag.empty());
    request.headers["if-none-match"] = "W/" + tag;
    CHECK((*match.handler)(request).status == 304);
    request.headers["if-none-match"] = "\"other\"";
    CHECK((*match.handler)(request).status == 200);
  }
}

TEST_CASE("metrics as Prometheus text") {
  auto metrics = Metrics::create();
  metrics->request("/x", 200, 0.002);
  metrics->request("", 404, 0.002);
  metrics->query("kpi", true, 0.1, 42);
  metrics->set_gauge("freshet_g", "G", "dataset", "sales", 1.5);
  metrics->set_gauge("freshet_g", "G", "dataset", "sales", 2.5);
  metrics->set_counter("freshet_c_total", "C", "", "", 5);
  metrics->set_counter("freshet_c_total", "C", "", "", 7);
  metrics->set_counter("freshet_c_total", "C", "", "", 2);
  std::string text = metrics->text();
  for (const char* line :
       {"freshet_http_requests_total{route=\"/x\",status=\"200\"} 1",
        "freshet_http_requests_total{route=\"none\",status=\"404\"} 1",
        "freshet_http_request_seconds_bucket{route=\"/x\",le=\"0.0025\"} 1",
        "freshet_query_rows_scanned_total{kind=\"kpi\"} 42",
        "freshet_g{dataset=\"sales\"} 2.5", "freshet_c_total 2",
        "# TYPE freshet_g gauge"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

}  // namespace
}  // namespace freshet
