"""Benchmarks of writing: rows with a key, from a real broker; events posted in
batches to the embedded log, durable when acknowledged; events of many columns;
and how long a killed server takes to be where it was."""
import decimal
import http.client
import json
import os
import pathlib
import random
import resource
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "tests/support"))
import freshet  # noqa: E402
from compare import peers  # noqa: E402
from measure import table  # noqa: E402

ROWS = int(os.environ.get("UPSERT_ROWS", "2000000"))
KEYS = int(os.environ.get("UPSERT_KEYS", str(ROWS // 4)))
POST_ROWS = int(os.environ.get("POST_ROWS", "2000000"))
WIDE_ROWS = int(os.environ.get("WIDE_ROWS", "500000"))
RESTART_ROWS = int(os.environ.get("RESTART_ROWS", "5000000"))
PARTITIONS = 4
ORDERS = """\
dataset: {name}
source: {{ kafka: {{ brokers: "{broker}", topics: [{topic}], format: json }} }}
time: {{ field: ts }}
columns:
  - {{ name: order_id, type: long }}
  - {{ name: version, type: long }}
  - {{ name: store, type: string }}
  - {{ name: status, type: string }}
  - {{ name: qty, type: long }}
  - {{ name: total, type: decimal(2) }}
{key}partition_by: day
auto_cubes: false
"""
REPLACE = "key: [order_id]\non_duplicate: replace\norder_by: version\n"
IGNORE = "key: [order_id]\non_duplicate: ignore\n"
# So that nothing is sealed while the benchmark runs.
UNSEALED = "seal: { rows: 100000000, age: 24h }\n"
# As the widest data source of the paper on Druid (SIGMOD 2014, section 6.3):
# 30 dimensions, of 2 to 10,000 values here, and 19 metrics.
DIMENSIONS = [(f"d{n:02}", 10 ** (n % 5) if n % 5 else 2) for n in range(30)]
METRICS = [f"m{n:02}" for n in range(19)]
DRUIDS_PAPER = 22_900  # events/s a core, with rollup, on its authors' machine
STATUSES = ["placed", "paid", "picked", "shipped", "delivered"]
START = 1_790_000_000_000


def order(number, key):
    """An event of about 120 bytes."""
    return (b'{"ts":%d,"order_id":%d,"version":%d,"store":"S%03d","status":"%s",'
            b'"qty":%d,"total":"%d.%02d"}' % (
                START + key % 86_400_000, key, number, key % 300,
                STATUSES[number % 5].encode(), number % 9, number % 997,
                number % 100))


def fill_topic(address, topic, keys):
    """Event `n` of key keys[n], always in the partition of its key."""
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": address,
                         "compression.codec": "lz4", "linger.ms": 20,
                         "batch.size": 1 << 20,
                         "queue.buffering.max.messages": 2_000_000})
    for number, key in enumerate(keys):
        producer.produce(topic, order(number, key), partition=key % PARTITIONS)
        if number % 10000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def consume(folder, address, name, topic, key, count):
    """Seconds and CPU seconds from the start of the server until it has read
    `count` events, its peak memory, and the server."""
    model = freshet.write_model(folder / f"{name}_model", {
        f"datasets/{name}.yaml": ORDERS.format(name=name, topic=topic, key=key,
                                               broker=address)})
    start = time.perf_counter()
    server = freshet.Server(model, folder / f"{name}_data").start()

    def read():
        parts = server.json(f"/api/v1/ingestion/{name}")["partitions"]
        return sum(p["next"] for p in parts) >= count
    freshet.wait_until(read, 600, 0.02, what=server.log())
    pid = server.process.pid
    seconds = time.perf_counter() - start
    return seconds, cpu_of(pid), server.peak_bytes(), server


def check(server, name, expected):
    """`expected`: number of the event that counts, by key."""
    status, _, body = server.request("POST", "/druid/v2/sql", {
        "query": f"SELECT COUNT(*) AS n, SUM(version) AS versions, "
                 f"SUM(total) AS total FROM {name}"}, timeout=300)
    assert status == 200, body
    row = json.loads(body, parse_float=decimal.Decimal)[0]
    cents = sum(n % 997 * 100 + n % 100 for n in expected.values())
    assert row["n"] == len(expected), (row, len(expected))
    assert row["versions"] == sum(expected.values()), row
    assert row["total"] * 100 == cents, row


def bench_upserts(folder, broker_script):
    chance = random.Random(7)
    uniform = [chance.randrange(KEYS) for _ in range(ROWS)]
    # One key in ten comes again, as when a producer repeats itself.
    repeated = [n if n % 10 else max(0, n - 1 - chance.randrange(1000))
                for n in range(ROWS)]
    newest = {key: number for number, key in enumerate(uniform)}
    first = {}
    for number, key in enumerate(repeated):
        first.setdefault(key, number)
    every = dict(enumerate(range(ROWS)))
    address = f"127.0.0.1:{freshet.free_port(2)}"
    broker_script("start", address, folder)
    rows, plain = [], None
    try:
        fill_topic(address, "orders", uniform)
        fill_topic(address, "repeated", repeated)
        for title, name, topic, key, expected, goal in (
                ("append, no key", "appended", "orders", "", every, ""),
                (f"replace, {KEYS:,} keys", "replaced", "orders", REPLACE,
                 newest, ">= 150,000"),
                ("ignore, one in ten a repeat", "deduplicated", "repeated",
                 IGNORE, first, ">= 300,000")):
            seconds, cpu, peak, server = consume(folder, address, name, topic,
                                                 key, ROWS)
            with server:
                check(server, name, expected)
                assert server.stop() == 0
            rate = ROWS / seconds
            plain = plain or rate
            rows.append((title, f"{rate:,.0f}", goal, f"{cpu * 1e9 / ROWS:.0f}",
                         f"{peak >> 20}", f"{rate / plain:.2f}x"))
    finally:
        broker_script("stop", address, folder)
    table(f"{ROWS:,} events of six columns from a real broker until queryable, 4 "
          "partitions, 2 cores, start of the server and seals included",
          ("", "events/s", "goal", "ns CPU/event", "peak MB", "of plain"), rows)


class Poster(threading.Thread):
    """Posts its bodies one after the other over one connection."""

    def __init__(self, port, bodies):
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=120)
        self.bodies, self.spent, self.fault = bodies, [], None

    def run(self):
        for body in self.bodies:
            start = time.perf_counter()
            while True:
                self.connection.request("POST", "/ingest/posted", body)
                reply = self.connection.getresponse()
                text = reply.read()
                if reply.status != 429:
                    break
                time.sleep(0.01)  # it says when it has too much to do
            if reply.status != 200:
                self.fault = (reply.status, text[:300])
                return
            self.spent.append(time.perf_counter() - start)


