"""Benchmarks of queries: beside the peers, live beside sealed, and of many
clients at once. Every answer is compared before it is timed."""
import json
import os
import random
import subprocess
import time

import freshet
import sales_queries
import ssb_queries
from compare import peers
from measure import Client, at_once, median_ms, ratios, same, table

THREADS = [int(t) for t in os.environ.get("BENCH_THREADS", "1 2").split()]
SALES_ROWS = int(os.environ.get("SALES_ROWS", "1000000"))
LIVE_ROWS = int(os.environ.get("LIVE_ROWS", "1000000"))
# The fields of the starter's sales events, for the peers.
SALES_COLUMNS = {
    "txn_id": "VARCHAR", "ts": "TIMESTAMP", "line": "BIGINT",
    "store": "VARCHAR", "region": "VARCHAR", "register": "VARCHAR",
    "sku": "VARCHAR", "category": "VARCHAR", "qty": "BIGINT",
    "price": "DECIMAL(18,2)", "discount": "DECIMAL(18,2)",
    "cost": "DECIMAL(18,2)", "currency": "VARCHAR", "channel": "VARCHAR",
    "member_id": "VARCHAR"}
PEERS = (peers.DuckDb, peers.ClickHouse)
HEADER = ("query", "Freshet ms", "DuckDB ms", "ClickHouse ms", "of DuckDB",
          "of ClickHouse")


def compare(title, model, data, queries, others):
    """`queries`: name -> SQL by engine. Prints a table for each number of
    threads; names the queries that are slower than both peers."""
    for threads in THREADS:
        rows, totals, slower = [], [0.0] * 3, []
        for other in others:
            other.use_threads(threads)
        with freshet.Server(model, data, "--scan-threads",
                            str(threads)) as server:
            client = Client(server.port)
            for name, words in queries.items():
                ours = client.rows(words["Freshet"])
                spent = [median_ms(lambda: client.ask(words["Freshet"]))]
                for other in others:
                    asked = words[other.name]
                    theirs = other.rows(asked)
                    assert same(ours, theirs), (
                        name, other.name, sorted(ours, key=str)[:3],
                        sorted(theirs, key=str)[:3])
                    spent.append(median_ms(lambda: other.run(asked)))
                totals = [t + s for t, s in zip(totals, spent)]
                rows.append((name, *ratios(spent)))
                if spent[0] > max(spent[1:]):
                    slower.append(name)
        rows.append(("sum", *ratios(totals)))
        table(f"{title}, {threads} threads; ours over HTTP, theirs in process, "
              "medians of 5, no caches", HEADER, rows)
        print("  slower than both peers: " + (", ".join(slower) or "none"))


def bench_queries(folder, ssb_file, model, load, rows):
    path = ssb_file(folder, rows)
    data = folder / "ssb_data"
    load(model, "ssb", path, data)
    others = [peer(folder, 1) for peer in PEERS]
    for other in others:
        other.load("ssb", path, ssb_queries.COLUMNS, "lo_orderdate")
    queries = {name: {"Freshet": sql,
                      **{o.name: ssb_queries.for_peer(sql, o.name)
                         for o in others}}
               for name, sql in ssb_queries.QUERIES.items()}
    compare(f"SSB-flat, {rows:,} rows, 13 queries", model, data, queries, others)
    others[1].close()


def starter_sales(folder, rows):
    """The starter's model and a file of its sales."""
    model, path = folder / "starter", folder / f"sales_{rows}.jsonl"
    if not model.exists():
        done = freshet.run("init", model)
        assert done.returncode == 0, done.stderr
    if not path.exists():
        done = freshet.run("generate", "--model", model, "--dataset", "sales",
                           "--rows", str(rows), "--seed", "1", "--to", path,
                           timeout=3600)
        assert done.returncode == 0, done.stderr
    return model, path


def bench_sales(folder, load):
    model, path = starter_sales(folder, SALES_ROWS)
    data = folder / "sales_data"
    load(model, "sales", path, data)
    others = [peer(folder, 1) for peer in PEERS]
    for other in others:
        other.load("sales", path, SALES_COLUMNS, "store, sku",
                   ("txn_id", "member_id"), derived="qty * price - discount",
                   name="net")
    with freshet.Server(model, data) as server:
        client = Client(server.port)
        store = client.rows("SELECT store, COUNT(*) AS n FROM sales GROUP BY 1 "
                            "ORDER BY n DESC LIMIT 3")[-1][0]
        category = client.rows("SELECT category, COUNT(*) AS n FROM sales "
                               "GROUP BY 1 ORDER BY n DESC LIMIT 1")[0][0]
    queries = {name: {engine: sales_queries.sql(text, engine, store, category)
                      for engine in sales_queries.WORDS}
               for name, text in sales_queries.QUERIES.items()}
    compare(f"Starter sales, {SALES_ROWS:,} rows, 20 queries of a dashboard",
            model, data, queries, others)
    others[1].close()


