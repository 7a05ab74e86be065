"""What keeps a broker from letting us in, or us from trusting it, is named in
state, readiness, log and metric; no secret is shown anywhere."""
import base64
import json
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from conftest import Broker  # noqa: E402
from security_test import (  # noqa: E402
    CLIENT_SECRET, EVENT, MECHANISMS, MODULE, PASSWORD, SETTINGS, TokenServer,
    USER, assert_waits, login, make_certificates, oauth, produce, source,
    token_server)

MORE = """
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,EXPIRED:SSL,MUTUAL:SSL
listeners=PLAINTEXT://{plain},CONTROLLER://127.0.0.1:{controller},SECURE://{secure},EXPIRED://{expired},MUTUAL://{mutual}
advertised.listeners=PLAINTEXT://{plain},SECURE://{secure},EXPIRED://{expired},MUTUAL://{mutual}
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={folder}/expired_keystore.pem
listener.name.mutual.ssl.keystore.type=PEM
listener.name.mutual.ssl.keystore.location={folder}/keystore.pem
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.location={folder}/root.pem
listener.name.mutual.ssl.client.auth=required
"""
WRONG = "wr0ng-s3cret"
ROUTES = ("/api/v1/ingestion/sales", "/api/v1/datasets/sales",
          "/api/v1/datasets", "/readyz", "/metrics", "/api/v1/lineage",
          "/api/v1/audit", "/api/v1/datasets/sales/versions")


