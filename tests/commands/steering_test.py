"""Operators steer a stream while events come: all at once, twice, in any order,
and what is not there. Every event is counted once, or as a reset says."""
import json
import pathlib
import random
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

ROUTE = "/api/v1/ingestion/sales/"
VERBS = ["pause", "resume", "restart", "seal"]
COUNTS = "SELECT COUNT(*) AS n, COUNT(DISTINCT txn_id) AS d FROM sales"


def event(name):
    return {"ts": "2026-11-01T10:00:00Z", "txn_id": name, "store": "S1",
            "channel": "web", "qty": 1, "price": "1.00"}


def steer(server, verb, body=None, dataset="sales"):
    status, _, answer = server.request(
        "POST", f"/api/v1/ingestion/{dataset}/{verb}", body, timeout=60)
    return status, json.loads(answer)


class Load:
    """Posts from three threads until it is stopped; what was accepted."""

    def __init__(self, server):
        self.server, self.sent, self.stopped = server, 0, False
        self.failed, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.post, args=(i,))
                        for i in range(3)]
        for thread in self.threads:
            thread.start()

    def post(self, number):
        posted = 0
        while not self.stopped:
            events = [event(f"{number}-{posted + i}") for i in range(50)]
            body = "\n".join(json.dumps(e) for e in events)
            status, _, answer = self.server.request("POST", "/ingest/sales", body)
            with self.lock:
                if status != 200:
                    self.failed.append((status, answer))
                    return
                self.sent += 50
            posted += 50
            time.sleep(0.01)

    def end(self):
        self.stopped = True
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed
        return self.sent


def exact(server, rows, distinct):
    wanted = [{"n": rows, "d": distinct}]
    freshet.wait_until(lambda: server.sql(COUNTS) == wanted, 30,
                       what=lambda: (server.sql(COUNTS), wanted))
    time.sleep(0.5)
    assert server.sql(COUNTS) == wanted


@pytest.fixture
def server(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as running:
        yield running


def test_all_verbs_at_once_under_load(server):
    seed = random.randrange(10**6)
    print("seed", seed)
    answers = []

    def operate(number):
        dice = random.Random(seed + number)
        for _ in range(25):
            verb = dice.choice(VERBS)
            answers.append((verb, *steer(server, verb)))
            time.sleep(dice.random() * 0.05)

    load = Load(server)
    operators = [threading.Thread(target=operate, args=(i,)) for i in range(4)]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join()
    sent = load.end()
    refused = [a for a in answers if a[1] != 200]
    assert not refused and len(answers) == 100, refused
    assert steer(server, "resume")[0] == 200
    exact(server, sent, sent)
    server.kill()
    server.start()
    exact(server, sent, sent)
    assert server.json("/api/v1/ingestion/sales")["state"] == "running"


@pytest.mark.parametrize("verb", VERBS)
def test_twice_in_a_row(server, verb):
    server.ingest("sales", [event(f"t{i}") for i in range(10)])
    exact(server, 10, 10)
    first, second = steer(server, verb), steer(server, verb)
    assert first[0] == second[0] == 200, (first, second)
    assert first[1]["state"] == second[1]["state"], (first, second)
    steer(server, "resume")
    server.ingest("sales", [event(f"u{i}") for i in range(10)])
    exact(server, 20, 20)


def test_what_is_not_there(server):
    for verb in VERBS + ["reset", "dead-letters/replay"]:
        body = {"to": "earliest"} if verb == "reset" else \
            {"all": True} if "/" in verb else None
        status, answer = steer(server, verb, body, "nothing")
        assert status == 404 and "'nothing'" in answer["error"]["message"], answer
    for verb in ("stop", "Pause", "pause%2F..", "reset2"):
        status, answer = steer(server, verb)
        assert status in (404, 405), answer


@pytest.mark.parametrize("key", ["", "key: [txn_id]\n"], ids=["no key", "key"])
def test_resets_under_load_count_as_they_say(tmp_path, key):
    model = freshet.sales_model(tmp_path / "m")
    definition = model / "datasets/sales.yaml"
    definition.write_text(definition.read_text() + key)
    with freshet.Server(model, tmp_path / "d") as server:
        load = Load(server)
        time.sleep(0.5)
        answers = []

        def reset(to):
            answers.append(steer(server, "reset", {"to": to}))
        threads = [threading.Thread(target=reset, args=("earliest",))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        assert all(status == 200 for status, _ in answers), answers
        # Nothing may have been read again yet.
        dry = freshet.wait_until(
            lambda: (answer := steer(server, "reset", {
                "to": "earliest", "dry_run": True})[1])["repeated"] > 0
            and answer, what=server.log)
        assert "would be" in dry["message"]
        sent = load.end()
        repeated = sum(answer["repeated"] for _, answer in answers)
        assert repeated > 0
        exact(server, sent if key else sent + repeated, sent)
        # What is skipped is told as well.
        assert steer(server, "pause")[0] == 200
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/sales")["state"] == "paused", what=server.log)
        server.ingest("sales", [event(f"skipped{i}") for i in range(30)])
        status, answer = steer(server, "reset", {"to": "latest"})
        assert status == 200 and answer["skipped"] == 30, answer
        assert steer(server, "resume")[0] == 200
        server.ingest("sales", [event(f"after{i}") for i in range(5)])
        sent += 5
        exact(server, sent if key else sent + repeated, sent)


def test_a_paused_stream_knows_what_waits_after_a_restart_too(server):
    server.ingest("sales", [event("first")])
    exact(server, 1, 1)
    steer(server, "pause")
    server.ingest("sales", [event(str(n)) for n in range(50)])

    def told():
        progress = server.json("/api/v1/ingestion/sales")
        metrics = server.get("/metrics")[1].decode()
        lag = [float(line.split()[-1]) for line in metrics.splitlines()
               if line.startswith('freshet_lag_records{dataset="sales"')]
        value = server.json("/api/v1/kpis/net_sales/value?range=ytd")
        return {"state": progress["state"], "metric": lag,
                "lag": sum(p["lag"] for p in progress["partitions"]),
                "complete": progress["complete"],
                "read": sum(end for partitions
                            in value["provenance"]["offsets"].values()
                            for _, end in partitions.values())}
    wanted = {"state": "paused", "metric": [50], "lag": 50,
              "complete": False, "read": 1}
    freshet.wait_until(lambda: told() == wanted)
    assert server.stop() == 0
    server.start()
    freshet.wait_until(lambda: told() == wanted, 20)
    steer(server, "resume")
    exact(server, 51, 51)