def write_and_sync(folder, bodies):
    """Seconds to append the same bodies to a file, synced after each."""
    start = time.perf_counter()
    with open(folder / "bare.log", "wb", buffering=0) as file:
        for body in bodies:
            file.write(body)
            os.fdatasync(file.fileno())
    return time.perf_counter() - start


def bench_posts(folder):
    model = freshet.write_model(folder / "posted_model", {
        "datasets/posted.yaml": ORDERS.format(
            name="posted", topic="", key="", broker="").replace(
            'kafka: { brokers: "", topics: [], format: json }',
            "log: { partitions: 4, format: json }")})
    every = dict(enumerate(range(POST_ROWS)))
    rows = []
    for batch, clients in ((1000, 2), (1000, 4), (10000, 2), (10000, 4)):
        bodies = [b"\n".join(order(n, n) for n in range(
            begin, min(begin + batch, POST_ROWS)))
            for begin in range(0, POST_ROWS, batch)]
        data = folder / f"posted_{batch}_{clients}"
        with freshet.Server(model, data) as server:
            posters = [Poster(server.port, bodies[i::clients])
                       for i in range(clients)]
            before = cpu_of(server.process.pid)
            start = time.perf_counter()
            for poster in posters:
                poster.start()
            for poster in posters:
                poster.join()
            seconds = time.perf_counter() - start
            assert not any(p.fault for p in posters), posters[0].fault
            freshet.wait_until(lambda: server.rows("posted") == POST_ROWS, 300)
            caught_up = time.perf_counter() - start
            cpu = cpu_of(server.process.pid) - before
            check(server, "posted", every)
        spent = sorted(s for p in posters for s in p.spent)
        rows.append((f"{batch:,} a batch, {clients} clients",
                     f"{POST_ROWS / seconds:,.0f}", ">= 300,000",
                     f"{POST_ROWS / caught_up:,.0f}",
                     f"{cpu * 1e9 / POST_ROWS:.0f}",
                     f"{spent[len(spent) * 99 // 100] * 1e3:.0f}",
                     f"{POST_ROWS / write_and_sync(folder, bodies):,.0f}"))
    table(f"{POST_ROWS:,} events posted in batches, each durable when "
          "acknowledged, 2 cores, clients included",
          ("", "acknowledged/s", "goal", "queryable/s", "ns CPU/event",
           "p99 ms a batch", "bare file, synced"), rows)


