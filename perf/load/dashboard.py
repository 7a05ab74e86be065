#!/usr/bin/env python3
"""A dashboard of 20 tiles over the starter's sales, as its viewers ask for it.

    ./run bench dashboard        or perf/load/dashboard.py

Loads DASHBOARD_ROWS (1,000,000) events of seven days with the starter's cubes
and checks each tile against DuckDB and ClickHouse over the raw rows, sums of
money to the cent. Measures
one batch call for all tiles with 1 and 20 viewers, each asking once a second,
without and with DASHBOARD_RATE (20,000) events/s coming in; KPI answers a
second of DASHBOARD_CLIENTS (8) connections that never wait; and the peers' time
for the same numbers by SQL. Then what a refresh costs over DASHBOARD_LIVE
(1,000,000) rows that are not sealed, with what was found before kept and
without. DASHBOARD_SECONDS (10) each.
"""
import datetime
import decimal
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "perf"))
import freshet  # noqa: E402
from compare import peers  # noqa: E402
from measure import at_once, median_ms, table  # noqa: E402
from query_bench import SALES_COLUMNS, starter_sales  # noqa: E402


def setting(name, default):
    return int(os.environ.get(f"DASHBOARD_{name}", default))


ROWS, RATE = setting("ROWS", 1_000_000), setting("RATE", 20_000)
SECONDS, CLIENTS = setting("SECONDS", 10), setting("CLIENTS", 8)
LIVE = setting("LIVE", 1_000_000)

# The KPI's formula in the peers' SQL: {d} counts distinct values, {f} makes a
# double.
FORMULAS = {
    "net_sales": "{f}(sum(net))",
    "transactions": "{d}(txn_id)",
    "average_basket": "{f}(sum(net)) / {d}(txn_id)",
    "gross_margin": "({f}(sum(net)) - {f}(sum(cost))) / {f}(sum(net))",
    "discount_rate":
        "{f}(sum(discount)) / ({f}(sum(net)) + {f}(sum(discount)))",
    "units": "{f}(sum(qty))",
    "units_per_receipt": "{f}(sum(qty)) / {d}(txn_id)",
    "cogs": "{f}(sum(cost))",
}
# (KPI, by, grain): a number beside the days before, a breakdown, or a line.
TILES = [(kpi, "", "") for kpi in FORMULAS] + [
    ("net_sales", "", "hour"), ("units", "", "hour"),
    ("gross_margin", "", "day"), ("transactions", "", "day"),
    ("net_sales", "store", ""), ("net_sales", "category", ""),
    ("net_sales", "channel", ""), ("net_sales", "region", ""),
    ("gross_margin", "category", ""), ("discount_rate", "category", ""),
    ("units", "store", ""), ("transactions", "channel", "")]
assert len(TILES) == 20

WORDS = {"DuckDB": {"d": "count(DISTINCT {})", "f": "CAST({} AS DOUBLE)",
                    "text": "VARCHAR", "sales": "sales",
                    "hour": "date_trunc('hour', ts)",
                    "day": "date_trunc('day', ts)"},
         "ClickHouse": {"d": "uniqExact({})", "f": "toFloat64({})",
                        "text": "String", "sales": "peer.sales",
                        "hour": "toStartOfHour(ts)",
                        "day": "toStartOfDay(ts)"}}


def formula(kpi, words):
    """`{f}(x)` and `{d}(x)` in the words of an engine."""
    out, rest = "", FORMULAS[kpi]
    while "{" in rest:
        before, _, rest = rest.partition("{")
        word, depth, end = rest[0], 0, 2
        for end in range(2, len(rest)):
            depth += {"(": 1, ")": -1}.get(rest[end], 0)
            if depth == 0:
                break
        inner = rest[3:end]
        out += before + words[word].format(inner)
        rest = rest[end + 1:]
    return out + rest


class Span:
    """Three of the seven days, the three before them for comparison."""

    def __init__(self):
        self.end = datetime.datetime.now(datetime.UTC).replace(
            hour=0, minute=0, second=0, microsecond=0)
        self.start = self.end - datetime.timedelta(days=3)
        self.before = self.end - datetime.timedelta(days=6)

    @staticmethod
    def sql(start, end):
        return (f"ts >= '{start:%Y-%m-%d %H:%M:%S}' AND "
                f"ts < '{end:%Y-%m-%d %H:%M:%S}'")

    def request(self, kpi, by, grain):
        out = {"kpi": kpi, "from": f"{self.start:%Y-%m-%d}",
               "to": f"{self.end:%Y-%m-%d}"}
        if by:
            out |= {"by": by, "top": 1000}
        if grain:
            out["grain"] = grain
        return out if by or grain else out | {"compare": "previous"}

    def peer_sql(self, tile, engine):
        kpi, by, grain = tile
        words = WORDS[engine]
        value = formula(kpi, words)
        now = self.sql(self.start, self.end)
        if not by and not grain:
            before = self.sql(self.before, self.start)
            return " UNION ALL ".join(
                f"SELECT '{name}' AS k, {value} AS v FROM {words['sales']} "
                f"WHERE {where}" for name, where in (("now", now),
                                                     ("before", before)))
        key = by or words[grain]
        return (f"SELECT {key} AS k, {value} AS v FROM {words['sales']} "
                f"WHERE {now} GROUP BY k")


