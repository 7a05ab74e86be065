"""Druid's native queries: each answer equals that of the same question in SQL,
and the real pydruid reads them."""
import json
import pathlib
import random
import sys
import time

import pytest
from pydruid.client import PyDruid
from pydruid.utils import aggregators, filters, postaggregator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

DAYS = "2026-11-01/2026-11-04"
TOWNS = """\
lookup: towns
source: { files: { path: "lookups/towns.csv", poll: 100ms } }
key: store
columns: [{ name: store, type: string }, { name: town, type: string }]
"""


def events(random_):
    for i in range(3000):
        # No event between 12:00 and 18:00: empty buckets.
        second = random_.randrange(3 * 86400)
        if 12 <= second // 3600 % 24 < 18:
            second -= 6 * 3600
        day, rest = divmod(second, 86400)
        store = random_.choice(["S1", "S2", "S3", 'c:\\', "ü", None])
        yield {"txn_id": f"t{i}", "qty": random_.randrange(-3, 20),
               "price": f"{random_.randrange(1000) / 100:.2f}",
               "channel": random_.choice(["web", "shop", None]),
               "ts": f"2026-11-{day + 1:02}T{rest // 3600:02}:"
                     f"{rest // 60 % 60:02}:{rest % 60:02}Z",
               **({"store": store} if store else {})}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    seed = random.randrange(1 << 30)
    print("seed", seed)
    model = freshet.sales_model(folder / "m", extra={
        "lookups/towns.yaml": TOWNS,
        "lookups/towns.csv": "store,town\nS1,Vigo\nS2,Lugo\n"})
    with freshet.Server(model, folder / "d") as s:
        s.ingest("sales", list(events(random.Random(seed))))
        freshet.wait_until(lambda: s.rows("sales") == 3000)
        freshet.wait_until(
            lambda: s.json("/api/v1/lookups/towns")["rows"] == 2)
        yield s


def native(server, status=200, **query):
    code, headers, body = server.request(
        "POST", "/druid/v2/", {"dataSource": "sales", "intervals": [DAYS],
                               "granularity": "all", **query})
    assert code == status, body
    return json.loads(body)


COUNT = {"type": "count", "name": "n"}
NET = {"type": "doubleSum", "name": "net", "fieldName": "net"}
QTY = {"type": "longSum", "name": "qty", "fieldName": "qty"}


def test_timeseries(server):
    found = native(server, queryType="timeseries", granularity="hour",
                   aggregations=[COUNT, NET, QTY],
                   postAggregations=[{
                       "type": "arithmetic", "name": "each", "fn": "/",
                       "fields": [{"type": "fieldAccess", "fieldName": "net"},
                                  {"type": "fieldAccess",
                                   "fieldName": "n"}]}])
    rows = {r["t"]: r for r in server.sql(
        "SELECT TIME_FLOOR(__time, 'PT1H') AS t, COUNT(*) AS n, "
        "SUM(net) AS net, SUM(qty) AS qty FROM sales GROUP BY 1")}
    times = [f["timestamp"] for f in found]
    assert times == sorted(times) and len(times) > len(rows)
    for f in found:
        result = f["result"]
        row = rows.get(f["timestamp"])
        if row is None:  # an empty hour
            assert result["n"] == 0 and result["net"] is None
            continue
        assert (result["n"], result["net"], result["qty"]) == (
            row["n"], row["net"], row["qty"])
        assert abs(result["each"] - row["net"] / row["n"]) < 1e-9
    skipped = native(server, queryType="timeseries", granularity="hour",
                     aggregations=[COUNT], descending=True,
                     context={"skipEmptyBuckets": True, "grandTotal": True})
    assert [f["timestamp"] for f in skipped[:-1]] == sorted(rows, reverse=True)
    assert skipped[-1] == {"timestamp": None, "result": {"n": 3000}}
    zoned = native(server, queryType="timeseries", aggregations=[COUNT],
                   granularity={"type": "period", "period": "P1D",
                                "timeZone": "Europe/Madrid"})
    assert zoned[0]["timestamp"] == "2026-11-01T00:00:00.000+01:00"
    assert sum(f["result"]["n"] for f in zoned) == 3000
    whole = native(server, queryType="timeseries", aggregations=[COUNT])
    assert whole[0]["result"] == {"n": 3000}
    none = native(server, queryType="timeseries", aggregations=[COUNT, NET],
                  intervals="2020-01-01/2020-01-02")
    assert none == [{"timestamp": "2020-01-01T00:00:00.000Z",
                     "result": {"n": 0, "net": None}}]


