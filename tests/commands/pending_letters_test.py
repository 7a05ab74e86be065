"""Dead letters that are in memory still: listed, marked, counted, and written
when they are to be replayed or removed."""
import json
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
    assert found["total"] == 2
    assert found["reasons"] == {"not_json": 1, "wrong_type": 1}
    assert found["pending_at_most_ms"] == 600_000
    listed = found["dead_letters"]
    assert len(listed) == 2 and all(one["pending"] for one in listed)
    assert {one["reason"] for one in listed} == {"not_json", "wrong_type"}
    assert "{ bad" in {one["event"] for one in listed}
    only = letters(server, "?reason=not_json")["dead_letters"]
    assert [one["event"] for one in only] == ["{ bad"]
    assert len(letters(server, "?limit=1")["dead_letters"]) == 1

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
    assert found["total"] == 2 and found["reasons"] == {"not_json": 2}


def replay(server, selection):
    status, _, body = server.request("POST", ROUTE + "/replay", selection)
    return status, json.loads(body)


@pytest.mark.parametrize("selection", [
    lambda listed: {"all": True}, lambda listed: {"reason": "wrong_type"},
    lambda listed: {"ids": [one["id"] for one in listed]}])
def test_a_pending_one_is_replayed(server, selection):
    """As it is, it is rejected again, and stays: told by its own reason."""
    server.ingest("sales", [{**GOOD, "qty": "many"}])
    freshet.wait_until(lambda: letters(server)["pending"] == 1, 10)
    listed = letters(server)["dead_letters"]
    status, answer = replay(server, selection(listed))
    assert status == 200
    assert (answer["replayed"], answer["rejected"]) == (0, 1)
    assert answer["errors"][0]["id"] == listed[0]["id"]
    assert answer["errors"][0]["reason"] == "wrong_type"
    assert letters(server)["total"] == 1


def test_a_pending_one_is_mended(server):
    server.ingest("sales", [{**GOOD, "qty": "many"}, {**GOOD, "qty": "more"}])
    freshet.wait_until(lambda: letters(server)["pending"] == 2, 10)
    one = letters(server)["dead_letters"][0]
    status, answer = replay(server, {"events": [
        {"id": one["id"], "event": json.dumps(GOOD)}]})
    assert status == 200 and answer["replayed"] == 1, answer
    assert server.rows("sales") == 1
    left = letters(server)
    assert left["total"] == 1 and left["pending"] == 0
    assert left["dead_letters"][0]["id"] != one["id"]


def test_a_pending_one_is_removed(server):
    server.ingest("sales", ["{nonsense"] * 3)
    freshet.wait_until(lambda: letters(server)["pending"] == 3, 10)
    status, _, body = server.request("DELETE", ROUTE + "?all=true")
    assert status == 200 and json.loads(body) == {"removed": 3}
    assert letters(server)["total"] == 0


@pytest.mark.parametrize("body", ["", "  ", "{}"])
def test_a_replay_of_nothing_says_what_to_send(server, body):
    status, _, answer = server.request("POST", ROUTE + "/replay", body)
    message = json.loads(answer)["error"]["message"]
    assert status == 400
    for word in ('{"all":true}', '"reason"', '"ids"', '"events"'):
        assert word in message, message


def test_many_are_counted_and_the_first_are_shown(server):
    server.ingest("sales", ["{nonsense"] * 250)
    freshet.wait_until(lambda: letters(server)["pending"] == 250, 10)
    assert len(letters(server)["dead_letters"]) == 100
    assert letters(server)["total"] == 250
    assert letters(server)["reasons"] == {"not_json": 250}
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
