"""Secrets in files are read again when the files change: the token's, and
those of the model, without a restart or a reload."""
import http.server
import os
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

WITHIN = 8  # seconds


def status(server, token):
    return server.request("GET", "/api/v1/kpis", headers={
        "Authorization": f"Bearer {token}"})[0]


@pytest.fixture(params=["variable", "model"])
def server(request, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("first-token\n")
    reference = "${file:%s}" % secret
    extra, env = {}, {}
    if request.param == "model":
        extra["freshet.yaml"] = f'token: "{reference}"\n'
    else:
        env["FRESHET_TOKEN"] = reference
    model = freshet.sales_model(tmp_path / "m", extra=extra)
    with freshet.Server(model, tmp_path / "d", env=env) as running:
        running.secret = secret
        yield running
        assert running.stop() == 0


def test_a_new_token_is_in_force_and_the_old_one_is_not(server):
    assert status(server, "first-token") == 200
    server.secret.write_text("second-token\n")
    freshet.wait_until(lambda: status(server, "second-token") == 200, WITHIN)
    assert status(server, "first-token") == 401
    # As orchestrators do it: another file under the same name.
    other = server.secret.with_name("next")
    other.write_text("third-token")
    other.rename(server.secret)
    freshet.wait_until(lambda: status(server, "third-token") == 200, WITHIN)
    assert status(server, "second-token") == 401
    assert "token" not in server.log().replace("new token is in", "").replace(
        "old token stays", "").replace(str(server.secret), "")


def test_commands_resolve_the_token_as_the_server_does(server):
    env = dict(os.environ, FRESHET_TOKEN="${file:%s}" % server.secret)
    sql = ["query", "--url", server.url, "SELECT COUNT(*) AS n FROM sales"]
    events = ["generate", "--model", server.model, "--dataset", "sales",
              "--rows", "10", "--to", server.url]
    against = ["validate", server.model, "--against", server.url]
    for command in (sql, events, against):
        done = freshet.run(*command, env=env)
        assert done.returncode == 0, (command, done)
    freshet.wait_until(lambda: "10" in freshet.run(*sql, env=env).stdout)
    env["FRESHET_TOKEN"] = "wrong"
    for command in (sql, events, against):
        done = freshet.run(*command, env=env)
        assert done.returncode == 1 and "401" in done.stderr, (command, done)


@pytest.mark.parametrize("broken", ["empty", "gone", "pipe"])
def test_a_token_that_cannot_be_read_leaves_the_old_one(server, broken):
    server.secret.unlink()
    if broken == "empty":
        server.secret.write_text("\n")
    elif broken == "pipe":
        os.mkfifo(server.secret)
    freshet.wait_until(lambda: "stay" in server.log(), WITHIN)
    assert status(server, "first-token") == 200
    assert server.request("GET", "/api/v1/kpis")[0] == 401
    if broken == "pipe":
        server.secret.unlink()
    server.secret.write_text("second-token")
    freshet.wait_until(lambda: status(server, "second-token") == 200, WITHIN)


def test_an_edited_model_is_not_brought_in_force_by_a_secret(server):
    kpis = pathlib.Path(server.model) / "kpis/more.yaml"
    kpis.write_text("kpis:\n  - { kpi: rows, dataset: sales, formula: "
                    "count(*), unit: count }\n")
    server.secret.write_text("second-token")
    if server.env:
        freshet.wait_until(lambda: status(server, "second-token") == 200,
                           WITHIN)
        token = "second-token"
    else:
        freshet.wait_until(lambda: "until it is reloaded" in server.log(),
                           WITHIN)
        token = "first-token"
    headers = {"Authorization": f"Bearer {token}"}
    assert server.request("GET", "/api/v1/kpis/rows", headers=headers)[0] == 404
    assert server.request("POST", "/api/v1/model/reload",
                          headers=headers)[0] == 200
    headers = {"Authorization": "Bearer second-token"}
    assert server.request("GET", "/api/v1/kpis/rows", headers=headers)[0] == 200


def test_an_empty_token_is_no_way_in(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    (tmp_path / "token").write_text("\n")
    for reference, variable in (("${file:%s}" % (tmp_path / "token"), ""),
                                ("${env:NOTHING}", "")):
        done = freshet.run(
            "serve", "--model", model, "--data", tmp_path / "d", "--listen",
            f"127.0.0.1:{freshet.free_port()}", timeout=20,
            env={**os.environ, "FRESHET_TOKEN": reference,
                 "NOTHING": variable})
        assert done.returncode == 1, done.stderr
        assert "empty" in done.stderr


def test_a_secret_of_the_model_is_read_again(tmp_path):
    """The address of a webhook, which only a file knows."""
    told = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            told.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}"
    secret = tmp_path / "url"
    secret.write_text(url + "/first")
    model = freshet.sales_model(tmp_path / "m", extra={"alerts/ops.yaml": """\
alerts:
  - { alert: big, kpi: net_sales, by: [store], window: 1h, every: 1s,
      when: "> 100", recover: "< 50", severity: critical, notify: [ops] }
contacts:
  - { contact: ops, group_wait: 0s, group_interval: 1s,
      webhook: { url: "${file:%s}" }, allow_private: true }
""" % secret})

    def sale(store):
        return {"txn_id": store, "ts": int(time.time() * 1000), "store": store,
                "qty": 1, "price": "500.00"}

    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [sale("S1")])
        freshet.wait_until(lambda: "/first" in told, 15)
        secret.write_text(url + "/second")
        time.sleep(3)
        server.ingest("sales", [sale("S2")])
        freshet.wait_until(lambda: "/second" in told, 15)
    receiver.shutdown()
