"""Events posted to a topic under an idempotency key: retries after anything
leave each event in the topic once."""
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from topics_test import create  # noqa: E402


def event(i):
    return {"ts": "2026-11-01T10:00:00Z", "txn_id": f"t{i}", "store": "S1",
            "qty": 1, "price": "1.00"}


@pytest.fixture
def server(broker, tmp_path, request):
    topic = "keyed." + request.node.name
    create(broker, topic, 4)
    model = freshet.sales_model(
        tmp_path / "m",
        source=f"{{ kafka: {{ brokers: '{broker.address}', topic: {topic} }} }}")
    with freshet.Server(model, tmp_path / "d") as running:
        freshet.wait_until(lambda: running.json(
            "/api/v1/ingestion/sales")["state"] == "running", what=running.log)
        yield running


def post(server, events, key, timeout=60):
    body = "\n".join(json.dumps(e) for e in events)
    status, _, answer = server.request(
        "POST", "/ingest/sales", body, {"Idempotency-Key": key}, timeout=timeout)
    return status, json.loads(answer)


def exactly(server, count):
    freshet.wait_until(lambda: server.rows("sales") >= count, 60,
                       what=server.log)
    time.sleep(0.5)
    found = server.sql(
        "SELECT COUNT(*) AS n, COUNT(DISTINCT txn_id) AS d FROM sales")
    assert found == [{"n": count, "d": count}]


def test_a_retry_has_the_first_answer(server):
    status, first = post(server, [event(i) for i in range(20)], "k/1 ü")
    assert status == 200 and first["accepted"] == 20
    assert sum(first["offsets"].values()) == 20
    assert post(server, [event(i) for i in range(20)], "k/1 ü") == (200, first)
    status, answer = post(server, [event(99)], "k/1 ü")
    assert status == 409, answer
    assert "another body" in answer["error"]["message"]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        post(server, [event(20)], "k2"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(a == answers[0] for a in answers), answers
    exactly(server, 21)
    server.kill()
    server.start()
    assert post(server, [event(i) for i in range(20)], "k/1 ü") == (200, first)
    exactly(server, 21)


def test_a_server_that_is_killed_sends_the_rest(server):
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    count = 20_000
    for round in range(4):
        events = [event(i) for i in range(round * count, (round + 1) * count)]

        def first():
            try:
                post(server, events, f"round {round}")
            except OSError:
                pass
        posting = threading.Thread(target=first)
        posting.start()
        time.sleep(dice.random() * 1.0)
        server.kill()
        posting.join()
        server.start()
        status, answer = post(server, events, f"round {round}")
        assert status == 200, answer
        exactly(server, (round + 1) * count)


def test_a_broker_that_hangs(server, broker):
    assert post(server, [event(0)], "before")[0] == 200
    events = [event(i) for i in range(1, 2001)]
    os.kill(broker.pid(), signal.SIGSTOP)
    try:
        status, answer = post(server, events, "hangs")
        assert status == 503, answer
    finally:
        os.kill(broker.pid(), signal.SIGCONT)

    def again():
        status, answer = post(server, events, "hangs")
        assert status in (200, 503), answer
        return status == 200
    freshet.wait_until(again, 60)
    exactly(server, 2001)


@pytest.mark.parametrize("rest, spread", [
    ("on_duplicate: replace", False),
    ("on_duplicate: replace\norder_by: qty", True)])
@pytest.mark.parametrize("key", ["", "k1"])
def test_rows_with_one_key_stay_in_the_order_of_their_posts(
        broker, tmp_path, rest, spread, key):
    """In one partition, unless their own order says which one stays."""
    name = f"ordered{'.spread' if spread else ''}{key and '.key'}"
    create(broker, name, 4)
    model = freshet.write_model(tmp_path / "m", {"datasets/sales.yaml": f"""\
dataset: sales
source: {{ kafka: {{ brokers: "{broker.address}", topic: {name} }} }}
time: {{ field: ts }}
key: [txn_id]
{rest}
columns:
  - {{ name: txn_id, type: string }}
  - {{ name: qty, type: long }}
"""})
    with freshet.Server(model, tmp_path / "d") as running:
        freshet.wait_until(lambda: running.json(
            "/api/v1/ingestion/sales")["state"] == "running", what=running.log)
        used = set()
        for post in range(20):
            headers = {"Idempotency-Key": f"{key}{post}"} if key else {}
            status, _, answer = running.request(
                "POST", "/ingest/sales", json.dumps(event(post)), headers,
                timeout=60)
            assert status == 200, answer
            used |= set(json.loads(answer)["offsets"])
            time.sleep(0.02)  # the producer stays at a partition for 10 ms
        assert (used != {"0"}) == spread, used
