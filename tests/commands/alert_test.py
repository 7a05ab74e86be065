"""A threshold from the model to the webhook and back, set anew by PUT."""
import http.server
import json
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        size = int(self.headers["content-length"])
        self.server.got.append((time.time(), json.loads(self.rfile.read(size))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def sink():
    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as server:
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def alert_model(folder, sink, private):
    return freshet.sales_model(folder, extra={"alerts/a.yaml": f"""\
alerts:
  - {{ alert: big, kpi: net_sales, by: [store], window: 1h, every: 1s,
      when: "> 100", recover: "< 50", severity: critical, notify: [hook] }}
contacts:
  - {{ contact: hook, group_wait: 0s, group_interval: 1s,
      webhook: {{ url: "http://127.0.0.1:{sink.server_port}/x" }},
      allow_private: {private} }}
"""})


def sale(store, price):
    return {"txn_id": "t", "ts": int(time.time() * 1000), "store": store,
            "qty": 1, "price": price}


def test_breach_webhook_put_and_recovery(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "true")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1", "500.00"), sale("S2", "5.00")])
        sent = time.time()
        freshet.wait_until(lambda: sink.got, 10, what="the webhook")
        at, payload = sink.got[0]
        assert at - sent < 5
        assert (payload["version"], payload["status"]) == ("4", "firing")
        alert = payload["alerts"][0]
        assert alert["labels"]["store"] == "S1" and len(payload["alerts"]) == 1
        assert alert["endsAt"] == "0001-01-01T00:00:00Z"
        assert server.json("/api/v1/alerts")["alerts"][0]["state"] == "firing"
        server.kill()
        server.start()
        time.sleep(2)
        assert len(sink.got) == 1  # the restart tells nobody again
        status, _, body = server.request("PUT", "/api/v1/alerts/big", {
            "kpi": "net_sales", "by": ["store"], "window": "1h", "every": "1s",
            "when": "> 1000", "notify": ["hook"]})
        assert status == 200, body
        freshet.wait_until(lambda: sink.got[-1][1]["status"] == "resolved", 15)
        history = server.json("/api/v1/alerts/big/history")["history"]
        assert [h["to"] for h in history][:2] == ["ok", "firing"]


def test_a_resolved_alert_has_the_value_that_ended_it(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "true")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1", "500.00")])
        freshet.wait_until(lambda: sink.got, 10, what="the webhook")
        told = sink.got[0][1]["alerts"][0]["annotations"]
        assert told["value"] == "500"
        assert told["summary"] == "net_sales is 500, fires when > 100"
        server.ingest("sales", [{**sale("S1", "480.00"), "qty": -1}])
        freshet.wait_until(lambda: sink.got[-1][1]["status"] == "resolved", 15)
        alert = sink.got[-1][1]["alerts"][0]
        assert alert["annotations"]["value"] == "20"
        assert alert["annotations"]["summary"] == \
            "net_sales is 20 again, fires when > 100"
        assert alert["startsAt"] == sink.got[0][1]["alerts"][0]["startsAt"]


def test_a_private_address_is_refused_unless_allowed(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "false")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1", "500.00")])
        freshet.wait_until(lambda: server.json("/api/v1/alerts")["alerts"][0]
                           ["state"] == "firing", 10)
        time.sleep(2)
        assert sink.got == []
        assert "allow_private" in server.log()


def states(server):
    return {a["alert"]: a["state"] for a in server.json("/api/v1/alerts")["alerts"]}


def test_rules_go_on_when_no_more_events_come(tmp_path):
    model = freshet.sales_model(tmp_path / "m", extra={"alerts/a.yaml": """\
alerts:
  - { alert: long, kpi: net_sales, window: 1h, every: 1s, when: "> 100",
      for: 3s }
  - { alert: short, kpi: net_sales, window: 4s, every: 1s, when: "> 100",
      no_data: ok, no_data_for: 1s }
  - { alert: silence, kpi: net_sales, window: 4s, every: 1s, when: "> 9999",
      no_data: alert, no_data_for: 2s }
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1", "500.00")])
        freshet.wait_until(lambda: states(server) == {
            "long": "pending", "short": "firing", "silence": "ok"}, 5)
        freshet.wait_until(lambda: states(server) == {
            "long": "firing", "short": "ok", "silence": "firing"}, 25)
        # Nor does what is over begin again after a restart.
        server.kill()
        server.start()
        before = len(server.json("/api/v1/alerts/short/history")["history"])
        time.sleep(4)
        assert states(server) == {"long": "firing", "short": "ok",
                                  "silence": "firing"}
        assert before == len(
            server.json("/api/v1/alerts/short/history")["history"])
