"""The same files from real servers: FTP, also by TLS (pyftpdlib), SFTP, S3
(moto)."""
import contextlib
import json
import getpass
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from pyftpdlib import handlers
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.servers import FTPServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kafka"))
import freshet  # noqa: E402
from security_test import make_certificates  # noqa: E402
from files_test import (  # noqa: E402
    by_file, keeps_files_of_one_name, lines, put, stock_model)

MOTO = pathlib.Path(sys.executable).parent / "moto_server"


@contextlib.contextmanager
def ftp_server(tmp_path, scheme, **members):
    """Scheme and port, the folder, and what a definition says besides. The
    server's handler has `members`."""
    kind, more = handlers.FTPHandler, ""
    if scheme == "ftps":
        make_certificates(tmp_path)
        kind, more = handlers.TLS_FTPHandler, f", ca_file: {tmp_path}/root.pem"
        members.update(certfile=str(tmp_path / "keystore.pem"),
                       tls_control_required=True, tls_data_required=True)
    root = tmp_path / "ftp"
    (root / "drop").mkdir(parents=True)
    authorizer = DummyAuthorizer()
    authorizer.add_user("till", "se:cret", str(root), perm="elradfmwMT")
    authorizer.add_user("guest", "guest", str(root), perm="elr")
    handler = type("Handler", (kind,), {"authorizer": authorizer, **members})
    server = FTPServer(("127.0.0.1", 0), handler)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.serve_forever(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"{scheme}://127.0.0.1:{server.address[1]}", root / "drop", more
    stop.set()
    thread.join()
    server.close_all()


@pytest.fixture(params=["ftp", "ftps"])
def ftp(tmp_path, request):
    with ftp_server(tmp_path, request.param) as server:
        yield server


@pytest.mark.parametrize("after", ["delete", "move"])
def test_ftp_leaves_what_came_after_the_file_that_was_read(tmp_path, after):
    """The supplier's next file comes just behind the last byte of this one."""
    sent, second = [], lines("b", 3)

    def on_file_sent(_, path):
        sent.append(path)
        if len(sent) == 1:
            put(pathlib.Path(path).parent, "a.jsonl", second)

    with ftp_server(tmp_path, "ftp", on_file_sent=on_file_sent) as (
            address, drop, _):
        put(drop, "a.jsonl", lines("a", 3))
        os.utime(drop / "a.jsonl", (time.time() - 5,) * 2)
        model = stock_model(
            tmp_path / "m", f"{address}/drop/*.jsonl",
            'user: till, password: "${env:FTP_PASSWORD}", after: ' + after)
        with freshet.Server(model, tmp_path / "d",
                            env={"FTP_PASSWORD": "se:cret"}) as server:
            freshet.wait_until(lambda: not (drop / "a.jsonl").exists(),
                               what=server.log)
            assert server.rows("stock WHERE sku LIKE 'b-%'") == 3
            if after == "move":
                assert (drop / "done/a.jsonl").read_text() == second
            freshet.wait_until(lambda: server.json("/api/v1/ingestion/stock")[
                "state"] == "running", what=server.log)


def test_ftp_files_once_then_moved(tmp_path, ftp):
    address, drop, more = ftp
    model = stock_model(
        tmp_path / "m", f"{address}/drop/*.jsonl",
        'user: till, password: "${env:FTP_PASSWORD}", after: move' + more)
    put(drop, "ä b.jsonl", lines("a", 500))
    put(drop, "other.txt", "no")
    with freshet.Server(model, tmp_path / "d",
                        env={"FTP_PASSWORD": "se:cret"}) as server:
        freshet.wait_until(lambda: server.rows("stock") == 500, what=server.log)
        freshet.wait_until(lambda: (drop / "done" / "ä b.jsonl").exists(),
                           what="moved")
        server.kill()
        put(drop, "c.jsonl", lines("c", 300))
        server.start()
        freshet.wait_until(lambda: server.rows("stock") == 800, what=server.log)
        assert by_file(server) == {"ä b.jsonl": 500, "c.jsonl": 300}
        assert "se:cret" not in server.log()
        # Rows are there before their file is moved.
        freshet.wait_until(
            lambda: sorted(p.name for p in drop.iterdir()) ==
            ["done", "other.txt"], what="moved")
        freshet.wait_until(
            lambda: not list((tmp_path / "d/fetched/stock").glob("*")),
            what="what was fetched is gone")


def test_ftp_keeps_files_of_one_name(tmp_path, ftp):
    address, drop, more = ftp
    model = stock_model(
        tmp_path / "m", f"{address}/drop/*.jsonl",
        'user: till, password: "${env:FTP_PASSWORD}", after: move' + more)
    with freshet.Server(model, tmp_path / "d",
                        env={"FTP_PASSWORD": "se:cret"}) as server:
        keeps_files_of_one_name(server, drop)


def test_ftp_says_that_files_cannot_be_put_away(tmp_path, ftp):
    address, drop, more = ftp
    model = stock_model(
        tmp_path / "m", f"{address}/drop/*.jsonl",
        'user: guest, password: "${env:FTP_PASSWORD}", after: delete' + more)
    put(drop, "a.jsonl", lines("a", 5))
    with freshet.Server(model, tmp_path / "d",
                        env={"FTP_PASSWORD": "guest"}) as server:
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["state"] ==
            "degraded" and p, what=server.log)
        assert "put away" in progress["error"], progress
        assert "DELE a.jsonl" in progress["error"], progress
        assert server.rows("stock") == 5
        (drop / "a.jsonl").unlink()
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/stock")[
            "state"] == "running", what=server.log)


