"""Cubes of the model: built when segments are sealed, used and named in
answers, never stale."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

CUBES = """\
cubes:
  - { name: store_hour, dimensions: [store, channel], granularity: hour }
  - { name: members, dimensions: [store], granularity: day,
      measures: [approx_distinct(txn_id), sum(net)] }
"""
BY_STORE = """SELECT store, COUNT(*) AS n, SUM(net) AS net, MAX(qty) AS most
FROM sales GROUP BY store ORDER BY store"""


def event(i):
    return {"txn_id": f"t{i}", "ts": 1793491200000 + i * 60_000,
            "store": f"S{i % 3}", "channel": "web" if i % 4 else "store",
            "qty": i % 7, "price": "1.25"}


def ask(server, sql, **flags):
    status, _, body = server.request("POST", "/api/v1/query",
                                     {"sql": sql, "use_cache": False, **flags})
    assert status == 200, body
    answer = json.loads(body)
    return answer["rows"], answer["provenance"]


def seal(server, rows):
    server.request("POST", "/api/v1/ingestion/sales/seal")

    def sealed():
        return ask(server, "SELECT COUNT(*) AS n FROM sales",
                   use_cubes=False)[1]["served_by"] == ["segments"]
    freshet.wait_until(sealed, what="the seal")
    assert server.rows("sales") == rows


def test_cubes_serve_sealed_rows_beside_live_ones(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    dataset = model / "datasets/sales.yaml"
    dataset.write_text(dataset.read_text() + CUBES)
    data = tmp_path / "d"
    with freshet.Server(model, data) as server:
        server.ingest("sales", [event(i) for i in range(3000)])
        freshet.wait_until(lambda: server.rows("sales") == 3000)
        seal(server, 3000)
        rows, provenance = ask(server, BY_STORE)
        assert provenance["served_by"] == ["cube store_hour"]
        assert provenance["exact"] is True
        assert provenance["rows_scanned"] < 1000
        plain, without = ask(server, BY_STORE, use_cubes=False)
        assert plain == rows and without["served_by"] == ["segments"]

        # Late rows of hours that are in cubes already.
        server.ingest("sales", [event(i) for i in range(100, 200)])
        freshet.wait_until(lambda: server.rows("sales") == 3100)
        rows, provenance = ask(server, BY_STORE)
        assert provenance["served_by"] == ["cube store_hour", "live"]
        assert rows == ask(server, BY_STORE, use_cubes=False)[0]

        _, provenance = ask(server, "SELECT SUM(net) AS x FROM sales WHERE "
                            "txn_id = 't107'", why_not=True)
        assert provenance["served_by"] == ["segments", "live"]
        assert ("cube store_hour: txn_id is none of its dimensions"
                in provenance["why_not"])
        rows, provenance = ask(server, "SELECT APPROX_COUNT_DISTINCT(txn_id) "
                               "AS n FROM sales")
        assert provenance["served_by"] == ["cube members", "live"]
        assert provenance["exact"] is False
        assert abs(rows[0]["n"] / 3000 - 1) < 0.03
        assert (server.sql(BY_STORE, context={"noProjections": True})
                == server.sql(BY_STORE))
        assert server.stop() == 0
    with freshet.Server(model, data) as server:
        rows, provenance = ask(server, BY_STORE)
        assert provenance["served_by"][0] == "cube store_hour"
        assert rows == ask(server, BY_STORE, use_cubes=False)[0]
        assert server.stop() == 0
    segment = max((data / "segments/sales").glob("*.seg"),
                  key=lambda path: path.stat().st_size)
    assert freshet.run("segment", "verify", segment).returncode == 0
    dump = freshet.run("segment", "dump", segment).stdout
    assert "cube store_hour: " in dump and "PT1H in UTC" in dump
