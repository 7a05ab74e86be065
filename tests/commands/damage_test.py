"""Segment files cut short, removed or overwritten under a running server: the
queries that need them fail and say so, all others go on."""
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


def test_a_file_cut_short_under_a_running_server_is_an_error(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    events = [[{"ts": f"2026-11-{day:02}T10:00:{n % 60:02}Z",
                "txn_id": f"t{day}-{n}", "store": f"S{n % 50}",
                "qty": n % 9 + 1, "price": "1.25"} for n in range(20000)]
              for day in (1, 2, 3)]
    with freshet.Server(model, tmp_path / "d") as server:
        for day in events:
            server.ingest("sales", day)
        freshet.wait_until(lambda: server.rows("sales") == 60000)
        assert server.stop() == 0
        server.start()

        def ask(day):
            status, _, body = server.request("POST", "/druid/v2/sql", {
                "query": "SELECT store, SUM(qty) AS q, COUNT(DISTINCT txn_id) "
                         "AS t FROM sales WHERE __time >= TIMESTAMP "
                         f"'2026-11-{day:02} 00:00:00' AND __time < TIMESTAMP "
                         f"'2026-11-{day + 1:02} 00:00:00' GROUP BY store",
                "context": {"useCache": False}})
            return status, json.loads(body)

        right = [ask(day) for day in (1, 2, 3)]
        assert [status for status, _ in right] == [200] * 3
        files = sorted((tmp_path / "d/segments/sales").glob("*.seg"))
        assert len(files) == 3
        for size in (files[0].stat().st_size // 2, 4096, 0):
            with open(files[0], "r+b") as file:
                file.truncate(size)
            for _ in range(3):
                status, body = ask(1)
                if size > 4096 and (status, body) == right[0]:
                    continue  # what it reads is in the part that is left
                assert status >= 400, body
                assert files[0].name in json.dumps(body)
            assert ask(2) == right[1] and ask(3) == right[2]
        files[1].unlink()  # mapped: it goes on answering
        assert ask(2) == right[1]
        assert server.process.poll() is None
        assert server.stop() == 0
        # From now on both are known to be missing.
        server.start()
        for day in (1, 2):
            status, body = ask(day)
            assert status >= 400 and "seg" in json.dumps(body)
        assert ask(3) == right[2]
        listing = server.json("/api/v1/datasets/sales")
        assert len(listing["damaged"]) == 2


CUBE = """\
cubes:
  - { name: stores, dimensions: [store], granularity: day }
"""


def sealed_sales(tmp_path, rows=20000):
    """A stopped server with one segment, its file, and questions."""
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    path.write_text(path.read_text() + CUBE)
    server = freshet.Server(model, tmp_path / "d").start()
    server.ingest("sales", [
        {"ts": f"2026-11-01T10:{n // 60 % 60:02}:{n % 60:02}Z",
         "txn_id": f"t{n}", "store": f"S{n * 7919 % 50}", "qty": n % 9 + 1,
         "channel": "rare" if n % 1000 == 0 else "web",
         "price": f"{n % 977}.25"} for n in range(rows)])
    freshet.wait_until(lambda: server.rows("sales") == rows)
    assert server.stop() == 0
    file, = (tmp_path / "d/segments/sales").glob("*.seg")
    return server, file


def flip(file, at, bits):
    with open(file, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ bits]))


QUESTIONS = [
    "SELECT store, SUM(qty) AS q, SUM(net) AS s FROM sales GROUP BY store "
    "ORDER BY store",
    "SELECT store, COUNT(*) AS n FROM sales WHERE qty > 3 GROUP BY store "
    "ORDER BY store",
    "SELECT FLOOR(__time TO MINUTE) AS m, COUNT(DISTINCT txn_id) AS t FROM "
    "sales GROUP BY 1 ORDER BY 1",
    "SELECT SUM(price) AS p, COUNT(*) AS n FROM sales WHERE channel = 'rare'"]


def ask(server, question):
    status, _, body = server.request("POST", "/druid/v2/sql", {
        "query": question, "context": {"useCache": False}})
    return status, json.loads(body)


def test_bytes_flipped_under_a_running_server_are_errors(tmp_path):
    server, file = sealed_sales(tmp_path)
    with server.start():
        right = [ask(server, q) for q in QUESTIONS]
        assert [status for status, _ in right] == [200] * len(QUESTIONS)
        number = random.Random(5)
        size, errors = file.stat().st_size, 0
        for at in sorted(number.randrange(size) for _ in range(60)):
            bits = 1 << number.randrange(8)
            flip(file, at, bits)
            bad = False
            for question, good in zip(QUESTIONS, right):
                answer = ask(server, question)
                if answer == good:
                    continue
                bad = True
                assert answer[0] == 503, (at, answer, good)
                assert answer[1]["errorCode"] == "legacyQueryException"
                assert file.name in answer[1]["errorMessage"], answer
            if bad:
                errors += 1
                status, body = server.get("/readyz")
                assert status == 503 and file.name in body.decode(), body
                assert file.name in json.dumps(
                    server.json("/api/v1/datasets/sales")["damaged"])
            flip(file, at, bits)
            assert [ask(server, q) for q in QUESTIONS] == right, at
            assert server.get("/readyz")[0] == 200
        assert errors > 10
        assert b'freshet_damaged_segments{dataset="sales"} 0' in \
            server.get("/metrics")[1]
        assert server.process.poll() is None


