"""Lookups from the model to SQL, KPIs and ingestion, over HTTP."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

PRODUCTS = """\
lookup: products
title: Products
key: sku
max_keys: 200000
columns:
  - { name: sku, type: string }
  - { name: category, type: string }
  - { name: cost, type: decimal(2) }
"""
STORES = """\
lookup: stores
key: store
source: { files: { path: "lookups/stores*.csv", poll: 100ms } }
columns:
  - { name: store, type: string }
  - { name: city, type: string }
  - { name: daily_target, type: decimal(2) }
"""
SALES = """\
dataset: sales
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: sku, type: string }
  - { name: qty, type: long }
  - { name: net, type: decimal(2) }
  - { name: category, type: string, lookup: products.category, by: sku }
  - { name: cost, type: decimal(2), from: "qty * lookup('products.cost', sku)" }
seal: { rows: 1000000, age: 10m }
"""
KPIS = """\
kpis:
  - { kpi: net_sales, dataset: sales, formula: sum(net), unit: currency,
      currency: EUR, good: up, dimensions: [store, sku],
      target: { dimension: store, per: day, lookup: stores.daily_target } }
  - { kpi: tool_sales, dataset: sales, formula: sum(net), dimensions: [store],
      where: "lookup('products.category', sku) = 'tools'" }
