"""Events in every format through POST /ingest, the embedded log and a query."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

CSV = """\
dataset: visits
source: { log: { partitions: 2, format: csv, fields: [at, store, count], delimiter: ";" } }
time: { field: at }
columns:
  - { name: store, type: string }
  - { name: count, type: long, on_error: default, default: 0 }
  - { name: place, type: string, message: partition }
"""
LINES = """\
dataset: lines
source: { log: { partitions: 1, format: json, explode: lines } }
time: { field: ts }
columns:
  - { name: order_id, type: string }
  - { name: sku, type: string, path: lines.sku }
  - { name: price, type: decimal(2), path: lines.price }
  - { name: first_tag, type: string, path: "lines.tags[0]" }
"""


def test_csv_and_exploded_arrays(tmp_path):
    model = freshet.write_model(tmp_path / "model", {
        "datasets/visits.yaml": CSV, "datasets/lines.yaml": LINES})
    with freshet.Server(model, tmp_path / "data") as server:
        body = 'store,at,count\n"S;1",2026-11-01T10:00:00Z,3\nS2,2026-11-01T11:00:00Z,x\n'
        status, _, answer = server.request(
            "POST", "/ingest/visits", body, {"Content-Type": "text/csv"})
        assert status == 200, answer
        assert json.loads(answer)["accepted"] == 2
        status, _, answer = server.request("POST", "/ingest/visits", {"a": 1})
        assert status == 415 and b"text/csv" in answer, answer
        server.ingest("lines", [
            {"ts": "2026-11-01T10:00:00Z", "order_id": "A", "lines": [
                {"sku": "x", "price": "1.10", "tags": ["new", "red"]},
                {"sku": "y", "price": 2.2}]},
            {"ts": "2026-11-01T10:00:00Z", "order_id": "B", "lines": []}])
        freshet.wait_until(lambda: server.rows("visits") == 2
                           and server.rows("lines") == 2, what="rows")
        rows = server.sql("SELECT store, \"count\", place FROM visits ORDER BY store")
        assert [(r["store"], r["count"]) for r in rows] == [("S2", 0), ("S;1", 3)]
        assert {r["place"] for r in rows} <= {"0", "1"}
        rows = server.sql("SELECT order_id, sku, price, first_tag FROM lines ORDER BY sku")
        assert [list(r.values()) for r in rows] == [
            ["A", "x", 1.1, "new"], ["A", "y", 2.2, None]], rows
        progress = server.json("/api/v1/ingestion/lines")
        assert progress["filtered"] == 1 and progress["rejected"] == {}
