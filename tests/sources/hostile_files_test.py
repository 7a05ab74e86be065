"""Files and servers as an attacker, or a careless colleague, would have them."""
import gzip
import http.server
import os
import pathlib
import sys
import threading
import time

import pytest
import zstandard

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from files_test import STOCK, by_file, lines, put, stock_model  # noqa: E402
from remote_test import sftp  # noqa: E402,F401

PROGRESS = "/api/v1/ingestion/stock"


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def told(server, *words):
    """Once the state is degraded by an error with these words."""
    return freshet.wait_until(
        lambda: (p := server.json(PROGRESS))["state"] == "degraded" and
        all(word in p["error"] for word in words) and p, 60,
        what=lambda: server.json(PROGRESS))


def test_links_that_lead_out_of_the_folder(tmp_path, drop):
    """Who may write to the folder must not read what the server may read."""
    secret = tmp_path / "secret.jsonl"
    secret.write_text("root:s3cret:0\n" + lines("x", 5))
    model = stock_model(tmp_path / "m", drop / "*.jsonl")
    os.symlink(secret, drop / "a.jsonl")
    os.symlink("../secret.jsonl", drop / "b.jsonl")
    # As Kubernetes mounts a ConfigMap.
    (drop / "..data").mkdir()
    (drop / "..data/in.jsonl").write_text(lines("in", 3))
    os.symlink("..data/in.jsonl", drop / "in.jsonl")
    os.symlink(drop / "nowhere.jsonl", drop / "broken.jsonl")
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: by_file(server) == {"in.jsonl": 3},
                           what=server.log)
        error = told(server, "link that leads out")["error"]
        assert "a.jsonl" in error or "b.jsonl" in error
        assert server.json(PROGRESS + "/dead-letters")["total"] == 0
        assert "s3cret" not in server.log()
        (drop / "a.jsonl").unlink()
        (drop / "b.jsonl").unlink()
        freshet.wait_until(lambda: server.json(PROGRESS)["state"] == "running")


def test_odd_names(tmp_path, drop):
    names = ["line\nend.jsonl", "tab\t'\".jsonl", "äß–漢.jsonl",
             "-rf .jsonl", "a..b.jsonl", "%2e%2e%2f.jsonl", "x" * 245 + ".jsonl"]
    model = stock_model(tmp_path / "m", drop / "*.jsonl", "after: move")
    with freshet.Server(model, tmp_path / "d") as server:
        for name in names:
            put(drop, name, lines("n", 2) if len(name) < 200 else lines("n", 2))
        raw = os.fsencode(drop) + b"/\xff\xfe.jsonl"
        with open(raw, "w") as file:
            file.write(lines("n", 2))
        put(drop, "..jsonl", lines("no", 9))  # a dot in front: on its way
        freshet.wait_until(
            lambda: server.rows("stock") == 2 * (len(names) + 1), what=server.log)
        found = by_file(server)
        assert all(found[name] == 2 for name in names), found
        freshet.wait_until(
            lambda: [p.name for p in drop.iterdir() if p.is_file()] == ["..jsonl"],
            what="moved")
        assert server.json(PROGRESS)["state"] == "running"


def test_a_file_that_is_written_to_while_it_is_read(tmp_path, drop):
    """Each content counts whole and once, or not at all."""
    count = 600_000

    def content(version):
        return lines(version, count).encode()
    first, second = content("v1"), content("v2")
    assert len(first) == len(second)
    model = stock_model(tmp_path / "m", drop / "*.jsonl")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "x.jsonl", first)
        time.sleep(0.4)
        with open(drop / "x.jsonl", "r+b") as file:
            file.write(second)

        def versions():
            return {r["v"]: r["n"] for r in server.sql(
                "SELECT SUBSTRING(sku, 1, 2) AS v, COUNT(*) AS n FROM stock "
                "GROUP BY 1")}
        freshet.wait_until(lambda: versions().get("v2", 0) >= count, 60,
                           what=server.log)
        time.sleep(1)
        found = versions()
        assert found["v2"] == count and found.get("v1", count) == count, found
        freshet.wait_until(lambda: server.json(PROGRESS)["state"] == "running")


@pytest.mark.parametrize("ending, pack", [
    (".gz", gzip.compress), (".zst", zstandard.compress)])
@pytest.mark.parametrize("filling", [b"0", b"\n", b" ", b"\0", b'{"ts":'])
def test_bombs(tmp_path, drop, ending, pack, filling):
    """300 MB out of very little: memory stays bounded, the next file comes."""
    model = stock_model(tmp_path / "m", drop / "*")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "bomb.jsonl" + ending, pack(filling * (300_000_000 //
                                                         len(filling))))
        put(drop, "c.jsonl", lines("c", 5))
        freshet.wait_until(lambda: by_file(server).get("c.jsonl") == 5, 120,
                           what=server.log)
        assert server.peak_bytes() < 600 << 20


