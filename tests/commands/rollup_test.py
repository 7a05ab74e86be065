"""`rollup:` of a dataset, end to end: queries answer alike before and after the
seal, what is not kept is refused, and it survives kill -9, merge and load."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

MODEL = {"datasets/sales.yaml": """\
dataset: sales
source: { log: { partitions: 2, format: json } }
time: { field: ts, format: auto }
columns:
  - { name: store, type: string }
  - { name: channel, type: string }
  - { name: line, type: long }
  - { name: qty, type: long }
  - { name: price, type: decimal(2) }
  - { name: weight, type: double }
  - { name: member, type: string, cardinality: high }
partition_by: day
sort_by: [store]
rollup: { granularity: minute,
          measures: [qty, price, weight, approx_distinct(member)] }
cubes:
  - { name: hours, dimensions: [store], granularity: hour }
seal: { rows: 100000, age: 1h }
""", "kpis/sales.yaml": """\
kpis:
  - { kpi: net, title: Net, dataset: sales, formula: sum(price),
      unit: currency, currency: EUR, good: up, dimensions: [store, channel] }
""", "dashboards/main.yaml": """\
dashboard: main
title: Main
tiles:
  - { kpi: net, show: tile, size: 1x1 }
"""}
QUESTIONS = [
    "SELECT COUNT(*) AS n, SUM(qty) AS q, SUM(price) AS p, MIN(price) AS a, "
    "MAX(qty) AS b, AVG(price) AS c, COUNT(qty) AS d FROM sales",
    "SELECT store, channel, COUNT(*) AS n, SUM(price) AS p, COUNT(channel) "
    "AS c FROM sales GROUP BY store, channel ORDER BY store, channel",
    "SELECT FLOOR(__time TO HOUR) AS h, store, SUM(qty) AS q, MAX(price) AS m "
    "FROM sales GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT __time, SUM(qty) AS q FROM sales WHERE line = 1 AND store <> 'S2' "
    "GROUP BY 1 ORDER BY 1",
    "SELECT SUM(qty) FILTER (WHERE channel = 'web') AS web, SUM(weight) AS w "
    "FROM sales WHERE __time >= TIMESTAMP '2026-11-01 10:10:30'",
    "SELECT APPROX_COUNT_DISTINCT(member) AS m FROM sales",
    "SELECT DISTINCT store FROM sales ORDER BY store",
]
REFUSED = [
    "SELECT * FROM sales", "SELECT SUM(qty * price) AS x FROM sales",
    "SELECT COUNT(*) AS n FROM sales WHERE qty > 3",
    "SELECT qty, COUNT(*) AS n FROM sales GROUP BY qty",
    "SELECT COUNT(DISTINCT member) AS n FROM sales",
]


def event(i):
    return {"ts": f"2026-11-0{1 + i % 2}T10:{i // 7 % 60:02}:{i % 60:02}Z",
            "store": f"S{i % 4}", "channel": "web" if i % 3 else None,
            "line": i % 2, "qty": i % 5 - 1, "price": f"{i % 90}.25",
            "weight": i % 8 / 4, "member": f"m{i % 700}"}


def answers(server):
    return [server.sql(sql) for sql in QUESTIONS]


def refusals(server):
    out = []
    for sql in REFUSED:
        status, _, body = server.request("POST", "/druid/v2/sql",
                                         {"query": sql})
        assert status == 400, (sql, body)
        assert b"rows are rolled up" in body, (sql, body)
        out.append(json.loads(body)["errorMessage"])
    return out


def listing(server):
    return server.json("/api/v1/datasets/sales")


def test_answers_are_the_same_before_and_after_the_seal(tmp_path):
    model = freshet.write_model(tmp_path / "m", MODEL)
    data = tmp_path / "d"
    with freshet.Server(model, data) as server:
        server.ingest("sales", [event(i) for i in range(4000)])
        freshet.wait_until(lambda: server.rows("sales") == 4000)
        live, refused = answers(server), refusals(server)
        assert live[0][0]["n"] == 4000
        assert listing(server)["live_rows"] == 4000
        server.request("POST", "/api/v1/ingestion/sales/seal")
        freshet.wait_until(lambda: listing(server)["live_rows"] == 0)
        assert listing(server)["rows"] < 2500  # far fewer rows are kept
        assert answers(server) == live and refusals(server) == refused
        served = json.loads(server.request("POST", "/api/v1/query", {
            "sql": "SELECT store, SUM(price) AS p FROM sales GROUP BY store"})[
                2])["provenance"]
        assert served["served_by"] == ["cube hours"]
        value = server.json("/api/v1/kpis/net/value?from=2026-11-01&to="
                            "2026-11-03&by=channel")
        assert abs(value["value"] - float(live[0][0]["p"])) < 1e-6
        described = listing(server)
        assert described["rollup"] == {"granularity": "PT1M", "tz": "UTC"}
        assert [c["name"] for c in described["columns"]
                if c.get("measure")] == ["qty", "price", "weight", "member"]
        # More of the same minutes: sealed, rolled up and live rows together.
        server.ingest("sales", [event(i) for i in range(4000)])
        freshet.wait_until(lambda: server.rows("sales") == 8000)
        both = answers(server)
        assert both[0][0]["q"] == 2 * live[0][0]["q"]
        server.kill()
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 8000)
        assert answers(server) == both
        for n in range(3):
            server.ingest("sales", [event(i) for i in range(n, 4000, 4)])
            server.request("POST", "/api/v1/ingestion/sales/seal")
        freshet.wait_until(lambda: server.rows("sales") == 11000)
        before = answers(server)

        def merged():
            text = server.get("/metrics")[1].decode()
            return any(float(line.split()[-1]) > 0
                       for line in text.splitlines()
                       if line.startswith("freshet_merges_total{"))
        freshet.wait_until(merged, 40, what=server.log())
        assert answers(server) == before
        assert server.stop() == 0
    dump = freshet.run("segment", "dump", data).stdout
    assert ("rolled up by PT1M in UTC: measures qty price weight member"
            in dump)
    assert freshet.run("segment", "verify", data).returncode == 0


def test_history_that_is_loaded_is_rolled_up(tmp_path):
    model = freshet.write_model(tmp_path / "m", MODEL)
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(json.dumps(event(i)) for i in range(4000)))
    done = freshet.run("load", "--data", tmp_path / "d", "--model", model,
                       "--dataset", "sales", events)
    assert done.returncode == 0, done.stderr
    with freshet.Server(model, tmp_path / "d") as loaded, \
            freshet.Server(model, tmp_path / "e") as live:
        live.ingest("sales", [event(i) for i in range(4000)])
        freshet.wait_until(lambda: live.rows("sales") == 4000)
        assert answers(loaded) == answers(live)


@pytest.mark.parametrize("old, new, word", [
    ("sort_by: [store]", "sort_by: [qty]", "'qty' is a measure of 'rollup'"),
    ("granularity: minute", "granularity: fortnight", "granularity"),
    ("granularity: minute,", "", "lacks the key 'granularity'"),
    ("measures: [qty, price, weight,", "measures: [qty, price,",
     "'weight' is a double, which is no dimension; name it in 'measures'"),
    ("approx_distinct(member)", "distinct(member)", "can't be kept"),
    ("dimensions: [store], gr", "dimensions: [qty], gr", "is a measure of"),
    ("granularity: hour }", "granularity: hour, measures: [last(qty)] }",
     "last(qty) is not kept by 'rollup'"),
    ("partition_by: day", "partition_by: day\nkey: [store]",
     "'rollup' and 'key' exclude each other"),
    ("formula: sum(price)", "formula: sum(qty * price)",
     "rows are rolled up, which does not keep what is asked"),
])
def test_what_does_not_fit_is_a_fault_of_the_model(tmp_path, old, new, word):
    files = {name: text.replace(old, new) for name, text in MODEL.items()}
    assert files != MODEL
    model = freshet.write_model(tmp_path / "m", files)
    done = freshet.run("validate", model)
    assert done.returncode == 1 and word in done.stdout, done.stdout
