"""What operators do with a stream: dead letters mended and taken again, offsets
reset, keys of retries; also with kill -9 in the middle."""
import json
import pathlib
import random
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

GOOD = {"ts": "2026-11-01T10:00:00Z", "txn_id": "t1", "store": "S1",
        "channel": "web", "qty": 2, "price": "1.25"}
LETTERS = "/api/v1/ingestion/sales/dead-letters"


def post(server, path, body=None, expect=200):
    status, _, answer = server.request("POST", path, body or {})
    assert status == expect, (path, body, status, answer)
    return json.loads(answer)


def bad_events(count):
    """Each with a quantity of its own."""
    return [{**GOOD, "txn_id": f"b{i}", "qty": f"{i}?"} for i in range(count)]


def letters(server, query=""):
    found, after = [], None
    while True:
        page = server.json(LETTERS + "?" + query +
                           (f"&after={after}" if after else ""))
        found += page["dead_letters"]
        after = page.get("next")
        if not after:
            return found


def mended(found):
    return [{"id": x["id"], "event": x["event"].replace("?", "")}
            for x in found]


def reject(server, events):
    answer = server.ingest("sales", events)
    post(server, "/api/v1/ingestion/sales/seal")
    return answer


def test_dead_letters_are_listed_mended_replayed_and_removed(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        reject(server, [GOOD, "no json", *bad_events(4),
                        {**GOOD, "ts": "never"}])
        page = server.json(LETTERS)
        assert page["reasons"] == {"not_json": 1, "time": 1, "wrong_type": 4}
        assert page["total"] == 6 and len(page["dead_letters"]) == 6
        wrong = letters(server, "reason=wrong_type")
        assert len(wrong) == 4 and all(x["whole"] for x in wrong)
        assert "qty" in wrong[0]["message"]
        late = server.json("/api/v1/kpis/net_sales/value?range=ytd")
        assert late["provenance"]["late_or_rejected"] == 6

        # As they are they are refused again; by reason, by id.
        again = post(server, LETTERS + "/replay", {"reason": "wrong_type"})
        assert (again["replayed"], again["rejected"]) == (0, 4)
        assert {e["reason"] for e in again["errors"]} == {"wrong_type"}
        again = post(server, LETTERS + "/replay", {"all": True})
        assert again["rejected"] == 6

        done = post(server, LETTERS + "/replay", {"events": mended(wrong)})
        assert done == {"replayed": 4, "rejected": 0, "errors": []}
        assert server.sql("SELECT SUM(qty) AS q, COUNT(*) AS n FROM sales") == \
            [{"q": 2 + 0 + 1 + 2 + 3, "n": 5}]
        assert server.json(LETTERS)["reasons"] == {"not_json": 1, "time": 1}
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["replayed"] == 4)
        progress = server.json("/api/v1/ingestion/sales")
        assert progress["rejected"]["wrong_type"] == 4  # it did happen
        answer = server.json("/api/v1/kpis/net_sales/value?range=ytd")
        assert answer["provenance"]["late_or_rejected"] == 2
        gone = post(server, LETTERS + "/replay", {"ids": [wrong[0]["id"]]})
        assert gone["errors"][0]["reason"] == "gone"

        status, _, body = server.request("DELETE", LETTERS + "?reason=time")
        assert (status, json.loads(body)) == (200, {"removed": 1})
        left = letters(server)
        status, _, body = server.request("DELETE",
                                         f"{LETTERS}?id={left[0]['id']}")
        assert json.loads(body) == {"removed": 1}
        assert server.json(LETTERS)["total"] == 0
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["dead_letters"]["kept"] == 0)
        assert server.stop() == 0
        server.start()
        assert server.json(LETTERS)["total"] == 0
        assert server.rows("sales") == 5


