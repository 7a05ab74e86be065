#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "server/json/error_text.h"
#include "server/json/escape_codes.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

std::string written(std::string_view s) { return JsonWriter().value(s).take(); }

std::string message_of(std::string_view text) {
  auto parsed = parse_json(text);
  return parsed ? "no error" : parsed.error().message;
}

TEST_CASE("an error names the places at fault") {
  Error plain = invalid("no");
  CHECK(error_json(plain, "") ==
        R"({"error":{"code":"invalid","message":"no","details":[]}})");
  Error inner = at_path("range", plain);
  CHECK(error_json(at_path("queries[1]", inner), "7f") ==
        R"({"error":{"code":"invalid","message":"no","details":[{"path":)"
        R"("queries[1].range","message":"no"}],"request_id":"7f"}})");
  CHECK(at_path("queries", at_path("[1]", inner)).details[0].path ==
        "queries[1].range");
  auto twice = parse_json(R"({"queries":[{},{"a":{"tz":1,"tz":2}}]})");
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().details[0].path == "queries[1].a.tz");
  Result<int> good = at_path("tz", Result<int>(3));
  CHECK(*good == 3);
  Result<int> bad = at_path("tz", Result<int>(plain));
  CHECK(bad.error().details[0].path == "tz");
}

TEST_CASE("writer places commas by itself") {
  JsonWriter w;
  w.begin_object().field("a", 1).key("b").begin_array().value(true).null();
  w.begin_object().end_object().value("x").end_array();
  w.field("c", 0.5).key("d").decimal(8123456, 2).end_object();
  CHECK(w.text() == R"({"a":1,"b":[true,null,{},"x"],"c":0.5,"d":81234.56})");
}

TEST_CASE("writer writes a parsed document as it was") {
  for (const char* text :
       {R"({"a":[1,-2.5,true,null,{}],"b":{"c":"x\"y","d":[]}})", "[]", "7",
        R"("é")"}) {
    auto parsed = parse_json(text);
    REQUIRE(parsed.has_value());
    CHECK(JsonWriter().tree(*parsed).take() == text);
  }
}

TEST_CASE("writer escapes, and writes a backslash as \\u005c") {
  CHECK(written("c:\\") == R"("c:\u005c")");
  CHECK(written("a\"b\n\t\x01\x7f") == R"("a\"b\n\t\u0001\u007f")");
  CHECK(written("ñ€😀") == "\"ñ€😀\"");
  CHECK(written("a\xff"
                "b") ==
        "\"a\xEF\xBF\xBD"
        "b\"");
  CHECK(written("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  CHECK(written("\xC3") == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("numbers read back the same") {
  CHECK(JsonWriter().value(std::nan("")).text() == "null");
  CHECK(JsonWriter().value(INFINITY).text() == "null");
  CHECK(JsonWriter().value(0.1).text() == "0.1");
  CHECK(JsonWriter().value(9e5).text() == "900000");
  CHECK(JsonWriter().value(-2.5e-6).text() == "-0.0000025");
  CHECK(JsonWriter().value(1e17).text() == "1e+17");
  CHECK(JsonWriter().value(std::numeric_limits<int64_t>::min()).text() ==
        "-9223372036854775808");
  CHECK(JsonWriter().decimal(-5, 2).text() == "-0.05");
  std::mt19937_64 random(7);
  for (int i = 0; i < 10000; ++i) {
    uint64_t bits = random();
    double v;
    std::memcpy(&v, &bits, sizeof(v));
    if (!std::isfinite(v)) continue;
    auto parsed = parse_json(JsonWriter().value(v).text());
    REQUIRE(parsed.has_value());
    double back = parsed->as_int() != nullptr
                      ? static_cast<double>(*parsed->as_int())
                      : *parsed->as_double();
    REQUIRE(back == v);
  }
}

TEST_CASE("any bytes written are one JSON string") {
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    auto parsed = parse_json(written(bytes));
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->as_string() != nullptr);
  }
}

TEST_CASE("parser gives the tree") {
  auto v = parse_json(R"( {"a": [1, -2.5, "x\u00e9", null, true], "b": {}} )");
  REQUIRE(v.has_value());
  const JsonArray* a = v->find("a")->as_array();
  REQUIRE(a->size() == 5);
  CHECK(*(*a)[0].as_int() == 1);
  CHECK(*(*a)[1].as_double() == -2.5);
  CHECK(*(*a)[2].as_string() == "xé");
  CHECK((*a)[3].is_null());
  CHECK(*(*a)[4].as_bool());
  CHECK(v->find("b")->type_name() == std::string("object"));
  CHECK(v->find("c") == nullptr);
  CHECK(*parse_json("18446744073709551615")->as_double() > 1.8e19);
}

TEST_CASE("bad JSON is told with its place") {
  for (const char* bad : {"", " ", "{", "[1,]", "{\"a\":}", "nul", "1 2",
                          "\"abc", "{\"a\" 1}", "[\"\x01\"]", "01", "-"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_json(bad).has_value());
  }
  CHECK(message_of("{\n \"a\": tru}").find("line 2 column 7") !=
        std::string::npos);
  CHECK(message_of(R"({"a":1,"a":2})") == "duplicate name in a JSON object: a");
  std::string deep(64, '[');
  CHECK(parse_json(deep + std::string(64, ']')).has_value());
  CHECK(message_of("[" + deep + std::string(65, ']')).find("limit of 64") !=
        std::string::npos);
  CHECK_FALSE(parse_json(std::string(1'000'000, '[')).has_value());
}

TEST_CASE("nearest name") {
  std::vector<std::string> known = {"net_sales", "store", "category"};
  CHECK(nearest_name("net_sale", known) == "net_sales");
  CHECK(nearest_name("STORE", known) == "store");
  CHECK(nearest_name("catgeory", known) == "category");
  CHECK(nearest_name("weather", known) == "");
  CHECK(nearest_name("x", {"y"}) == "");
  CHECK(nearest_name("", known) == "");
}

TEST_CASE("escapes by code become characters") {
  CHECK(without_escape_codes(R"({"a":"Ums\u00e4tze \u20ac \ud83d\ude00"})") ==
        "{\"a\":\"Ums\u00e4tze \u20ac \U0001f600\"}");
  CHECK(without_escape_codes(R"(["\u0022 \u005c \u0026 \\u00e4 \n"])") ==
        R"(["\" \\ & \\u00e4 \n"])");
  // What YAML does not take as it is.
  for (const char* kept : {R"(["\u0007"])", R"(["\u0085"])", R"(["\u2028"])"}) {
    CHECK(without_escape_codes(kept) == kept);
  }
  // No JSON: a backslash may be just that.
  for (const char* kept :
       {"a: \\u00e4", R"({"a":"\u00e4",})", R"(["\ud83d"])"}) {
    CHECK(without_escape_codes(kept) == kept);
  }
}

}  // namespace
}  // namespace freshet
