"""Places that want a login: what is wrong is said, no secret is shown, and none
is given to who is not trusted."""
import contextlib
import getpass
import json
import os
import pathlib
import socketserver
import ssl
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kafka"))
import freshet  # noqa: E402
from files_test import stock_model  # noqa: E402
from remote_test import MOTO, s3_request, sftp  # noqa: E402,F401
from security_test import make_certificates  # noqa: E402

PROGRESS = "/api/v1/ingestion/stock"
WRONG = "wr0ng-s3cret"


class FtpLogin(socketserver.StreamRequestHandler):
    """An FTP server as far as the login, which it refuses; with TLS if it has a
    certificate."""
    certificate, heard = None, []

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 here")
        answers = {"USER": "331 password?", "PASS": "530 Login denied.",
                   "PBSZ": "200 ok", "PROT": "200 ok"}
        while line := self.rfile.readline().decode().split():
            FtpLogin.heard.append(line[0])
            if line[0] == "AUTH" and self.certificate:
                self.say("234 go on")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate)
                try:
                    tls = context.wrap_socket(self.request, server_side=True)
                except OSError:
                    return
                self.rfile, self.wfile = tls.makefile("rb"), tls.makefile(
                    "wb", buffering=0)
            else:
                self.say(answers.get(line[0], "500 what?"))


@contextlib.contextmanager
def ftp_server(certificate):
    FtpLogin.certificate, FtpLogin.heard = certificate, []
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), FtpLogin)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def assert_waits(server, *words):
    progress = freshet.wait_until(
        lambda: (p := server.json(PROGRESS))["state"] == "waiting" and p, 40,
        what=lambda: server.json(PROGRESS))
    assert any(word in progress["error"].lower() for word in words), progress
    assert progress["last_errors"][0]["reason"] == "waiting"
    assert server.get("/readyz")[0] == 503
    assert 'freshet_ingestion_up{dataset="stock"} 0' in \
        server.get("/metrics")[1].decode()
    assert any(json.loads(line)["level"] != "info"
               for line in server.log().splitlines() if line.startswith("{"))
    shown = server.log_path.read_text() + "".join(
        server.get(path)[1].decode() for path in (
            PROGRESS, "/api/v1/datasets/stock", "/readyz", "/api/v1/lineage",
            "/api/v1/audit"))
    assert WRONG not in shown


@pytest.mark.parametrize("scheme, what, words, login", [
    ("ftp", "password", ["denied"], True),
    ("ftps", "password", ["denied"], True),
    ("ftps", "root", ["certificate"], False),
    ("ftps", "host", ["certificate", "subject"], False),
    ("ftps", "no TLS", ["ssl", "tls"], False)])
def test_ftp_that_lets_nobody_in(tmp_path, scheme, what, words, login):
    """Nobody who is not trusted gets user and password."""
    make_certificates(tmp_path)
    has_tls = scheme == "ftps" and what != "no TLS"
    more = 'user: till, password: "${env:PASSWORD}"'
    if scheme == "ftps":
        root = "other.pem" if what == "root" else "root.pem"
        more += f", ca_file: {tmp_path / root}"
    host = "localhost" if what == "host" else "127.0.0.1"
    with ftp_server(tmp_path / "keystore.pem" if has_tls else None) as port:
        model = stock_model(tmp_path / "m", f"{scheme}://{host}:{port}/drop/*",
                            more)
        with freshet.Server(model, tmp_path / "d",
                            env={"PASSWORD": WRONG}) as server:
            assert_waits(server, *words)
        assert ("PASS" in FtpLogin.heard) == login, FtpLogin.heard
        assert ("USER" in FtpLogin.heard) == login, FtpLogin.heard


def test_sftp_with_a_key_that_is_not_known(tmp_path, sftp):  # noqa: F811
    folder, port = sftp
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                    folder / "stranger"], check=True)
    model = stock_model(
        tmp_path / "m", f"sftp://127.0.0.1:{port}{folder}/drop/*",
        f"user: {getpass.getuser()}, key_file: {folder}/stranger, "
        f"known_hosts: {folder}/known")
    with freshet.Server(model, tmp_path / "d") as server:
        assert_waits(server, "authentication", "login", "denied")


def test_s3_with_wrong_credentials(tmp_path):
    port = freshet.free_port()
    base = f"http://127.0.0.1:{port}"
    moto = subprocess.Popen(
        [MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1"})
    try:
        def up():
            try:
                return s3_request(base + "/moto-api/data.json")
            except OSError:
                return False
        freshet.wait_until(up, 60, what="moto")
        s3_request(base + "/drops", "PUT")
        model = stock_model(
            tmp_path / "m", "s3://drops/in/*.jsonl",
            f"endpoint: '{base}', user: AKIAIOSFODNN7EXAMPLE, "
            "password: \"${env:PASSWORD}\"")
        with freshet.Server(model, tmp_path / "d",
                            env={"PASSWORD": WRONG}) as server:
            assert_waits(server, "403")
    finally:
        moto.terminate()
        moto.wait()
