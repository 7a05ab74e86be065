"""kill -9 at every step of seal, commit, swap, merge and retention of the real
binary, and at any moment: each acknowledged event counts once after each,
whatever came before.

FRESHET_CRASH_ROUNDS sets how many rounds (100)."""
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

ROUNDS = int(os.environ.get("FRESHET_CRASH_ROUNDS", "100"))
BATCH = 40
ANY_MOMENT = "any moment"
# Every place where the store's files or metadata are half way.
PLACES = ["seal.begin", "write.created", "write.before_sync", "write.synced",
          "write.renamed", "write.folder_synced", "commit.before",
          "commit.after", "swap.after", "merge.begin", "merge.written",
          "merge.published", "merge.removed", "retention.before",
          "retention.published", ANY_MOMENT, ANY_MOMENT, ANY_MOMENT]
# What comes to `old` is past its retention as soon as it is sealed.
MODEL = {"datasets/old.yaml": """\
dataset: old
source: { log: { partitions: 1, format: json } }
time: { field: ts, format: auto }
columns:
  - { name: seq, type: long }
partition_by: day
seal: { rows: 60, age: 1s }
retention: 1h
""", "datasets/sales.yaml": """\
dataset: sales
source: { log: { partitions: 2, format: json } }
time: { field: ts, format: auto }
columns:
  - { name: seq, type: long }
  - { name: store, type: string }
partition_by: day
sort_by: [store]
seal: { rows: 120, age: 1s }
merge: { rows: 100000 }
"""}


def batch(number):
    return [{"ts": f"2026-11-{1 + number % 2:02}T10:00:{n:02}Z",
             "seq": number * BATCH + n, "store": f"S{n % 7}"}
            for n in range(BATCH)]


def check(server, acknowledged, begun):
    """Whole batches: all that were acknowledged, no other, none twice."""
    def rows():
        return server.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT seq) AS d, "
                          "MAX(seq) AS top, SUM(seq) AS s FROM sales")[0]
    freshet.wait_until(lambda: rows()["n"] >= acknowledged * BATCH, 30,
                       what=server.log())
    row = rows()
    assert row["n"] == row["d"], row
    assert acknowledged * BATCH <= row["n"] <= begun * BATCH
    if row["n"]:
        assert row["top"] == row["n"] - 1
        assert row["s"] == row["n"] * (row["n"] - 1) // 2


def post_until_it_dies(server, number, begun, deadline):
    """Posts batches until the server is gone; (acknowledged, begun)."""
    while time.monotonic() < deadline and server.process.poll() is None:
        begun = number + 1
        try:
            # The key makes the repeat after a crash safe.
            server.ingest("sales", batch(number),
                          **{"Idempotency-Key": f"b{number}"})
            server.ingest("old", batch(number)[:20])
        except (OSError, AssertionError, ValueError):
            break
        number += 1
    return number, begun


def ended(server):
    """Its connections break a moment before the process is gone."""
    try:
        server.process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_after(server, seconds):
    timer = threading.Timer(seconds, server.process.kill)
    timer.daemon = True
    timer.start()


def test_kill_at_every_step(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    model = freshet.write_model(tmp_path / "m", MODEL)
    data = tmp_path / "d"
    number = begun = died = 0
    reached = set()
    started = time.monotonic()
    for round_number in range(ROUNDS):
        place = PLACES[round_number % len(PLACES)]
        times = chance.randint(1, 4)
        if "merge" in place or "retention" in place:
            times = 1
        env = {} if place == ANY_MOMENT else {
            "FRESHET_FAILPOINT": f"{place}:{times}"}
        server = freshet.Server(model, data, env=env, log=tmp_path / "log")
        server.start(wait=False)
        if place == ANY_MOMENT:  # while it starts, too
            kill_after(server, chance.uniform(0.05, 3))
        try:
            freshet.wait_until(server.alive, 20, what=server.log())
            number, begun = post_until_it_dies(server, number, begun,
                                               time.monotonic() + 8)
        except AssertionError:  # it died while it started
            assert server.process.poll() is not None
        if not ended(server):
            server.kill()
        else:
            died += 1
            reached.add(place)
            assert server.process.returncode == -9, server.log()
        if round_number % 5 == 4 or round_number == ROUNDS - 1:
            with freshet.Server(model, data, log=tmp_path / "log") as server:
                check(server, number, begun)
                if begun > number:  # the one in doubt, again
                    server.ingest("sales", batch(number),
                                  **{"Idempotency-Key": f"b{number}"})
                    number = begun
                    check(server, number, begun)
                server.kill()
    print(f"{died} of {ROUNDS} died at their place, {number * BATCH} rows, "
          f"{time.monotonic() - started:.0f} s")
    assert reached == set(PLACES[:min(ROUNDS, len(PLACES))])
    with freshet.Server(model, data, log=tmp_path / "log") as server:
        check(server, number, number)
        server.request("POST", "/api/v1/ingestion/old/seal")
        freshet.wait_until(lambda: server.rows("old") == 0, 20,
                           what=server.log())
        assert server.stop() == 0
    assert freshet.run("segment", "verify", data).returncode == 0
    assert threading.active_count() < 5