def values_of(answer, tile):
    """{key: number} of our answer, as the peers' rows."""
    _, by, grain = tile
    if by:
        return {row[by]: row["value"] for row in answer["rows"]}
    if grain:
        return {p["t"][:16]: p["value"] for p in answer["series"]}
    return {"now": answer["value"], "before": answer["compare"]["value"]}


def check(answers, span, others):
    for tile, answer in zip(TILES, answers):
        ours = values_of(answer, tile)
        for other in others:
            theirs = {str(k).replace(" ", "T")[:16] if tile[2] else k: v
                      for k, v in other.rows(span.peer_sql(tile, other.name))}
            for key, value in theirs.items():
                got = float(ours[key] or 0)
                assert abs(got - float(value)) <= 1e-9 * max(
                    1, abs(float(value))), (tile, other.name, key, got, value)


def check_money(server, span, others):
    """Sums of money are exact: equal to the peers' decimals, to the cent."""
    where = span.sql(span.start, span.end)
    for kpi, column in (("net_sales", "net"), ("cogs", "cost")):
        text = Viewer(server.port, [span.request(kpi, "", "")]).ask()
        ours = json.loads(text, parse_float=decimal.Decimal)
        ours = ours["answers"][0]["value"]
        for other in others:
            words = WORDS[other.name]
            rows = other.rows(f"SELECT CAST(sum({column}) AS {words['text']}) "
                              f"FROM {words['sales']} WHERE {where}")
            theirs = decimal.Decimal(rows[0][0])
            assert ours == theirs, (kpi, other.name, ours, theirs)
        print(f"{kpi} of {ROWS:,} rows: {ours}, to the cent", flush=True)


