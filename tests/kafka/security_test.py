"""A broker that wants TLS and a login: PLAIN, SCRAM, and OAUTHBEARER with tokens
that Freshet fetches itself. What is wrong is said; no secret is shown."""
import base64
import contextlib
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest
from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from conftest import Broker  # noqa: E402

USER, PASSWORD = "alice", "alice-s3cret"
CLIENT, CLIENT_SECRET = "freshet client", "t0ken:s3cret&"
EVENT = json.dumps({"ts": "2026-11-01T10:00:00Z", "store": "S1", "qty": 1,
                    "price": "2.50"})
MECHANISMS = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
MODULE = "org.apache.kafka.common.security"
SETTINGS = """
listeners=PLAINTEXT://{plain},CONTROLLER://127.0.0.1:{controller},SECURE://{secure}
advertised.listeners=PLAINTEXT://{plain},SECURE://{secure}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
sasl.enabled.mechanisms={mechanisms}
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
listener.name.secure.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.secure.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.secure.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
"""


def make_certificates(folder):
    """A root, and a certificate of 127.0.0.1 by it; and another root."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, cwd=folder,
                       capture_output=True)
    for root in ("root", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 3,
                "-subj", f"/CN={root}", "-keyout", f"{root}.key", "-out",
                f"{root}.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker",
            "-keyout", "broker.key", "-out", "broker.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-days", 3, "-in", "broker.csr", "-CA", "root.pem",
            "-CAkey", "root.key", "-CAcreateserial", "-extfile", "names",
            "-out", "broker.pem")
    (folder / "keystore.pem").write_text(
        (folder / "broker.key").read_text() + (folder / "broker.pem").read_text())


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secure")
    make_certificates(folder)
    broker = Broker(folder / "data")
    host = broker.address.split(":")[0]
    broker.secure = f"{host}:{freshet.free_port()}"
    broker.folder = folder
    (folder / "more").write_text(SETTINGS.format(
        plain=broker.address, controller=broker.controller, secure=broker.secure,
        mechanisms=MECHANISMS, module=MODULE, user=USER, password=PASSWORD,
        keystore=folder / "keystore.pem"))
    broker.env.update(
        KAFKA_MORE=str(folder / "more"),
        KAFKA_USERS=" ".join(f"{m}=[name={USER},password={PASSWORD}]"
                             for m in ("SCRAM-SHA-256", "SCRAM-SHA-512")))
    broker.do("start")
    yield broker
    broker.do("stop")


def produce(broker, topic, count=3):
    producer = Producer({"bootstrap.servers": broker.address})
    for _ in range(count):
        producer.produce(topic, EVENT)
    assert producer.flush(20) == 0


def source(broker, topic, properties):
    text = ", ".join(f"{name}: '{value}'" for name, value in properties.items())
    return (f"{{ kafka: {{ brokers: '{broker.secure}', topic: {topic}, "
            f"properties: {{ {text} }} }} }}")


def tls(broker, root="root"):
    return {"security.protocol": "SASL_SSL",
            "ssl.ca.location": str(broker.folder / f"{root}.pem")}


def login(broker, mechanism, root="root"):
    return {**tls(broker, root), "sasl.mechanism": mechanism,
            "sasl.username": USER, "sasl.password": "${env:KAFKA_PASSWORD}"}


def assert_nothing_shown(server, *secrets):
    shown = server.log_path.read_text(errors="replace")
    for path in ("/api/v1/ingestion/sales", "/api/v1/datasets/sales", "/readyz",
                 "/metrics", "/api/v1/lineage/sales"):
        shown += server.get(path)[1].decode()
    for secret in secrets:
        assert secret not in shown


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256",
                                       "SCRAM-SHA-512"])
def test_a_login_by_user_and_password_over_tls(secure, tmp_path, mechanism):
    topic = "sales." + mechanism.lower()
    produce(secure, topic)
    model = freshet.sales_model(
        tmp_path / "m", source=source(secure, topic, login(secure, mechanism)))
    env = {"KAFKA_PASSWORD": PASSWORD}
    with freshet.Server(model, tmp_path / "d", env=env) as server:
        freshet.wait_until(lambda: server.rows("sales") == 3, 30,
                           what=server.log())
        # Posting logs in, too.
        status, _, body = server.request("POST", "/ingest/sales", EVENT)
        assert status == 200, body
        freshet.wait_until(lambda: server.rows("sales") == 4)
        assert_nothing_shown(server, PASSWORD)


def assert_waits(server, *words):
    def waiting():
        progress = server.json("/api/v1/ingestion/sales")
        error = progress.get("error", "")
        return progress["state"] == "waiting" and \
            all(word in error.lower() for word in words) and error
    freshet.wait_until(waiting, 30, what=f"{words}: " +
                       server.get("/api/v1/ingestion/sales")[1].decode())
    assert server.get("/readyz")[0] == 503


def encoded(value):
    text = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    return text.rstrip("=")


class TokenServer(http.server.BaseHTTPRequestHandler):
    """OAuth 2, client credentials; tokens as the broker's own validator of
    unsigned ones takes them, valid for four seconds."""
    asked, away = [], False

    def do_POST(self):
        form = urllib.parse.parse_qs(
            self.rfile.read(int(self.headers["Content-Length"])).decode())
        user, password = base64.b64decode(
            self.headers["Authorization"].split()[1]).decode().split(":")
        known = (urllib.parse.unquote(user), urllib.parse.unquote(password)) == \
            (CLIENT, CLIENT_SECRET)
        TokenServer.asked.append(form)
        self.send_response(503 if TokenServer.away else 200 if known else 401)
        self.end_headers()
        now = int(time.time())
        token = f"{encoded({'alg': 'none'})}." + encoded(
            {"sub": USER, "iat": now, "exp": now + 60}) + "."
        self.wfile.write(json.dumps(
            {"access_token": token, "token_type": "bearer",
             "expires_in": 4}).encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def token_server(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenServer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.pem", folder / "broker.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    TokenServer.asked, TokenServer.away = [], False
    yield f"https://127.0.0.1:{server.server_address[1]}/token"
    server.shutdown()


def oauth(secure, url, secret="CLIENT_SECRET", root="root"):
    names = {"token.endpoint.url": url, "client.id": CLIENT, "method": "oidc",
             "client.secret": f"${{env:{secret}}}", "scope": "kafka read"}
    return {**tls(secure), "sasl.mechanism": "OAUTHBEARER",
            "https.ca.location": str(secure.folder / f"{root}.pem"),
            **{f"sasl.oauthbearer.{n}": v for n, v in names.items()}}


def test_tokens_are_fetched_and_renewed(secure, tmp_path):
    produce(secure, "by.token")
    with token_server(secure.folder) as url:
        model = freshet.sales_model(tmp_path / "m", source=source(
            secure, "by.token", oauth(secure, url)))
        env = {"CLIENT_SECRET": CLIENT_SECRET}
        with freshet.Server(model, tmp_path / "d", env=env) as server:
            freshet.wait_until(lambda: server.rows("sales") == 3, 30,
                               what=server.log())
            assert TokenServer.asked[0] == {
                "grant_type": ["client_credentials"], "scope": ["kafka read"]}
            # Renewed before it expires, while the stream goes on.
            first = len(TokenServer.asked)
            freshet.wait_until(lambda: len(TokenServer.asked) >= first + 2, 20)
            produce(secure, "by.token", 2)
            freshet.wait_until(lambda: server.rows("sales") == 5)
            assert_nothing_shown(server, CLIENT_SECRET)


def test_a_token_server_that_refuses_is_named(secure, tmp_path):
    with token_server(secure.folder) as url:
        model = freshet.sales_model(tmp_path / "m", source=source(
            secure, "by.token", oauth(secure, url)))
        with freshet.Server(model, tmp_path / "d",
                            env={"CLIENT_SECRET": "wr0ng"}) as server:
            assert_waits(server, "token", "401")
            assert_nothing_shown(server, "wr0ng")


def test_a_token_server_with_another_certificate_gets_no_secret(secure,
                                                                tmp_path):
    with token_server(secure.folder) as url:
        model = freshet.sales_model(tmp_path / "m", source=source(
            secure, "by.token", oauth(secure, url, root="other")))
        with freshet.Server(model, tmp_path / "d",
                            env={"CLIENT_SECRET": CLIENT_SECRET}) as server:
            assert_waits(server, "token", "certificate")
            assert TokenServer.asked == []