def test_the_end_does_not_wait_for_a_large_file(tmp_path, drop):
    model = stock_model(tmp_path / "m", drop / "*")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "large.jsonl.gz", gzip.compress(
            lines("l", 1000).encode() * 20_000, 1))
        time.sleep(2)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 10
        server.start()
        assert server.rows("stock") == 0
        server.kill()


class Endless(http.server.BaseHTTPRequestHandler):
    """Lists a file of 100 bytes and sends more than that, or one byte now and
    then; or a listing that never ends."""
    protocol_version = "HTTP/1.0"
    slow, pages = False, False

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            if "list-type" not in self.path:
                while True:
                    self.wfile.write(b"\n" * (1 if self.slow else 65536))
                    time.sleep(0.2 if self.slow else 0)
            name = os.urandom(100_000).hex() if self.pages else "x.jsonl"
            self.wfile.write(
                b"<ListBucketResult><IsTruncated>%s</IsTruncated>"
                b"<NextContinuationToken>t</NextContinuationToken><Contents>"
                b"<Key>in/%s</Key><Size>100</Size><ETag>1</ETag></Contents>"
                b"</ListBucketResult>" %
                (b"true" if self.pages else b"false", name.encode()))
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def endless():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Endless.slow = Endless.pages = False
    yield f"endpoint: 'http://127.0.0.1:{server.server_address[1]}'"
    server.shutdown()


def test_a_server_that_sends_without_end(tmp_path, endless):
    model = stock_model(tmp_path / "m", "s3://drops/in/*.jsonl", endless)
    with freshet.Server(model, tmp_path / "d") as server:
        told(server, "changed while it was fetched")
        fetched = list((tmp_path / "d/fetched/stock").glob("*"))
        assert sum(p.stat().st_size for p in fetched) <= 100
        # One that sends hardly anything does not hold up the end.
        Endless.slow = True
        time.sleep(3)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 10


def test_a_lookup_of_such_a_server(tmp_path, endless):
    Endless.slow = True
    model = freshet.write_model(tmp_path / "m", {"lookups/titles.yaml": f"""\
lookup: titles
key: sku
source: {{ files: {{ path: "s3://drops/in/*.jsonl", poll: 100ms, {endless} }} }}
columns:
  - {{ name: sku, type: string }}
  - {{ name: title, type: string }}
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: [p for p in (tmp_path / "d").rglob("*")
                                    if p.suffix == ".jsonl"], what=server.log)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 10


def test_a_listing_without_end(tmp_path, endless):
    Endless.pages = True
    model = stock_model(tmp_path / "m", "s3://drops/in/*.jsonl", endless)
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: "listing is larger" in server.json(
            PROGRESS).get("error", ""), 120, what=server.log)
        assert server.peak_bytes() < 1200 << 20


def test_names_in_commands_of_sftp(tmp_path, sftp):  # noqa: F811
    folder, port = sftp
    model = stock_model(
        tmp_path / "m", f"sftp://127.0.0.1:{port}{folder}/drop/*.jsonl",
        f"user: {os.environ.get('USER', 'root')}, key_file: {folder}/user, "
        f"known_hosts: {folder}/known, after: move")
    names = ['a" "b.jsonl', "back\\slash.jsonl", "*.jsonl", "ü '.jsonl"]
    for name in names:
        put(folder / "drop", name, lines("a", 2))
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("stock") == 8, what=server.log)
        freshet.wait_until(
            lambda: sorted(p.name for p in (folder / "drop/done").glob("*")) ==
            sorted(names), what=lambda: server.json(PROGRESS))


def test_what_a_definition_must_not_say(tmp_path):
    for path, more, why in [
            ("sftp://127.0.0.1/drop/*", "user: u, key_file: /k", "known_hosts"),
            ("ftp://till:s3cret@127.0.0.1/drop/*", "after: keep", "names a user"),
            ("s3://b/*", "password: s3cret", "reference to a secret")]:
        model = stock_model(tmp_path / "m", path, more)
        done = freshet.run("validate", model)
        assert done.returncode == 1 and why in done.stdout, done.stdout
        assert "s3cret" not in done.stdout + done.stderr


def test_two_datasets_that_take_each_other_the_files(tmp_path):
    drop = tmp_path / "drop"

    def validated(first, second, other=drop / "*"):
        folder = tmp_path / "m"
        stock_model(folder, drop / "*", first)
        text = STOCK.format(path=other, more=second, time="ts", sku="sku",
                            poll="1s").replace("dataset: stock", "dataset: twin")
        (folder / "datasets/twin.yaml").write_text(text)
        done = freshet.run("validate", folder)
        return done.returncode, done.stdout
    for ways in [("after: move", "after: delete"), ("after: keep", "after: move"),
                 ("after: delete", "after: keep")]:
        code, told = validated(*ways, other=f"{drop}/../drop/*")
        assert code == 1 and "twin.yaml:2" in told, told
        assert "dataset 'twin' and dataset 'stock' have the same files" in told
    assert validated("after: keep", "after: keep")[0] == 0
    assert validated("after: move", "after: move", other=drop / "*.csv")[0] == 0
