"""`aliases:` of a column: rows that were stored under its former names are read
by the present one, in rows, cubes and rollups, with and without a key."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

SALES = """\
dataset: sales
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: SHOP, type: string }
  - { name: QTY, type: TYPE }
partition_by: day
sort_by: [SHOP]
MORE
cubes:
  - { name: shops, dimensions: [SHOP], granularity: day, measures: [QTY] }
"""
UNITS = """\
kpis:
  - { kpi: units, title: Units, dataset: sales, formula: sum(QTY),
      unit: count, good: up, dimensions: [SHOP] }
"""
ROLLUP = "rollup: { granularity: hour, measures: [QTY] }"
TOTALS = ("SELECT STORE, SUM(PIECES) AS p, COUNT(*) AS n FROM sales "
          "GROUP BY 1 ORDER BY 1")


def model_of(tmp_path, shop, qty, kind="long", more=""):
    """`shop` and `qty`: a name, or one with more keys of the column."""
    def named(text):
        return (text.replace("name: SHOP", f"name: {shop}")
                .replace("name: QTY", f"name: {qty}")
                .replace("SHOP", shop.split(",")[0])
                .replace("QTY", qty.split(",")[0]))
    sales = SALES.replace("TYPE", kind).replace("MORE\n", more + "\n")
    return freshet.write_model(
        tmp_path / "m", {"datasets/sales.yaml": named(sales),
                         "kpis/sales.yaml": named(UNITS)})


def reload(server):
    status, _, body = server.request("POST", "/api/v1/model/reload")
    return status, json.loads(body)


def fill(server, day, shop, qty, names=("shop", "qty"), times=1):
    server.ingest("sales", [{"ts": f"2026-11-0{day}T10:00:00Z",
                             names[0]: shop, names[1]: qty}] * times)
    status, _, body = server.request("POST", "/api/v1/ingestion/sales/seal")
    assert status == 200, body


def segments(server):
    return [d for d in server.json("/api/v1/datasets")["datasets"]
            if d["dataset"] == "sales"][0]["segments"]


def totals(server):
    return [(r["STORE"], r["p"], r["n"]) for r in server.sql(TOTALS)]


def stored(server):
    answer = server.json("/api/v1/datasets/sales/types")
    return {c["name"]: c["types"] for c in answer["columns"]}


@pytest.mark.parametrize("more", ["", ROLLUP], ids=["rows", "rollup"])
def test_old_rows_are_read_by_the_new_name(tmp_path, more):
    model = model_of(tmp_path, "shop", "qty", more=more)
    with freshet.Server(model, tmp_path / "d") as server:
        fill(server, 1, "a", 1)
        fill(server, 1, "b", 2)
        # Without aliases the columns are new ones; what is kept of that
        # answer must not be given afterwards.
        model_of(tmp_path, "STORE", "PIECES", more=more)
        assert reload(server)[0] == 200
        if not more:
            assert totals(server) == [(None, None, 2)]
        aliased = ("STORE, aliases: [outlet, shop]", "PIECES, aliases: qty")
        model_of(tmp_path, *aliased, more=more)
        assert reload(server)[0] == 200
        assert totals(server) == [("a", 1, 1), ("b", 2, 1)]
        names = ("STORE", "PIECES")
        fill(server, 2, "a", 4, names)
        fill(server, 2, "b", 8, names)
        right = [("a", 5, 2), ("b", 10, 2)]
        assert totals(server) == right
        assert server.sql("SELECT SUM(PIECES) AS p FROM sales WHERE STORE = 'a'"
                          ) == [{"p": 5}]
        kpi = server.json("/api/v1/kpis/units/value?from=2026-11-01"
                          "&to=2026-11-03&by=STORE")
        assert {r["STORE"]: r["value"] for r in kpi["rows"]} == {"a": 5,
                                                                 "b": 10}
        assert set(stored(server)) == {"__time", "STORE", "PIECES"}
        server.kill()
        server.start()
        freshet.wait_until(lambda: totals(server) == right, what=server.log)
        # Merged, segments have the present names.
        freshet.wait_until(lambda: segments(server) <= 3, 60, what=server.log)
        assert totals(server) == right
        fill(server, 1, "c", 16, names)
        fill(server, 1, "c", 32, names)
        assert totals(server) == right + [("c", 48, 2)]


def test_without_an_alias_old_rows_are_merged_all_the_same(tmp_path):
    """The new column is none of theirs, also if they are to be sorted by it."""
    model = model_of(tmp_path, "shop", "qty")
    with freshet.Server(model, tmp_path / "d") as server:
        for i in range(6):
            fill(server, 1, "a", 1 + i)
        model_of(tmp_path, "STORE", "PIECES")
        assert reload(server)[0] == 200
        fill(server, 1, "b", 100, ("STORE", "PIECES"))
        freshet.wait_until(lambda: segments(server) <= 2, 60, what=server.log)
        assert totals(server) == [(None, None, 6), ("b", 100, 1)]
        assert "merge failed" not in server.log()


def test_cubes_of_old_files_answer_by_the_new_name(tmp_path):
    with freshet.Server(model_of(tmp_path, "shop", "qty"),
                        tmp_path / "d") as server:
        for i in range(3):
            fill(server, 1 + i, "a", 1, times=500)
        model_of(tmp_path, "STORE, aliases: shop", "PIECES, aliases: qty")
        assert reload(server)[0] == 200
        status, _, body = server.request("POST", "/api/v1/query",
                                         {"sql": TOTALS, "use_cache": False})
        assert status == 200, body
        answer = json.loads(body)
        assert answer["provenance"]["served_by"] == ["cube shops"]
        assert totals(server) == [("a", 1500, 1500)]


def test_a_types_check_follows_aliases(tmp_path):
    model = model_of(tmp_path, "shop", "qty", "decimal(2)")
    with freshet.Server(model, tmp_path / "d") as server:
        fill(server, 1, "a", "1.25")
        model_of(tmp_path, "STORE, aliases: shop", "PIECES, aliases: qty")
        done = freshet.run("validate", model, "--against", server.url)
        assert done.returncode == 1 and "named 'qty'" in done.stdout, done.stdout
        status, answer = reload(server)
        assert status == 400 and "named 'qty'" in json.dumps(answer), answer
        assert server.sql("SELECT SUM(qty) AS q FROM sales") == [{"q": 1.25}]
        model_of(tmp_path, "STORE, aliases: shop", "PIECES, aliases: qty",
                 "decimal(4)")
        assert reload(server)[0] == 200
        assert totals(server) == [("a", 1.25, 1)]


ORDERS = """\
dataset: orders
source: { log: { partitions: 1, format: dms } }
time: { field: $.metadata.timestamp }
columns:
  - { name: ID, type: long }
  - { name: v, type: string }
