// Native queries: what a body may have, and what is refused by name.
#include <doctest/doctest.h>

#include "query_data.h"
#include "server/druid/druid_native.h"
#include "server/json/json_value.h"

namespace freshet::test {
namespace {

constexpr int64_t kDay = 86400000;
constexpr int64_t kFirst = 1767225600000;  // 2026-01-01

// Two days: two rows in the first, two in the second, the last of nulls.
DatasetSnapshot data() {
  auto schema = sales_schema();
  auto row = [](int64_t ms, const char* s, const char* t, int64_t n, double d,
                bool b) {
    return std::vector<Value>{Value(Timestamp{ms}),
                              Value(s),
                              Value(t),
                              Value(n),
                              Value(d),
                              Value(),
                              Value(b)};
  };
  auto timeline = std::make_shared<Timeline>();
  timeline->live.push_back(
      live_segment(schema, {row(kFirst, "ab", "x", 3, 1.5, true),
                            row(kFirst + 3600000, "b", "ab", 20, 2.0, false),
                            row(kFirst + kDay, "abc", "y", 3, -1.0, true),
                            {Value(Timestamp{kFirst + kDay + 1}), Value(),
                             Value(), Value(), Value(), Value(), Value()}}));
  DatasetSnapshot out;
  out.schema = schema;
  out.timeline = timeline;
  return out;
}

class Native {
 public:
  // Members after "dataSource", with ' for ".
  DruidResponse ask(std::string members) {
    std::replace(members.begin(), members.end(), '\'', '"');
    return send(R"({"dataSource":"t",)" + members + "}");
  }
  DruidResponse send(const std::string& body) {
    return answer_druid_native(*sql_, catalog_, body, {{}, running_});
  }

  // The rows that a filter lets through, or -1 if it is refused.
  int64_t count(const std::string& filter,
                const std::string& intervals = "'2026/2027'") {
    auto answer =
        ask("'queryType':'timeseries','granularity':'all',"
            "'aggregations':[{'type':'count','name':'rows'}],"
            "'intervals':" +
            intervals + ",'filter':" + filter);
    auto rows = parse_json(answer.body);
    if (answer.status != 200 || !rows) return -1;
    if (rows->as_array()->empty()) return 0;
    return *(*rows->as_array())[0].find("result")->find("rows")->as_int();
  }

