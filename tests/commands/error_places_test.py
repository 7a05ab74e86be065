"""Errors about one place of a request name it: details are
[{"path","message"}], whatever route found the fault."""
import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

ALERTS = """\
alerts:
  - { alert: big, kpi: net_sales, by: [store], window: 1h, when: "> 100" }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    model = freshet.sales_model(folder / "m", extra={
        "alerts/a.yaml": ALERTS,
        "lookups/p.yaml": "lookup: products\nkey: sku\ncolumns:\n"
                          "  - { name: sku, type: string }\n"
                          "  - { name: category, type: string }\n"})
    with freshet.Server(model, folder / "d") as s:
        s.ingest("sales", [{"txn_id": "t", "ts": int(time.time() * 1000),
                            "store": "S1", "qty": 1, "price": "5.00"}])
        yield s
        assert s.stop() == 0


def fault(server, method, path, body=None):
    """The error of a request that must fail with 400."""
    status, headers, text = server.request(method, path, body)
    assert status == 400, (status, text)
    error = json.loads(text)["error"]
    assert error["code"] == "invalid"
    assert error["request_id"] == headers["X-Request-Id"]
    for detail in error["details"]:
        assert sorted(detail) == ["message", "path"]
    return error


@pytest.mark.parametrize("path, place, words", [
    ("/api/v1/kpis?foo=1", "foo", "unknown parameter 'foo'; this address"),
    ("/api/v1/kpis/net_sales?foo=1", "foo", "unknown parameter 'foo'"),
    ("/api/v1/datasets?limit=1", "limit", "unknown parameter 'limit'"),
    ("/api/v1/alerts?state=firing", "state", "unknown parameter 'state'"),
    ("/api/v1/dashboards?x", "x", "unknown parameter 'x'"),
    ("/api/v1/views?x=1", "x", "unknown parameter 'x'"),
    ("/api/v1/lineage?x=1", "x", "unknown parameter 'x'"),
    ("/api/v1/lookups/products/rows?limt=1", "limt", "did you mean 'limit'?"),
    ("/api/v1/lookups/products/rows?limit=0", "limit", "not '0'"),
    ("/api/v1/lookups/products/rows?after=x", "after", "not 'x'"),
    ("/api/v1/stream?dashboard=main&rnge=today", "rnge", "mean 'range'?"),
    ("/api/v1/stream", "dashboard", "is missing"),
    ("/api/v1/stream?dashboard=main&grain=hou", "grain", "hou"),
    ("/api/v1/stream?dashboard=main&grain=all", "grain", "not 'all'"),
    ("/api/v1/stream?dashboard=main&tz=Mars", "tz", "Mars"),
    ("/api/v1/stream?dashboard=main&tz=Mars&tz=UTC", "tz", "given twice"),
    ("/api/v1/stream?dashboard=main&dashboard=main", "dashboard",
     "given twice"),
    ("/api/v1/stream?dashboard=main&filter=store:", "filter",
     "an empty value in the filter of 'store'"),
    ("/api/v1/stream?dashboard=main&filter=store", "filter",
     "a filter is NAME:VALUE[,VALUE], not 'store'"),
    ("/api/v1/stream?dashboard=main&filter=stor:1", "filter",
     "'stor' isn't a dimension of a tile of dashboard 'main'; did you mean "
     "'store'?"),
    ("/api/v1/stream?dashboard=main&range=today&from=2026-01-01&to=2026-01-02",
     "range", "either 'range' or 'from' and 'to'"),
    ("/api/v1/stream?dashboard=main&range=tody", "range", "mean 'today'?"),
    ("/api/v1/stream?dashboard=main&from=2026-01-01", "to", "is missing"),
    ("/api/v1/stream?dashboard=main&from=2026-01-02&to=2026-01-01", "to",
     "reversed or empty: from '2026-01-02' to '2026-01-01'"),
    ("/api/v1/stream?dashboard=main&compare=prev", "compare", "prev"),
    ("/api/v1/kpis/net_sales/value?rnge=today", "rnge", "mean 'range'?"),
    ("/api/v1/kpis/net_sales/value?range=tody", "range", "mean 'today'?"),
    ("/api/v1/kpis/net_sales/value?tz=Mars", "tz", "Mars"),
    ("/api/v1/kpis/net_sales/value?by=stor", "by", "mean 'store'?"),
    ("/api/v1/kpis/net_sales/value?filter=stor:1", "filter", "mean 'store'?"),
    ("/api/v1/kpis/net_sales/value?grain=hou", "grain", "hou"),
    ("/api/v1/kpis/net_sales/value?compare=prev", "compare", "prev"),
    ("/api/v1/kpis/net_sales/value?compare=week_before", "compare",
     "known are previous, same_day_last_week, last_year, last_year_364, none "
     "and FROM/TO"),
    ("/api/v1/kpis/net_sales/value?by=store&top=99999999999", "top",
     "a whole number from 1 to 10000"),
    ("/api/v1/kpis/net_sales/value?compare=a/b", "compare", "is no time"),
    ("/api/v1/kpis/net_sales/value?order=up", "order", "not 'up'"),
    ("/api/v1/kpis/net_sales/value?by=store&top=0", "top", "not '0'"),
    ("/api/v1/kpis/net_sales/value?from=2026-01-01", "to", "is missing"),
    ("/api/v1/kpis/net_sales/value?from=x&to=2026-01-01", "from", "no time"),
    ("/api/v1/kpis/net_sales/drivers?min_support=2", "min_support", "not '2'"),
    ("/api/v1/kpis/net_sales/drivers?grain=day", "grain", "unknown"),
])
def test_a_parameter_at_fault_is_named(server, path, place, words):
    error = fault(server, "GET", path)
    assert [d["path"] for d in error["details"]] == [place], error
    assert words in error["message"]
    assert error["details"][0]["message"] in error["message"]


def test_what_every_route_takes_is_still_taken(server):
    for path in ("/api/v1/kpis", "/api/v1/datasets", "/api/v1/alerts",
                 "/api/v1/lookups/products/rows?limit=5&after=0",
                 "/api/v1/kpis/net_sales/value?range=today&tz=UTC&grain=hour"
                 "&by=store&top=1&order=value&filter=store:S1&compare=previous"
                 "&why_not=true",
                 "/api/v1/ingestion/sales/dead-letters?reason=time&limit=5",
                 "/healthz?probe=1", "/readyz?x=1", "/?theme=dark"):
        assert server.get(path)[0] == 200, path
    assert server.request("HEAD", "/api/v1/kpis?foo=1")[0] == 400
    status, _, _ = server.request("POST", "/druid/v2/sql?pretty", {
        "query": "SELECT 1"})
    assert status == 200  # Druid ignores what it does not know, and so do we


@pytest.mark.parametrize("method, path, body, places", [
    ("POST", "/api/v1/kpis/query", {"querys": []}, ["querys"]),
    ("POST", "/api/v1/kpis/query", {"queries": 1}, ["queries"]),
    ("POST", "/api/v1/kpis/query", {}, ["queries"]),
    ("POST", "/api/v1/query", {"sq": "SELECT 1"}, ["sq"]),
    ("POST", "/api/v1/query", {"sql": 1}, ["sql"]),
    ("POST", "/api/v1/query", {"tz": "UTC"}, ["sql"]),
    ("POST", "/api/v1/query", {"sql": "SELECT 1", "tz": "Mars"}, ["tz"]),
    ("POST", "/api/v1/query", {"sql": "SELECT 1", "why_not": 1}, ["why_not"]),
    ("POST", "/api/v1/views", {"title": "a"}, ["address"]),
    ("POST", "/api/v1/views", {"title": 1, "address": "/"}, ["title"]),
    ("POST", "/api/v1/views", {"titel": "a", "address": "/"}, ["titel"]),
    ("POST", "/api/v1/views", {"title": "a", "address": "//x"}, ["address"]),
    ("PUT", "/api/v1/alerts/new", {}, ["kpi", "when"]),
    ("PUT", "/api/v1/alerts/new",
     {"kpi": "net_sale", "wen": "> 1", "when": "> x", "notify": ["nobody"],
      "by": ["shop"], "labels": {"team": [1]}, "window": 5},
     ["kpi", "window", "when", "notify", "labels.team", "wen"]),
])
def test_a_member_at_fault_is_named(server, method, path, body, places):
    error = fault(server, method, path, body)
    assert sorted(d["path"] for d in error["details"]) == sorted(places), error


def test_entries_of_a_batch_name_their_place_and_the_request(server):
    status, headers, body = server.request("POST", "/api/v1/kpis/query", {
        "queries": [{"kpi": "net_sales"}, {"kpi": "net_sales", "range": "tody"},
                    {"kpi": "net_sale"}, {"kpi": "net_sales", "grian": "day"},
                    {"range": "today"}, 7]})
    answers = json.loads(body)["answers"]
    assert status == 200 and answers[0]["value"] == 5
    errors = [answer["error"] for answer in answers[1:]]
    assert [e["details"][0]["path"] for e in errors] == [
        "queries[1].range", "queries[2].kpi", "queries[3].grian",
        "queries[4].kpi", "queries[5]"]
    assert {e["request_id"] for e in errors} == {headers["X-Request-Id"]}
    status, _, body = server.request("POST", "/api/v1/kpis/query",
                                     [{"kpi": "net_sales", "tz": "Mars"}])
    [answer] = json.loads(body)["answers"]
    assert answer["error"]["details"][0]["path"] == "[0].tz"