key: [ID]
on_duplicate: replace
"""


def test_a_renamed_key_finds_its_rows(tmp_path):
    def write(column):
        name = column.split(",")[0]
        return freshet.write_model(tmp_path / "m", {
            "datasets/orders.yaml": ORDERS.replace("name: ID", f"name: {column}")
            .replace("ID", name)})

    with freshet.Server(write("id"), tmp_path / "d") as server:
        def change(operation, row, second):
            server.ingest("orders", [{
                "data": row, "metadata": {
                    "operation": operation, "record-type": "data",
                    "timestamp": f"2026-11-01T10:00:0{second}Z"}}])

        def rows(key):
            return [tuple(r.values()) for r in server.sql(
                f"SELECT {key}, v FROM orders ORDER BY 1")]
        for i in (1, 2, 3):
            change("insert", {"id": i, "v": f"old {i}"}, 0)
        status, _, body = server.request("POST",
                                         "/api/v1/ingestion/orders/seal")
        assert status == 200, body
        write("order_id, aliases: [id]")
        assert reload(server)[0] == 200
        change("update", {"order_id": 1, "v": "new 1"}, 1)
        change("delete", {"order_id": 2}, 2)
        change("insert", {"order_id": 4, "v": "new 4"}, 3)
        right = [(1, "new 1"), (3, "old 3"), (4, "new 4")]
        freshet.wait_until(lambda: rows("order_id") == right,
                           what=server.log)
        server.kill()
        server.start()
        freshet.wait_until(lambda: rows("order_id") == right)
        change("update", {"order_id": 3, "v": "new 3"}, 4)
        right[1] = (3, "new 3")
        freshet.wait_until(lambda: rows("order_id") == right)
