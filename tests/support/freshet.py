"""A running freshet for tests: start, ask, kill.

FRESHET_BINARY names the binary; the optimised build otherwise.
"""
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FRESHET_BINARY", str(ROOT / "build/freshet"))


def free_port(count=1):
    """A port that nobody has, and the `count` - 1 behind it. Below those that
    the system gives to outgoing connections, which could take it meanwhile."""
    while True:
        port = random.randrange(12000, 32000)
        try:
            for number in range(port, port + count):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", number))
            return port
        except OSError:
            continue


def run(*arguments, timeout=120, **options):
    """Runs a command of the binary to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout, **options)


def wait_until(condition, seconds=30, every=0.05, what="condition"):
    """Calls `condition` until it is true; returns what it returned. `what`, or
    what it returns, is told otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, (
            f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


class Server:
    """freshet serve on a free port. kill() is kill -9; start() again goes on
    with the same folders and port."""

    def __init__(self, model, data, *flags, env=None, port=None, log=None):
        self.model, self.data = str(model), str(data)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flags, self.env = flags, env
        self.process = None
        self.log_path = pathlib.Path(log or self.data + ".log")

    def start(self, wait=True):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--model", self.model, "--data", self.data,
             "--listen", f"127.0.0.1:{self.port}", *self.flags],
            stdout=log, stderr=log, env={**os.environ, **(self.env or {})})
        log.close()
        if wait:
            wait_until(self.alive, what="the server answers; " + self.log())
        return self

    def log(self):
        return (self.log_path.read_text(errors="replace")[-3000:]
                if self.log_path.exists() else "")

    def alive(self):
        assert self.process.poll() is None, "the server ended: " + self.log()
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def peak_bytes(self):
        """The most memory it has had since it was started."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def request(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, body bytes); any status."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        if isinstance(body, str):
            body = body.encode()
        request = urllib.request.Request(self.url + path, data=body,
                                         method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path):
        status, _, body = self.request("GET", path)
        return status, body

    def json(self, path):
        status, body = self.get(path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)

    def sql(self, text, **fields):
        status, _, body = self.request("POST", "/druid/v2/sql",
                                       {"query": text, **fields})
        assert status == 200, (text, status, body[:500])
        return json.loads(body)

    def ingest(self, dataset, events, **headers):
        lines = "\n".join(json.dumps(e) if not isinstance(e, str) else e
                          for e in events)
        status, _, body = self.request("POST", f"/ingest/{dataset}", lines,
                                       headers)
        assert status == 200, (status, body[:500])
        return json.loads(body)

    def rows(self, dataset):
        return self.sql(f"SELECT COUNT(*) AS n FROM {dataset}")[0]["n"]


def write_model(folder, files):
    """Writes {relative path: text} below `folder`; returns it."""
    folder = pathlib.Path(folder)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


SALES = """\
dataset: sales
source: {source}
time: {{ field: ts, format: auto }}
columns:
  - {{ name: txn_id, type: string, cardinality: high }}
  - {{ name: store, type: string }}
  - {{ name: channel, type: string }}
  - {{ name: qty, type: long }}
  - {{ name: price, type: decimal(2) }}
  - {{ name: discount, type: decimal(2), default: 0 }}
  - {{ name: net, type: decimal(2), from: "qty * price - discount" }}
partition_by: day
seal: {{ rows: {seal_rows}, age: {seal_age} }}
auto_cubes: false
"""


def sales_model(folder, source="{ log: { partitions: 4, format: json } }",
                seal_rows=1000000, seal_age="10m", extra=None):
    """A small model with one dataset; more files by `extra`."""
    files = {"datasets/sales.yaml": SALES.format(
        source=source, seal_rows=seal_rows, seal_age=seal_age)}
    files["kpis/sales.yaml"] = """\
kpis:
  - { kpi: net_sales, title: Net sales, dataset: sales, formula: sum(net),
      unit: currency, currency: EUR, good: up, dimensions: [store, channel] }
  - { kpi: average_basket, dataset: sales, unit: currency, currency: EUR,
      formula: "sum(net) / count(distinct txn_id)", dimensions: [store] }
"""
    files["dashboards/main.yaml"] = """\
dashboard: main
title: Main
default: { range: today, compare: same_day_last_week, tz: Europe/Madrid }
filters: [store]
tiles:
  - { kpi: net_sales, show: tile, size: 1x1 }
  - { kpi: net_sales, show: bars, by: store, top: 5, size: 2x2 }
"""
    files.update(extra or {})
    return write_model(folder, files)
