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
            "when": "> 1000", "recover": None, "notify": ["hook"]})
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
        assert told["value"] == "500.00"
        assert told["summary"] == "net_sales is 500.00, fires when > 100"
        server.ingest("sales", [{**sale("S1", "480.00"), "qty": -1}])
        freshet.wait_until(lambda: sink.got[-1][1]["status"] == "resolved", 15)
        alert = sink.got[-1][1]["alerts"][0]
        assert alert["annotations"]["value"] == "20.00"
        assert alert["annotations"]["summary"] == \
            "net_sales is 20.00 again, fires when > 100"
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


def put(server, rule, body):
    status, _, text = server.request("PUT", f"/api/v1/alerts/{rule}", body)
    return status, json.loads(text)


def rule_of(answer):
    """An answer without what only says how the rule stands."""
    return {k: v for k, v in answer.items() if k not in (
        "state", "stored", "error", "as_of", "instances")}


def test_what_get_gave_can_be_put_back(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "true")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1", "500.00")])
        got = freshet.wait_until(lambda: next(
            (a for a in server.json("/api/v1/alerts")["alerts"]
             if a["state"] == "firing"), None), 10)
        assert got["instances"]
        status, answer = put(server, "big", {**got, "when": "> 400"})
        assert status == 200, answer
        assert rule_of(answer) == {**rule_of(got), "when": "> 400"}
        assert answer["stored"] is True
        again = server.json("/api/v1/alerts/big")
        assert put(server, "big", again)[0] == 200
        # Only the names that GET gives are let through.
        status, answer = put(server, "big", {**again, "states": "ok"})
        assert status == 400
        assert answer["error"]["details"][0]["path"] == "states"


def test_a_put_of_some_members_keeps_the_others(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "true")
    with freshet.Server(model, tmp_path / "d") as server:
        before = rule_of(server.json("/api/v1/alerts/big"))
        status, answer = put(server, "big", {"when": "> 5", "recover": "< 2"})
        assert status == 200, answer
        assert rule_of(answer) == {**before, "when": "> 5", "recover": "< 2"}
        # Of a rule that was put before, too, and lists as a whole.
        status, answer = put(server, "big", {"by": [], "labels": {"team": "a"}})
        assert rule_of(answer) == {**before, "when": "> 5", "recover": "< 2",
                                   "by": [], "labels": {"team": "a"}}
        status, answer = put(server, "big", {"recover": None, "notify": None})
        assert status == 200 and "recover" not in answer
        assert answer["notify"] == [] and answer["when"] == "> 5"
        status, answer = put(server, "big", {"when": None})
        assert status == 400, answer
        assert "lacks the key 'when'" in answer["error"]["message"]
        assert server.json("/api/v1/alerts/big")["when"] == "> 5"
        status, answer = put(server, "new", {"when": "> 5"})
        assert status == 400
        assert "alert 'new' lacks the key 'kpi'" in answer["error"]["message"]
        status, answer = put(server, "new", {"kpi": "net_sales"})
        assert "alert 'new' lacks the key 'when'" in answer["error"]["message"]
        assert put(server, "new", {"kpi": "net_sales", "when": "> 5"})[0] == 200
        server.stop()
        server.start()
        assert server.json("/api/v1/alerts/big")["labels"] == {"team": "a"}


def test_a_rule_whose_kpi_is_gone_keeps_what_was_set(tmp_path, sink):
    model = alert_model(tmp_path / "m", sink, "true")
    with freshet.Server(model, tmp_path / "d") as server:
        assert put(server, "own", {"kpi": "average_basket", "when": "> 7",
                                   "severity": "critical"})[0] == 200
        kpis = (model / "kpis/sales.yaml").read_text()
        (model / "kpis/sales.yaml").write_text(
            kpis.replace("average_basket", "basket"))
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        rule = server.json("/api/v1/alerts/own")
        assert "average_basket" in rule["error"]
        assert (rule["kpi"], rule["when"]) == ("average_basket", "> 7")
        status, answer = put(server, "own", {"kpi": "basket"})
        assert status == 200 and "error" not in answer
        assert (answer["when"], answer["severity"]) == ("> 7", "critical")