def more_certificates(folder):
    """One of the root that is over, and one of a client."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, cwd=folder,
                       capture_output=True)
    openssl("x509", "-req", "-days", -1, "-in", "broker.csr", "-CA", "root.pem",
            "-CAkey", "root.key", "-CAcreateserial", "-extfile", "names",
            "-out", "expired.pem")
    (folder / "expired_keystore.pem").write_text(
        (folder / "broker.key").read_text() +
        (folder / "expired.pem").read_text())
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client",
            "-keyout", "client.key", "-out", "client.csr")
    openssl("x509", "-req", "-days", 3, "-in", "client.csr", "-CA", "root.pem",
            "-CAkey", "root.key", "-CAcreateserial", "-out", "client.pem")


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    make_certificates(folder)
    more_certificates(folder)
    broker = Broker(folder / "data")
    host = broker.address.split(":")[0]
    first = freshet.free_port(3)
    broker.secure, broker.expired, broker.mutual = (
        f"{host}:{first + i}" for i in range(3))
    broker.folder = folder
    names = {"plain": broker.address, "controller": broker.controller,
             "secure": broker.secure, "expired": broker.expired,
             "mutual": broker.mutual, "folder": folder}
    (folder / "more").write_text(SETTINGS.format(
        mechanisms=MECHANISMS, module=MODULE, user=USER, password=PASSWORD,
        keystore=folder / "keystore.pem", **names) + MORE.format(**names))
    broker.env.update(
        KAFKA_MORE=str(folder / "more"),
        KAFKA_USERS=" ".join(f"{m}=[name={USER},password={PASSWORD}]"
                             for m in ("SCRAM-SHA-256", "SCRAM-SHA-512")))
    broker.do("start")
    produce(broker, "sales")
    yield broker
    broker.do("stop")


def model(secure, folder, properties, brokers=None):
    text = source(secure, "sales", properties)
    return freshet.sales_model(
        folder, source=text.replace(secure.secure, brokers or secure.secure))


def assert_nothing_shown(server, *secrets):
    """Also not by what somebody may ask for who wants to see it."""
    shown = server.log_path.read_text(errors="replace")
    for path in ROUTES:
        shown += server.get(path)[1].decode(errors="replace")
    for path, body in (
            ("/api/v1/datasets/sales/validate", {"sample": 1}),
            ("/api/v1/query", {"sql": "EXPLAIN PLAN FOR SELECT * FROM sales"}),
            ("/ingest/sales", EVENT)):
        shown += server.request("POST", path, body, timeout=60)[2].decode()
    for secret in secrets:
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown


def assert_told(server, *words):
    """State, readiness, a line of the log, and the metric."""
    assert_waits(server, *words)
    reasons = json.loads(server.get("/readyz")[1])["reasons"]
    assert all(word in reasons[0].lower() for word in words), reasons
    logged = [json.loads(line) for line in server.log().splitlines()
              if line.startswith("{") and line.endswith("}")]
    assert any(line["level"] != "info" and
               all(word in line["message"].lower() for word in words)
               for line in logged), logged
    metrics = server.get("/metrics")[1].decode()
    assert 'freshet_ingestion_up{dataset="sales"} 0' in metrics


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256",
                                       "SCRAM-SHA-512"])
def test_a_wrong_password(secure, tmp_path, mechanism):
    folder = model(secure, tmp_path / "m", login(secure, mechanism))
    with freshet.Server(folder, tmp_path / "d",
                        env={"KAFKA_PASSWORD": WRONG}) as server:
        assert_told(server, "authentication failed")
        assert_nothing_shown(server, WRONG)


def plain_tls(secure, **more):
    return {"security.protocol": "SSL",
            "ssl.ca.location": str(secure.folder / "root.pem"), **more}


@pytest.mark.parametrize("what, words", [
    ("root", ["certificate verify failed"]),
    ("host", ["certificate verify failed"]),
    ("expired", ["certificate verify failed"]),
    ("no certificate of the client", ["ssl"])])
def test_who_is_not_trusted(secure, tmp_path, what, words):
    port = secure.secure.split(":")[1]
    properties, brokers = {
        "root": (login(secure, "PLAIN", "other"), secure.secure),
        "host": (login(secure, "PLAIN"), f"localhost:{port}"),
        "expired": (plain_tls(secure), secure.expired),
        "no certificate of the client": (plain_tls(secure), secure.mutual),
    }[what]
    folder = model(secure, tmp_path / "m", properties, brokers)
    with freshet.Server(folder, tmp_path / "d",
                        env={"KAFKA_PASSWORD": PASSWORD}) as server:
        assert_told(server, *words)
        assert_nothing_shown(server, PASSWORD)


def test_a_client_with_a_certificate(secure, tmp_path):
    files = {f"ssl.{name}.location": str(secure.folder / f"client.{end}")
             for name, end in (("certificate", "pem"), ("key", "key"))}
    rows = 3
    produce(secure, "sales", 0)
    folder = model(secure, tmp_path / "m", plain_tls(secure, **files),
                   secure.mutual)
    with freshet.Server(folder, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("sales") >= rows, 30,
                           what=server.log)


def test_tokens_run_out_while_their_server_is_away(secure, tmp_path):
    with token_server(secure.folder) as url:
        folder = model(secure, tmp_path / "m", oauth(secure, url))
        with freshet.Server(folder, tmp_path / "d",
                            env={"CLIENT_SECRET": CLIENT_SECRET}) as server:
            freshet.wait_until(lambda: server.rows("sales") >= 3, 30,
                               what=server.log)
            before = server.rows("sales")
            TokenServer.away = True
            time.sleep(6)  # a token lives for four
            # The connections die with the broker; nobody gets in again.
            secure.do("kill")
            secure.do("start")
            # Its partitions are known: this is trouble of one that runs.
            freshet.wait_until(
                lambda: (p := server.json("/api/v1/ingestion/sales"))["state"] in
                ("degraded", "waiting") and "token" in p["error"] and
                "503" in p["error"], 30, what=server.log)
            assert server.get("/readyz")[0] == 503
            TokenServer.away = False
            produce(secure, "sales", 2)
            freshet.wait_until(lambda: server.rows("sales") == before + 2, 60,
                               what=server.log)
            freshet.wait_until(lambda: server.json(
                "/api/v1/ingestion/sales")["state"] == "running")
            assert_nothing_shown(server, CLIENT_SECRET)