def test_timeseries_of_many_empty_buckets(tmp_path):
    query = dict(queryType="timeseries", granularity="second",
                 aggregations=[COUNT])
    with freshet.Server(freshet.sales_model(tmp_path / "m"), tmp_path / "d",
                        env={"FRESHET_QUERY_MAX_RESULT_ROWS": "1000"}) as s:
        s.ingest("sales", [{"txn_id": f"t{i}", "store": "S1", "qty": 1,
                            "price": "1.00", "ts": ts} for i, ts in enumerate((
                                "2026-11-01T00:00:00Z",
                                "2026-11-01T01:00:00Z"))])
        freshet.wait_until(lambda: s.rows("sales") == 2)
        first = native(s, limit=3, **query)
        assert [(p["timestamp"][11:19], p["result"]["n"]) for p in first] == [
            ("00:00:00", 1), ("00:00:01", 0), ("00:00:02", 0)]
        last = native(s, limit=2, descending=True, **query)
        assert [(p["timestamp"][11:19], p["result"]["n"]) for p in last] == [
            ("01:00:00", 1), ("00:59:59", 0)]
        assert native(s, limit=0, **query) == []
        refused = native(s, status=400, **query)
        assert "query_max_result_rows" in refused["errorMessage"]
        s.ingest("sales", [{"txn_id": "old", "store": "S1", "qty": 1,
                            "price": "1.00", "ts": "2016-11-01T00:00:00Z"}])
        freshet.wait_until(lambda: s.rows("sales") == 3)
        begun = time.monotonic()
        late = native(s, status=504, limit=1, descending=True,
                      intervals=["2016-01-01/2027-01-01"],
                      context={"timeout": 300}, **query)
        assert late["error"] == "Query timeout"
        assert time.monotonic() - begun < 5