def wide_file(folder):
    chance = random.Random(11)
    path = folder / "wide.jsonl"
    with open(path, "w") as file:
        for number in range(WIDE_ROWS):
            event = {"ts": START + number * 7}
            for name, values in DIMENSIONS:
                event[name] = f"{name}-value-{chance.randrange(values)}"
            for name in METRICS:
                event[name] = round(chance.random() * 1000, 3)
            file.write(json.dumps(event) + "\n")
    return path


def bench_wide(folder):
    path = wide_file(folder)
    columns = "".join(f"  - {{ name: {name}, type: {kind} }}\n" for name, kind in (
        *((name, "string") for name, _ in DIMENSIONS),
        *((name, "double") for name in METRICS)))
    model = freshet.write_model(folder / "wide_model", {"datasets/wide.yaml": (
        "dataset: wide\nsource: { log: { partitions: 1, format: json } }\n"
        f"time: {{ field: ts }}\ncolumns:\n{columns}partition_by: day\n"
        "auto_cubes: false\n")})

    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime
    before = spent()
    done = freshet.run("load", "--data", folder / "wide_data", "--model", model,
                       "--dataset", "wide", path, timeout=900)
    assert done.returncode == 0, done.stderr
    ours = WIDE_ROWS / (spent() - before)
    with freshet.Server(model, folder / "wide_data") as server:
        assert server.rows("wide") == WIDE_ROWS
    kinds = {"ts": "BIGINT", **{name: "VARCHAR" for name, _ in DIMENSIONS},
             **{name: "DOUBLE" for name in METRICS}}
    _, cpu = peers.DuckDb(folder, 1).load("wide", path, kinds, "ts")
    theirs = WIDE_ROWS / cpu
    size = path.stat().st_size / WIDE_ROWS
    table(f"{WIDE_ROWS:,} events of 30 dimensions and 19 metrics ({size:.0f} "
          "bytes of JSON), from a file to sealed segments, a core",
          ("", "events/s a core", "MB/s a core", "of Freshet's"),
          [("Freshet (freshet load, start included)", f"{ours:,.0f}",
            f"{ours * size / 1e6:.0f}", "1.00x"),
           ("DuckDB JSON load, 1 thread", f"{theirs:,.0f}",
            f"{theirs * size / 1e6:.0f}", f"{theirs / ours:.2f}x"),
           ("Druid's paper, another machine", f"{DRUIDS_PAPER:,}", "",
            f"{DRUIDS_PAPER / ours:.2f}x")])


def bench_restart(folder, broker_script):
    address = f"127.0.0.1:{freshet.free_port(2)}"
    broker_script("start", address, folder)
    rows = []
    try:
        fill_topic(address, "restarted", range(RESTART_ROWS))
        for title in ("first start", "after kill -9"):
            seconds, cpu, peak, server = consume(
                folder, address, "restarted", "restarted", UNSEALED,
                RESTART_ROWS)
            freshet.wait_until(
                lambda: server.rows("restarted") == RESTART_ROWS, 60, 0.02)
            check(server, "restarted", dict(enumerate(range(RESTART_ROWS))))
            rows.append((title, f"{seconds:.1f}",
                         f"{RESTART_ROWS / seconds:,.0f}", f"{cpu:.1f}",
                         f"{peak >> 20}"))
            server.kill()
    finally:
        broker_script("stop", address, folder)
    table(f"{RESTART_ROWS:,} events of six columns, none sealed: from the start "
          "of the server until all are queryable, 2 cores shared with the broker",
          ("", "seconds", "events/s", "CPU seconds", "peak MB"), rows)