def log_model(model, folder):
    """The SSB model fed over HTTP, and never sealed by itself."""
    text = (model / "datasets/ssb.yaml").read_text().splitlines()
    kept, skipping = [], False
    for line in text:
        if line.startswith("source:"):
            kept.append("source: { log: { partitions: 1, format: json } }")
            skipping = True
        elif skipping and line[:1] in (" ", "#"):
            continue
        elif line.startswith("seal:"):
            kept.append("seal: { rows: 100000000, age: 24h }")
            skipping = False
        else:
            kept.append(line)
            skipping = False
    return freshet.write_model(folder, {"datasets/ssb.yaml":
                                        "\n".join(kept) + "\n"})


def bench_live(folder, ssb_file, model):
    path = ssb_file(folder, LIVE_ROWS)
    model = log_model(model, folder / "live_model")
    with freshet.Server(model, folder / "live_data", "--scan-threads",
                        "1") as server:
        with open(path) as lines:
            while batch := "".join(line for _, line in
                                   zip(range(20000), lines)):
                status, _, body = server.request("POST", "/ingest/ssb", batch,
                                                 timeout=300)
                assert status == 200, body
        freshet.wait_until(lambda: server.rows("ssb") == LIVE_ROWS, 300)
        client = Client(server.port)

        def measure():
            return {name: (client.rows(sql), median_ms(lambda: client.ask(sql)))
                    for name, sql in ssb_queries.QUERIES.items()}
        live = measure()
        server.request("POST", "/api/v1/ingestion/ssb/seal", timeout=600)
        freshet.wait_until(lambda: server.json("/api/v1/datasets/ssb")[
            "live_rows"] == 0, 600)
        sealed = measure()
    rows, totals = [], [0.0, 0.0]
    for name in ssb_queries.QUERIES:
        assert same(live[name][0], sealed[name][0]), name
        spent = [live[name][1], sealed[name][1]]
        totals = [t + s for t, s in zip(totals, spent)]
        rows.append((name, *ratios(spent)))
    rows.append(("sum", *ratios(totals)))
    table(f"Live beside sealed, {LIVE_ROWS:,} SSB-flat rows, 1 thread",
          ("query", "live ms", "sealed ms", "of sealed"), rows)


def ask_for(seconds, port, clients, queries):
    """Milliseconds of every request of so many clients at once."""
    def work(seed):
        client, order, mine = Client(port), random.Random(seed), []
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            client.ask(order.choice(queries))
            mine.append((time.perf_counter() - start) * 1e3)
        return mine
    return at_once(clients, work)


def bench_clients(folder, ssb_file, model, load, rows):
    path = ssb_file(folder, rows)
    data = folder / "clients_data"
    load(model, "ssb", path, data)
    seconds = float(os.environ.get("CLIENTS_SECONDS", "10"))
    queries = list(ssb_queries.QUERIES.values())
    lines, one = [], 0.0
    for threads in (1, os.cpu_count()):
        with freshet.Server(model, data, "--scan-threads",
                            str(threads)) as server:
            for clients in (1, 16):
                spent = ask_for(seconds, server.port, clients, queries)
                rate = len(spent) / seconds
                one = one or rate
                lines.append((threads, clients, f"{rate:.0f}",
                              f"{rate / one:.2f}x",
                              f"{spent[len(spent) // 2]:.1f}",
                              f"{spent[int(len(spent) * 0.99)]:.1f}"))
    table(f"Clients at once, {rows:,} SSB-flat rows, all 13 queries mixed, no "
          "caches (the clients use the same cores)",
          ("threads a query", "clients", "queries/s", "of the first", "p50 ms",
           "p99 ms"), lines)


def bench_sum(folder, program, segment):
    """Rows a second of a plain sum beside what memory gives one core."""
    lines = ["sum of one column\tSELECT SUM(lo_revenue) FROM data",
             "sum of two columns\tSELECT SUM(lo_revenue), SUM(lo_supplycost) "
             "FROM data",
             "count of a range\tSELECT COUNT(*) FROM data WHERE lo_quantity "
             "BETWEEN 10 AND 40"]
    done = subprocess.run([program, segment, "1", "9"], text=True, check=True,
                          input="\n".join(lines) + "\n", capture_output=True)
    memory = json.loads(subprocess.run([program, "--memory"], text=True,
                                       check=True, capture_output=True).stdout)
    rows = []
    count = int(subprocess.run(
        [program, segment, "1", "1"], text=True, check=True,
        input="n\tSELECT COUNT(*) AS n FROM data\n",
        capture_output=True).stdout.split("\t")[4])
    for line in done.stdout.splitlines():
        name, _, cpu, *_ = line.split("\t")
        rate = count / float(cpu) * 1e3
        rows.append((name, f"{rate / 1e9:.2f}", f"{rate * 8 / 1e9:.1f}",
                     f"{rate * 8 / 1e9 / memory['gb_per_second']:.2f}x"))
    table(f"One core, {count:,} rows, by CPU time; memory reads "
          f"{memory['gb_per_second']:.1f} GB/s (512 MB of int64 summed)",
          ("query", "G rows/s", "GB/s of int64", "of memory"), rows)
