"""A ledger under faults: a producer with transactions, some aborted, while the
broker and the server are killed and stopped for a while and the server's disk is
full for a while. In the end every committed event counts once and none of the
aborted.

FRESHET_LEDGER_SECONDS sets how long (120), FRESHET_LEDGER_RATE how many events a
second (50,000)."""
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time
import warnings
from decimal import Decimal

from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
import transactions  # noqa: E402
from small_disk import SmallDisk  # noqa: E402

SECONDS = float(os.environ.get("FRESHET_LEDGER_SECONDS", "120"))
RATE = int(os.environ.get("FRESHET_LEDGER_RATE", "50000"))
CHUNK = 1_000_000
MODEL = """\
dataset: ledger
source: {{ kafka: {{ brokers: "{broker}", topics: [ledger], format: json }} }}
time: {{ field: ts }}
columns:
  - {{ name: seq, type: long }}
  - {{ name: amount, type: decimal(2) }}
  - {{ name: aborted, type: long }}
partition_by: day
seal: {{ rows: 400000, age: 5s }}
auto_cubes: false
"""


class Watch(threading.Thread):
    """Asks all the time; no answer may count an event twice, or an aborted
    one."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.answers, self.faults = 0, []

    def run(self):
        while not self.ended.wait(0.5):
            try:
                status, _, body = self.server.request(
                    "POST", "/druid/v2/sql",
                    {"query": "SELECT COUNT(*) AS n, MAX(seq) AS top, "
                              "SUM(aborted) AS aborted FROM ledger"},
                    timeout=60)
            except OSError:  # killed just now
                continue
            row = json.loads(body)[0] if status == 200 else body[:300]
            if status != 200 or (row["n"] and (
                    row["aborted"] or row["n"] > row["top"] + 1)):
                self.faults.append(row)
            self.answers += 1

    def end(self):
        self.ended.set()
        self.join(90)
        assert not self.faults, self.faults[:3]


class Faults:
    """What happens to the broker, the server and its disk."""

    def __init__(self, broker, server, disk, seed):
        self.broker, self.server, self.disk = broker, server, disk
        self.chance = random.Random(seed)
        self.done = {}
        self.kinds = [self.kill_server, self.pause_server, self.kill_broker,
                      self.pause_broker, self.fill_disk]

    def run(self, seconds):
        """Each kind once, in any order, then any."""
        end = time.monotonic() + seconds
        kinds = self.chance.sample(self.kinds, len(self.kinds))
        while kinds or time.monotonic() < end:
            kind = kinds.pop() if kinds else self.chance.choice(self.kinds)
            time.sleep(self.chance.uniform(0.5, 3))
            start = time.monotonic()
            kind()
            print(f"{kind.__name__}: {time.monotonic() - start:.1f} s")
            self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1

    def kill_server(self):
        self.server.kill()
        self.server.start()

    def pause(self, pid):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.5, 4))
        os.kill(pid, signal.SIGCONT)

    def pause_server(self):
        self.pause(self.server.process.pid)

    def pause_broker(self):
        self.pause(self.broker.pid())

    def kill_broker(self):
        self.broker.do("kill")
        self.broker.do("start")

    def fill_disk(self):
        if self.disk is None:
            warnings.warn("SKIPPED the full disk: it needs root and loop mounts")
            return
        self.disk.fill()
        time.sleep(self.chance.uniform(4, 8))
        if self.chance.random() < 0.5:  # it dies of it, or meanwhile
            self.server.kill()
            self.server.start(wait=False)
            time.sleep(1)
        self.disk.free()
        if self.server.process.poll() is not None:
            # Without room for its first writes it says so and ends.
            assert self.server.process.returncode == 3, self.server.log()
            self.server.start(wait=False)
        freshet.wait_until(self.server.alive, 60, what=self.server.log)


def assert_ledger(server, committed):
    """Exactly the numbers 0 .. committed - 1, each with its amount."""
    for begin in range(0, committed, CHUNK):
        end = min(begin + CHUNK, committed)
        status, _, body = server.request("POST", "/druid/v2/sql", {
            "query": "SELECT COUNT(*) AS n, COUNT(DISTINCT seq) AS d, "
                     "SUM(amount) AS total, SUM(aborted) AS aborted FROM ledger "
                     f"WHERE seq >= {begin} AND seq < {end}"}, timeout=120)
        assert status == 200, body
        row = json.loads(body, parse_float=Decimal)[0]
        assert row["n"] == row["d"] == end - begin, row
        assert row["aborted"] == 0
        cents = sum(map(transactions.amount, range(begin, end)))
        assert row["total"] == Decimal(cents).scaleb(-2)
    assert server.rows("ledger") == committed


def test_every_committed_event_once_and_none_of_the_aborted(broker, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic("ledger", transactions.PARTITIONS, 1)])[
        "ledger"].result(30)
    del admin  # it would tell of each outage
    model = freshet.write_model(tmp_path / "m", {
        "datasets/ledger.yaml": MODEL.format(broker=broker.address)})
    disk = SmallDisk.make(tmp_path / "disk", int(512 + SECONDS * 8))
    data = (disk.folder if disk else tmp_path) / "d"
    start = time.monotonic()
    try:
        with freshet.Server(model, data, log=tmp_path / "log") as server:
            producer = transactions.Transactions(broker.address, "ledger", RATE,
                                                 seed)
            watch = Watch(server)
            faults = Faults(broker, server, disk, seed)
            producer.start()
            watch.start()
            faults.run(SECONDS)
            producer.end()
            seconds = time.monotonic() - start
            freshet.wait_until(
                lambda: server.rows("ledger") >= producer.committed, 120, 0.5,
                what=server.log)
            watch.end()
            print(f"{producer.committed} committed in {seconds:.0f} s "
                  f"({producer.committed / seconds:.0f}/s), {producer.aborted} "
                  f"aborted, {producer.transactions} transactions, "
                  f"{producer.repeated} repeated, {producer.fenced} fenced, "
                  f"at most {producer.behind} "
                  f"behind, {watch.answers} answers, {faults.done}, caught up "
                  f"{time.monotonic() - start - seconds:.1f} s after the end")
            assert producer.aborted > 0
            assert_ledger(server, producer.committed)
            assert server.stop() == 0
            server.start()
            assert_ledger(server, producer.committed)
            assert server.json("/api/v1/ingestion/ledger")["rejected"] == {}
            server.stop()
    finally:
        if disk:
            disk.close()
