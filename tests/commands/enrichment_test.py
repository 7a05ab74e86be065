"""What a row has from a lookup at ingest: as of when it is read. It stays once
the row is sealed; a crash before that reads the row again, as of then."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from lookups_test import PRODUCTS, put  # noqa: E402

SALES = """\
dataset: sales
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: n, type: long }
  - { name: sku, type: string }
  - { name: category, type: string, lookup: products.category, by: sku }
filter: "category <> 'secret'"
seal: { rows: 1000000, age: 10m }
"""


def sell(server, *numbers):
    server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "n": n, "sku": "a"}
                            for n in numbers])


def steer(server, verb):
    status, _, body = server.request("POST", "/api/v1/ingestion/sales/" + verb)
    assert status == 200, body


def name(server, category):
    assert put(server, [{"sku": "a", "category": category, "cost": 1}])[0] == 200


def rows(server):
    return [(r["n"], r["category"]) for r in server.sql(
        "SELECT n, category FROM sales ORDER BY n")]


def expect(server, wanted):
    freshet.wait_until(lambda: rows(server) == wanted, 20,
                       what=lambda: (rows(server), wanted))


def test_it_stays_from_the_seal_on(tmp_path):
    model = freshet.write_model(tmp_path / "m", {
        "lookups/products.yaml": PRODUCTS, "datasets/sales.yaml": SALES})
    with freshet.Server(model, tmp_path / "d") as server:
        name(server, "tools")
        sell(server, 1)
        expect(server, [(1, "tools")])
        steer(server, "seal")
        sell(server, 2)
        expect(server, [(1, "tools"), (2, "tools")])
        name(server, "toys")
        sell(server, 3)
        expect(server, [(1, "tools"), (2, "tools"), (3, "toys")])
        # What is sealed stays; the others are read once more, each once.
        server.kill()
        server.start()
        expect(server, [(1, "tools"), (2, "toys"), (3, "toys")])
        # An orderly end, a restart of the stream and a new definition seal.
        name(server, "food")
        assert server.stop() == 0
        server.start()
        expect(server, [(1, "tools"), (2, "toys"), (3, "toys")])
        sell(server, 4)
        expect(server, [(1, "tools"), (2, "toys"), (3, "toys"), (4, "food")])
        name(server, "drinks")
        steer(server, "restart")
        server.kill()
        server.start()
        expect(server, [(1, "tools"), (2, "toys"), (3, "toys"), (4, "food")])
        # Also what the filter makes of it.
        sell(server, 5)
        freshet.wait_until(lambda: len(rows(server)) == 5)
        name(server, "secret")
        server.kill()
        server.start()
        sell(server, 6)
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["filtered"] == 2)
        assert len(rows(server)) == 4