def test_top_n(server):
    for metric, order in (("net", "net DESC NULLS LAST"),
                          ({"type": "inverted", "metric": "net"},
                           "net ASC NULLS LAST"),
                          ({"type": "dimension"}, "store")):
        found = native(server, queryType="topN", dimension="store",
                       metric=metric, threshold=3, aggregations=[NET, COUNT])
        rows = server.sql("SELECT store, SUM(net) AS net, COUNT(*) AS n FROM "
                          f"sales GROUP BY 1 ORDER BY {order}, 1 LIMIT 3")
        assert found[0]["result"] == rows, metric
    for stop in ("S1", "c:\\"):
        found = native(server, queryType="topN", dimension="store", threshold=2,
                       metric={"type": "dimension", "previousStop": stop},
                       aggregations=[COUNT])
        assert found[0]["result"] == server.sql(
            "SELECT store, COUNT(*) AS n FROM sales WHERE store > "
            f"'{stop}' GROUP BY 1 ORDER BY 1 LIMIT 2")
    daily = native(server, queryType="topN", dimension="store", metric="n",
                   threshold=2, aggregations=[COUNT], granularity="day")
    assert len(daily) == 3
    for day in daily:
        rows = server.sql(
            "SELECT store, COUNT(*) AS n FROM sales WHERE "
            f"TIME_FLOOR(__time, 'P1D') = TIMESTAMP '{day['timestamp']}' "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2")
        assert day["result"] == rows


def test_group_by(server):
    found = native(
        server, queryType="groupBy", granularity="day",
        dimensions=["store", {"type": "extraction", "dimension": "channel",
                              "outputName": "way",
                              "extractionFn": {"type": "upper"}}],
        aggregations=[COUNT, NET],
        having={"type": "greaterThan", "aggregation": "n", "value": 50},
        limitSpec={"type": "default", "limit": 7, "columns": [
            {"dimension": "net", "direction": "descending"}]})
    rows = server.sql(
        "SELECT TIME_FLOOR(__time, 'P1D') AS t, store, UPPER(channel) AS way, "
        "COUNT(*) AS n, SUM(net) AS net FROM sales GROUP BY 1, 2, 3 "
        "HAVING COUNT(*) > 50 ORDER BY 1, net DESC NULLS LAST, 2, 3 LIMIT 7")
    assert [{"t": f["timestamp"], **f["event"]} for f in found] == rows
    assert all(f["version"] == "v1" for f in found)
    by_n = native(
        server, queryType="groupBy", granularity="day", aggregations=[COUNT],
        context={"sortByDimsFirst": True}, limitSpec={
            "type": "default", "limit": 2, "columns": ["n"]})
    assert [f["event"]["n"] for f in by_n] == sorted(
        r["n"] for r in server.sql("SELECT COUNT(*) AS n FROM sales GROUP BY "
                                   "TIME_FLOOR(__time, 'P1D')"))[:2]
    number = native(server, queryType="groupBy", dimensions=["qty"],
                    aggregations=[COUNT])
    rows = server.sql("SELECT CAST(qty AS VARCHAR) AS qty, COUNT(*) AS n FROM "
                      "sales GROUP BY 1 ORDER BY 1")
    assert [f["event"] for f in number] == rows
    arrays = native(server, queryType="groupBy", dimensions=["store"],
                    aggregations=[COUNT], context={"resultAsArray": True})
    assert arrays == [list(r.values()) for r in server.sql(
        "SELECT store, COUNT(*) AS n FROM sales GROUP BY 1 ORDER BY 1")]


def extraction(**fn):
    return {"type": "extraction", "dimension": "store", "outputName": "x",
            "extractionFn": fn}


@pytest.mark.parametrize("spec, sql", [
    (extraction(type="registeredLookup", lookup="towns.town"),
     "LOOKUP(store, 'towns.town')"),
    (extraction(type="registeredLookup", lookup="towns.town",
                retainMissingValue=True),
     "COALESCE(LOOKUP(store, 'towns.town'), store)"),
    (extraction(type="registeredLookup", lookup="towns.town",
                replaceMissingValueWith="else'where"),
     "COALESCE(LOOKUP(store, 'towns.town'), 'else''where')"),
    ({"type": "lookup", "dimension": "store", "outputName": "x",
      "name": "towns.town"}, "LOOKUP(store, 'towns.town')"),
    (extraction(type="lookup", lookup={"type": "map", "map": {"S1": "one's"}}),
     "CASE store WHEN 'S1' THEN 'one''s' END"),
    (extraction(type="regex", expr="^(.)([0-9])$", index=2),
     "COALESCE(REGEXP_EXTRACT(store, '^(.)([0-9])$', 2), store)"),
    (extraction(type="regex", expr="^(S)", replaceMissingValue=True,
                replaceMissingValueWith="?"),
     "COALESCE(REGEXP_EXTRACT(store, '^(S)', 1), '?')"),
    ({**extraction(type="timeFormat", timeZone="Europe/Madrid"),
      "dimension": "__time"},
     "TIME_FORMAT(__time, 'yyyy-MM-dd''T''HH:mm:ss.SSSZZ', 'Europe/Madrid')"),
    (extraction(type="partial", expr="[12]$"),
     "CASE WHEN REGEXP_LIKE(store, '[12]$') THEN store END"),
])
def test_dimension_specs(server, spec, sql):
    found = native(server, queryType="groupBy", dimensions=[spec],
                   aggregations=[COUNT])
    rows = server.sql(f"SELECT {sql} AS x, COUNT(*) AS n FROM sales "
                      "GROUP BY 1 ORDER BY 1")
    assert len(rows) > 1
    assert [f["event"] for f in found] == rows


def test_columns_of_a_datasource(server):
    found = server.json("/druid/v2/datasources/sales")
    assert found == {"dimensions": ["txn_id", "store", "channel"],
                     "metrics": ["qty", "price", "discount", "net"]}
    assert server.get("/druid/v2/datasources/nope")[0] == 404


def test_an_unknown_lookup_is_named(server):
    wrong = extraction(type="registeredLookup", lookup="cities")
    body = native(server, status=400, queryType="groupBy", dimensions=[wrong],
                  aggregations=[COUNT])
    assert "cities" in json.dumps(body)


@pytest.mark.parametrize("filter_, where", [
    ({"type": "selector", "dimension": "store", "value": "S1"}, "store = 'S1'"),
    ({"type": "selector", "dimension": "store", "value": None},
     "store IS NULL"),
    ({"type": "selector", "dimension": "store", "value": "c:\\"},
     "store = 'c:\\'"),
    ({"type": "equals", "column": "qty", "matchValue": 3}, "qty = 3"),
    ({"type": "null", "column": "channel"}, "channel IS NULL"),
    ({"type": "in", "dimension": "store", "values": ["S1", "ü", None]},
     "store IN ('S1', 'ü') OR store IS NULL"),
    ({"type": "in", "dimension": "qty", "values": ["1", "2"]}, "qty IN (1, 2)"),
    ({"type": "bound", "dimension": "qty", "lower": "2", "upper": "9",
      "upperStrict": True, "ordering": "numeric"}, "qty >= 2 AND qty < 9"),
    ({"type": "bound", "dimension": "qty", "lower": "1", "upper": "2"},
     "CAST(qty AS VARCHAR) BETWEEN '1' AND '2'"),
    ({"type": "selector", "dimension": "qty", "value": "abc"}, "false"),
    ({"type": "selector", "dimension": "__time", "value": ""}, "false"),
    ({"type": "or", "fields": [
        {"type": "selector", "dimension": "store", "value": "S1"}, None]},
     "store = 'S1'"),
    ({"type": "range", "column": "net", "matchValueType": "DOUBLE",
      "lower": 1.5, "lowerOpen": True}, "net > 1.5"),
    ({"type": "like", "dimension": "store", "pattern": "S_"},
     "store LIKE 'S_'"),
    ({"type": "search", "dimension": "store",
      "query": {"type": "insensitive_contains", "value": "s"}},
     "LOWER(store) LIKE '%s%'"),
    ({"type": "interval", "dimension": "__time",
      "intervals": ["2026-11-01T06/2026-11-01T08", "2026-11-03/2026-11-04"]},
     "(__time >= '2026-11-01T06:00:00Z' AND __time < '2026-11-01T08:00:00Z') "
     "OR __time >= '2026-11-03'"),
    ({"type": "not", "field": {"type": "selector", "dimension": "store",
                               "value": "S1"}}, "NOT (store = 'S1')"),
    ({"type": "or", "fields": [
        {"type": "selector", "dimension": "store", "value": "S1"},
        {"type": "and", "fields": [
            {"type": "selector", "dimension": "store", "value": "S2"},
            {"type": "selector", "dimension": "channel", "value": "web"}]}]},
     "store = 'S1' OR (store = 'S2' AND channel = 'web')"),
    ({"type": "true"}, "true")])
def test_filters(server, filter_, where):
    found = native(server, queryType="timeseries", aggregations=[COUNT],
                   filter=filter_)
    assert found[0]["result"] == server.sql(
        f"SELECT COUNT(*) AS n FROM sales WHERE {where}")[0]


@pytest.mark.parametrize("aggregation, sql", [
    ({"type": "doubleMin", "fieldName": "net"}, "MIN(net)"),
    ({"type": "longMax", "fieldName": "qty"}, "MAX(qty)"),
    ({"type": "doubleMean", "fieldName": "net"}, "AVG(net)"),
    ({"type": "cardinality", "fields": ["store"]}, "COUNT(DISTINCT store)"),
    ({"type": "HLLSketchBuild", "fieldName": "txn_id"},
     "COUNT(DISTINCT txn_id)"),
    ({"type": "filtered", "filter": {"type": "selector", "value": "web",
                                     "dimension": "channel"},
      "aggregator": {"type": "count", "name": "x"}},
     "COUNT(*) FILTER (WHERE channel = 'web')"),
    ({"type": "javascript", "fieldNames": ["txn_id"], "fnAggregate":
      "function(current, x) { return current + (parseFloat(x) || 0); }"},
     "SUM(CAST(txn_id AS DOUBLE))")])
def test_aggregations(server, aggregation, sql):
    found = native(server, queryType="timeseries",
                   aggregations=[{"name": "x", **aggregation}])
    assert found[0]["result"] == server.sql(
        f"SELECT {sql} AS x FROM sales")[0]


def test_a_sketch_of_some_rows(server):
    few = {"type": "bound", "dimension": "qty", "upper": "3",
           "ordering": "numeric"}
    sketch = {"type": "quantilesDoublesSketch", "name": "q", "fieldName": "qty"}
    found = native(
        server, queryType="timeseries", aggregations=[
            {"type": "filtered", "filter": few, "aggregator": sketch}],
        postAggregations=[{
            "type": "quantilesDoublesSketchToQuantile", "name": "p",
            "fraction": 0.9, "field": {"type": "fieldAccess",
                                       "fieldName": "q"}}])[0]["result"]
    assert found["p"] == server.sql("SELECT APPROX_QUANTILE(qty, 0.9) AS p "
                                    "FROM sales WHERE qty <= 3")[0]["p"]


def test_scan(server):
    query = dict(queryType="scan", columns=["__time", "store", "net"],
                 order="ascending", limit=5, offset=1)
    rows = server.sql("SELECT TIMESTAMP_TO_MILLIS(__time) AS __time, store, net "
                      "FROM sales ORDER BY sales.__time LIMIT 5 OFFSET 1")
    found = native(server, **query)
    assert len(found) == 1 and found[0]["columns"] == ["__time", "store", "net"]
    assert [e["__time"] for e in found[0]["events"]] == [
        r["__time"] for r in rows]
    lists = native(server, resultFormat="compactedList", **query)
    assert [list(e.values()) for e in found[0]["events"]] == lists[0]["events"]
    assert [c["type"] for c in lists[0]["rowSignature"]] == [
        "LONG", "STRING", "DOUBLE"]
    assert len(native(server, queryType="scan")[0]["events"]) == 3000
    assert native(server, queryType="scan", intervals="2020/2021") == []
    last = native(server, queryType="scan", columns=["txn_id"], limit=3,
                  orderBy=[{"columnName": "__time", "order": "descending"},
                           {"columnName": "txn_id"}])
    assert [e["txn_id"] for e in last[0]["events"]] == [
        r["txn_id"] for r in server.sql("SELECT txn_id FROM sales ORDER BY "
                                        "__time DESC, txn_id LIMIT 3")]


@pytest.mark.parametrize("expression", ["1=1) OR (1=1", "1=1 --", "1--2",
                                        "qty IN (SELECT 1)", "qty = 1, qty"])
def test_an_expression_stays_in_its_place(server, expression):
    for query in ({"filter": {"type": "expression", "expression": expression}},
                  {"virtualColumns": [{"type": "expression", "name": "v",
                                       "expression": expression}]},
                  {"aggregations": [{"type": "longSum", "name": "v",
                                     "expression": expression}]}):
        error = native(server, status=400, queryType="timeseries",
                       intervals="2020/2021", **query)
        assert error["errorMessage"].endswith("): " + expression)


@pytest.mark.parametrize("intervals", [
    "2026-11/2026-12", "2026-11-01/P3D", ["P1M/2026-11-03T12",
                                          "2026-11-03T12/P1Y"],
    "2026-11-01T01:00+01:00/2027", "-5000/5000",
    "-146136543-09-08T08:23:32.096Z/146140482-04-24T15:36:27.903Z"])
def test_intervals(server, intervals):
    found = native(server, queryType="timeseries", aggregations=[COUNT],
                   intervals=intervals)
    assert sum(row["result"]["n"] for row in found) == 3000


def test_metadata(server):
    least, most = server.sql(
        "SELECT MIN(__time) AS a, MAX(__time) AS b FROM sales")[0].values()
    assert native(server, queryType="timeBoundary")[0] == {
        "timestamp": least, "result": {"minTime": least, "maxTime": most}}
    assert native(server, queryType="timeBoundary", bound="maxTime")[0][
        "result"] == {"maxTime": most}
    assert native(server, queryType="dataSourceMetadata")[0]["result"] == {
        "maxIngestedEventTime": most}
    found = native(server, queryType="segmentMetadata", merge=True,
                   analysisTypes=["cardinality", "minmax", "aggregators"])[0]
    assert found["numRows"] == 3000
    store = found["columns"]["store"]
    assert store["type"] == "STRING" and store["hasNulls"]
    assert store["cardinality"] == server.sql(
        "SELECT COUNT(DISTINCT store) AS n FROM sales")[0]["n"]
    assert store["maxValue"] == "ü"
    assert found["columns"]["__time"]["type"] == "LONG"
    assert set(found["aggregators"]) == {"qty", "price", "discount", "net"}


def test_search(server):
    found = native(server, queryType="search", searchDimensions=["store",
                                                                 "channel"],
                   query={"type": "insensitive_contains", "value": "S"})
    counts = {(r["dimension"], r["value"]): r["count"]
              for r in found[0]["result"]}
    expected = {}
    for column in ("store", "channel"):
        for row in server.sql(f"SELECT {column} AS v, COUNT(*) AS n FROM sales "
                              f"WHERE LOWER({column}) LIKE '%s%' GROUP BY 1"):
            expected[column, row["v"]] = row["n"]
    assert counts == expected
    assert native(server, queryType="search",
                  query={"type": "contains", "value": "nowhere"}) == []
    renamed = native(server, queryType="search", limit=1,
                     sort={"type": "strlen"},
                     searchDimensions=[{"type": "default", "dimension": "store",
                                        "outputName": "channel"}],
                     query={"type": "contains", "value": "S1"})
    assert renamed[0]["result"] == [{"dimension": "channel", "value": "S1",
                                     "count": counts["store", "S1"]}]


@pytest.mark.parametrize("query, status, part", [
    ({"queryType": "select"}, 501, "select"),
    ({}, 400, "queryType"),
    ({"queryType": "timeseries", "dataSource": "sale"}, 400,
     "did you mean sales"),
    ({"queryType": "timeseries", "dataSource": {"type": "join"}}, 501, "table"),
    ({"queryType": "scan", "columns": ["stor"]}, 400, "did you mean store"),
    ({"queryType": "timeseries", "aggregations": [
        {"type": "tDigestSketch", "name": "x"}]}, 501, "tDigestSketch"),
    ({"queryType": "timeseries", "aggregations": [COUNT],
      "filter": {"type": "regex", "dimension": "store"}}, 501, "regex"),
    ({"queryType": "timeseries", "intervals": "2026"}, 400, "interval"),
    ({"queryType": "timeseries", "intervals": ["2026/2027", "2026/P1Q"]}, 400,
     "intervals[1]: not an ISO 8601 period: P1Q"),
    ({"queryType": "timeseries", "intervals": [7]}, 400,
     "intervals[0]: an interval is a text"),
    ({"queryType": "timeseries", "granularity": "fortnight"}, 400,
     "fortnight"),
    ({"queryType": "groupBy", "dimensions": ["store", "store"]}, 400,
     "two outputs have the name: store"),
    ({"queryType": "scan", "columns": "store"}, 400,
     "'columns' must be a list"),
    ({"queryType": "scan", "context": {"timeout": 99999999}}, 400,
     "query_max_timeout")])
def test_errors_have_druids_shape(server, query, status, part):
    base = {"dataSource": "sales", "intervals": DAYS}
    code, _, body = server.request("POST", "/druid/v2", {**base, **query})
    error = json.loads(body)
    assert code == status and part in error["errorMessage"], error
    assert {"error", "errorCode", "category", "context"} <= error.keys()


def test_unknown_members_are_ignored_and_the_id_comes_back(server):
    code, headers, _ = server.request("POST", "/druid/v2/?pretty", {
        "queryType": "timeBoundary", "dataSource": "sales", "colour": "blue",
        "context": {"queryId": "mine", "lane": "x"}})
    assert code == 200 and headers["X-Druid-Query-Id"] == "mine"
    assert server.request("DELETE", "/druid/v2/mine")[0] == 404


def test_pydruid_native_client(server):
    client = PyDruid(server.url, "druid/v2")
    sums = {"net": aggregators.doublesum("net"), "n": aggregators.count("n")}
    each = {"each": postaggregator.Field("net") / postaggregator.Field("n")}
    web = filters.Dimension("channel") == "web"
    expected = server.sql("SELECT SUM(net) AS net, COUNT(*) AS n FROM sales "
                          "WHERE channel = 'web'")[0]
    series = client.timeseries(datasource="sales", granularity="all",
                               intervals=DAYS, aggregations=sums,
                               post_aggregations=each, filter=web)
    assert series[0]["result"]["net"] == expected["net"]
    assert abs(series[0]["result"]["each"] -
               expected["net"] / expected["n"]) < 1e-9
    top = client.topn(datasource="sales", granularity="all", intervals=DAYS,
                      aggregations=sums, dimension="store", metric="net",
                      threshold=2, filter=web)
    assert top[0]["result"] == server.sql(
        "SELECT store, SUM(net) AS net, COUNT(*) AS n FROM sales WHERE "
        "channel = 'web' GROUP BY 1 ORDER BY 2 DESC LIMIT 2")
    group = client.groupby(datasource="sales", granularity="all",
                           intervals=DAYS, aggregations=sums,
                           dimensions=["store"], filter=web)
    assert [g["event"] for g in group] == server.sql(
        "SELECT store, SUM(net) AS net, COUNT(*) AS n FROM sales WHERE "
        "channel = 'web' GROUP BY 1 ORDER BY 1")
    scan = client.scan(datasource="sales", granularity="all", intervals=DAYS,
                       columns=["store", "net"], limit=4)
    assert len(scan[0]["events"]) == 4
    boundary = client.time_boundary(datasource="sales")
    assert boundary[0]["result"]["minTime"].startswith("2026-11-01")
    metadata = client.segment_metadata(datasource="sales", intervals=DAYS)
    assert metadata[0]["columns"]["store"]["type"] == "STRING"