def test_kpis_and_sql_call_damage_by_the_same_status(tmp_path):
    server, file = sealed_sales(tmp_path, 2000)
    data = bytearray(file.read_bytes())
    for at in range(64, len(data) - 4096, 50):
        data[at] ^= 0xFF
    file.write_bytes(data)
    with server.start():
        status, answer = ask(server, QUESTIONS[0])
        assert status == 503 and set(answer) >= {
            "error", "errorCode", "persona", "category", "errorMessage"}
        path = "/api/v1/kpis/net_sales/value?from=2026-11-01&to=2026-11-02"
        status, body = server.get(path)
        assert status == 503 and file.name in body.decode()
        status, _, body = server.request("POST", "/druid/v2", {
            "queryType": "timeseries", "dataSource": "sales",
            "granularity": "all", "intervals": ["2026-11-01/2026-11-02"],
            "aggregations": [{"type": "longSum", "name": "q",
                              "fieldName": "qty"}]})
        assert status == 503 and file.name in body.decode()


def test_the_scrub_finds_what_nobody_reads(tmp_path):
    server, file = sealed_sales(tmp_path, 2000)
    server.env = {"FRESHET_SCRUB_EVERY": "300ms"}
    with server.start():
        freshet.wait_until(
            lambda: b"freshet_scrub_passes_total 0" not in
            server.get("/metrics")[1], what=server.log())
        assert server.get("/readyz")[0] == 200
        flip(file, file.stat().st_size // 2, 1)
        freshet.wait_until(lambda: server.get("/readyz")[0] == 503)
        reason = server.get("/readyz")[1].decode()
        assert file.name in reason and "not those committed" in reason
        assert b"freshet_scrub_damaged_segments 1" in server.get("/metrics")[1]
        assert '"scrub: ' in server.log() or "scrub: " in server.log()
        flip(file, file.stat().st_size // 2, 1)
        freshet.wait_until(lambda: server.get("/readyz")[0] == 200)
    server.env = {"FRESHET_SCRUB_EVERY": "often"}
    server.start(wait=False)
    assert server.process.wait(timeout=20) == 1
    assert "FRESHET_SCRUB_EVERY" in server.log()


def test_verify_knows_what_was_committed(tmp_path):
    server, file = sealed_sales(tmp_path, 500)
    data = tmp_path / "d"
    for path in (data, data / "segments", str(data) + "/", file):
        done = freshet.run("segment", "verify", path)
        assert done.returncode == 0 and f"{file}: good" in done.stdout, done
    bytes_before = file.read_bytes()
    file.unlink()
    for path in (data, data / "segments"):
        done = freshet.run("segment", "verify", path)
        assert done.returncode == 1, done
        assert f"{file}: the file of a committed segment is missing" in \
            done.stderr
        assert "no segments in" in done.stdout
    # Another sound file in its place.
    os.makedirs(tmp_path / "x")
    other, another = sealed_sales(tmp_path / "x", 700)
    file.write_bytes(another.read_bytes())
    done = freshet.run("segment", "verify", data)
    assert done.returncode == 1, done
    assert "not the file that was committed as " + file.stem in done.stderr
    file.write_bytes(bytes_before)
    with server.start():  # also beside a running server
        assert freshet.run("segment", "verify", data).returncode == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    for verb in ("verify", "list", "dump"):
        done = freshet.run("segment", verb, empty)
        assert done.returncode == 0, done
        assert done.stdout == f"no segments in {empty}\n"
    assert freshet.run("segment", "verify", tmp_path / "no").returncode == 1


def test_small_segments_are_merged_while_queries_run(tmp_path):
    model = freshet.sales_model(tmp_path / "m", seal_rows=100, extra={})
    with freshet.Server(model, tmp_path / "d") as server:
        for n in range(40):
            server.ingest("sales", [
                {"ts": f"2026-11-01T10:00:{k % 60:02}Z", "store": f"S{k % 5}",
                 "qty": 1, "price": "2.00"} for k in range(120)])
            assert server.rows("sales") % 120 == 0
        freshet.wait_until(lambda: server.rows("sales") == 4800)

        def merges():
            text = server.get("/metrics")[1].decode()
            return sum(float(line.split()[-1]) for line in text.splitlines()
                       if line.startswith("freshet_merges_total{"))

        freshet.wait_until(lambda: merges() > 0 and server.json(
            "/api/v1/datasets/sales")["segments"] <= 12, 40, what=server.log())
        assert server.rows("sales") == 4800
        server.kill()
        server.start()
        freshet.wait_until(lambda: server.rows("sales") == 4800)
        assert server.stop() == 0
    files = list((tmp_path / "d/segments/sales").glob("*"))
    assert all(f.name.endswith(".seg") for f in files) and len(files) <= 14
    assert freshet.run("segment", "verify", tmp_path / "d").returncode == 0


def test_merge_settings_are_checked(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    whole = path.read_text()
    path.write_text(whole + "merge: { rows: 500000, bytes: 67108864, "
                            "rate: 8388608 }\n")
    assert freshet.run("validate", model).returncode == 0
    for wrong, word in (("{ rows: 10 }", "rows"), ("{ rate: fast }", "rate"),
                        ("{ byts: 1048576 }", "did you mean 'bytes'"),
                        ("[1]", "merge")):
        path.write_text(whole + f"merge: {wrong}\n")
        done = freshet.run("validate", model)
        assert done.returncode == 1 and word in done.stdout, done.stdout
