"""Datasets with a key: which version of a row counts."""
import json
import pathlib
import sys

import pytest

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


CHANGES = """\
dataset: items
source: {{ log: {{ partitions: 1, format: debezium }} }}
time: {{ field: "$.source.ts_ms", format: millis }}
key: [{key}]
on_duplicate: replace
columns:
  - {{ name: id, type: long }}
  - {{ name: amount, type: long }}
  - {{ name: pieces, type: long }}
  - {{ name: part, type: long, from: "100 / id" }}
  - {{ name: shop_id, type: string, from: "'ES-' || CAST(part AS VARCHAR)" }}
  - {{ name: each, type: long, from: "amount / pieces" }}
"""


def change(op, **row):
    return {"op": op, "before": row if op == "d" else None,
            "after": None if op == "d" else row,
            "source": {"ts_ms": 1793527200000}}


@pytest.mark.parametrize("key", ["id", "shop_id"])
def test_a_delete_needs_only_what_its_key_is_derived_from(tmp_path, key):
    model = freshet.write_model(tmp_path / "m", {
        "datasets/items.yaml": CHANGES.format(key=key)})
    with freshet.Server(model, tmp_path / "d") as server:
        rows = "SELECT id, amount FROM items"
        server.ingest("items", [change("c", id=5, amount=10, pieces=2)])
        freshet.wait_until(lambda: server.rows("items") == 1)
        gone = server.ingest("items", [change("d", id=5, amount=0, pieces=0)])
        assert gone["accepted"] == 1, gone
        freshet.wait_until(lambda: server.sql(rows) == [],
                           what=lambda: server.json("/api/v1/ingestion/items"))
        # Without its key it says nothing, whatever the key is derived from.
        lost = server.ingest("items", [change("d", id=0, amount=1, pieces=1)])
        assert lost["rejected"] == (key == "shop_id"), lost
        update = server.ingest("items", [
            change("c", id=6, amount=1, pieces=0)])
        assert update["errors"][0]["message"] == (
            "division by zero in column 'each'"), update
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/items")[
            "rejected"] == {"expression": 1 + (key == "shop_id")})


SKUS = """\
dataset: skus
source: {{ log: {{ partitions: 1, format: debezium }} }}
time: {{ field: "$.source.ts_ms", format: millis }}
key: [sku]
on_duplicate: {mode}
columns:
  - {{ name: sku, type: string }}
  - {{ name: id, type: long }}
"""


@pytest.mark.parametrize("mode, left", [("replace", ["B"]),
                                        ("ignore", ["A", "B"])])
def test_an_update_of_the_key_removes_the_former_one(tmp_path, mode, left):
    """Where rows can be deleted; elsewhere it is no fault."""
    model = freshet.write_model(tmp_path / "m", {
        "datasets/skus.yaml": SKUS.format(mode=mode)})
    with freshet.Server(model, tmp_path / "d") as server:
        update = {"op": "u", "before": {"sku": "A", "id": 1},
                  "after": {"sku": "B", "id": 1},
                  "source": {"ts_ms": 1793527200000}}
        answer = server.ingest("skus", [change("c", sku="A", id=1), update])
        assert (answer["accepted"], answer["rejected"]) == (2, 0), answer
        freshet.wait_until(
            lambda: [r["sku"] for r in server.sql(
                "SELECT sku FROM skus ORDER BY sku")] == left,
            what=lambda: server.json("/api/v1/ingestion/skus"))
        assert server.json("/api/v1/ingestion/skus")["rejected"] == {}


JUDGED = """\
dataset: judged
source: { log: { partitions: 1, format: json, explode: items } }
time: { field: ts }
filter: "id > 0 AND 6 / least > 1"
columns:
  - { name: id, type: long, path: items.id }
  - { name: least, type: long, path: items.least }
  - { name: a, type: long, from: "10 / id" }
  - { name: b, type: long, from: "20 / id" }
"""


def test_validate_counts_events_as_the_stream_does(tmp_path):
    model = freshet.write_model(tmp_path / "m", {
        "datasets/judged.yaml": JUDGED})
    events = [{"ts": "2026-11-01", "items": items} for items in (
        [{"id": 0, "least": 1}],                          # two columns fail
        [{"id": 2, "least": 1}],
        [{"id": 1, "least": 1}, {"id": 0, "least": 1}],   # all or none
        [{"id": -1, "least": 1}, {"id": 3, "least": 1}],  # one is dropped
        [{"id": 0, "least": 0}, {"id": 0, "least": 0}])]
    with freshet.Server(model, tmp_path / "d") as server:
        answer = server.ingest("judged", events)
        assert answer["rejected"] == 3, answer
        assert answer["errors"][0]["message"] == (
            "division by zero in column 'a'"), answer
        stream = freshet.wait_until(lambda: (
            p := server.json("/api/v1/ingestion/judged"))["rows"] == 2 and p,
            what=lambda: server.json("/api/v1/ingestion/judged"))
        assert stream["rejected"] == {"expression": 3}, stream
        assert stream["filtered"] == 1, stream
        status, _, answer = server.request(
            "POST", "/api/v1/datasets/judged/validate", {"sample": 10})
        assert status == 200, answer
        sample = json.loads(answer)["sample"]
        assert (sample["messages"], sample["rows"], sample["filtered"]) == (
            5, 2, 1), sample
        assert sample["rejected"] == {"expression": 3}, sample


def test_errors_of_expressions_are_in_the_words_of_the_definition(tmp_path):
    model = freshet.write_model(tmp_path / "m", {
        "datasets/judged.yaml": JUDGED.replace("10 / id", "10 / (id + 9)")
        .replace("20 / id", "id")
        + """\
  - { name: place, type: string, path: items.place }
  - { name: size, type: long, from: "10 / lookup('places.size', place)" }
""", "lookups/places.yaml": """\
lookup: places
key: id
columns:
  - { name: id, type: string }
  - { name: size, type: long }
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        status, _, answer = server.request(
            "PUT", "/api/v1/lookups/places", [{"id": "x", "size": 0}])
        assert status == 200, answer
        for item, place in (
                ({"id": 1, "least": 1, "place": "x"}, "column 'size'"),
                ({"id": 2, "least": 0}, "the filter")):
            answer = server.ingest("judged", [
                {"ts": "2026-11-01", "items": [item]}])
            assert [e["message"] for e in answer["errors"]] == [
                "division by zero in " + place], answer
