#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "query_data.h"
#include "server/druid/druid_sql.h"
#include "server/json/json_value.h"

namespace freshet::test {
namespace {

// Two rows: the second of nulls, but its time.
DatasetSnapshot data() {
  auto schema = sales_schema();
  auto timeline = std::make_shared<Timeline>();
  timeline->live.push_back(live_segment(
      schema,
      {{Value(Timestamp{1767225600120}), Value("c:\\"), Value("a\"b,"),
        Value(int64_t{3}), Value(2.0), Value(Decimal{12345, 2}), Value(true)},
       {Value(Timestamp{1767225600121}), Value(), Value(), Value(), Value(),
        Value(), Value()}}));
  DatasetSnapshot out;
  out.schema = schema;
  out.timeline = timeline;
  return out;
}

class Server {
 public:
  DruidResponse ask(std::string_view body,
                    std::string_view type = "application/json") {
    return answer_druid_sql(*sql_, type, body, {{}, running_});
  }

 private:
  OneDataset catalog_{"t", data()};
  std::unique_ptr<Runner> runner_ = Runner::create(catalog_, 1);
  std::unique_ptr<Sql> sql_ = Sql::create(*runner_);
  RunningQueries running_;
};

constexpr std::string_view kSelect =
    R"("query":"SELECT __time, s, n, d, m, b FROM t ORDER BY __time")";

std::string body_of(std::string_view more) {
  return "{" + std::string(kSelect) + std::string(more) + "}";
}

constexpr std::string_view kRow1 =
    R"("2026-01-01T00:00:00.120Z","c:\u005c",3,2.0,123.45,true)";
constexpr std::string_view kRow2 =
    R"("2026-01-01T00:00:00.121Z",null,null,null,null,null)";

TEST_CASE("object is the default") {
  Server server;
  DruidResponse r = server.ask(body_of(R"(,"context":{},"header":false)"));
  CHECK(r.status == 200);
  CHECK(r.content_type == "application/json");
  CHECK(r.body ==
        R"([{"__time":"2026-01-01T00:00:00.120Z","s":"c:\u005c","n":3,)"
        R"("d":2.0,"m":123.45,"b":true},)"
        R"({"__time":"2026-01-01T00:00:00.121Z","s":null,"n":null,)"
        R"("d":null,"m":null,"b":null}])"
        "\n");
  CHECK_FALSE(r.headers["X-Druid-SQL-Query-Id"].empty());
  CHECK(r.headers.count("X-Druid-SQL-Header-Included") == 0);
}

TEST_CASE("array, with headers") {
  Server server;
  std::string rows =
      "[" + std::string(kRow1) + "],[" + std::string(kRow2) + "]";
  CHECK(server.ask(body_of(R"(,"resultFormat":"array")")).body ==
        "[" + rows + "]\n");
  DruidResponse r = server.ask(
      body_of(R"(,"resultFormat":"array","header":true,"typesHeader":true,)"
              R"("sqlTypesHeader":true)"));
  CHECK(r.headers["X-Druid-SQL-Header-Included"] == "yes");
  CHECK(r.body ==
        R"([["__time","s","n","d","m","b"],)"
        R"(["LONG","STRING","LONG","DOUBLE","DOUBLE","LONG"],)"
        R"(["TIMESTAMP","VARCHAR","BIGINT","DOUBLE","DECIMAL","BOOLEAN"],)" +
            rows + "]\n");
}

TEST_CASE("lines end with a blank line") {
  Server server;
  DruidResponse r = server.ask(body_of(R"(,"resultFormat":"arrayLines")"));
  CHECK(r.content_type == "text/plain");
  CHECK(r.body ==
        "[" + std::string(kRow1) + "]\n[" + std::string(kRow2) + "]\n\n");
  r = server.ask(
      R"({"query":"SELECT n FROM t WHERE n = 3","resultFormat":"objectLines",)"
      R"("header":true,"typesHeader":true})");
  CHECK(r.body == "{\"n\":{\"type\":\"LONG\"}}\n{\"n\":3}\n\n");
  r = server.ask(
      R"({"query":"SELECT n FROM t WHERE n = 9","resultFormat":"objectLines"})");
  CHECK(r.body == "\n\n");
}

TEST_CASE("object header and no rows") {
  Server server;
  CHECK(server.ask(R"({"query":"SELECT n FROM t WHERE n = 9","header":true})")
            .body == "[{\"n\":null}]\n");
  CHECK(server.ask(R"({"query":"SELECT n FROM t WHERE n = 9"})").body ==
        "[]\n");
}

TEST_CASE("csv quotes what it must") {
  Server server;
  DruidResponse r = server.ask(
      R"({"query":"SELECT t AS \"a,b\", n, m, __time FROM t ORDER BY __time",)"
      R"("resultFormat":"csv","header":true})");
  CHECK(r.content_type == "text/csv");
  CHECK(r.body ==
        "\"a,b\",n,m,__time\n"
        "\"a\"\"b,\",3,123.45,2026-01-01T00:00:00.120Z\n"
        ",,,2026-01-01T00:00:00.121Z\n\n");
}

TEST_CASE("context: time zone, id, outer limit; unknown keys are ignored") {
  Server server;
  DruidResponse r = server.ask(
      R"({"query":"SELECT __time FROM t ORDER BY 1","context":{)"
      R"("sqlTimeZone":"Europe/Madrid","sqlQueryId":"my-id",)"
      R"("sqlOuterLimit":1,"timeout":"5000","what":{"a":[1]}},"ID":7})");
  CHECK(r.body == "[{\"__time\":\"2026-01-01T01:00:00.120+01:00\"}]\n");
  CHECK(r.headers["X-Druid-SQL-Query-Id"] == "my-id");
}

TEST_CASE("parameters, text and form bodies") {
  Server server;
  DruidResponse r = server.ask(
      R"x({"query":"SELECT COUNT(*) AS c FROM t WHERE n = ? AND s = ? )x"
      R"x(AND __time < ? LIMIT ?",)x"
      R"("parameters":[{"type":"BIGINT","value":3},)"
      R"({"type":"VARCHAR","value":"c:\\"},)"
      R"({"type":"TIMESTAMP","value":"2026-01-02T00:00:00"},)"
      R"({"type":"INTEGER","value":5}]})");
  CHECK(r.body == "[{\"c\":1}]\n");
  CHECK(server.ask("SELECT 1 AS x;", "text/plain; charset=utf-8").body ==
        "[{\"x\":1}]\n");
  CHECK(server.ask("SELECT+1+%2B+1+AS+x", "application/x-www-form-urlencoded")
            .body == "[{\"x\":2}]\n");
}

