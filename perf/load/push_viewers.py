#!/usr/bin/env python3
"""How long an event takes to a viewer of a dashboard, with many viewers.

    perf/load/push_viewers.py [--viewers 1,100,1000] [--seconds 10] [--rate 20]
                              [--beside 20000]

Starts the binary (FRESHET_BINARY, or build/freshet) on an empty folder with a
dashboard of counts, lets that many viewers read /api/v1/stream, and posts
events one by one. The k-th event is at a viewer when a tile says k or more;
"cpu" is the server's processor time a viewer and second meanwhile. --beside
events a second go to another dataset of the same server.
Checks: every viewer sees the last count, none gets more than four events of
data a second (with one more for the snapshot), and its numbers never go back.
"""
import argparse
import asyncio
import json
import pathlib
import re
import resource
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.support import freshet  # noqa: E402

FILES = {
    "datasets/hits.yaml": """dataset: hits
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: store, type: string }
""",
    "datasets/others.yaml": """dataset: others
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: store, type: string }
""",
    "kpis/hits.yaml": """kpis:
  - { kpi: hits, dataset: hits, formula: count(*), dimensions: [store] }
""",
    "dashboards/hits.yaml": """dashboard: hits
default: { range: last_7d, compare: none }
filters: [store]
tiles:
  - { kpi: hits, show: tile }
  - { kpi: hits, show: bars, by: store, top: 10 }
  - { kpi: hits, show: line, grain: day }
""",
}
VALUE = re.compile(rb'"0":\{"kpi":"hits","value":(\d+|null)')


class Viewer:
    def __init__(self):
        self.seen = []     # (arrival, count), counts ascending
        self.arrivals = []  # of snapshots and deltas
        self.went_back = False

    async def read(self, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/v1/stream?dashboard=hits HTTP/1.1\r\n"
                     b"Host: localhost\r\nAccept: text/event-stream\r\n\r\n")
        try:
            while True:
                line = await reader.readline()
                if not line:
                    return
                if not line.startswith(b"data:"):
                    continue
                now = time.monotonic()
                self.arrivals.append(now)
                found = VALUE.search(line)
                if found:
                    self.take(now, 0 if found[1] == b"null" else int(found[1]))
        finally:
            writer.close()

    def take(self, now, count):
        last = self.seen[-1][1] if self.seen else -1
        self.went_back |= count < last
        if count > last:
            self.seen.append((now, count))

    def most_in_a_second(self):
        most = first = 0
        for last, at in enumerate(self.arrivals):
            while at - self.arrivals[first] >= 1:
                first += 1
            most = max(most, last - first + 1)
        return most


async def post(reader, writer, dataset, kind, body):
    writer.write(f"POST /ingest/{dataset} HTTP/1.1\r\nHost: localhost\r\n"
                 f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                 "\r\n".encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    length = int(re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", head)[1])
    await reader.readexactly(length)


async def post_others(port, rate):
    """Ten batches a second, until it is cancelled."""
    event = json.dumps({"ts": int(time.time() * 1000), "store": "S00"})
    body = (event + "\n").encode() * (rate // 10)
    connection = await asyncio.open_connection("127.0.0.1", port)
    while body:
        begin = time.monotonic()
        await post(*connection, "others", "application/x-ndjson", body)
        await asyncio.sleep(max(0, begin + 0.1 - time.monotonic()))


async def post_events(port, seconds, rate):
    """Posts one event at a time; when each was sent."""
    sent = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        body = json.dumps({"ts": int(time.time() * 1000),
                           "store": f"S{len(sent) % 20:02}"}).encode()
        sent.append(time.monotonic())
        await post(reader, writer, "hits", "application/json", body)
        await asyncio.sleep(max(0, begin + len(sent) / rate - time.monotonic()))
    writer.close()
    return sent


def latencies(viewer, sent, before):
    """Of each event, at this viewer."""
    out, at = [], 0
    for k, when in enumerate(sent, start=before + 1):
        while at < len(viewer.seen) and viewer.seen[at][1] < k:
            at += 1
        assert at < len(viewer.seen), f"event {k} never arrived"
        out.append(viewer.seen[at][0] - when)
    return out


def processor_seconds(server):
    stat = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text()
    return sum(map(int, stat.rsplit(")", 1)[1].split()[11:13])) / 100


async def round_of(server, viewers, seconds, rate, before):
    readers = [Viewer() for _ in range(viewers)]
    tasks = [asyncio.create_task(v.read(server.port)) for v in readers]
    while not all(v.seen for v in readers):
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                raise SystemExit(f"a viewer was sent away: {task.exception()}")
    for viewer in readers:
        viewer.arrivals.clear()
    used = processor_seconds(server)
    sent = await post_events(server.port, seconds, rate)
    used = processor_seconds(server) - used
    await asyncio.sleep(2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(v.went_back for v in readers)
    all_of = sorted(x for v in readers for x in latencies(v, sent, before))
    most = max(v.most_in_a_second() for v in readers)
    assert most <= 5, f"{most} events within a second at one viewer"
    p50, p99 = (all_of[int(len(all_of) * p)] * 1000 for p in (0.5, 0.99))
    print(f"{viewers:>7} {len(sent):>7} {p50:>8.0f} {p99:>8.0f} "
          f"{all_of[-1] * 1000:>8.0f} {most:>6} "
          f"{used / viewers / seconds * 1e6:>7.0f}", flush=True)
    return before + len(sent)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers", default="1,100")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--beside", type=int, default=0)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "model"
        for name, text in FILES.items():
            file = model / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        with freshet.Server(model, pathlib.Path(folder) / "data") as server:
            print("viewers  events  p50 ms   p99 ms   max ms  most/s  cpu us")
            count = 0
            others = asyncio.create_task(
                post_others(server.port, options.beside))
            for viewers in map(int, options.viewers.split(",")):
                count = await round_of(server, viewers, options.seconds,
                                       options.rate, count)
            assert not (options.beside and others.done()), others
            others.cancel()


if __name__ == "__main__":
    asyncio.run(main())
