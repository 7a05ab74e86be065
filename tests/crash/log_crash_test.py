"""The embedded log end to end: a million events posted while queries run and
the server is killed three times; every acknowledged event counts once."""
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
import ledger  # noqa: E402

ROWS = 1_000_000
BATCH = 10_000


def post_all(server, path, failed):
    """Posts the file in batches; a batch is repeated until acknowledged."""
    with open(path, "rb") as file:
        for number in range(ROWS // BATCH):
            body = b"".join(file.readline() for _ in range(BATCH))
            deadline = time.monotonic() + 60
            while True:
                try:
                    status, _, answer = server.request(
                        "POST", "/ingest/sales", body,
                        {"Idempotency-Key": f"batch-{number}"}, timeout=30)
                    if status == 200:
                        break
                    if status not in (429, 503):
                        failed.append((number, status, answer[:300]))
                        return
                except OSError:
                    pass
                if time.monotonic() > deadline:
                    failed.append((number, "no answer for 60 s"))
                    return
                time.sleep(0.05)


def test_a_million_events_and_three_kills(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    model = ledger.sales_with_numbers(
        tmp_path / "m", {"log": {"partitions": 4, "format": "json"}}, 60_000)
    events = tmp_path / "events.jsonl"
    done = freshet.run("generate", "--model", model, "--dataset", "sales",
                       "--rows", ROWS, "--seed", seed, "--to", events,
                       "--ledger", tmp_path / "ledger.json")
    assert done.returncode == 0, done.stderr
    book = json.loads((tmp_path / "ledger.json").read_text())
    failed = []
    with freshet.Server(model, tmp_path / "d") as server:
        queries = ledger.Queries(server)
        queries.start()
        poster = threading.Thread(target=post_all,
                                  args=(server, events, failed))
        poster.start()
        ledger.kill_at_random_moments(server, 3, 3.0, seed)
        poster.join(300)
        assert not failed, failed
        freshet.wait_until(lambda: server.rows("sales") >= ROWS, 120,
                           what=server.log())
        assert queries.end() > 0
        # A log numbers its own partitions; the events' `partition` column and
        # `seq` still tell which of them arrived.
        ledger.assert_equal(server, book)
        assert server.stop() == 0
        server.start()
        ledger.assert_equal(server, book)
        server.kill()
        server.start()
        ledger.assert_equal(server, book)