def test_a_server_that_is_away_is_waited_for(tmp_path):
    port = freshet.free_port()
    model = stock_model(tmp_path / "m", f"ftp://127.0.0.1:{port}/drop/*",
                        "user: u, password: \"${env:FTP_PASSWORD}\"")
    with freshet.Server(model, tmp_path / "d",
                        env={"FTP_PASSWORD": "p"}) as server:
        state = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["state"] ==
            "waiting" and p, what="waiting")
        assert f"127.0.0.1:{port}" in state["error"]
        assert server.request("GET", "/readyz")[0] == 503


@pytest.fixture
def sftp(tmp_path):
    folder = tmp_path / "ssh"
    (folder / "drop").mkdir(parents=True)
    for name in ["host", "user"]:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        folder / name], check=True)
    port = freshet.free_port()
    (folder / "keys").write_text((folder / "user.pub").read_text())
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"PidFile {folder}/pid\nAuthorizedKeysFile {folder}/keys\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n")
    kind, key, *_ = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", folder / "config"])
    yield folder, port
    server.terminate()
    server.wait()


def test_sftp_files_once_then_moved(tmp_path, sftp):
    folder, port = sftp
    drop = folder / "drop"
    more = (f"user: {getpass.getuser()}, key_file: {folder}/user, "
            f"known_hosts: {folder}/known, after: move")
    model = stock_model(tmp_path / "m",
                        f"sftp://127.0.0.1:{port}{drop}/*.jsonl", more)
    put(drop, "a b.jsonl", lines("a", 400))
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("stock") == 400, what=server.log)
        freshet.wait_until(lambda: (drop / "done" / "a b.jsonl").exists(),
                           what="moved")
        # Another host key: nothing is read from who knows whom. An open
        # connection has shown its key.
        server.stop()
        (folder / "known").write_text((folder / "known").read_text().replace(
            (folder / "host.pub").read_text().split()[1],
            (folder / "user.pub").read_text().split()[1]))
        put(drop, "b.jsonl", lines("b", 10))
        server.start()
        state = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["state"] ==
            "waiting" and p, what="waiting")
        assert "sftp://" in state["error"] and server.rows("stock") == 400


def test_sftp_keeps_files_of_one_name(tmp_path, sftp):
    folder, port = sftp
    more = (f"user: {getpass.getuser()}, key_file: {folder}/user, "
            f"known_hosts: {folder}/known, after: move")
    model = stock_model(tmp_path / "m",
                        f"sftp://127.0.0.1:{port}{folder}/drop/*.jsonl", more)
    with freshet.Server(model, tmp_path / "d") as server:
        keeps_files_of_one_name(server, folder / "drop")


def s3_request(url, method="GET", body=None):
    request = urllib.request.Request(url, data=body, method=method, headers={
        "Content-Type": "application/octet-stream",  # no form, as by default
        "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/"
                         "aws4_request, SignedHeaders=host, Signature=0"})
    with urllib.request.urlopen(request) as reply:
        return reply.read()


def test_s3_over_several_pages(tmp_path):
    port = freshet.free_port()
    moto = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)],
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"

        def up():
            try:
                return s3_request(base + "/moto-api/data.json")
            except OSError:
                return False
        freshet.wait_until(up, 60, what="moto")
        s3_request(base + "/drops", "PUT")
        names = [f"day {i:04}.jsonl" for i in range(1005)]
        for i, name in enumerate(names):
            path = urllib.request.quote(f"/drops/in/{name}")
            s3_request(base + path, "PUT", lines(name, 1 + i % 3).encode())
        s3_request(base + "/drops/in/deeper/x.jsonl", "PUT", b"{}")
        model = stock_model(
            tmp_path / "m", "s3://drops/in/*.jsonl",
            f"endpoint: '{base}', user: k, password: \"${{env:S3_SECRET}}\", "
            "after: delete")
        with freshet.Server(model, tmp_path / "d",
                            env={"S3_SECRET": "s"}) as server:
            expected = {n: 1 + i % 3 for i, n in enumerate(names)}
            freshet.wait_until(lambda: server.rows("stock") ==
                               sum(expected.values()), 120, what=server.log)
            assert by_file(server) == expected
            freshet.wait_until(
                lambda: b"day" not in s3_request(
                    base + "/drops?list-type=2&prefix=in/"), what="deleted")
            left = s3_request(base + "/drops?list-type=2")
            assert b"deeper/x.jsonl" in left
        model = stock_model(
            tmp_path / "m2", "s3://drops/daily/*.jsonl",
            f"endpoint: '{base}', user: k, password: \"${{env:S3_SECRET}}\", "
            "after: move")
        with freshet.Server(model, tmp_path / "d2",
                            env={"S3_SECRET": "s"}) as server:
            for day in range(3):
                s3_request(base + "/drops/daily/a.jsonl", "PUT",
                           lines(f"d{day}", 5).encode())
                freshet.wait_until(
                    lambda: b"<Key>daily/a.jsonl" not in s3_request(
                        base + "/drops?list-type=2&prefix=daily/"), what="moved")
            assert server.rows("stock") == 15
            assert s3_request(base + "/drops?list-type=2&prefix=daily/done/"
                              ).count(b"<Key>") == 3
    finally:
        moto.terminate()
        moto.wait()