// The first day of summer time in Madrid has 23 hours.
TEST_CASE("times of parameters are in the zone of the statement") {
  Server server;
  const std::string ask =
      R"("query":"SELECT TIMESTAMPDIFF(MINUTE, ?, ?) AS m, TIMESTAMPDIFF()"
      R"(MINUTE, TIMESTAMP '2026-03-29T00:00:00', ?) AS n",)"
      R"("parameters":[{"type":"TIMESTAMP","value":"2026-03-29T00:00:00"},)"
      R"({"type":"DATE","value":"2026-03-30"},)"
      R"({"type":"TIMESTAMP","value":"2026-03-29 00:00:00"}])";
  CHECK(server.ask("{" + ask + "}").body == "[{\"m\":1440,\"n\":0}]\n");
  CHECK(server.ask("{" + ask + R"(,"context":{"sqlTimeZone":"Europe/Madrid"}})")
            .body == "[{\"m\":1380,\"n\":0}]\n");
  std::string with_set = "{" + ask + "}";
  with_set.replace(with_set.find("SELECT"), 0,
                   "SET sqlTimeZone = 'Europe/Madrid'; ");
  CHECK(server.ask(with_set).body == "[{\"m\":1380,\"n\":0}]\n");
}

TEST_CASE("decimals of parameters are exact") {
  Server server;
  auto sum = [&](const char* value) {
    return server
        .ask(std::string(R"({"query":"SELECT ? + 0.20 AS s","resultFormat":)"
                         R"("csv","parameters":[{"type":"DECIMAL","value":)") +
             value + "}]}")
        .body;
  };
  CHECK(sum(R"("0.10")") == "0.30\n\n");
  CHECK(sum("0.1") == "0.30\n\n");
  CHECK(sum("3") == "3.20\n\n");
  CHECK(sum(R"("12345678901234.56")") == "12345678901234.76\n\n");
  CHECK(sum(R"("0.1O")").find("DECIMAL") != std::string::npos);
}

