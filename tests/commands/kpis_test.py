"""KPIs over HTTP and SQL: windows, drivers, lineage, cubes that are derived,
and what a change of the model would break."""
import json
import pathlib
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

WINDOWS = """\
kpis:
  - { kpi: sales_7d, dataset: sales, formula: "rolling(sum(net), 7d)",
      dimensions: [store] }
  - { kpi: units, dataset: sales, formula: sum(qty), dimensions: [store],
      target: { dimension: store, per: day, values: { S0: 10, S1: 20 } } }
"""
DAY = 86_400_000


def model_at(folder):
    model = freshet.sales_model(folder, extra={
        "kpis/windows.yaml": WINDOWS,
        "alerts/a.yaml": "alerts:\n  - { alert: few, kpi: units, "
                         "when: '< 1' }\n"})
    dataset = model / "datasets/sales.yaml"
    dataset.write_text(dataset.read_text().replace("auto_cubes: false\n", ""))
    return model


def event(i, days_back, store):
    now = int(time.time() * 1000)
    return {"txn_id": f"t{i}", "ts": now - days_back * DAY, "store": store,
            "channel": "web", "qty": 1, "price": "2.50"}


def test_windows_drivers_targets_and_sql(tmp_path):
    model = model_at(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        events = [event(0, 1, "S0"), event(1, 1, "S1"), event(2, 8, "S1"),
                  event(3, 6, "S0")]
        server.ingest("sales", events)
        freshet.wait_until(lambda: server.rows("sales") == 4)
        answer = server.json("/api/v1/kpis/sales_7d/value?range=-1h")
        assert answer["value"] == 7.5  # three within seven days
        drivers = server.json(
            "/api/v1/kpis/units/drivers?range=-7d&compare=previous")
        assert drivers["method"] == "contribution"
        assert drivers["compare"]["change"] == 2
        store = drivers["dimensions"][0]
        assert store["adds_up"] and store["drivers"][0]["store"] == "S0"
        assert store["drivers"][0]["contribution"] == 2
        status, body = server.get(
            "/api/v1/kpis/units/drivers?min_support=much")
        assert status == 400 and b"min_support" in body
        rows = server.json("/api/v1/kpis/units/value?range=yesterday&by=store")
        targets = {r["store"]: r.get("target") for r in rows["rows"]}
        assert targets["S0"]["value"] == 10 and targets["S1"]["value"] == 20
        assert rows["target"]["value"] == 30
        assert server.sql("SELECT store, SUM(value) AS v FROM kpi.units GROUP "
                          "BY store ORDER BY store") == [
            {"store": "S0", "v": 2}, {"store": "S1", "v": 2}]
        assert server.sql(
            "SELECT COLUMN_NAME AS c, DATA_TYPE AS t FROM "
            "INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'kpi' AND "
            "TABLE_NAME = 'units' ORDER BY ORDINAL_POSITION") == [
            {"c": "__time", "t": "TIMESTAMP"}, {"c": "store", "t": "VARCHAR"},
            {"c": "value", "t": "BIGINT"}]
        status, _, body = server.request(
            "POST", "/druid/v2/sql", {"query": "SELECT value FROM kpi.unit"})
        assert status >= 400 and b"did you mean 'units'" in body


def test_a_kpi_says_which_cube_serves_it_and_what_it_costs(tmp_path):
    model = model_at(tmp_path / "m")
    done = freshet.run("validate", model)
    assert done.returncode == 0
    assert "cube sales.auto_1 (derived) by store, PT1H: serves net_sales, " \
        "sales_7d, units" in done.stdout
    assert "no cube for average_basket: its total: exact distinct counts of " \
        "'txn_id'" in done.stdout
    with freshet.Server(model, tmp_path / "d") as server:
        # Whole hours of three days ago, which a cube can answer.
        start = int(time.time() * 1000) // DAY * DAY - 3 * DAY
        server.ingest("sales", [
            {**event(i, 0, f"S{i % 3}"), "ts": start + i * 60_000}
            for i in range(1200)])
        freshet.wait_until(lambda: server.rows("sales") == 1200)
        before = server.json("/api/v1/kpis/net_sales/value?range=last_7d"
                             "&by=store&grain=day")
        server.request("POST", "/api/v1/ingestion/sales/seal")

        def sealed():
            answer = server.json("/api/v1/kpis/net_sales/value?range=last_7d"
                                 "&by=store&grain=day")
            if answer["provenance"]["served_by"] != ["cube auto_1"]:
                return None
            return answer
        after = freshet.wait_until(sealed, what="the cube")
        # Live, sealed, and by the cube: the same numbers.
        for key in ("value", "rows", "total_rows"):
            assert after[key] == before[key], key
        assert [p["value"] for p in after["series"]] == \
            [p["value"] for p in before["series"]]
        assert after["provenance"]["rows_scanned"] < 1200
        kpi = server.json("/api/v1/kpis/net_sales")
        assert [c["cube"] for c in kpi["cubes"]] == ["sales.auto_1"]
        cube = kpi["cubes"][0]
        assert cube["segments"] >= 1 and cube["rows"] <= 60 + 3
        assert 0 < cube["bytes"] < cube["segment_bytes"]
        assert "exact distinct" in server.json(
            "/api/v1/kpis/average_basket")["reads_rows"][0]
        # What the cube costs there, beside the model that it comes from.
        done = freshet.run("validate", model, "--against", server.url)
        assert f"sales_7d, units; {cube['bytes']} bytes in " \
            f"{cube['segments']} segments of {cube['segment_bytes']}" \
            in done.stdout, done.stdout
        # Quarters of an hour are finer than its buckets.
        path = "/api/v1/kpis/net_sales/value?range=last_7d&grain=PT15M"
        fine = server.json(path)["provenance"]
        assert "segments" in fine["served_by"] and "why_not" not in fine
        why = server.json(path + "&why_not=true")["provenance"]["why_not"]
        assert why == ["cube auto_1: its buckets of PT1H in UTC do not lie "
                       "inside those of PT15M"]
        status, body = server.get(path + "&why_not=perhaps")
        assert status == 400 and b"'why_not' is true or false" in body


def test_lineage_and_the_impact_of_a_change(tmp_path):
    model = model_at(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        lineage = server.json("/api/v1/lineage")["lineage"]
        assert [d["dataset"] for d in lineage] == ["sales"]
        one = server.json("/api/v1/lineage/sales")
        columns = {c["name"]: c for c in one["columns"]}
        assert columns["net"]["fields"] == ["discount", "price", "qty"]
        assert "units" in columns["qty"]["kpis"]
        assert columns["qty"]["alerts"] == ["few"]
        assert one["openlineage"][0]["job"]["name"] == "ingest.sales"
        status, body = server.get("/api/v1/lineage/sale")
        assert status == 404 and b"did you mean 'sales'" in body

        same = freshet.run("validate", model, "--against", server.url)
        assert same.returncode == 0
        assert "nothing that" in same.stdout
        changed = model_at(tmp_path / "changed")
        file = changed / "datasets/sales.yaml"
        file.write_text("".join(line for line in
                                file.read_text().splitlines(True)
                                if "name: store" not in line))
        done = freshet.run("validate", changed, "--against", server.url)
        assert done.returncode == 1
        assert "sales: dropping store breaks 4 KPIs: average_basket, " \
            "net_sales, sales_7d, units; 1 dashboard: main; 1 alert: few" \
            in done.stdout
    gone = freshet.run("validate", model, "--against", server.url)
    assert gone.returncode == 3 and server.url in gone.stderr


def test_the_schema_of_model_files(tmp_path):
    folder = tmp_path / "shop"
    assert freshet.run("init", folder).returncode == 0
    text = next((folder / "kpis").glob("*.yaml")).read_text()
    assert text.startswith("# yaml-language-server: $schema=../.schema/kpis")
    written = json.loads((folder / ".schema/kpis.json").read_text())
    with freshet.Server(model_at(tmp_path / "m"), tmp_path / "d") as server:
        assert server.json("/api/v1/model/schema/kpis") == written
        status, body = server.get("/api/v1/model/schema/kpi")
        assert status == 404 and b"did you mean 'kpis'" in body


def test_a_comparison_without_a_value_says_null_everywhere(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    day = 86_400_000
    with freshet.Server(model, tmp_path / "d") as server:
        now = int(time.time() * 1000)
        event = {"txn_id": "t", "store": "S1", "qty": 1, "price": "5.00"}
        server.ingest("sales", [
            {**event, "ts": now - 10 * day},
            {**event, "ts": now - 10 * day + 1, "price": "-5.00"},
            {**event, "ts": now - 4 * day}, {**event, "ts": now}])
        freshet.wait_until(lambda: server.rows("sales") == 4)

        def iso(ms):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))

        def both(**question):
            question = {"from": iso(now - day), "to": iso(now + day),
                        **question}
            query = urllib.parse.urlencode(question)
            value = server.json(f"/api/v1/kpis/net_sales/value?{query}&by=store")
            drivers = server.json(f"/api/v1/kpis/net_sales/drivers?{query}")
            status, _, body = server.request(
                "POST", "/api/v1/kpis/query",
                {"queries": [{"kpi": "net_sales", **question}]})
            [answer] = json.loads(body)["answers"]
            for key in ("value", "change", "change_ratio"):
                assert answer["compare"][key] == value["compare"][key], key
                assert drivers["compare"][key] == value["compare"][key], key
            return value, drivers

        # Before the first event there is nothing to compare with.
        value, drivers = both(compare=f"{iso(now - 30 * day)}/"
                                      f"{iso(now - 20 * day)}")
        compare = value["compare"]
        assert (compare["value"], compare["change"],
                compare["change_ratio"]) == (None, None, None)
        assert value["rows"][0]["compare"] is None
        assert drivers["reason"] and drivers["dimensions"] == []
        # A 0 has a change, but no ratio; with the digits of money.
        value, _ = both(compare=f"{iso(now - 8 * day)}/{iso(now - 7 * day)}")
        compare = value["compare"]
        assert (compare["value"], compare["change"],
                compare["change_ratio"]) == (0, 5, None)
        value, _ = both(compare=f"{iso(now - 5 * day)}/{iso(now - 3 * day)}")
        assert value["compare"]["change_ratio"] == 0


def test_money_of_nothing_has_its_digits(tmp_path):
    model = freshet.sales_model(tmp_path / "m", extra={
        "kpis/more.yaml": """\
kpis:
  - { kpi: units, dataset: sales, formula: sum(qty), unit: count }
  - { kpi: twice, unit: currency, currency: EUR, formula: "[net_sales] * 2" }
  - { kpi: web, dataset: sales, formula: sum(net), where: "channel = 'web'",
      unit: currency, currency: EUR }
  - { kpi: basket, dataset: sales, unit: currency, currency: EUR,
      formula: "sum(net) / count(distinct txn_id)" }
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        now = int(time.time() * 1000)
        event = {"txn_id": "t", "store": "S1", "qty": 1, "price": "5.00"}
        server.ingest("sales", [{**event, "ts": now - 5 * 86_400_000},
                                {**event, "ts": now}])
        freshet.wait_until(lambda: server.rows("sales") == 2)

        def text(kpi, question="range=yesterday"):
            return server.get(f"/api/v1/kpis/{kpi}/value?{question}")[1]

        assert b'"value":0.00,' in text("net_sales")
        assert b'"value":0.00,' in text("twice")
        assert b'"value":0.00,' in text("web", "range=last_7d")
        assert b'"value":0,' in text("units")
        assert b'"value":null,' in text("basket")
        series = text("net_sales", "range=last_7d&grain=day&compare=previous")
        assert b'"value":0,' not in series
        assert series.count(b'"value":0.00,') >= 5


def test_queries_of_all_kinds_are_counted(tmp_path):
    folder = freshet.sales_model(tmp_path / "m")
    with freshet.Server(folder, tmp_path / "d") as server:
        def counted():
            lines = server.get("/metrics")[1].decode().splitlines()
            return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                    for line in lines if line.startswith("freshet_quer")}

        def of(kind, ok="true"):
            return sum(value for name, value in counted().items()
                       if name.startswith("freshet_queries_total{")
                       and f'kind="{kind}"' in name and f'ok="{ok}"' in name)
        sql = "SELECT COUNT(*) AS n FROM sales"
        asked = {"sql": ("/api/v1/query", {"sql": sql}),
                 "druid_sql": ("/druid/v2/sql", {"query": sql}),
                 "druid_native": ("/druid/v2", {
                     "queryType": "timeseries", "dataSource": "sales",
                     "granularity": "all",
                     "intervals": ["2020-01-01/2030-01-01"],
                     "aggregations": [{"type": "count", "name": "n"}]}),
                 "kpi": ("/api/v1/kpis/query",
                         {"queries": [{"kpi": "net_sales"}]})}
        for kind, (path, body) in asked.items():
            before = of(kind)
            status, _, text = server.request("POST", path, body)
            assert status == 200, text
            # A native query is as many statements as it is made of.
            made = 2 if kind == "druid_native" else 1
            assert of(kind) == before + made, kind
            assert any(f'_count{{kind="{kind}"' in name for name in counted())
        assert server.request("POST", "/druid/v2/sql", {
            "query": "SELECT nothing FROM sales"})[0] == 400
        assert of("druid_sql", "false") == 1