class Viewer:
    """Asks for all tiles in one call, over one connection."""

    def __init__(self, port, requests):
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=120)
        self.body = json.dumps({"queries": requests})

    def ask(self):
        self.connection.request("POST", "/api/v1/kpis/query", self.body,
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text[:300]
        return text

    def answers(self):
        answers = json.loads(self.ask())["answers"]
        wrong = [a for a in answers if "error" in a]
        assert not wrong, wrong[:1]
        return answers


def watch(port, requests, viewers, every):
    """Sorted milliseconds of all calls; `every` 0: as fast as they can."""
    def look(number):
        viewer, mine = Viewer(port, requests), []
        begin = time.perf_counter()
        due = begin + every * number / viewers
        while time.perf_counter() < begin + SECONDS:
            time.sleep(max(0, due - time.perf_counter()))
            start = time.perf_counter()
            viewer.ask()
            mine.append((time.perf_counter() - start) * 1e3)
            due = max(due + every, time.perf_counter())
        return mine
    return at_once(viewers, look)


def measured(name, spent):
    return (name, len(spent), *(f"{spent[int(len(spent) * p)]:.1f}"
                                for p in (0.5, 0.99)), f"{spent[-1]:.1f}")


def coming_in(model, url):
    return subprocess.Popen(
        [freshet.BINARY, "generate", "--model", model, "--dataset", "sales",
         "--rows", str(RATE * (SECONDS + 5) * 4), "--rate", str(RATE),
         "--to", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure_viewers(server, model, requests):
    rows = []
    for name, rate in (("", 0), (f", {RATE:,} events/s", RATE)):
        source = coming_in(model, server.url) if rate else None
        if rate:  # all tiles have what comes in
            requests = [{k: v for k, v in r.items() if k not in ("from", "to")}
                        | {"range": "last_7d"} for r in requests]
            freshet.wait_until(lambda: server.rows("sales") > ROWS, 60)
            start = time.perf_counter()
            Viewer(server.port, requests).ask()
            rows.append(measured("first call of another range", [
                (time.perf_counter() - start) * 1e3]))
        for viewers in (1, 20):
            before = server.rows("sales"), time.perf_counter()
            spent = watch(server.port, requests, viewers, 1)
            rows.append(measured(f"{viewers} viewers{name}", spent))
            if rate:
                seen = (server.rows("sales") - before[0]) / (
                    time.perf_counter() - before[1])
                rows[-1] = (f"{rows[-1][0]} ({seen:,.0f} seen)", *rows[-1][1:])
        if source:
            source.kill()
            source.wait()
    table(f"One batch call for 20 tiles over {ROWS:,} sales events, starter "
          "cubes, over HTTP, ms", ("", "calls", "p50", "p99", "max"), rows)


def measure_rate(server, requests, others, span):
    spent = watch(server.port, requests, CLIENTS, 0)
    rate = len(spent) * len(TILES) / SECONDS
    one = median_ms(Viewer(server.port, requests).ask)
    rows = [("Freshet, over HTTP", f"{one:.2f}", "1.00x", f"{rate:,.0f}")]
    for other in others:
        def ask(other=other):
            for tile in TILES:
                other.run(span.peer_sql(tile, other.name))
        theirs = median_ms(ask)
        rows.append((f"{other.name}, raw rows, in process", f"{theirs:.2f}",
                     f"{one / theirs:.3f}x", f"{20e3 / theirs:,.0f}"))
    table(f"The same 20 tiles, {ROWS:,} rows, medians of 5; answers a second of "
          f"{CLIENTS} connections (the peers': one after the other)",
          ("", "ms", "Freshet / it", "KPI answers/s"), rows)


def tell_cubes(server):
    cubes = {}
    for kpi in FORMULAS:
        for cube in server.json(f"/api/v1/kpis/{kpi}")["cubes"]:
            cubes[cube["cube"]] = cube
    rows = [(name, f"{c['rows']:,}", f"{c['bytes']:,}",
             f"{100 * c['bytes'] / c['segment_bytes']:.1f} %")
            for name, c in sorted(cubes.items()) if c.get("segment_bytes")]
    table("Cubes that serve them", ("cube", "rows", "bytes", "of its segments"),
          rows)


def measure_sealed(folder):
    model, path = starter_sales(folder, ROWS)
    done = freshet.run("load", "--data", folder / "dashboard", "--model", model,
                       "--dataset", "sales", path, timeout=3600)
    assert done.returncode == 0, done.stderr
    others = [peers.DuckDb(folder, 2), peers.ClickHouse(folder, 2)]
    for other in others:
        other.load("sales", path, SALES_COLUMNS, "store, sku",
                   ("txn_id", "member_id"), derived="qty * price - discount",
                   name="net")
    span = Span()
    requests = [span.request(*tile) for tile in TILES]
    with freshet.Server(model, folder / "dashboard") as server:
        check(Viewer(server.port, requests).answers(), span, others)
        check_money(server, span, others)
        measure_rate(server, requests, others, span)
        tell_cubes(server)
        measure_viewers(server, model, requests)
    others[1].close()


def measure_live(folder):
    """Milliseconds of a refresh after each 2,000 further rows."""
    model, path = starter_sales(folder, LIVE)
    sales = model / "datasets/sales.yaml"
    given = sales.read_text()
    sales.write_text(given.replace(
        "seal: { rows: 1000000, age: 10m }",
        "seal: { rows: 100000000, age: 24h }"))
    span = Span()
    requests = [span.request(*tile) for tile in TILES]
    more = 2000
    with open(path) as file:
        lines = file.readlines()
    rows = []
    for name, bytes_kept in (("kept", "67108864"), ("read anew", "0")):
        with freshet.Server(
                model, folder / f"live_{bytes_kept}",
                env={"FRESHET_QUERY_CACHE_BYTES": bytes_kept}) as server:
            for at in range(0, len(lines), 20000):
                post(server, lines[at:at + 20000])
            freshet.wait_until(lambda: server.rows("sales") == len(lines), 300)
            viewer, spent = Viewer(server.port, requests), []
            viewer.answers()
            for turn in range(15):
                count = len(lines) + more * (turn + 1)
                post(server, lines[-more:])
                freshet.wait_until(lambda: server.rows("sales") == count, 60,
                                   0.01)
                start = time.perf_counter()
                viewer.ask()
                spent.append((time.perf_counter() - start) * 1e3)
            rows.append(measured(name, sorted(spent)))
    sales.write_text(given)
    table(f"A refresh of 20 tiles over {LIVE:,} rows that are not sealed, "
          f"{more:,} more each time, ms", ("", "calls", "p50", "p99", "max"),
          rows)


def post(server, lines):
    status, _, body = server.request("POST", "/ingest/sales", "".join(lines),
                                     timeout=300)
    assert status == 200, body[:300]


def main(folder):
    measure_sealed(folder)
    if LIVE:
        measure_live(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as home:
        main(pathlib.Path(home))
