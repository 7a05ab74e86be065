"""Questions about KPIs that cannot be answered: each says what is wrong and
where, alone and in a batch, and the others are answered."""
import json
import pathlib
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

HOUR = 3_600_000
NOW = int(time.time() * 1000)
EVENT = {"txn_id": "t1", "ts": NOW - 26 * HOUR, "store": "S1", "channel": "web",
         "qty": 2, "price": "1.25"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kpi")
    more = {"kpis/more.yaml": "kpis:\n  - { kpi: availability, dataset: sales, "
            "formula: 'time_avg(sum(net), 1h)' }\n"}
    model = freshet.sales_model(folder / "m", extra=more)
    with freshet.Server(model, folder / "d") as s:
        nameless = {k: v for k, v in EVENT.items() if k != "store"}
        s.ingest("sales", [EVENT, {**nameless, "txn_id": "t2", "qty": 1}])
        freshet.wait_until(lambda: s.rows("sales") == 2)
        yield s
        assert s.stop() == 0


def ask(server, kpi, **parameters):
    query = urllib.parse.urlencode(parameters)
    status, body = server.get(f"/api/v1/kpis/{kpi}/value?{query}")
    return status, json.loads(body)


@pytest.mark.parametrize("kpi, parameters, expected, words", [
    ("net_sale", {}, 404, "did you mean 'net_sales'?"),
    ("net_sales", {"by": "stor"}, 400, "'stor' isn't a dimension of kpi "
     "'net_sales'; did you mean 'store'?"),
    ("net_sales", {"by": "txn_id"}, 400, "'txn_id' isn't a dimension"),
    ("net_sales", {"by": "store,store"}, 400, "names a dimension twice: store"),
    ("net_sales", {"filter": "stor:S1"}, 400, "did you mean 'store'?"),
    ("net_sales", {"filter": "store"}, 400, "NAME:VALUE[,VALUE], not 'store'"),
    ("net_sales", {"filter": "store:"}, 400, "an empty value in the filter of "
     "'store'"),
    ("net_sales", {"filter": "store:S1,!S2"}, 400, "'!' stands once"),
    ("net_sales", {"filter": "store:S1\\"}, 400, "single backslash"),
    ("net_sales", {"from": "2026-01-02", "to": "2026-01-01"}, 400,
     "reversed or empty: from '2026-01-02' to '2026-01-01'"),
    ("net_sales", {"from": "2026-01-01", "to": "2026-01-01"}, 400,
     "reversed or empty"),
    ("net_sales", {"from": "2026-01-01"}, 400, "'to' is missing"),
    ("net_sales", {"from": "yesterdayish", "to": "2026-01-01"}, 400,
     "'from' is no time"),
    ("net_sales", {"range": "today", "from": "2026-01-01", "to": "2026-01-02"},
     400, "either 'range' or 'from' and 'to'"),
    ("net_sales", {"range": "tody"}, 400, "did you mean 'today'?"),
    ("net_sales", {"range": "-999999999999h"}, 400, "unknown range"),
    ("net_sales", {"tz": "Mars/Base"}, 400, "Mars/Base"),
    ("net_sales", {"tz": "+25:00"}, 400, "+25:00"),
    ("net_sales", {"grain": "fortnight"}, 400, "fortnight"),
    ("net_sales", {"grain": "all"}, 400, "must be a bucket of time"),
    ("net_sales", {"range": "last_year", "grain": "minute"}, 400,
     "too fine for the range: more than 10000 buckets of 'minute'"),
    ("net_sales", {"from": "0001-01-01", "to": "9999-01-01", "grain": "hour"},
     400, "too fine for the range"),
    ("net_sales", {"compare": "last_tear"}, 400, "last_tear"),
    ("net_sales", {"compare": "2026-01-02/2026-01-01"}, 400, "reversed"),
    ("net_sales", {"top": "0", "by": "store"}, 400, "'top' is a whole number"),
    ("net_sales", {"top": "many"}, 400, "not 'many'"),
    ("net_sales", {"order": "size"}, 400, "not 'size'"),
    ("net_sales", {"why_not": "1"}, 400, "true or false, not '1'"),
    ("availability", {"from": "1500-01-01", "to": "2500-01-01"}, 400,
     "the range is too long for time_avg() of this kpi: more than 10000 "
     "buckets of 'PT1H'"),
    ("net_sales", {"fliter": "store:S1"}, 400, "did you mean 'filter'?"),
], ids=lambda value: str(value)[:50])
def test_what_cannot_be_asked(server, kpi, parameters, expected, words):
    status, body = ask(server, kpi, **parameters)
    assert status == expected, body
    assert words in body["error"]["message"]
    assert body["error"]["request_id"]
    # In a batch the others are answered all the same.
    status, _, text = server.request(
        "POST", "/api/v1/kpis/query",
        {"queries": [{"kpi": "net_sales", "range": "-48h"},
                     {"kpi": kpi, **parameters}]})
    good, bad = json.loads(text)["answers"]
    assert status == 200 and good["value"] == 3.75
    assert words in bad["error"]["message"]


@pytest.mark.parametrize("path", ["/api/v1/dashboards/maim",
                                  "/api/v1/stream?dashboard=maim"])
def test_a_dashboard_that_is_not_there(server, path):
    status, body = server.get(path)
    assert status == 404
    assert json.loads(body)["error"]["message"] == \
        "there is no dashboard 'maim'; did you mean 'main'?"


def test_a_value_that_no_event_has(server):
    status, body = ask(server, "net_sales", range="-48h", filter="store:S9")
    assert status == 200 and body["value"] == 0  # an amount of nothing
    status, body = ask(server, "average_basket", range="-48h",
                       filter="store:S9")
    assert status == 200 and body["value"] is None
    assert body["reason"] == "no event of this range passes the filter"
    assert body["newest"]


def test_events_without_the_value(server):
    for filter_, value in (("store:null", 1.25), ("store:!null", 2.5),
                           ("store:S1,null", 3.75), ("store:!S1", 1.25)):
        status, body = ask(server, "net_sales", range="-48h", filter=filter_)
        assert (status, body["value"]) == (200, value), filter_


def test_no_data_says_why_and_what_is_the_newest(server):
    newest = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW // 1000))[:10]
    for kpi, parameters, reason in (
            ("average_basket", {"from": "2020-01-01", "to": "2020-01-02"},
             "no data in this range"),
            ("net_sales", {"from": "2020-01-01", "to": "2020-01-02"},
             "no data in this range"),
            ("net_sales", {"from": "2100-01-01", "to": "2100-01-02"},
             "the range has not begun")):
        status, body = ask(server, kpi, **parameters)
        assert status == 200 and body["value"] is None
        assert body["reason"] == reason
        assert "T" in body["newest"] and body["newest"][:10] <= newest


def test_a_dataset_that_has_not_begun(tmp_path):
    """Its broker is away: the KPI is null and says so, others go on."""
    model = freshet.sales_model(
        tmp_path / "m",
        source="{ kafka: { brokers: '127.0.0.1:9', topic: t } }", extra={
            "datasets/here.yaml": freshet.SALES.format(
                source="{ log: {} }", seal_rows=1000, seal_age="10m").replace(
                    "dataset: sales", "dataset: here"),
            "kpis/here.yaml": "kpis:\n"
            "  - { kpi: here, dataset: here, formula: sum(net) }\n"
            "  - { kpi: share, formula: '[net_sales] / [here]' }\n"})
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("here", [EVENT])
        freshet.wait_until(lambda: server.rows("here") == 1)
        status, body = ask(server, "net_sales", range="-48h")
        assert status == 200 and body["value"] is None, body
        assert body["reason"] == "no data has arrived yet"
        assert body["provenance"]["as_of"] is None
        assert body["provenance"]["complete"] is False
        assert ask(server, "here", range="-48h")[1]["value"] == 2.5
        # Of both there is no number yet, and no newest time for all of it.
        status, body = ask(server, "share", range="-48h")
        assert status == 200 and body["provenance"]["complete"] is False
        assert server.stop() == 0