TEST_CASE("errors have the keys of old and new clients") {
  Server server;
  DruidResponse r = server.ask(R"({"query":"SELECT\n weather FROM t"})");
  CHECK(r.status == 400);
  CHECK(r.body == R"({"error":"druidException","errorClass":null,"host":null,)"
                  R"("errorCode":"invalidInput","persona":"USER",)"
                  R"("category":"INVALID_INPUT","errorMessage":)"
                  R"x("unknown column: weather (line [2], column [2])",)x"
                  R"("context":{"sourceType":"sql","line":"2","column":"2"}})");
  CHECK_FALSE(r.headers["X-Druid-SQL-Query-Id"].empty());
  CHECK(server.ask(R"({"query":"SELECT * FROM t NATURAL JOIN t b"})").status ==
        501);
  CHECK(druid_error(Error{ErrorCode::kDeadline, "x"}).status == 504);
  CHECK(druid_error(Error{ErrorCode::kLimit, "x"})
            .body.find("Resource limit exceeded") != std::string::npos);
}

TEST_CASE("bad bodies are 400 and still JSON") {
  Server server;
  for (const char* bad :
       {"", "{", "[]", "7", "{}", R"({"query":7})", R"({"query":""})",
        R"({"query":"SELECT 1","resultFormat":"xml"})",
        R"({"query":"SELECT 1","header":"yes"})",
        R"({"query":"SELECT 1","typesHeader":true})",
        R"({"query":"SELECT 1","context":[]})",
        R"({"query":"SELECT 1","context":{"sqlTimeZone":"Mars/Here"}})",
        R"({"query":"SELECT 1","context":{"sqlQueryId":"a\r\nb"}})",
        R"({"query":"SELECT 1","context":{"timeout":-1}})",
        R"({"query":"SELECT ?","parameters":[{"type":"BIGINT","value":"x"}]})",
        R"({"query":"SELECT ?","parameters":[{"value":1}]})",
        R"({"query":"SELECT ?"})"}) {
    CAPTURE(bad);
    DruidResponse r = server.ask(bad);
    CHECK(r.status == 400);
    CHECK(parse_json(r.body).has_value());
  }
  CHECK(server.ask("<x/>", "application/xml").status == 400);
}

TEST_CASE("cancel by id") {
  RunningQueries running;
  CHECK(cancel_druid_sql(running, "x").status == 404);
  RunningQueries::Handle handle(running, "x");
  CHECK(cancel_druid_sql(running, "x").status == 202);
  CHECK(handle.flag()->load());
}

TEST_CASE("explain") {
  Server server;
  DruidResponse r = server.ask(
      R"({"query":"EXPLAIN PLAN FOR SELECT s, COUNT(*) FROM t GROUP BY s"})");
  CHECK(r.status == 200);
  auto rows = parse_json(r.body);
  REQUIRE(rows.has_value());
  const JsonValue& row = (*rows->as_array())[0];
  CHECK(*row.find("RESOURCES")->as_string() ==
        R"([{"name":"t","type":"DATASOURCE"}])");
  CHECK(parse_json(*row.find("PLAN")->as_string()).has_value());
}

}  // namespace
}  // namespace freshet::test