"""
ROWS = [{"sku": "a", "category": "tools", "cost": "1.50"},
        {"sku": "b", "category": "toys", "cost": 2}]
DAY = "from=2026-11-01&to=2026-11-02"


def model(folder, **files):
    return freshet.write_model(folder, {
        "lookups/products.yaml": PRODUCTS, "lookups/stores.yaml": STORES,
        "lookups/stores.csv": "store,city,daily_target\nS1,Vigo,100.00\n"
                              "S2,Lugo,50\n",
        "datasets/sales.yaml": SALES, "kpis/kpis.yaml": KPIS, **files})


def put(server, rows, path="/api/v1/lookups/products", method="PUT"):
    status, _, body = server.request(method, path, rows)
    return status, json.loads(body)


def filled(folder):
    """A server whose lookups are there and which has three sales."""
    server = freshet.Server(model(folder / "m"), folder / "d").start()
    assert put(server, ROWS) == (200, {"rows": 2, "repeated": 0, "keys": 2})
    freshet.wait_until(lambda: server.json("/api/v1/lookups/stores")["rows"]
                       == 2, what=server.log)
    server.ingest("sales", [
        {"ts": "2026-11-01T10:00:00Z", "store": "S1", "sku": "a", "qty": 2,
         "net": 10},
        {"ts": "2026-11-01T11:00:00Z", "store": "S2", "sku": "b", "qty": 1,
         "net": 20},
        {"ts": "2026-11-01T12:00:00Z", "store": "S1", "sku": "x", "qty": 1,
         "net": 5}])
    freshet.wait_until(lambda: server.rows("sales") == 3, what=server.log)
    return server


def test_sql_in_both_orders_and_joins(tmp_path):
    with filled(tmp_path) as server:
        for call in ("LOOKUP(sku, 'products.category')",
                     "lookup('products.category', sku)",
                     "LOOKUP(sku, 'products')"):
            assert server.sql(f"SELECT {call} AS c, SUM(net) AS n FROM sales "
                              "GROUP BY 1 ORDER BY n") == [
                {"c": None, "n": 5.0}, {"c": "tools", "n": 10.0},
                {"c": "toys", "n": 20.0}], call
        assert server.sql("SELECT LOOKUP('a', 'products.cost') AS x") == [
            {"x": 1.5}]
        # One value or several: each by its own name.
        assert server.sql("SELECT * FROM lookup.products ORDER BY sku LIMIT 1"
                          ) == [{"sku": "a", "category": "tools", "cost": 1.5}]
        for key in ("p.sku", "p.k"):
            assert server.sql(
                "SELECT p.category, SUM(s.net) AS n FROM sales s JOIN "
                f"lookup.products p ON s.sku = {key} GROUP BY 1 ORDER BY 2"
            ) == [{"category": "tools", "n": 10.0},
                  {"category": "toys", "n": 20.0}]
        assert server.sql("SELECT COUNT(*) AS n FROM sales s LEFT JOIN "
                          "lookup.products p ON s.sku = p.sku WHERE "
                          "p.cost IS NULL") == [{"n": 1}]
        assert server.sql("SELECT sku, cost FROM lookup.products ORDER BY "
                          "cost DESC") == [{"sku": "b", "cost": 2.0},
                                           {"sku": "a", "cost": 1.5}]
        assert server.sql(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE "
            "TABLE_SCHEMA = 'lookup' ORDER BY 1") == [
                {"TABLE_NAME": "products"}, {"TABLE_NAME": "stores"}]
        status, _, body = server.request("POST", "/druid/v2/sql", {
            "query": "SELECT lookup('product.category', sku) FROM sales"})
        assert status == 400 and b"did you mean products?" in body


def test_ingestion_and_kpis_read_lookups(tmp_path):
    with filled(tmp_path) as server:
        assert server.sql("SELECT sku, category, cost FROM sales ORDER BY sku"
                          ) == [
            {"sku": "a", "category": "tools", "cost": 3.0},
            {"sku": "b", "category": "toys", "cost": 2.0},
            {"sku": "x", "category": None, "cost": None}]
        answer = server.json(f"/api/v1/kpis/net_sales/value?{DAY}&by=store")
        targets = {row["store"]: row["target"]["value"]
                   for row in answer["rows"]}
        assert targets == {"S1": 100.0, "S2": 50.0}
        assert answer["target"]["value"] == 150.0
        tools = f"/api/v1/kpis/tool_sales/value?{DAY}"
        assert server.json(tools)["value"] == 10.0
        # What is asked at query time follows the lookup, what was written at
        # ingest stays.
        assert put(server, {"category": "tools"},
                   "/api/v1/lookups/products/rows/x")[0] == 200
        assert server.json(tools)["value"] == 15.0
        assert server.sql("SELECT category FROM sales WHERE sku = 'x'") == [
            {"category": None}]
        # The same query again, answered from caches or not.
        sql = ("SELECT LOOKUP(sku, 'products.category') AS c, COUNT(*) AS n "
               "FROM sales GROUP BY 1 ORDER BY 1")
        assert server.request("POST", "/api/v1/ingestion/sales/seal")[0] == 200
        assert server.sql(sql)[0] == {"c": "tools", "n": 2}
        put(server, [])
        assert server.sql(sql) == [{"c": None, "n": 3}]
        assert server.json(tools)["value"] in (0, None)


def test_rows_one_by_one_and_pages(tmp_path):
    with filled(tmp_path) as server:
        rows = "/api/v1/lookups/products/rows"
        assert put(server, {"category": "games", "cost": "9.99"},
                   rows + "/c%2Fd")[1]["keys"] == 3
        assert server.json(rows + "/c%2Fd") == {
            "sku": "c/d", "category": "games", "cost": 9.99}
        assert put(server, {"sku": "a", "category": "new"},
                   rows + "/a")[0] == 200
        assert server.json(rows + "/a") == {
            "sku": "a", "category": "new", "cost": None}
        status, body = put(server, {"sku": "z"}, rows + "/a")
        assert status == 400 and "another key" in body["error"]["message"]
        assert put(server, [{"sku": "e"}, {"sku": "e", "category": "last"}],
                   rows, "POST") == (200, {"rows": 2, "repeated": 1, "keys": 4})
        assert server.json(rows + "/e")["category"] == "last"
        page = server.json(rows + "?limit=3")
        assert [r["sku"] for r in page["rows"]] == ["a", "b", "c/d"]
        assert page["total_rows"] == 4
        rest = server.json(rows + f"?after={page['next']}")
        assert [r["sku"] for r in rest["rows"]] == ["e"]
        assert "next" not in rest
        assert server.request("DELETE", rows + "/a")[0] == 200
        assert server.request("DELETE", rows + "/a")[0] == 404
        assert server.get(rows + "/a")[0] == 404
        assert server.get(rows + "?limit=0")[0] == 400
        csv = "sku,category\nq,\"x,y\"\nq,z\n"
        status, _, body = server.request("PUT", "/api/v1/lookups/products", csv,
                                         {"Content-Type": "text/csv"})
        assert (status, json.loads(body)["keys"]) == (200, 1)
        shown = server.json("/api/v1/lookups")["lookups"]
        assert [(one["lookup"], one["rows"], one["source"], one["state"])
                for one in shown] == [("products", 1, "http", "running"),
                                      ("stores", 2, "files", "running")]
        assert shown[0]["age_ms"] < 60000 and shown[0]["memory_bytes"] > 0
        metrics = server.get("/metrics")[1].decode()
        assert 'freshet_lookup_rows{lookup="products"} 1' in metrics
        assert 'freshet_lookup_up{lookup="stores"} 1' in metrics


def test_what_is_wrong_changes_nothing(tmp_path):
    with filled(tmp_path) as server:
        one = "/api/v1/lookups/products"
        status, body = put(server, [*ROWS, {"sku": "c", "cost": "much"},
                                    {"category": "no key"}])
        details = body["error"]["details"]
        assert status == 400 and [d["path"] for d in details] == ["row 3",
                                                                  "row 4"]
        assert "much" in details[0]["message"]
        assert "no key: sku" in details[1]["message"]
        status, body = put(server, [{"sku": "a", "categry": "x"}])
        assert status == 400
        assert body["error"]["message"] == (
            "row 1: lookup products has no column 'categry'; did you mean "
            "'category'?")
        status, _, body = server.request(
            "PUT", one, "sku,prize\na,1\n", {"Content-Type": "text/csv"})
        assert status == 400 and b"no column 'prize'" in body
        for text in ("nonsense", "[1,2]", '[{"sku":"a"', "[[]]", "null"):
            assert put(server, text)[0] == 400, text
        assert server.request("PUT", one, "<a/>", {
            "Content-Type": "application/xml"})[0] == 415
        assert server.request("PUT", one, b"x" * (100 << 20))[0] == 413
        many = "\n".join('{"sku":"%d"}' % i for i in range(200001))
        status, body = put(server, many)
        assert status == 413 and "max_keys" in body["error"]["message"]
        assert "200000" in body["error"]["message"]
        status, body = put(server, ROWS, "/api/v1/lookups/product")
        assert status == 404 and "did you mean 'products'?" in (
            body["error"]["message"])
        status, body = put(server, [], "/api/v1/lookups/stores")
        assert status == 409 and "files" in body["error"]["message"]
        assert server.json(one)["rows"] == 2
        many = "\n".join('{"sku":"%d"}' % i for i in range(200000))
        assert put(server, many)[0] == 200


def test_what_was_put_survives_kill_and_new_columns(tmp_path):
    with filled(tmp_path) as server:
        put(server, {"category": "late"}, "/api/v1/lookups/products/rows/z")
        server.kill()
        folder = pathlib.Path(server.model)
        (folder / "lookups/products.yaml").write_text(
            PRODUCTS + "  - { name: brand, type: string }\n")
        server.start()
        assert server.json("/api/v1/lookups/products/rows/z") == {
            "sku": "z", "category": "late", "cost": None, "brand": None}
        assert server.json("/api/v1/lookups/products")["rows"] == 3
        # A reload: a lookup more, a column of another type.
        (folder / "lookups/products.yaml").write_text(
            PRODUCTS.replace("cost, type: decimal(2)", "cost, type: double"))
        (folder / "lookups/extra.yaml").write_text(
            "lookup: extra\nkey: id\ncolumns:\n  - { name: id, type: long }\n"
            "  - { name: text, type: string }\n")
        status, _, body = server.request("POST", "/api/v1/model/reload")
        assert status == 400 and b"does not fit the column" in body
        assert server.json("/api/v1/lookups/products/rows/a")["cost"] == 1.5
        (folder / "lookups/products.yaml").write_text(PRODUCTS)
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        assert put(server, [{"id": 7, "text": "seven"}],
                   "/api/v1/lookups/extra")[0] == 200
        assert server.sql("SELECT LOOKUP(7, 'extra') AS t, "
                          "LOOKUP(8, 'extra') AS u") == [
            {"t": "seven", "u": None}]
        assert put(server, [{"id": "x"}], "/api/v1/lookups/extra")[0] == 400
        assert server.stop() == 0
    # The backup of a folder has them too.
    backup = tmp_path / "backup"
    done = freshet.run("backup", "create", "--data", tmp_path / "d", backup)
    assert done.returncode == 0, done.stdout + done.stderr
    done = freshet.run("backup", "restore", backup, "--data", tmp_path / "e")
    assert done.returncode == 0, done.stdout + done.stderr
    with freshet.Server(tmp_path / "m", tmp_path / "e") as server:
        assert server.json("/api/v1/lookups/products")["rows"] == 3


def test_files_that_change_break_and_are_mended(tmp_path):
    with filled(tmp_path) as server:
        file = tmp_path / "m/lookups/stores.csv"
        file.write_text("store,city,daily_target\nS1,Vigo,1\nS3,Faro,2\n")
        freshet.wait_until(lambda: server.sql(
            "SELECT city FROM lookup.stores ORDER BY 1") == [
                {"city": "Faro"}, {"city": "Vigo"}], what=server.log)
        file.write_text("store,city,daily_target\nS1,Vigo,lots\n")
        shown = freshet.wait_until(lambda: (
            lambda one: one if one["state"] == "failed" else None)(
                server.json("/api/v1/lookups/stores")))
        assert "stores.csv, line 2" in shown["error"]
        assert "lots" in shown["error"] and shown["rows"] == 2
        assert not shown["complete"]
        status, body = server.get("/readyz")
        assert status == 503 and b"lookup stores: file stores.csv" in body
        file.write_text('store,city,daily_target\nS1,"Vi,go",1\n')
        freshet.wait_until(lambda: server.sql(
            "SELECT city FROM lookup.stores") == [{"city": "Vi,go"}])
        freshet.wait_until(lambda: server.get("/readyz")[0] == 200)
        assert server.json("/api/v1/lookups/stores")["complete"]
        file.unlink()
        shown = freshet.wait_until(lambda: (
            lambda one: one if one["state"] == "waiting" else None)(
                server.json("/api/v1/lookups/stores")))
        assert shown["rows"] == 1 and not shown["complete"]
        assert "no file fits" in shown["error"]


def test_ingestion_waits_for_a_lookup_that_was_never_read(tmp_path):
    sales = SALES.replace("lookup: products.category, by: sku",
                          "lookup: stores.city, by: store").replace(
                              "lookup('products.cost', sku)", "1")
    folder = model(tmp_path / "m", **{"datasets/sales.yaml": sales})
    (folder / "lookups/stores.csv").unlink()
    with freshet.Server(folder, tmp_path / "d") as server:
        server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "store": "S1",
                                 "sku": "a", "qty": 1, "net": 1}])
        freshet.wait_until(lambda: "stores is not read yet" in server.json(
            "/api/v1/ingestion/sales").get("error", ""), what=server.log)
        time.sleep(0.3)
        assert server.rows("sales") == 0
        answer = server.json(f"/api/v1/kpis/net_sales/value?{DAY}")
        assert answer["value"] is None
        assert answer["reason"].startswith(
            "no data yet, events wait: the lookup stores is not read yet")
        (folder / "lookups/stores.csv").write_text("store,city\nS1,Vigo\n")
        freshet.wait_until(lambda: server.sql(
            "SELECT category FROM sales") == [{"category": "Vigo"}],
            what=server.log)
        assert server.stop() == 0


def test_a_load_is_refused_until_its_lookup_was_read(tmp_path):
    sales = SALES.replace("lookup: products.category, by: sku",
                          "lookup: stores.city, by: store").replace(
                              "lookup('products.cost', sku)", "1")
    folder = model(tmp_path / "m", **{"datasets/sales.yaml": sales})
    (folder / "lookups/stores.csv").write_text("store,city\nS1,Vigo\n")
    events = tmp_path / "a.jsonl"
    events.write_text('{"ts":"2026-11-01T10:00:00Z","store":"S1","sku":"a",'
                      '"qty":1,"net":1}\n')

    def load():
        return freshet.run("load", "--data", tmp_path / "d", "--model", folder,
                           "--dataset", "sales", events)
    done = load()
    assert done.returncode == 1, done.stdout
    assert "the lookup stores is not read yet" in done.stderr
    assert "start the server once" in done.stderr
    with freshet.Server(folder, tmp_path / "d") as server:
        assert server.rows("sales") == 0
        freshet.wait_until(lambda: server.json(
            "/api/v1/lookups/stores")["complete"], what=server.log)
        assert server.stop() == 0
        assert load().returncode == 0
        server.start()
        assert server.sql("SELECT category FROM sales") == [
            {"category": "Vigo"}]
        assert server.stop() == 0


def test_an_answer_of_a_lookup_that_was_never_read_is_not_complete(tmp_path):
    folder = model(tmp_path / "m", **{
        "datasets/sales.yaml": SALES.split("  - { name: category")[0],
        "kpis/kpis.yaml": KPIS.replace("products.category', sku) = 'tools'",
                                       "stores.city', store) = 'Vigo'")})
    (folder / "lookups/stores.csv").unlink()

    def says(provenance):
        named = [text for text in provenance["served_by"] if "stores" in text]
        return provenance["complete"], named

    def provenances(server):
        for sql in ("SELECT lookup('stores.city', store) AS c FROM sales",
                    "SELECT * FROM lookup.stores",
                    "SELECT lookup('stores.city', 'S1') AS c",
                    "SELECT s.net FROM sales s LEFT JOIN lookup.stores t ON "
                    "s.store = t.store"):
            _, _, body = server.request("POST", "/api/v1/query", {"sql": sql})
            yield json.loads(body)["provenance"]
        for kpi in ("tool_sales", "net_sales"):  # net_sales has its targets
            yield server.json(f"/api/v1/kpis/{kpi}/value?{DAY}")["provenance"]

    with freshet.Server(folder, tmp_path / "d") as server:
        server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "store": "S1",
                                 "sku": "a", "qty": 1, "net": 1}])
        freshet.wait_until(lambda: server.rows("sales") == 1, what=server.log)
        for provenance in provenances(server):
            complete, named = says(provenance)
            assert not complete and len(named) == 1, provenance
            assert named[0].startswith("the lookup stores is not read yet")
        (folder / "lookups/stores.csv").write_text(
            "store,city,daily_target\nS1,Vigo,5\n")
        freshet.wait_until(lambda: server.json(
            "/api/v1/lookups/stores")["complete"], what=server.log)
        for provenance in provenances(server):
            assert says(provenance) == (True, []), provenance
