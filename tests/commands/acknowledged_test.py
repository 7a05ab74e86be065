"""Whoever was told that events are stored: what the server then says of them,
while others post."""
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

GOOD = {"ts": "2026-11-01T10:00:00Z", "store": "S1", "channel": "web",
        "qty": 2, "price": "1.25"}
STATE = "/api/v1/ingestion/sales"
UNITS = "/api/v1/kpis/net_sales/value?from=2026-11-01&to=2026-11-02"


class Posted:
    """How many events were acknowledged; each poster asks after each answer."""

    def __init__(self, server, ask):
        self.server, self.ask = server, ask
        self.lock, self.count, self.faults = threading.Lock(), 0, []

    def post(self, poster):
        for turn in range(40):
            size = 1 + (turn * 7 + poster) % 30
            self.server.ingest("sales", [
                {**GOOD, "txn_id": f"{poster}-{turn}-{n}"}
                for n in range(size)])
            with self.lock:
                self.count += size
                before = self.count
            claimed, rows = self.ask(self.server)
            if rows < 0:
                rows = self.server.rows("sales")
            if claimed and rows < before:
                self.faults.append((rows, before))

    def run(self):
        posters = [threading.Thread(target=self.post, args=(p,))
                   for p in range(4)]
        for one in posters:
            one.start()
        for one in posters:
            one.join()


def by_state(server):
    state = server.json(STATE)
    lag = sum(p["lag"] for p in state["partitions"])
    claimed = lag == 0 or state["caught_up"] or state["complete"]
    assert (lag == 0) >= state["caught_up"], state
    return claimed, -1


def by_provenance(server):
    answer = server.json(UNITS)
    return answer["provenance"]["complete"], round(answer["value"] / 2.5)


@pytest.mark.parametrize("ask", [by_state, by_provenance])
def test_what_is_called_complete_has_what_was_acknowledged(tmp_path, ask):
    model = freshet.sales_model(
        tmp_path / "m", source="{ log: { partitions: 2, format: json } }")
    with freshet.Server(model, tmp_path / "d") as server:
        posted = Posted(server, ask)
        posted.run()
        assert posted.faults == [] and posted.count > 0
        state = freshet.wait_until(
            lambda: (s := server.json(STATE))["complete"] and s, 10)
        assert sum(p["high"] for p in state["partitions"]) == posted.count
        assert server.rows("sales") == posted.count


def test_a_paused_stream_is_not_caught_up_but_the_server_is_ready(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        server.request("POST", STATE + "/pause")
        server.ingest("sales", [GOOD] * 3)
        state = server.json(STATE)
        assert not state["caught_up"] and not state["complete"]
        assert sum(p["lag"] for p in state["partitions"]) == 3
        assert server.get("/readyz")[0] == 200
