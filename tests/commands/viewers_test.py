"""Many viewers of one dashboard while events arrive: all end on the same
number, those that do not read cost a bounded buffer, and one that comes back
with the id of its last event is sent nothing twice."""
import json
import os
import pathlib
import selectors
import socket
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

VIEWERS, DEAF, SECONDS = 200, 20, 6


class Viewer:
    def __init__(self, server, last_id=""):
        self.text = b""
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        lines = ["GET /api/v1/stream?dashboard=main HTTP/1.0",
                 f"Host: 127.0.0.1:{server.port}"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.socket.setblocking(False)

    def read(self):
        try:
            self.text += self.socket.recv(1 << 20)
        except BlockingIOError:
            pass

    def events(self):
        """(id, name, data) of whole events."""
        blocks = self.text.split(b"\r\n\r\n", 1)[-1].split(b"\n\n")[:-1]
        fields = [dict(line.split(b": ", 1) for line in block.splitlines()
                       if b": " in line) for block in blocks]
        return [(f[b"id"].decode(), f[b"event"].decode(),
                 json.loads(f[b"data"])) for f in fields if b"data" in f]

    def value(self):
        """Of the first tile, as last told."""
        told = [data["tiles"]["0"]["value"] for _, _, data in self.events()
                if "0" in data["tiles"]]
        return told[-1] if told else None


def usage(server):
    """(CPU seconds, resident MB) of the server."""
    folder = pathlib.Path(f"/proc/{server.process.pid}")
    fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    pages = int((folder / "statm").read_text().split()[1])
    ticks = int(fields[11]) + int(fields[12])
    return (ticks / os.sysconf("SC_CLK_TCK"),
            pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def sell(server, n):
    status, _, body = server.request("POST", "/ingest/sales", {
        "txn_id": f"t{n}", "line": 1, "store": "S1", "sku": "x", "qty": 1,
        "price": 1, "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
    assert status == 200, body


def gather(viewers, seconds, meanwhile=lambda: None):
    with selectors.DefaultSelector() as ready:
        for viewer in viewers:
            ready.register(viewer.socket, selectors.EVENT_READ, viewer)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            meanwhile()
            for key, _ in ready.select(0.05):
                key.data.read()


@pytest.fixture
def server(tmp_path):
    model = freshet.sales_model(tmp_path / "model", extra={
        "dashboards/main.yaml": """\
dashboard: main
default: { range: today, tz: UTC }
tiles:
  - { kpi: net_sales, show: tile }
  - { kpi: net_sales, show: line, grain: minute }
  - { kpi: net_sales, show: bars, by: store }
"""})
    with freshet.Server(model, tmp_path / "data") as running:
        yield running


def test_many_viewers(server):
    sell(server, 0)
    cpu, before = usage(server)
    viewers = [Viewer(server) for _ in range(VIEWERS)]
    readers, sold = viewers[DEAF:], [0]

    def more():
        sold[0] += 1
        sell(server, sold[0])

    gather(readers, SECONDS, more)
    spent, after = usage(server)
    gather(readers, 2)
    want = server.sql("SELECT SUM(net) AS net FROM sales")[0]["net"]
    assert {viewer.value() for viewer in readers} == {want}
    names = [name for _, name, _ in readers[0].events()]
    assert names[0] == "snapshot" and set(names[1:]) == {"delta"}
    assert len(names) <= 4 * (SECONDS + 2) + 2, "at most four a second"
    # Computed once for all: every reader has the same events.
    ids = [[i for i, _, _ in viewer.events()] for viewer in readers]
    assert all(one[-3:] == ids[0][-3:] for one in ids)
    # At most 256 KiB wait for one that does not read.
    assert after - before < 120, (before, after)
    print(f"{VIEWERS} viewers, {sold[0]} events, {len(names)} pushes: "
          f"{(spent - cpu) / SECONDS:.0%} of a core, "
          f"{before:.0f} -> {after:.0f} MB")
    for viewer in viewers:
        viewer.socket.close()


def test_a_viewer_comes_back(server):
    sell(server, 0)
    first = Viewer(server)
    freshet.wait_until(lambda: (first.read(), first.events())[1])
    gather([first], 1.5)
    last = first.events()[-1][0]
    back, new = Viewer(server, last), Viewer(server)
    gather([back, new], 1.5)
    assert [name for _, name, _ in new.events()][0] == "snapshot"
    assert "snapshot" not in [name for _, name, _ in back.events()]
    sell(server, 1)
    freshet.wait_until(lambda: (back.read(), back.value())[1] is not None)
    assert back.events()[-1][1] == "delta"
