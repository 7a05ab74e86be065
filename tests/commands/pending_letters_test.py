"""Dead letters that are in memory still: listed, marked, and neither replayed
nor removed before they are written."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

ROUTE = "/api/v1/ingestion/sales/dead-letters"
GOOD = {"txn_id": "t1", "ts": "2026-11-01T10:00:00Z", "store": "S1", "qty": 2,
        "price": "1.25"}


@pytest.fixture
def server(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as running:
        yield running


def letters(server, query=""):
    return server.json(ROUTE + query)


def seal(server):
    assert server.request("POST", "/api/v1/ingestion/sales/seal")[0] == 200


def test_a_bad_line_is_seen_before_it_is_written(server):
    server.ingest("sales", ["{ bad", GOOD, {**GOOD, "qty": "many"}])
    found = freshet.wait_until(
        lambda: (page := letters(server))["pending"] == 2 and page, 10,
        what="both letters are pending")
    assert found["total"] == 0 and found["reasons"] == {}
    assert found["pending_at_most_ms"] == 600_000
    listed = found["dead_letters"]
    assert len(listed) == 2 and all(one["pending"] for one in listed)
    assert {one["reason"] for one in listed} == {"not_json", "wrong_type"}
    assert "{ bad" in {one["event"] for one in listed}
    only = letters(server, "?reason=not_json")["dead_letters"]
    assert [one["event"] for one in only] == ["{ bad"]
    assert len(letters(server, "?limit=1")["dead_letters"]) == 1

    status, _, body = server.request("POST", ROUTE + "/replay",
                                     {"ids": [listed[0]["id"]]})
    assert status == 200 and b'"replayed":0' in body and b"gone" in body

    seal(server)
    found = letters(server)
    assert found["pending"] == 0 and found["total"] == 2
    assert "pending_at_most_ms" not in found
    assert not any("pending" in one for one in found["dead_letters"])
    assert [one["id"] for one in found["dead_letters"]] == \
        sorted(one["id"] for one in listed)


def test_pending_ones_stand_behind_those_that_are_written(server):
    server.ingest("sales", ["{first"])
    freshet.wait_until(lambda: letters(server)["pending"] == 1, 10)
    seal(server)
    server.ingest("sales", ["{second"])
    freshet.wait_until(lambda: letters(server)["pending"] == 1, 10)
    found = letters(server)
    assert [(one["event"], one.get("pending", False))
            for one in found["dead_letters"]] == [
        ("{first", False), ("{second", True)]
    assert found["total"] == 1


def test_many_are_counted_and_the_first_are_shown(server):
    server.ingest("sales", ["{nonsense"] * 250)
    freshet.wait_until(lambda: letters(server)["pending"] == 250, 10)
    assert len(letters(server)["dead_letters"]) == 100
    seal(server)
    assert letters(server)["total"] == 250
    server.ingest("sales", ["{again"] * 3)
    freshet.wait_until(lambda: letters(server)["pending"] == 3, 10)
    assert len(letters(server, "?limit=1000")["dead_letters"]) == 253


def test_a_crash_makes_them_again(server):
    server.ingest("sales", ["{nonsense"])
    freshet.wait_until(lambda: letters(server)["pending"] == 1, 10)
    server.kill()
    server.start()
    freshet.wait_until(lambda: letters(server)["pending"] == 1, 10)
    seal(server)
    assert letters(server)["total"] == 1
