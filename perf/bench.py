#!/usr/bin/env python3
"""Benchmarks beside DuckDB, ClickHouse and bare librdkafka, in the same run.

  bench.py            all
  bench.py NAME...    ingest | queries | sales | live | clients | sum | sizes |
                      cubes | store | columns | kafka | latency | dashboard |
                      upserts | posts | wide | restart

Rows by SSB_ROWS, SALES_ROWS, LIVE_ROWS and KAFKA_ROWS (1,000,000 each), small
segments by SEGMENTS (10,000), threads of queries by BENCH_THREADS ("1 2"), the
folder for data by BENCH_FOLDER. Prints tables with ratios; compare ratios within a run
only, since machines differ from hour to hour.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "perf"))
import freshet  # noqa: E402
import query_bench  # noqa: E402
import ssb_queries  # noqa: E402
import write_bench  # noqa: E402
from compare import peers  # noqa: E402
from load import dashboard  # noqa: E402
from measure import ratios, table  # noqa: E402
from query_bench import SALES_COLUMNS  # noqa: E402

PROGRAMS = ROOT / "build/perf"
MODEL = ROOT / "perf/workloads/ssb_model"
ROWS = int(os.environ.get("SSB_ROWS", "1000000"))
KAFKA_ROWS = int(os.environ.get("KAFKA_ROWS", "1000000"))
# Events whose latency is measured, and how long the broker and the server have
# had the rate before.
MARKS = 1000
WARM_SECONDS = 10
LATENCY_SEAL_ROWS = 300_000
SEGMENTS = int(os.environ.get("SEGMENTS", "10000"))


def ssb_file(folder, rows):
    path = folder / f"ssb_{rows}.jsonl"
    if not path.exists():
        with open(path, "wb") as file:
            subprocess.run([PROGRAMS / "ssb_generate", str(rows)], stdout=file,
                           check=True)
    return path


def bench_ingest(folder):
    path = ssb_file(folder, ROWS)
    done = subprocess.run([PROGRAMS / "ingest_perf", str(ROWS), str(folder)],
                          capture_output=True, text=True, check=True)
    ours = json.loads(done.stdout)
    others = [peers.DuckDb(folder, 1), peers.ClickHouse(folder, 1)]
    theirs = {other.name: other.load("ssb", path, ssb_queries.COLUMNS,
                                     "lo_orderdate")[1] * 1e9 / ROWS
              for other in others}
    others[1].close()
    steps = [(name, ours[key]) for name, key in (
        ("decode only", "decode"), ("decode + append", "decode_append"),
        ("seal (sort, dictionary, bitmaps, file)", "seal"),
        ("all-in", "total"))]
    steps += [(f"{name} JSON load, 1 thread", ns) for name, ns in theirs.items()]
    rows = [(name, f"{ns:.0f}", f"{1e3 / ns:.2f}",
             *(f"{other / ns:.2f}x" for other in theirs.values()))
            for name, ns in steps]
    table(f"Ingest of {ROWS:,} SSB-flat events of {ours['bytes'] // ROWS} bytes, "
          f"one core ({ours['bytes_per_row']:.1f} bytes a row sealed)",
          ("step", "ns CPU/event", "M events/s",
           *(f"{name} / it" for name in theirs)), rows)


def bench_cubes(folder):
    done = subprocess.run([PROGRAMS / "cube_perf", str(ROWS), str(folder)],
                          capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    rows = [(c["cube"], f"{c['cube_rows']:,}", f"{c['cube_ns']:.0f}",
             f"{100 * c['cube_bytes'] / c['bytes']:.1f} %",
             f"{c['raw_ms']:.2f}", f"{c['cube_ms']:.2f}",
             f"{c['cube_ms'] / c['raw_ms']:.3f}x") for c in lines]
    table(f"Cubes of {ROWS:,} SSB-flat rows (seal without: "
          f"{lines[0]['plain_ns']:.0f} ns CPU a row)",
          ("cube", "rows", "ns CPU/row", "bytes of the data", "rows ms",
           "cube ms", "ratio"), rows)


def store_perf(folder, segments):
    home = folder / f"store_{segments}"
    home.mkdir()
    done = subprocess.run([PROGRAMS / "store_perf", str(ROWS), str(home),
                           str(segments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return home, json.loads(done.stdout)


def bench_store(folder):
    _, p = store_perf(folder, SEGMENTS)
    table(f"The store, {ROWS:,} SSB-flat rows of 20 columns, one thread",
          ("step", "M rows/s", "GB/s given out", "of a plain sum"),
          [("append", f"{p['append']:.2f}", "", ""),
           ("append, 2 threads reading", f"{p['append_read']:.2f}", "", ""),
           ("seal", f"{p['seal']:.2f}", "", ""),
           ("merge of 8 segments", f"{p['merge']:.2f}", "", ""),
           ("read all of a live segment", f"{p['live_rows']:.1f}",
            f"{p['live_gb']:.2f}", f"{p['live_gb'] / p['plain_gb']:.2f}x"),
           ("read all of a sealed one", f"{p['sealed_rows']:.1f}",
            f"{p['sealed_gb']:.2f}", f"{p['sealed_gb'] / p['plain_gb']:.2f}x"),
           ("plain sum over as many bytes", "", f"{p['plain_gb']:.2f}",
            "1.00x")])
    table(f"Open a store of {p['segments']:,} segments",
          ("", "measured", "goal"),
          [("wall clock", f"{p['open_ms']:.0f} ms", "< 1,000 ms"),
           ("memory", f"{p['open_mb']:.1f} MB", "< 50 MB"),
           ("live read rate of the sealed one's",
            f"{p['live_rows'] / p['sealed_rows']:.2f}x", ">= 0.33x")])


def micro(program, *arguments):
    """Rows of a google-benchmark: name, M rows/s, GB/s."""
    done = subprocess.run([PROGRAMS / program, *map(str, arguments),
                           "--benchmark_format=json",
                           "--benchmark_min_time=0.2"],
                          capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip()
    return [(b["name"], f"{b['rows'] / 1e6:,.0f}",
             f"{b['bytes'] / 1e9:.1f}" if "bytes" in b else "")
            for b in json.loads(done.stdout)["benchmarks"]], ""


def bench_columns(folder):
    if not (PROGRAMS / "column_perf").exists():
        print("SKIPPED columns: no google-benchmark when build/ was set up "
              "(./run deps, then remove build/build.ninja)")
        return
    home, _ = store_perf(folder, 1)
    segment = next((home / "one/segments/ssb").glob("*.seg"))
    table(f"Columns of a sealed segment of {ROWS:,} SSB-flat rows beside plain "
          "sums of as many bytes", ("reading", "M rows/s", "GB/s"),
          micro("column_perf", segment)[0])
    starter, sales = sales_events(folder)
    data = folder / "columns_sales"
    load(starter, "sales", sales, data)
    with freshet.Server(starter, data) as server:
        most = server.sql("SELECT store, sku, COUNT(*) AS n FROM sales "
                          "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1")[0]
        assert server.stop() == 0
    largest = max((data / "segments/sales").glob("*.seg"),
                  key=lambda path: path.stat().st_size)
    rows, error = micro("filter_perf", largest, f"store={most['store']}",
                        f"sku={most['sku']}")
    table("Bitmaps of one store and one product, and of the rows that pass, in "
          "the largest segment of the starter's sales",
          ("step", "M rows/s", "GB/s"), rows or [(error, "", "")])


def load(model, dataset, path, data):
    """Seconds of `freshet load` into a new data folder."""
    start = time.perf_counter()
    done = freshet.run("load", "--data", data, "--model", model, "--dataset",
                       dataset, path, timeout=900)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - start


def sealed_bytes(data):
    return sum(f.stat().st_size for f in (data / "segments").rglob("*.seg"))


def bench_queries(folder):
    query_bench.bench_queries(folder, ssb_file, MODEL, load, ROWS)


def bench_sales(folder):
    query_bench.bench_sales(folder, load)


def bench_live(folder):
    query_bench.bench_live(folder, ssb_file, MODEL)


def bench_clients(folder):
    query_bench.bench_clients(folder, ssb_file, MODEL, load, ROWS)


def bench_sum(folder):
    subprocess.run([PROGRAMS / "cube_perf", str(ROWS), str(folder)],
                   capture_output=True, check=True)  # leaves plain.seg
    query_bench.bench_sum(folder, PROGRAMS / "query_perf",
                          folder / "plain.seg")


def sales_events(folder):
    """The starter model, and a file of its sales."""
    starter, sales = folder / "starter", folder / "sales.jsonl"
    if sales.exists():
        return starter, sales
    done = freshet.run("init", starter)
    assert done.returncode == 0, done.stderr
    done = freshet.run("generate", "--model", starter, "--dataset", "sales",
                       "--rows", str(ROWS), "--seed", "1", "--to", sales,
                       timeout=600)
    assert done.returncode == 0, done.stderr
    return starter, sales


def bench_sizes(folder):
    starter, sales = sales_events(folder)
    os.environ["SSB_BROKERS"] = "127.0.0.1:1"
    rows = []
    for name, model, path, columns, order, near_unique in (
            ("ssb", MODEL, ssb_file(folder, ROWS), ssb_queries.COLUMNS,
             "lo_orderdate", ()),
            ("sales", starter, sales, SALES_COLUMNS, "store, sku",
             ("txn_id", "member_id"))):
        home = folder / f"sizes_{name}"
        home.mkdir()
        load(model, name, path, home / "data")
        sizes = [sealed_bytes(home / "data")]
        duck = peers.DuckDb(home, 2)
        duck.load(name, path, columns, order)
        house = peers.ClickHouse(home, 2)
        house.load(name, path, columns, order, near_unique)
        sizes += [duck.bytes_on_disk(name), house.bytes_on_disk(name)]
        house.close()
        rows.append((name, *ratios([size / ROWS for size in sizes])))
    table(f"Bytes a row on disk of {ROWS:,} rows (the starter's sales with the "
          "derived `net`, which the peers do without)",
          ("data", "Freshet", "DuckDB", "ClickHouse", "of DuckDB",
           "of ClickHouse"), rows)


def broker_script(verb, address, folder):
    subprocess.run([ROOT / "tests/support/kafka.sh", verb, address], check=True,
                   env={**os.environ, "KAFKA_DATA": str(folder / "kafka")},
                   stdout=subprocess.DEVNULL)


def produce(address, path, topic):
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": address,
                         "compression.codec": "lz4", "linger.ms": 20,
                         "batch.size": 1 << 20,
                         "queue.buffering.max.messages": 2_000_000})
    with open(path, "rb") as file:
        for number, line in enumerate(file):
            producer.produce(topic, line[:-1], partition=number % 4)
            if number % 10000 == 0:
                producer.poll(0)
    assert producer.flush(120) == 0


def bench_upserts(folder):
    write_bench.bench_upserts(folder, broker_script)


def bench_restart(folder):
    write_bench.bench_restart(folder, broker_script)


def bench_kafka(folder):
    address = f"127.0.0.1:{freshet.free_port(2)}"
    broker_script("start", address, folder)
    try:
        produce(address, ssb_file(folder, KAFKA_ROWS), "ssb")
        done = subprocess.run([PROGRAMS / "bare_consumer", address, "ssb",
                               str(KAFKA_ROWS)], capture_output=True, text=True,
                              check=True)
        bare = json.loads(done.stdout)
        os.environ["SSB_BROKERS"] = address
        start = time.perf_counter()  # its start-up counts too
        server = freshet.Server(MODEL, folder / "kafka_data").start()
        freshet.wait_until(lambda: server.rows("ssb") == KAFKA_ROWS, 300, 0.02)
        seconds = time.perf_counter() - start
        cpu = write_bench.cpu_of(server.process.pid)
        peak = server.peak_bytes()
        server.stop()
    finally:
        broker_script("stop", address, folder)
    rate, bare_rate = KAFKA_ROWS / seconds, KAFKA_ROWS / bare["seconds"]
    table(f"Kafka to queryable, {KAFKA_ROWS:,} SSB-flat events, 4 partitions, "
          "2 cores shared with the broker",
          ("", "events/s", "ns CPU/event", "of bare", "peak MB resident"),
          [("bare librdkafka, every message dropped", f"{bare_rate:,.0f}",
            f"{bare['cpu_seconds'] * 1e9 / KAFKA_ROWS:.0f}", "1.00x", ""),
           ("Freshet, queryable (seals included)", f"{rate:,.0f}",
            f"{cpu * 1e9 / KAFKA_ROWS:.0f}", f"{rate / bare_rate:.2f}x",
            f"{peak >> 20}")])


def visible_after(server, producer, number):
    """Milliseconds from producing a marked event until SQL counts it."""
    event = {"ts": int(time.time() * 1000), "txn_id": f"mark-{number}",
             "store": f"MARK{number % 16}", "qty": 1, "price": 1}
    start = time.perf_counter()
    before = start
    producer.produce("fresh", json.dumps(event))
    producer.poll(0)
    sql = ("SELECT COUNT(*) AS n FROM sales WHERE store = "
           f"'MARK{number % 16}'")
    while server.sql(sql)[0]["n"] <= number // 16:
        before = time.perf_counter()
        assert before - start < 30
    return (time.perf_counter() - start) * 1e3


def read_after(bare, producer):
    """Milliseconds from producing a marked event until librdkafka has it."""
    start = time.perf_counter()
    producer.produce("fresh", json.dumps({"ts": int(time.time() * 1000),
                                          "store": "BARE"}))
    producer.poll(0)
    assert bare.stdout.readline() == "mark\n"
    return (time.perf_counter() - start) * 1e3


def latencies(server, address, producer, first):
    """Milliseconds of MARKS events by Freshet, and of as many by librdkafka
    alone, in turns, so that both meet the same broker."""
    ours, bares = [], []
    for start in range(first, first + MARKS, MARKS // 10):
        numbers = range(start, start + MARKS // 10)
        ours += [visible_after(server, producer, n) for n in numbers]
        bare = subprocess.Popen([PROGRAMS / "bare_consumer", address, "fresh",
                                 "mark", '"BARE"'], stdout=subprocess.PIPE,
                                text=True)
        try:
            assert bare.stdout.readline() == "ready\n"
            bares += [read_after(bare, producer) for _ in numbers]
        finally:
            bare.kill()
            bare.wait()
    return ours, bares


def seals_and_merges(server):
    """How many of each there were."""
    text = server.get("/metrics")[1].decode()
    total = {name: sum(float(line.rsplit(" ", 1)[1])
                       for line in text.splitlines()
                       if line.startswith((name + "{", name + " ")))
             for name in ("freshet_ingested_rows_total", "freshet_live_rows",
                          "freshet_merges_total")}
    sealed = total["freshet_ingested_rows_total"] - total["freshet_live_rows"]
    return sealed / LATENCY_SEAL_ROWS, total["freshet_merges_total"]


def percentiles(spent):
    spent = sorted(spent)
    return tuple(f"{spent[min(int(len(spent) * p), len(spent) - 1)]:.1f}"
                 for p in (0.5, 0.99, 1))


def bench_latency(folder):
    from confluent_kafka import Producer
    address = f"127.0.0.1:{freshet.free_port(2)}"
    broker_script("start", address, folder)
    model = freshet.sales_model(
        folder / "m", source=f"{{ kafka: {{ brokers: '{address}', topic: fresh "
        "} }", seal_rows=LATENCY_SEAL_ROWS)
    rows = []
    try:
        for rate in (0, 10_000, 100_000):
            background = None
            data = folder / f"latency_{rate}"
            with freshet.Server(model, data) as server:
                if rate:
                    background = subprocess.Popen(
                        [freshet.BINARY, "generate", "--model", model,
                         "--dataset", "sales", "--rows", str(rate * 300),
                         "--rate", str(rate), "--to",
                         f"kafka://{address}/fresh"], stdout=subprocess.DEVNULL)
                    time.sleep(WARM_SECONDS)
                producer = Producer({"bootstrap.servers": address,
                                     "linger.ms": 0})
                producer.produce("fresh", "{}")
                producer.flush(30)
                count = server.sql("SELECT COUNT(*) AS n FROM sales WHERE store "
                                   "LIKE 'MARK%'")[0]["n"]
                before = seals_and_merges(server)
                ours, bares = latencies(server, address, producer, count)
                after = seals_and_merges(server)
                rate_seen = server.json("/api/v1/ingestion/sales")
                rows.append((f"{rate:,}", f"{rate_seen['rows_per_second']:,.0f}",
                             *(f"{b - a:.0f}" for a, b in zip(before, after)),
                             *percentiles(ours), *percentiles(bares)))
                if background:
                    background.kill()
                    background.wait()
    finally:
        broker_script("stop", address, folder)
    table("Produced to visible in SQL over HTTP, real broker, same 2 cores, ms "
          f"({MARKS:,} marked events, in turns with a bare librdkafka loop)",
          ("events/s asked", "seen", "seals", "merges", "p50", "p99", "max",
           "bare p50", "bare p99", "bare max"), rows)


BENCHMARKS = {"ingest": bench_ingest, "queries": bench_queries,
              "sales": bench_sales, "live": bench_live,
              "clients": bench_clients, "sum": bench_sum,
              "kafka": bench_kafka, "latency": bench_latency,
              "cubes": bench_cubes, "sizes": bench_sizes,
              "store": bench_store, "columns": bench_columns,
              "dashboard": dashboard.main, "upserts": bench_upserts,
              "posts": write_bench.bench_posts,
              "wide": write_bench.bench_wide, "restart": bench_restart}


def main():
    names = sys.argv[1:] or list(BENCHMARKS)
    os.environ["SSB_BROKERS"] = "127.0.0.1:1"  # none, but where Kafka is asked
    unknown = [n for n in names if n not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}",
              file=sys.stderr)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="freshet-bench-", dir=(
        os.environ.get("BENCH_FOLDER"))))
    try:
        for name in names:
            if name in ("kafka", "latency", "upserts", "restart") and not (
                    ROOT / ".deps/kafka/libs/.complete").exists():
                print(f"SKIPPED {name}: no Kafka broker (./run deps)")
                continue
            BENCHMARKS[name](folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
