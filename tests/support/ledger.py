"""Generated sales with an exact ledger, and the comparison with a server."""
import decimal
import json
import pathlib
import random
import threading
import time

import yaml

import freshet

STARTER = freshet.ROOT / "server/model/starter"


def sales_with_numbers(folder, source, seal_rows):
    """The starter's sales plus columns that tell which event it was."""
    dataset = yaml.safe_load((STARTER / "datasets/sales.yaml").read_text())
    dataset["source"] = source
    dataset["seal"] = {"rows": seal_rows, "age": "5s"}
    dataset["columns"] += [{"name": "seq", "type": "long"},
                           {"name": "partition", "type": "long"}]
    kpis = "kpis:\n  - { kpi: net_sales, dataset: sales, formula: sum(net) }\n"
    return freshet.write_model(folder, {
        "datasets/sales.yaml": yaml.safe_dump(dataset, sort_keys=False),
        "kpis/sales.yaml": kpis})


def totals(server):
    """What the server holds, in the ledger's words; money as exact text."""
    status, _, body = server.request("POST", "/druid/v2/sql", {
        "query": "SELECT COUNT(*) AS n, SUM(net) AS net, SUM(qty) AS qty, "
                 "COUNT(DISTINCT txn_id) AS txns FROM sales"}, timeout=60)
    assert status == 200, body
    whole = json.loads(body, parse_float=decimal.Decimal)[0]
    parts = server.sql('SELECT "partition", COUNT(*) AS n, MAX(seq) AS top '
                       'FROM sales GROUP BY "partition"')
    return whole, {str(p["partition"]): (p["n"], p["top"]) for p in parts}


def assert_equal(server, ledger):
    whole, parts = totals(server)
    assert whole["n"] == ledger["rows"]
    assert decimal.Decimal(whole["net"]) == decimal.Decimal(
        ledger["sums"]["net"])
    assert whole["qty"] == int(ledger["sums"]["qty"])
    assert whole["txns"] == ledger["distinct"]["txn_id"]
    assert parts == {p: (v["rows"], v["max_seq"])
                     for p, v in ledger["partitions"].items()}


class Queries(threading.Thread):
    """Asks all the time; every answer must be one consistent snapshot."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.answers, self.faults = 0, []

    def run(self):
        while not self.ended.is_set():
            try:
                status, _, body = self.server.request(
                    "POST", "/druid/v2/sql",
                    {"query": "SELECT COUNT(*) AS n, COUNT(DISTINCT seq) AS d "
                              "FROM sales"}, timeout=20)
            except OSError:  # killed just now
                time.sleep(0.05)
                continue
            if status != 200:
                self.faults.append(body[:300])
                continue
            row = json.loads(body)[0]
            self.answers += 1
            if row["n"] != row["d"]:
                self.faults.append(f"counted twice: {row}")

    def end(self):
        self.ended.set()
        self.join(30)
        assert not self.faults, self.faults[:3]
        return self.answers


def kill_at_random_moments(server, times, longest, seed):
    """kill -9 and restart, `times` times."""
    chance = random.Random(seed)
    for _ in range(times):
        time.sleep(chance.uniform(0.3, longest))
        server.kill()
        server.start()
