"""How the server begins and ends: addresses, files that nobody needs, requests
that never came whole."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


def serve(tmp_path, listen):
    return freshet.run("serve", "--model", freshet.sales_model(tmp_path / "m"),
                       "--data", tmp_path / "d", "--listen", listen)


def test_what_is_no_address_is_said_so(tmp_path):
    for listen in ("foo", "foo:", "127.0.0.1", "127.0.0.1:http", ":99999"):
        done = serve(tmp_path, listen)
        assert done.returncode == 1, done
        assert f"HOST:PORT, such as 127.0.0.1:8080, not: {listen}" in \
            done.stderr, done.stderr
    assert not (tmp_path / "d").exists()


def test_a_port_in_use_is_found_before_the_data_is_opened(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", freshet.free_port()))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        done = serve(tmp_path, address)
    assert done.returncode == 3, done
    assert "cannot listen, Address already in use: " + address in done.stderr
    assert not (tmp_path / "d").exists()


def test_thousands_of_orphans_do_not_keep_the_port_shut(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    event = {"ts": "2026-11-01T10:00:00Z", "qty": 1}
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [event])
        freshet.wait_until(lambda: server.rows("sales") == 1)
        assert server.stop() == 0
        folder = tmp_path / "d/segments/sales"
        good, = folder.glob("*.seg")
        start, number = good.stem.rsplit("_", 1)
        for n in range(1, 4001):
            (folder / f"{start}_{int(number) + n}.seg").write_bytes(b"orphan")
        server.start()
        # The id of the next segment is that of no orphan.
        server.ingest("sales", [event])
        freshet.wait_until(lambda: server.rows("sales") == 2)
        status, _, body = server.request("POST", "/api/v1/ingestion/sales/seal",
                                         {})
        assert status == 200, body
        freshet.wait_until(lambda: len(list(folder.iterdir())) <= 2,
                           what=server.log())
        assert "4000 files that no segment needs were removed" in server.log()
        server.kill()
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 2)
    done = freshet.run("segment", "verify", tmp_path / "d")
    assert done.returncode == 0 and done.stdout.count(": good") >= 1, done


def test_half_sent_requests_do_not_keep_the_server(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        clients = []
        for n in range(300):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(b"POST /ingest/sales HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Length: 100\r\n\r\n{" if n % 2 else
                           b"POST /ingest/sales HTTP/1.1\r\nHo")
            clients.append(client)
        time.sleep(0.3)
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 4, time.monotonic() - begun
        for client in clients:
            client.close()


def test_pages_of_dead_letters(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [{"ts": "no time", "qty": n} for n in range(5)])
        path = "/api/v1/ingestion/sales/dead-letters"
        freshet.wait_until(
            lambda: len(server.json(path)["dead_letters"]) == 5)
        server.request("POST", "/api/v1/ingestion/sales/seal", {})
        page = server.json(path + "?limit=2")
        assert len(page["dead_letters"]) == 2 and page["next"]
        for wrong in ("-1", "0", "1001", "x", "", "2.5", "+3"):
            status, body = server.get(path + "?limit=" + wrong)
            assert status == 400, (wrong, status)
            assert "limit is a whole number from 1 to 1000" in \
                json.loads(body)["error"]["message"]


def test_a_fault_without_a_line_names_none(tmp_path):
    done = freshet.run("serve", "--model", tmp_path / "nope",
                       "--data", tmp_path / "d")
    assert done.returncode == 1, done
    assert ":0:" not in done.stderr
    assert f"\n  there is no model folder '{tmp_path}/nope'" in done.stderr
    model = freshet.sales_model(tmp_path / "m",
                                extra={"roles/x.yaml": "role: x\n"})
    done = freshet.run("serve", "--model", model, "--data", tmp_path / "d")
    assert done.returncode == 1, done
    assert "\n  roles/x.yaml: roles aren't available" in done.stderr
    done = freshet.run("validate", tmp_path / "nope")
    assert done.stdout.startswith(f"{tmp_path}/nope: there is no model folder")


def test_what_insecure_opens_is_said(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    said = "can read and write everything"
    port = freshet.free_port()
    with freshet.Server(model, tmp_path / "d", "--insecure", port=port) as server:
        assert said not in server.log()  # loopback
    for env in ({}, {"FRESHET_TOKEN": "a token of some length"}):
        log = tmp_path / f"open{len(env)}.log"
        server = freshet.Server(model, tmp_path / "e", port=port, log=log)
        listen = ["serve", "--model", model, "--data", tmp_path / "e",
                  "--listen", f"0.0.0.0:{port}", "--insecure"]
        with open(log, "wb") as out:
            server.process = subprocess.Popen(
                [freshet.BINARY, *map(str, listen)], stdout=out, stderr=out,
                env={**os.environ, **env})
        with server:
            freshet.wait_until(server.alive, what=server.log())
            warnings = [json.loads(line) for line in server.log().splitlines()
                        if said in line]
            assert len(warnings) == 1, server.log()
            assert warnings[0]["level"] in ("warn", "warning")
            assert f"0.0.0.0:{port}" in server.log()
            assert "no TLS" in server.log()
            assert ("token" in json.dumps(warnings[0])) == bool(env)


def test_tls_files_are_looked_at_before_anything_starts(tmp_path):
    for name in ("a", "b"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=x", "-keyout", tmp_path / f"{name}.key", "-out",
             tmp_path / f"{name}.pem"], check=True, capture_output=True)
    done = freshet.run(
        "serve", "--model", freshet.sales_model(tmp_path / "m"), "--data",
        tmp_path / "d", "--listen", f"127.0.0.1:{freshet.free_port()}",
        "--tls-certificate", tmp_path / "a.pem", "--tls-key",
        tmp_path / "b.key")
    assert done.returncode == 1, done
    assert "b.key" in done.stderr
    assert not (tmp_path / "d").exists()
