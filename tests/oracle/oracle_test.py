"""Random queries over random data give DuckDB's answers, from live rows, from
sealed segments, through cubes, and from segments that were merged.

ORACLE_QUERIES (10,000) and ORACLE_SEED (1) choose how many and which. A
failure prints seed, dataset and the smallest failing form of the query in the
words of both engines. How meanings are mapped: queries.py.
"""
import http.client
import json
import math
import os
import pathlib
import random
import sys
from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import freshet  # noqa: E402
from data import Data, model_of  # noqa: E402
from queries import Generator  # noqa: E402

QUERIES = int(os.environ.get("ORACLE_QUERIES", "10000"))
SEED = int(os.environ.get("ORACLE_SEED", "1"))
DATASETS = 6  # data.py: sizes
STATES = ["live", "sealed", "cubes", "merged"]
INT64 = range(-2**63, 2**63)


class Connection:
    """SQL over one connection that stays open."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port,
                                                     timeout=60)

    def ask(self, sql, context=None):
        """(rows, error message)."""
        body = json.dumps({"query": sql, "resultFormat": "array",
                           "context": context or {}})
        self.connection.request("POST", "/druid/v2/sql", body,
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status == 200:
            return json.loads(text, parse_float=Decimal), None
        return None, json.loads(text)["errorMessage"]


def milliseconds(text):
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return round(moment.replace(tzinfo=timezone.utc).timestamp() * 1000)


def comparable(value, kind):
    """One form for values that are equal; doubles to 12 digits."""
    if value is None:
        return None
    if kind == "time":
        if isinstance(value, str):
            return milliseconds(value)
        return round(value.replace(tzinfo=timezone.utc).timestamp() * 1000)
    if kind == "double":
        number = float(value)
        if math.isnan(number) or math.isinf(number):
            return str(number)
        return float(f"{number:.11e}") + 0.0  # -0.0 is 0.0
    if kind in ("long", "sum", "decimal"):
        return Decimal(value).normalize() + 0
    return value


def table_of(rows, kinds):
    return [tuple(comparable(v, k) for v, k in zip(row, kinds)) for row in rows]


def too_large(rows, kinds):
    """Whether a sum is beyond int64, where Freshet says so and fails."""
    return any(kind == "sum" and value is not None and int(value) not in INT64
               for row in rows for value, kind in zip(row, kinds))


def close(ours, theirs, kinds, ordered):
    """Whether only doubles differ, and those in what rounding to 12 digits may
    turn either way."""
    if len(ours) != len(theirs):
        return False
    if not ordered:
        def key(row):
            exact = [str(v) for v, k in zip(row, kinds) if k != "double"]
            return exact, [float(v or 0) for v, k in zip(row, kinds)
                           if k == "double"]
        ours, theirs = sorted(ours, key=key), sorted(theirs, key=key)
    return all(
        x == y or (k == "double" and isinstance(x, float) and
                   isinstance(y, float) and math.isclose(x, y, rel_tol=1e-11))
        for a, b in zip(ours, theirs) for x, y, k in zip(a, b, kinds))


def difference(query, dataset, table, ask, peer):
    """None if the answers are the same; "skipped" if DuckDB has none."""
    kinds = [e.kind for e in query.outputs]
    try:
        theirs = peer.execute(query.text(table, ours=False)).fetchall()
    except duckdb.OutOfRangeException:
        return "skipped"  # an overflow that Freshet meets in results only
    ours, error = ask(query.text(dataset, ours=True))
    if error:
        # DuckDB does not run what asks for no row.
        if query.limit == 0 and "number out of range" in error:
            return None
        if "out of the range" in error and (
                too_large(theirs, kinds) or query.limit is not None
                or query.having):
            return None
        return error
    ours, theirs = table_of(ours, kinds), table_of(theirs, kinds)
    if query.ordered and ours == theirs:
        return None
    if Counter(ours) == Counter(theirs) and not query.ordered:
        return None
    if close(ours, theirs, kinds, query.ordered):
        return None
    return f"ours {ours[:5]}, theirs {theirs[:5]}"


def smallest(query, fails):
    """Parts are taken away as long as it still fails."""
    while True:
        for candidate in query.smaller():
            if fails(candidate):
                query = candidate
                break
        else:
            return query


def wait_for_rows(server, name, count):
    freshet.wait_until(lambda: server.rows(name) == count, what=name)


def seal(server, name):
    status, _, body = server.request("POST", f"/api/v1/ingestion/{name}/seal")
    assert status == 200, body
    freshet.wait_until(
        lambda: server.json(f"/api/v1/datasets/{name}")["live_rows"] == 0,
        what=f"seal of {name}")


def fill(server, data):
    """The rows in all four states."""
    for state in STATES:
        name = f"{state}{data.number}"
        parts = 8 if state == "merged" else 3
        step = max(1, -(-len(data.rows) // parts))
        sent = 0
        for begin in range(0, len(data.rows), step):
            rows = data.rows[begin:begin + step]
            server.ingest(name, data.events(rows))
            sent += len(rows)
            wait_for_rows(server, name, sent)
            last = begin + step >= len(data.rows)
            # The last part of `cubes` stays live: cubes beside live rows.
            if state == "merged" or (state != "live" and not last) or (
                    state == "sealed"):
                seal(server, name)


def merged(server, number):
    segments = server.json(f"/api/v1/datasets/merged{number}")["segments"]
    return segments <= 4


def failure(seed, number, dataset, table, query, ask, peer):
    def fails(candidate):
        try:
            return difference(candidate, dataset, table, ask,
                              peer) not in (None, "skipped")
        except duckdb.Error:
            return False
    least = smallest(query, fails)
    return (f"ORACLE_SEED={seed}, query {number}, dataset {dataset}:\n"
            f"  ours:   {least.text(dataset, True)}\n"
            f"  DuckDB: {least.text(table, False)}\n"
            f"  {difference(least, dataset, table, ask, peer)}")


def test_random_queries_equal_duckdb(tmp_path):
    made = random.Random(SEED)
    datas = [Data(made, number) for number in range(DATASETS)]
    files = {}
    for data in datas:
        for state in STATES:
            name = f"{state}{data.number}"
            files[f"datasets/{name}.yaml"] = model_of(
                name, state == "cubes", state == "merged")
    model = freshet.write_model(tmp_path / "m", files)
    peer = duckdb.connect()
    peer.execute("SET TimeZone = 'UTC'")
    peer.execute("SET error_on_division_by_zero = false")
    for data in datas:
        data.create_in(peer)
    skipped, failures = 0, []
    with freshet.Server(model, tmp_path / "d") as server:
        for data in datas:
            fill(server, data)
        freshet.wait_until(lambda: all(merged(server, d.number) for d in datas),
                           what="merges")
        connection = Connection(server)
        for number in range(QUERIES):
            one = random.Random(f"{SEED} {number}")
            data = datas[number % DATASETS]
            query = Generator(one, data).query()
            dataset = f"{one.choice(STATES)}{data.number}"
            table = f"d{data.number}"
            found = difference(query, dataset, table, connection.ask, peer)
            skipped += found == "skipped"
            if found not in (None, "skipped"):
                failures.append(failure(SEED, number, dataset, table, query,
                                        connection.ask, peer))
                if len(failures) == 5:
                    break
        assert server.stop() == 0
    print(f"{QUERIES} queries, {skipped} without an answer of DuckDB's")
    assert not failures, "\n" + "\n".join(failures)
    assert skipped < QUERIES / 20