 private:
  OneDataset catalog_{"t", data()};
  std::unique_ptr<Runner> runner_ = Runner::create(catalog_, 1);
  std::unique_ptr<Sql> sql_ = Sql::create(*runner_);
  RunningQueries running_;
};

void check_refused(const DruidResponse& answer, int status,
                   const std::string& part) {
  CAPTURE(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.body.find(part) != std::string::npos);
}

// JSON text of a text.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

TEST_CASE("an expression is one expression, or refused by its text") {
  Native native;
  const std::string counted =
      R"("queryType":"timeseries","intervals":"2020/2021","granularity":"all",)";
  const std::string count = R"("aggregations":[{"type":"count","name":"c"}])";
  for (const char* text : {"1=1) OR (1=1",
                           "n = 3 --",
                           "1--2",
                           "n /* x */ = 3",
                           "n = 3, n",
                           "n AS x",
                           "n FROM t",
                           "n WHERE 1=1",
                           "n = 3; SELECT 1",
                           "",
                           "*",
                           "n GROUP BY n",
                           "n LIMIT 1",
                           "n FOR UPDATE",
                           "n INTO x",
                           "DISTINCT n",
                           "n WINDOW w AS (ORDER BY n)",
                           "1 UNION SELECT 2",
                           "(SELECT 1)",
                           "EXISTS (SELECT 1 FROM t)",
                           "n IN (SELECT n FROM t)",
                           "n = ?",
                           "n = ANY (SELECT n FROM t)",
                           "SUM(n) OVER ()",
                           "n =",
                           "'open",
                           "SET a = 1; n",
                           "CASE WHEN n IN (SELECT 1) THEN 1 END"}) {
    CAPTURE(text);
    const std::string expression = R"("expression":)" + quoted(text) + "}";
    const std::string places[] = {
        counted + count + R"(,"filter":{"type":"expression",)" + expression,
        counted + count +
            R"(,"virtualColumns":[{"type":"expression","name":"v",)" +
            expression + "]",
        counted + R"("aggregations":[{"type":"longSum","name":"c",)" +
            expression + "]"};
    for (const std::string& place : places) {
      CAPTURE(place);
      DruidResponse answer = native.send(R"({"dataSource":"t",)" + place + "}");
      CHECK(answer.status == 400);
      auto error = parse_json(answer.body);
      REQUIRE(error.has_value());
      REQUIRE(error->find("errorMessage") != nullptr);
      const std::string& message = *error->find("errorMessage")->as_string();
      CHECK(message.find("not an expression (") == 0);
      CHECK(message.ends_with(std::string("): ") + text));
    }
  }
  CHECK(native.count(R"({"type":"expression","expression":"n - -2 = 5"})") ==
        2);
  CHECK(native.count(R"({"type":"expression","expression":)"
                     R"("s = concat('a','b') OR n = 20"})") == -1);
  CHECK(native
            .send(R"({"dataSource":"t",)" + counted + count +
                  R"(,"filter":{"type":"expression","expression":)"
                  R"("s = '--' OR FLOOR(__time TO DAY) = __time"}})")
            .status == 200);
}

TEST_CASE("a constant that no value of the column is matches no row") {
  Native native;
  auto selector = [&](const std::string& column, const std::string& value) {
    return native.count("{'type':'selector','dimension':'" + column +
                        "','value':" + value + "}");
  };
  CHECK(selector("b", "'1'") == 2);
  CHECK(selector("b", "1") == 2);
  CHECK(selector("b", "'0'") == 1);
  CHECK(selector("b", "'true'") == 2);
  CHECK(selector("b", "false") == 1);
  CHECK(selector("b", "'2'") == 0);
  CHECK(selector("n", "'3'") == 2);
  CHECK(selector("n", "'3.0'") == 2);
  CHECK(selector("n", "'3.5'") == 0);
  CHECK(selector("n", "'abc'") == 0);
  CHECK(selector("n", "''") == 0);
  CHECK(selector("n", "'nan'") == 0);
  CHECK(selector("n", "'1--2'") == 0);
  CHECK(selector("n", "'1e999'") == 0);
  CHECK(selector("n", "'99999999999999999999'") == 0);
  CHECK(selector("n", "true") == 0);
  CHECK(selector("d", "'1.5'") == 1);
  CHECK(selector("d", "'-1'") == 1);
  CHECK(selector("__time", "''") == 0);
  CHECK(selector("__time", "'abc'") == 0);
  CHECK(selector("__time", "'1--2'") == 0);
  CHECK(selector("__time", "'1767225600000'") == 1);
  CHECK(selector("__time", "'2026-01-02'") == 1);
  CHECK(selector("s", "'1--2'") == 0);
  CHECK(native.count("{'type':'not','field':{'type':'selector',"
                     "'dimension':'n','value':'abc'}}") == 4);
  CHECK(native.count("{'type':'in','dimension':'n','values':['abc','20',3]}") ==
        3);
  CHECK(native.count("{'type':'in','dimension':'n','values':['abc']}") == 0);
  CHECK(native.count("{'type':'equals','column':'b','matchValue':1}") == 2);
}

TEST_CASE("bounds are texts in Druid's bound and of a type in its range") {
  Native native;
  auto bound = [&](const std::string& column, const std::string& more) {
    return native.count("{'type':'bound','dimension':'" + column + "'," + more +
                        "}");
  };
  CHECK(bound("n", "'lower':'2','upper':'3'") == 3);
  CHECK(bound("n", "'lower':'2','upper':'3','ordering':'lexicographic'") == 3);
  CHECK(bound("n", "'lower':'2','upper':'3','ordering':'numeric'") == 2);
  CHECK(bound("n", "'lower':'3','lowerStrict':true,'ordering':'numeric'") == 1);
  CHECK(bound("n", "'lower':'3','lowerStrict':'true','ordering':'numeric'") ==
        1);
  CHECK(bound("b", "'lower':'1','ordering':'numeric'") == 2);
  CHECK(bound("b", "'lower':'0','upper':'0'") == 1);
  CHECK(bound("s", "'lower':'ab','upper':'abc'") == 2);
  CHECK(bound("__time", "'lower':'2026-01-02'") == 2);
  CHECK(bound("__time", "'upper':'1767225600000','ordering':'numeric'") == 1);
  auto range = [&](const std::string& more) {
    return native.count("{'type':'range','column':'n','lower':2,'upper':3" +
                        more + "}");
  };
  CHECK(range("") == 2);
  CHECK(range(",'matchValueType':'LONG'") == 2);
  CHECK(range(",'matchValueType':'STRING'") == 3);
  CHECK(range(",'matchValueType':'ARRAY<LONG>'") == -1);
  CHECK(bound("n", "'lower':'x','ordering':'numeric'") == -1);
  CHECK(bound("n", "'lower':'2','ordering':'strlen'") == -1);
  CHECK(bound("n", "'lower':'2','lowerStrict':7") == -1);
  CHECK(bound("n", "'lower':'2','alphaNumeric':true") == -1);
}

TEST_CASE("connectives leave nulls out and need a field") {
  Native native;
  const std::string ab = "{'type':'selector','dimension':'s','value':'ab'}";
  CHECK(native.count("{'type':'or','fields':[" + ab + ",null]}") == 1);
  CHECK(native.count("{'type':'and','fields':[null," + ab + "]}") == 1);
  for (const char* fields : {"[]", "[null]"}) {
    check_refused(
        native.ask("'queryType':'scan','filter':{'type':'or','fields':" +
                   std::string(fields) + "}"),
        400, "'fields' of a filter");
  }
  check_refused(native.ask("'queryType':'scan','filter':'x'"), 400,
                "a filter must be an object, not string");
  check_refused(native.ask("'queryType':'scan','filter':{}"), 400,
                "this filter has no 'type'");
}

TEST_CASE("search looks at the dimension and is sorted and cut in buckets") {
  Native native;
  const std::string search =
      "'queryType':'search','query':{'type':'contains','value':'b'},";
  CHECK(native
            .ask(search + "'searchDimensions':[{'type':'default',"
                          "'dimension':'s','outputName':'t'}]")
            .body == R"([{"timestamp":"2026-01-01T00:00:00.000Z","result":[)"
                     R"({"dimension":"t","value":"ab","count":1},)"
                     R"({"dimension":"t","value":"abc","count":1},)"
                     R"({"dimension":"t","value":"b","count":1}]}])");
  CHECK(native
            .ask("'queryType':'search','query':{'type':'contains',"
                 "'value':'3'},'searchDimensions':[{'dimension':'n',"
                 "'type':'default','outputType':'LONG','outputName':'x'}]")
            .body == R"([{"timestamp":"2026-01-01T00:00:00.000Z","result":[)"
                     R"({"dimension":"x","value":"3","count":2}]}])");
  CHECK(native.ask(search + "'sort':{'type':'strlen'},'limit':2").body ==
        R"([{"timestamp":"2026-01-01T00:00:00.000Z","result":[)"
        R"({"dimension":"s","value":"b","count":1},)"
        R"({"dimension":"s","value":"ab","count":1}]}])");
  CHECK(native.ask(search + "'granularity':'day','limit':1").body ==
        R"([{"timestamp":"2026-01-01T00:00:00.000Z","result":[)"
        R"({"dimension":"s","value":"ab","count":1}]},)"
        R"({"timestamp":"2026-01-02T00:00:00.000Z","result":[)"
        R"({"dimension":"s","value":"abc","count":1}]}])");
  check_refused(native.ask(search + "'sort':{'type':'alphanumeric'}"), 501,
                "this 'sort' is not supported: alphanumeric");
  check_refused(native.ask("'queryType':'search','query':7"), 400, "'query'");
}

TEST_CASE("a scan is ordered as asked") {
  Native native;
  const std::string scan =
      "'queryType':'scan','columns':['n','d'],"
      "'resultFormat':'compactedList',";
  auto events = [&](const std::string& more) {
    std::string body = native.ask(scan + more).body;
    size_t from = body.find("\"events\":");
    CAPTURE(body);
    REQUIRE(from != std::string::npos);
    return body.substr(from + 9, body.find(",\"rowSignature\"") - from - 9);
  };
  CHECK(events("'orderBy':[{'columnName':'__time','order':'descending'}]") ==
        "[[null,null],[3,-1.0],[20,2.0],[3,1.5]]");
  CHECK(events("'orderBy':[{'columnName':'n'},"
               "{'columnName':'d','order':'DESCENDING'}]") ==
        "[[null,null],[3,1.5],[3,-1.0],[20,2.0]]");
  CHECK(events("'order':'descending','orderBy':[],'limit':1") ==
        "[[null,null]]");
  check_refused(native.ask(scan + "'orderBy':[{'columnName':'x'}]"), 400,
                "unknown column: x");
  check_refused(
      native.ask(scan + "'orderBy':[{'columnName':'n','order':'up'}]"), 400,
      "'order' is one of ascending, descending, not: up");
  check_refused(
      native.ask(scan + "'order':'ascending','orderBy':[{'columnName':'n'}]"),
      400, "not both");
}

TEST_CASE("a topN by its dimension goes on after the previous stop") {
  Native native;
  auto values = [&](const std::string& dimension, const std::string& metric) {
    std::string body = native
                           .ask(
                               "'queryType':'topN','threshold':9,"
                               "'aggregations':[],'dimension':'" +
                               dimension + "','metric':" + metric)
                           .body;
    CAPTURE(body);
    std::string out;
    auto rows = parse_json(body);
    REQUIRE(rows.has_value());
    REQUIRE(rows->as_array());
    for (const JsonValue& row :
         *(*rows->as_array())[0].find("result")->as_array()) {
      const JsonValue* value = row.find(dimension);
      out += (value->as_string() ? *value->as_string() : "null") + " ";
    }
    return out;
  };
  CHECK(values("s", "{'type':'dimension','previousStop':'ab'}") == "abc b ");
  CHECK(values("s",
               "{'type':'inverted','metric':{'type':'dimension',"
               "'previousStop':'abc'}}") == "ab null ");
  CHECK(values("n", "{'type':'dimension','previousStop':'20'}") == "3 ");
  CHECK(values("n",
               "{'type':'dimension','ordering':'numeric',"
               "'previousStop':'3'}") == "20 ");
  for (const auto& [metric, status, part] :
       {std::tuple("{'type':'dimension','previousStop':7}", 400,
                   "'previousStop' must be a text"),
        std::tuple("{'type':'dimension','ordering':'numeric',"
                   "'previousStop':'x'}",
                   400, "'previousStop' must be a number: x"),
        std::tuple("{'type':'dimension','ordering':'version'}", 501,
                   "this 'ordering' is not supported: version")}) {
    check_refused(native.ask("'queryType':'topN','threshold':9,'dimension':"
                             "'s','metric':" +
                             std::string(metric)),
                  status, part);
  }
}

TEST_CASE("granularities, also of a time that is formatted") {
  Native native;
  auto series = [&](const std::string& granularity) {
    return native.ask(
        "'queryType':'timeseries','aggregations':[{'type':'count',"
        "'name':'c'}],'granularity':" +
        granularity);
  };
  CHECK(series("{'type':'all'}").body == series("'all'").body);
  CHECK(series("{'type':'none'}").body == series("'none'").body);
  CHECK(series("{'type':'none'}").body != series("'all'").body);
  check_refused(series("{'type':'period','period':'P1D','timeZone':5}"), 400,
                "'timeZone' must be a text, not number");
  check_refused(
      series("{'type':'duration','duration':3600000,'origin':'2026'}"), 501,
      "origin");
  check_refused(series("5"), 400, "'granularity'");
  auto groups = [&](const std::string& fn) {
    return native.ask(
        "'queryType':'groupBy','dimensions':[{'type':"
        "'extraction','dimension':'__time','outputName':'h',"
        "'extractionFn':{'type':'timeFormat','format':'HH:mm'" +
        fn + "}}],'aggregations':[{'type':'count','name':'c'}]");
  };
  CHECK(groups("").body.find("01:00") != std::string::npos);
  CHECK(groups(",'granularity':'day'").body ==
        R"([{"version":"v1","timestamp":"0001-01-01T00:00:00.000Z",)"
        R"("event":{"h":"00:00","c":4}}])");
  check_refused(groups(",'granularity':'all'"), 501, "this 'granularity'");
  check_refused(groups(",'locale':'fr'"), 501, "this 'locale'");
  check_refused(groups(",'asMillis':true"), 501, "asMillis");
}

TEST_CASE("a name is given once") {
  Native native;
  const std::string count = "'aggregations':[{'type':'count','name':'c'}],";
  for (const char* query :
       {"'queryType':'groupBy','dimensions':['c2','c']",
        "'queryType':'groupBy','dimensions':['s','s']",
        "'queryType':'groupBy','dimensions':[{'dimension':'s',"
        "'type':'default','outputName':'c'}]",
        "'queryType':'topN','metric':'c','threshold':2,'dimension':"
        "{'type':'default','dimension':'s','outputName':'c'}"}) {
    CAPTURE(query);
    DruidResponse answer = native.ask(count + query);
    CHECK(answer.status == 400);
  }
  check_refused(
      native.ask(count + "'queryType':'groupBy','dimensions':['s','s']"), 400,
      "two outputs have the name: s");
  check_refused(native.ask("'queryType':'scan','columns':['n','s','n']"), 400,
                "two outputs have the name: n");
}

TEST_CASE("members of a wrong type or word are named") {
  Native native;
  const std::string count = "'aggregations':[{'type':'count','name':'c'}],";
  struct {
    const char* query;
    int status;
    const char* part;
  } const kWrong[] = {
      {"'queryType':'timeseries','descending':'yes'", 400, "descending"},
      {"'queryType':'timeseries','descending':1", 400, "descending"},
      {"'queryType':'timeseries','context':{'grandTotal':7}", 400,
       "grandTotal"},
      {"'queryType':'timeseries','virtualColumns':7", 400, "virtualColumns"},
      {"'queryType':'scan','columns':'id'", 400,
       "'columns' must be a list of texts, not string"},
      {"'queryType':'scan','columns':[1]", 400, "'columns'"},
      {"'queryType':'scan','resultFormat':'zzz'", 400,
       "'resultFormat' is one of list, compactedList, valueVector, not: zzz"},
      {"'queryType':'scan','resultFormat':'valueVector'", 501, "valueVector"},
      {"'queryType':'scan','order':7", 400, "'order' must be a text"},
      {"'queryType':'scan','orderBy':'__time'", 400, "'orderBy'"},
      {"'queryType':'timeBoundary','bound':'nope'", 400,
       "'bound' is one of minTime, maxTime, not: nope"},
      {"'queryType':'timeBoundary','bound':5", 400, "'bound'"},
      {"'queryType':'segmentMetadata','toInclude':'all'", 400, "'toInclude'"},
      {"'queryType':'segmentMetadata','toInclude':{'type':'some'}", 400,
       "'type' is one of all, none, list, not: some"},
      {"'queryType':'segmentMetadata','toInclude':{'type':'list'}", 400,
       "'columns' of 'toInclude'"},
      {"'queryType':'segmentMetadata','analysisTypes':'minmax'", 400,
       "'analysisTypes'"},
      {"'queryType':'segmentMetadata','analysisTypes':['nope']", 400,
       "'analysisTypes' has an unknown one: nope"},
      {"'queryType':'groupBy','dimensions':[{'type':'default',"
       "'dimension':'s','outputName':7}]",
       400, "'outputName'"},
      {"'queryType':'groupBy','dimensions':[{'type':'default',"
       "'dimension':'n','outputType':'zzz'}]",
       400, "'outputType'"},
      {"'queryType':'groupBy','limitSpec':{'type':'default','columns':'c'}",
       400, "'columns' of a limitSpec"},
      {"'queryType':'groupBy','limitSpec':{'type':'default','columns':"
       "[{'dimension':'c','direction':'up'}]}",
       400, "'direction'"},
      {"'queryType':'groupBy','limitSpec':{'type':'default','columns':"
       "[{'dimension':'c','dimensionOrder':'strlen'}]}",
       501, "this 'dimensionOrder' is not supported: strlen"}};
  for (const auto& [query, status, part] : kWrong) {
    CAPTURE(query);
    check_refused(native.ask(count + query), status, part);
  }
  check_refused(
      native.ask("'queryType':'groupBy','dimensions':[{'type':'extraction',"
                 "'dimension':'s','extractionFn':{'type':'substring',"
                 "'index':9223372036854775807}}]"),
      400, "'index' of substring must be a whole number from 0 to 2147483647");
  check_refused(native.ask("'queryType':'timeseries','aggregations':[{'type':"
                           "'longFirst','name':'f','fieldName':'n',"
                           "'timeColumn':'t2'}]"),
                501, "this 'timeColumn' is not supported: t2");
  DruidResponse down =
      native.ask(count +
                 "'queryType':'timeseries','granularity':'day',"
                 "'descending':'true'");
  CHECK(down.body.find("2026-01-02") < down.body.find("2026-01-01"));
}

}  // namespace
}  // namespace freshet::test