def test_a_changed_definition_takes_the_letters_as_they_are(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        reject(server, [{**GOOD, "ts": "28/11/2026"}])
        path = model / "datasets/sales.yaml"
        path.write_text(path.read_text().replace(
            "field: ts, format: auto", "field: ts, format: '%d/%m/%Y'"))
        post(server, "/api/v1/model/reload")
        assert post(server, LETTERS + "/replay", {"all": True})["replayed"] == 1
        assert server.sql("SELECT SUM(qty) AS q FROM sales") == [{"q": 2}]


@pytest.mark.parametrize("body,word", [
    ({}, "which"), ({"all": False}, "all"), ({"all": True, "ids": ["a/1"]}, "one"),
    ({"reasons": "time"}, "reason"), ({"ids": "log/0/1"}, "list"),
    ({"events": [{"id": "log/0/1"}]}, "event"),
    ({"events": [{"id": "log/0/1", "event": {"a": 1}}]}, "text"),
    ({"events": [{"id": "x", "event_base64": "%"}]}, "base64")])
def test_a_replay_that_says_nothing_clear_is_refused(tmp_path_factory, body,
                                                     word):
    folder = tmp_path_factory.mktemp("r")
    model = freshet.sales_model(folder / "m")
    with freshet.Server(model, folder / "d") as server:
        status, _, answer = server.request("POST", LETTERS + "/replay", body)
        assert status == 400 and word in answer.decode(), answer
        status, _, answer = server.request("DELETE", LETTERS)
        assert status == 400, answer
        status, _, answer = server.request(
            "POST", LETTERS.replace("sales", "none") + "/replay", {"all": True})
        assert status == 404, answer


def test_kill_9_while_letters_are_replayed_neither_loses_nor_doubles(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    random.seed(seed)
    count = 3000
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        reject(server, bad_events(count))
        for _ in range(5):
            parts = mended(letters(server))
            random.shuffle(parts)

            def replay():
                for i in range(0, len(parts), 30):
                    try:
                        server.request("POST", LETTERS + "/replay",
                                       {"events": parts[i:i + 30]})
                    except OSError:
                        return
            thread = threading.Thread(target=replay)
            thread.start()
            time.sleep(random.random() * 0.4)
            server.kill()
            thread.join()
            server.start()
            left = server.json(LETTERS)["total"]
            freshet.wait_until(lambda: server.rows("sales") == count - left, 10,
                               what=f"{left} letters left, "
                               f"{server.rows('sales')} rows of {count}")
        left = mended(letters(server))
        if left:
            done = post(server, LETTERS + "/replay", {"events": left})
            assert done["rejected"] == 0
        assert server.json(LETTERS)["total"] == 0
        assert server.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT txn_id) AS d, "
                          "SUM(qty) AS q FROM sales") == \
            [{"n": count, "d": count, "q": count * (count - 1) // 2}]
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["replayed"] == count)


RESET = "/api/v1/ingestion/sales/reset"
ONE_PARTITION = "{ log: { partitions: 1, format: json } }"


def test_reset_says_what_it_does_and_then_does_it(tmp_path):
    model = freshet.sales_model(tmp_path / "m", source=ONE_PARTITION)
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [{**GOOD, "txn_id": str(i)} for i in range(10)])
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["partitions"][0]["next"] == 10)
        plan = post(server, RESET, {"to": "earliest", "dry_run": True})
        assert plan["dry_run"] and plan["repeated"] == 10
        assert plan["skipped"] == 0 and "count twice" in plan["message"]
        assert plan["partitions"][0] == {
            "partition": "log/0", "from": 10, "to": 0, "low": 0, "high": 10,
            "skipped": 0, "repeated": 10, "lost": 0}
        assert server.rows("sales") == 10  # nothing was done
        done = post(server, RESET, {"to": "offsets", "offsets": {"log/0": 7}})
        assert not done["dry_run"] and done["repeated"] == 3
        freshet.wait_until(lambda: server.rows("sales") == 13)
        plan = post(server, RESET, {"to": "offsets", "offsets": {"0": 7},
                                    "dry_run": True})
        assert plan["partitions"][0]["partition"] == "log/0"
        assert plan["partitions"][0]["to"] == 7

        # Paused, posted to, set to the end: skipped, and still paused.
        post(server, "/api/v1/ingestion/sales/pause")
        server.ingest("sales", [GOOD] * 4)
        done = post(server, RESET, {"to": "latest"})
        assert done["skipped"] == 4
        assert server.json("/api/v1/ingestion/sales")["state"] == "paused"
        post(server, "/api/v1/ingestion/sales/resume")
        server.ingest("sales", [GOOD])
        freshet.wait_until(lambda: server.rows("sales") == 14)
        server.kill()
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 14)

        # By the time when the log took them.
        time.sleep(0.01)
        begin = server.json("/api/v1/ingestion/sales")["partitions"][0]["next"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        plan = post(server, RESET,
                    {"to": "timestamp", "timestamp": now, "dry_run": True})
        assert plan["repeated"] == begin

        for body, word in [({}, "to"), ({"to": "begin"}, "earliest"),
                           ({"to": "offsets"}, "offsets"),
                           ({"to": "offsets", "offsets": {"log/0": 99}}, "[0, 15]"),
                           ({"to": "latest", "partitions": ["log/5"]}, "log/5"),
                           ({"to": "latest", "timestamp": "2026-11-01"}, "goes with"),
                           ({"to": "latest", "dryrun": True}, "dry_run")]:
            status, _, answer = server.request("POST", RESET, body)
            assert status == 400 and word in answer.decode(), (body, answer)


def test_reset_of_a_dataset_with_a_key_drops_the_repeats(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    path.write_text(path.read_text() + "key: [txn_id]\n"
                    "lateness: { accept: 1h, then: dead_letter }\n")
    events = [{**GOOD, "txn_id": str(i), "ts": f"2026-11-{i % 20 + 1:02}"}
              for i in range(0, 400)]
    events.sort(key=lambda e: e["ts"])
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", events)
        freshet.wait_until(lambda: server.rows("sales") == 400)
        done = post(server, RESET, {"to": "earliest"})
        assert done["repeated"] == 400 and "dropped" in done["message"]
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["duplicates"] == 400)
        assert server.rows("sales") == 400
        assert server.json(LETTERS)["total"] == 0  # none was late


def test_a_key_with_another_body_is_a_conflict(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def send(qty, key="retry-1"):
            status, _, body = server.request(
                "POST", "/ingest/sales", json.dumps({**GOOD, "qty": qty}),
                {"Idempotency-Key": key, "Content-Type": "application/json"})
            return status, json.loads(body)
        status, first = send(1)
        assert status == 200 and send(1) == (200, first)
        status, refused = send(2)
        assert status == 409 and refused["error"]["code"] == "conflict"
        assert "retry-1" in refused["error"]["message"]
        assert send(2, "retry-2")[0] == 200
        server.kill()
        server.start()
        assert send(2)[0] == 409 and send(1) == (200, first)
        freshet.wait_until(lambda: server.rows("sales") == 2)
        assert server.sql("SELECT SUM(qty) AS q FROM sales") == [{"q": 3}]


def test_a_ragged_csv_line_is_a_dead_letter(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    body = ("txn_id,ts,store,qty,price\n"
            "a,2026-11-01,S1,1,1.00\n"
            "b,2026-11-01,S1\n"
            "c,2026-11-01,S1,1,1.00,more\n"
            "e,2026-11-01,\"S1,1,4.00\n"
            "f,2026-11-01,S1,1,8.00\n")
    with freshet.Server(model, tmp_path / "d") as server:
        status, _, answer = server.request("POST", "/ingest/sales", body,
                                           {"Content-Type": "text/csv"})
        answer = json.loads(answer)
        assert status == 200 and answer["accepted"] == 2, answer
        assert answer["rejected"] == 3
        assert [e["line"] for e in answer["errors"]] == [3, 4, 5]
        assert "3 fields, the header 5" in answer["errors"][0]["message"]
        freshet.wait_until(lambda: server.rows("sales") == 2)
        assert server.sql("SELECT SUM(net) AS s FROM sales") == [{"s": 9.0}]
        post(server, "/api/v1/ingestion/sales/seal")
        found = letters(server)
        assert len(found) == 3
        assert any("c,2026-11-01,S1,1,1.00,more" in x["event"] for x in found)


def test_a_date_in_digits_is_not_a_moment_of_1970(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        answer = server.ingest("sales", [{**GOOD, "ts": "20261101"},
                                         {**GOOD, "ts": 20261101},
                                         {**GOOD, "ts": 1793527200}])
        assert (answer["accepted"], answer["rejected"]) == (1, 2)
        assert "%Y%m%d" in answer["errors"][0]["message"]


def test_late_events_restate_a_bucket_of_a_series(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def series():
            answer = server.json("/api/v1/kpis/net_sales/value?from=2026-11-01"
                                 "&to=2026-11-02&grain=hour")
            return {p["t"][11:13]: (p["value"], p.get("restated", False),
                                    p["partial"]) for p in answer["series"]}
        server.ingest("sales", [{**GOOD, "ts": f"2026-11-01T{h:02}:30:00Z"}
                                for h in range(8, 13)])
        freshet.wait_until(lambda: server.rows("sales") == 5)
        freshet.wait_until(lambda: series()["09"] == (2.5, False, False))
        server.ingest("sales", [{**GOOD, "ts": "2026-11-01T09:10:00Z"}])
        freshet.wait_until(lambda: server.rows("sales") == 6)
        assert series()["09"] == (5.0, True, False)
        assert series()["10"] == (2.5, False, False)
        assert not any(r for _, r, partial in series().values() if partial)
        server.kill()  # before it is sealed: read again, not yet restated
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 6)
        # Only what was said to be complete can be restated.
        freshet.wait_until(lambda: series()["10"] == (2.5, False, False))
        server.ingest("sales", [{**GOOD, "ts": "2026-11-01T10:10:00Z"}])
        freshet.wait_until(lambda: server.rows("sales") == 7)
        assert series()["10"] == (5.0, True, False)
        assert server.stop() == 0
        server.start()
        assert series()["10"] == (5.0, True, False)


def test_what_takes_no_body_refuses_keys(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        paths = [f"/api/v1/ingestion/sales/{verb}"
                 for verb in ("pause", "resume", "restart", "seal")]
        for path in paths + ["/api/v1/model/reload", "/api/v1/checkpoint"]:
            error = post(server, path, {"dry_run": True}, expect=400)["error"]
            assert "'dry_run'" in error["message"], error
            assert error["details"][0]["path"] == "dry_run", error
            for body in ("[]", "1", "{"):
                assert server.request("POST", path, body)[0] == 400, path
            for body in (None, "", " \n", "{}"):
                assert server.request("POST", path, body)[0] == 200, path
        error = post(server, "/api/v1/ingestion/sales/reset",
                     {"to": "latest", "dry_rum": True}, expect=400)["error"]
        assert "did you mean 'dry_run'" in error["message"]


def test_accepted_is_what_the_log_took(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    file = model / "datasets/sales.yaml"
    file.write_text(file.read_text() + 'filter: "qty > 0"\nkey: [txn_id]\n'
                    "lateness: { accept: 1h, then: dead_letter }\n")
    with freshet.Server(model, tmp_path / "d") as server:
        answer = server.ingest("sales", [GOOD])
        freshet.wait_until(lambda: server.rows("sales") == 1)
        answer = server.ingest("sales", [
            GOOD, {**GOOD, "txn_id": "t2", "qty": 0},
            {**GOOD, "txn_id": "t3", "ts": "2026-10-01T10:00:00Z"},
            {**GOOD, "txn_id": "t4", "qty": "?"}])
        assert (answer["accepted"], answer["rejected"]) == (3, 1), answer

        def state():
            seen = server.json("/api/v1/ingestion/sales")
            return seen if seen["caught_up"] and seen["rejected"] else None
        seen = freshet.wait_until(state, what=server.log)
        assert seen["rejected"] == {"too_late": 1, "wrong_type": 1}, seen
        assert (seen["filtered"], seen["duplicates"]) == (1, 1), seen
        assert server.rows("sales") == 1


def test_a_pause_lasts_until_it_is_resumed(tmp_path):
    """Over stops, kill -9 and new definitions; not over DELETE."""
    model = freshet.sales_model(tmp_path / "m")
    steer = "/api/v1/ingestion/sales/"
    file = model / "datasets/sales.yaml"
    kpis = (model / "kpis/sales.yaml", model / "dashboards/main.yaml")

    def state():
        return server.json("/api/v1/ingestion/sales")["state"]

    def assert_paused():
        freshet.wait_until(lambda: state() == "paused", 10, what=server.log)
        time.sleep(0.2)
        assert state() == "paused" and server.rows("sales") == 0

    with freshet.Server(model, tmp_path / "d") as server:
        assert post(server, steer + "pause")["state"] == "paused"
        server.ingest("sales", [GOOD] * 3)
        server.kill()
        server.start()
        assert_paused()
        assert "it was paused and stays so" in server.log()
        assert server.stop() == 0
        server.start()
        assert_paused()
        file.write_text(file.read_text().replace("age: 10m", "age: 11m"))
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        assert_paused()
        text = file.read_text().replace("age: 11m", "age: 12m")
        yaml = {"Content-Type": "application/yaml"}
        assert server.request("PUT", "/api/v1/datasets/sales", text,
                              yaml)[0] == 200
        assert_paused()
        assert post(server, steer + "resume")["state"] != "paused"
        freshet.wait_until(lambda: server.rows("sales") == 3)
        server.kill()
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 3)
        assert state() != "paused"
        # Gone with the dataset, and not back with it.
        assert post(server, steer + "pause")["state"] == "paused"
        for other in kpis:
            other.unlink()
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        assert server.request("DELETE", "/api/v1/datasets/sales")[0] == 200
        assert server.request("PUT", "/api/v1/datasets/sales", text,
                              yaml)[0] == 200
        freshet.wait_until(lambda: state() == "running", what=server.log)
