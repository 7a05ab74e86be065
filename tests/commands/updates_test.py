"""Datasets with a key: which version of a row counts."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

IDS, VERSIONS = 200, 5
MODEL = """\
dataset: orders
source: { log: { partitions: 4, format: json } }
time: { field: ts }
columns:
  - { name: id, type: string }
  - { name: v, type: long }
key: [id]
on_duplicate: replace
partition_by: day
"""


def test_the_last_version_posted_counts_after_a_kill_too(tmp_path):
    model = freshet.write_model(tmp_path / "m", {"datasets/orders.yaml": MODEL})
    with freshet.Server(model, tmp_path / "d") as server:
        def versions():
            return server.sql("SELECT v, COUNT(*) AS n FROM orders GROUP BY v")
        for version in range(VERSIONS):
            server.ingest("orders", [
                {"ts": "2026-11-01T10:00:00Z", "id": f"o{n}", "v": version}
                for n in range(IDS)])
        right = [{"v": VERSIONS - 1, "n": IDS}]
        freshet.wait_until(lambda: versions() == right)
        for _ in range(2):
            server.kill()  # nothing is sealed yet: all is read again
            server.start()
            # Read again up to the last one, and that one is not an older one.
            freshet.wait_until(lambda: server.json(
                "/api/v1/ingestion/orders")["replaced"] == IDS * (VERSIONS - 1))
            freshet.wait_until(lambda: versions() == right, 5)
