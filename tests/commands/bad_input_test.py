"""Bad input over HTTP and on disk: a clear error, nothing lost, no crash."""
import gzip
import json
import pathlib
import shutil
import socket
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

GOOD = {"txn_id": "t1", "ts": "2026-11-01T10:00:00Z", "store": "S1", "qty": 2,
        "price": "1.25", "discount": "0.50"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    with freshet.Server(freshet.sales_model(folder / "m"), folder / "d") as s:
        yield s
        assert s.stop() == 0


def test_bad_events_become_dead_letters_and_never_stop_the_stream(server):
    bad = ["not json at all", '{"ts": 1, "qty": ', "[1,2]", '"text"',
           json.dumps({**GOOD, "qty": "two"}),
           json.dumps({**GOOD, "price": "1.2.3"}),
           json.dumps({**GOOD, "ts": "yesterday"}),
           json.dumps({**GOOD, "ts": "+300000-01-01T00:00:00Z"}),
           json.dumps({k: v for k, v in GOOD.items() if k != "ts"}),
           json.dumps({**GOOD, "qty": 10**30}),
           json.dumps({**GOOD, "qty": 2**62, "price": "90000000000.00"}),
           "{" + '"a":[' * 10000 + "]" * 10000 + "}",
           '{"ts":"2026-11-01T10:00:00Z","store":"\\ud800","qty":1'
           ',"price":"x\\u0000"}']
    answer = server.ingest("sales", bad + [GOOD])
    assert answer["accepted"] >= 1 and answer["rejected"] >= 10
    first = answer["errors"][0]
    assert first["line"] == 1 and first["message"]
    qty = next(e for e in answer["errors"] if e["line"] == 5)
    assert "qty" in qty["message"] and "two" in qty["message"]
    freshet.wait_until(lambda: server.rows("sales") >= 1)
    server.request("POST", "/api/v1/ingestion/sales/seal")
    letters = server.json("/api/v1/ingestion/sales/dead-letters")
    assert len(letters["dead_letters"]) == answer["rejected"]
    assert all(x["reason"] and x["message"] for x in letters["dead_letters"])
    progress = server.json("/api/v1/ingestion/sales")
    assert sum(progress["rejected"].values()) == answer["rejected"]
    value = server.json("/api/v1/kpis/net_sales/value?range=ytd")
    assert value["provenance"]["late_or_rejected"] == answer["rejected"]


@pytest.mark.parametrize("content, body, lines", [
    ("application/x-ndjson", "\n\n{bad\n\r\n{worse\n", [3, 5]),
    ("application/json", "\ufeff{bad\n{\n", [1, 2]),
    ("application/json", '\n\n {"ts":\n "when?"}\n', [3]),
    ("application/json", '[\n\n{"ts":1},\n{"ts":"?"}, 5]', [2, 3]),
    ("text/csv", "ts,store,qty\n2026-11-01,S,1\n2026-11-01,S,x\n", [3]),
    ("text/csv", 'ts,store,qty\n\n2026-11-01,"a\nb",1\n?,S,1\n'
                 '2026-11-01,"c\n\nd",x\n?,S\n', [5, 6, 9]),
], ids=["lines", "mark", "object", "array", "csv", "quoted"])
def test_an_error_names_the_line_of_the_body(server, content, body, lines):
    status, _, answer = server.request(
        "POST", "/ingest/sales", body, {"Content-Type": content})
    answer = json.loads(answer)
    assert status == 200, answer
    assert [e["line"] for e in answer["errors"]] == lines, answer


def test_the_lines_of_a_large_body_are_counted_on(server):
    body = "".join(("{bad" if n % 5000 == 4999 else json.dumps(GOOD)) + "\n\n"
                   for n in range(20000))
    status, _, answer = server.request("POST", "/ingest/sales", body)
    assert [e["line"] for e in json.loads(answer)["errors"]] == [
        2 * n + 1 for n in range(4999, 20000, 5000)]


def test_the_state_tells_the_last_errors(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        state = server.json("/api/v1/ingestion/sales")
        assert state["last_errors"] == []

        def seen(reason, count):
            state = server.json("/api/v1/ingestion/sales")
            return state["rejected"].get(reason) == count and state
        server.ingest("sales", ["{nonsense"] * 20)
        freshet.wait_until(lambda: seen("not_json", 20), 10)
        time.sleep(0.01)
        server.ingest("sales", [{**GOOD, "qty": "two"}])
        state = freshet.wait_until(lambda: seen("wrong_type", 1), 10)
        errors = state["last_errors"]
        assert len(errors) == 10
        assert errors[0]["reason"] == "wrong_type"
        assert "two" in errors[0]["message"]
        assert errors[0]["partition"].startswith("log/")
        assert all(e["time"].startswith("20") for e in errors)
        letter = server.json("/api/v1/ingestion/sales/dead-letters"
                             "?reason=wrong_type")["dead_letters"][0]
        assert letter["offset"] == errors[0]["offset"]
        assert state["bytes_per_second"] >= 0
        assert state["rejected_per_second"] >= 0
        assert server.request("POST", "/api/v1/ingestion/sales/seal")[0] == 200
        assert server.stop() == 0
        server.start()
        again = server.json("/api/v1/ingestion/sales")["last_errors"]
        assert again[0] == errors[0] and len(again) == 10


def test_a_ten_megabyte_event_is_a_dead_letter(server):
    before = sum(server.json("/api/v1/ingestion/sales")["rejected"].values())
    big = json.dumps({**GOOD, "store": "x" * (10 << 20)})
    assert server.ingest("sales", [big])["rejected"] == 1
    freshet.wait_until(lambda: sum(server.json("/api/v1/ingestion/sales")
                                   ["rejected"].values()) == before + 1)
    server.request("POST", "/api/v1/ingestion/sales/seal")
    letters = server.json("/api/v1/ingestion/sales/dead-letters")
    reasons = [x["reason"] for x in letters["dead_letters"]]
    assert "too_large" in reasons


@pytest.mark.parametrize("sql, words", [
    ("SELECT nope FROM sales", ["nope"]),
    ("SELECT stor FROM sales", ["store"]),
    ("SELECT COUNT(*) FROM salez", ["sales"]),
    ("SELECT FROM WHERE", ["syntax"]),
    ("SELECT store + 1 FROM sales", ["store"]),
    ("", []), ("SELECT " + "(" * 100000, []), ("DROP TABLE sales", []),
    ("SELECT 1; SELECT 2", []), ("SELECT '\u0000'", []),
])
def test_bad_sql_is_an_error_in_druids_shape(server, sql, words):
    status, _, body = server.request("POST", "/druid/v2/sql", {"query": sql})
    error = json.loads(body)
    assert 400 <= status < 500 or status == 501, (status, body[:300])
    assert error["error"] and error["errorMessage"]
    for word in words:
        assert word in error["errorMessage"], error
    assert server.alive()


@pytest.mark.parametrize("method, path, body, headers, expected", [
    ("GET", "/nowhere", None, {}, 404),
    ("GET", "/druid/v2/sql", None, {}, 405),
    ("DELETE", "/api/v1/kpis", None, {}, 405),
    ("GET", "/api/v1/kpis/nope", None, {}, 404),
    ("GET", "/api/v1/kpis/net_sale/value", None, {}, 404),
    ("GET", "/api/v1/kpis/net_sales/value?rang=today", None, {}, 400),
    ("GET", "/api/v1/kpis/net_sales/value?range=someday", None, {}, 400),
    ("GET", "/api/v1/kpis/net_sales/value?tz=Mars/Base", None, {}, 400),
    ("GET", "/api/v1/kpis/net_sales/value?by=txn_id", None, {}, 400),
    ("GET", "/api/v1/kpis/net_sales/value?from=2026-01-02&to=2026-01-01", None,
     {}, 400),
    ("GET", "/api/v1/kpis/net_sales/value?range=ytd&grain=PT1S", None, {}, 400),
    ("GET", "/api/v1/dashboards/nope", None, {}, 404),
    ("GET", "/api/v1/stream?dashboard=nope", None, {}, 404),
    ("POST", "/api/v1/kpis/query", "{", {}, 400),
    ("POST", "/api/v1/kpis/query", '{"querys":[]}', {}, 400),
    ("POST", "/ingest/nope", "{}", {}, 404),
    ("POST", "/ingest/sales", "[{]", {}, 400),
    ("POST", "/ingest/sales", "x", {"Content-Encoding": "br"}, 415),
    ("POST", "/ingest/sales", "x", {"Content-Encoding": "gzip"}, 400),
    ("POST", "/ingest/sales", "a", {"Content-Type": "image/png"}, 415),
    ("POST", "/ingest/sales", "a",
     {"Content-Type": "text/csv; charset=utf-16"}, 415),
    ("POST", "/ingest/sales", "{}",
     {"Content-Type": 'application/json;x=1; Charset="latin1"'}, 415),
    ("POST", "/ingest/sales", "{}",
     {"Content-Type": 'Application/JSON ; Charset="UTF-8"'}, 200),
    ("POST", "/ingest/sales", "ts,store\n",
     {"Content-Type": "TEXT/CSV;charset=us-ascii"}, 200),
    ("POST", "/druid/v2/sql", "x" * (32 << 20), {}, 413),
    ("GET", "/..%2f..%2fetc/passwd", None, {}, 404),
    ("PUT", "/api/v1/alerts/x", '{"kpi":"net_sales","wen":"> 1"}', {}, 400),
], ids=lambda value: str(value)[:40])
def test_wrong_requests(server, method, path, body, headers, expected):
    status, _, answer = server.request(method, path, body, headers)
    assert status == expected, (status, answer[:300])
    if path.startswith(("/api", "/ingest")) and expected not in (200, 405):
        assert json.loads(answer)["error"]["message"]


def test_a_refused_client_may_finish_sending_before_it_reads(server):
    # Most clients read nothing before their body is out: a reset in between
    # would cost them the reason.
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(20)
        size = 32 << 20
        client.sendall(b"POST /druid/v2/sql HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(8):
            client.sendall(b"x" * (size // 8))
            time.sleep(0.25)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_gzip_and_csv_and_array_bodies(server):
    start = server.rows("sales")
    lines = "\n".join(json.dumps(GOOD) for _ in range(3)).encode()
    status, _, body = server.request("POST", "/ingest/sales",
                                     gzip.compress(lines),
                                     {"Content-Encoding": "gzip"})
    assert (status, json.loads(body)["accepted"]) == (200, 3)
    assert server.ingest("sales", [json.dumps([GOOD, GOOD])])["accepted"] == 2
    csv = "txn_id,ts,store,qty,price\nt,2026-11-01,S2,1,3.50\n"
    status, _, body = server.request("POST", "/ingest/sales", csv,
                                     {"Content-Type": "text/csv"})
    assert (status, json.loads(body)["accepted"]) == (200, 1), body
    freshet.wait_until(lambda: server.rows("sales") == start + 6)


@pytest.mark.parametrize("body", [
    "2026-11-01T10:00:00Z,one,1\n", "ts;store;qty\n2026-11-01;S;1\n",
    "TS,Store\n2026-11-01,S\n", "ts,shop\n2026-11-01,S\n"])
def test_csv_without_a_header_that_fits_is_refused(server, body):
    status, _, answer = server.request("POST", "/ingest/sales", body,
                                       {"Content-Type": "text/csv"})
    error = json.loads(answer)["error"]["message"]
    assert status == 400 and "the CSV header names no column" in error, error
    assert body[:5].replace(",", ", ") in error or body[:9] in error, error


def test_idempotency_key_makes_a_retry_safe(server):
    start = server.rows("sales")
    for _ in range(2):
        server.ingest("sales", [GOOD], **{"Idempotency-Key": "k-1"})
    server.ingest("sales", [GOOD])
    freshet.wait_until(lambda: server.rows("sales") == start + 2)


def test_pause_resume_restart_and_seal_say_what_they_did(server):
    rows = server.rows("sales")
    for verb, state in (("pause", "paused"), ("resume", "running"),
                        ("restart", None), ("seal", None)):
        status, _, body = server.request(
            "POST", f"/api/v1/ingestion/sales/{verb}")
        assert status == 200, body
        assert state in (None, json.loads(body)["state"])
    freshet.wait_until(lambda: server.rows("sales") == rows)
    assert server.request("POST", "/api/v1/ingestion/sales/fly")[0] == 404


def test_garbage_on_the_socket(server):
    for data in (b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 5000,
                 b"GET " + b"a" * 100000, b"POST /ingest/sales HTTP/1.1\r\n"
                 b"Host: localhost\r\nContent-Length: 5\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), 5) as s:
            s.sendall(data)
            s.settimeout(5)
            try:
                s.recv(1000)
            except OSError:
                pass
    assert server.alive()


def test_kafka_away_at_start_is_said_and_survived(tmp_path):
    model = freshet.sales_model(
        tmp_path / "m", source="{ kafka: { brokers: '127.0.0.1:1', "
        "topic: pos.sales } }")
    with freshet.Server(model, tmp_path / "d") as server:
        def reasons():
            status, body = server.get("/readyz")
            return status == 503 and json.loads(body)["reasons"]
        found = freshet.wait_until(reasons)
        freshet.wait_until(lambda: any("127.0.0.1:1" in r for r in reasons()),
                           what=str(found))
        assert server.rows("sales") == 0
        assert server.json("/api/v1/ingestion/sales")["state"] == "waiting"


def test_a_damaged_segment_fails_its_answers_and_no_others(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        for day in (1, 2):
            server.ingest("sales", [{**GOOD, "ts": f"2026-11-0{day}T10:00:00Z"}]
                          * 100)
        freshet.wait_until(lambda: server.rows("sales") == 200)
        server.stop()
    files = sorted(pathlib.Path(tmp_path / "d").rglob("*.seg"))
    assert len(files) == 2
    damaged = files[0]
    data = bytearray(damaged.read_bytes())
    for at in range(4096, len(data) - 4096, 97):
        data[at] ^= 0xFF
    for at in range(64, min(len(data), 400)):
        data[at] ^= 0x55
    damaged.write_bytes(data)
    assert freshet.run("segment", "verify", damaged).returncode == 1
    with freshet.Server(model, tmp_path / "d") as server:
        good = server.sql("SELECT COUNT(*) AS n, SUM(net) AS s FROM sales WHERE "
                          "__time >= TIMESTAMP '2026-11-02'")
        assert good[0]["n"] == 100
        status, _, body = server.request(
            "POST", "/druid/v2/sql", {"query": "SELECT SUM(net) FROM sales"})
        assert status == 503, body
        assert damaged.name in json.loads(body)["errorMessage"]


def test_full_disk_keeps_rows_and_says_so(tmp_path):
    import subprocess
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs",
                       mount], capture_output=True).returncode != 0:
        pytest.skip("mount needs root")
    try:
        model = freshet.sales_model(tmp_path / "m", seal_rows=20000)
        with freshet.Server(model, mount / "d",
                            log=tmp_path / "server.log") as server:
            filler = mount / "filler"
            filler.write_bytes(b"x" * (1 << 20))
            sent = 0
            for _ in range(200):
                events = [dict(GOOD, txn_id=f"t{sent + i}") for i in range(2000)]
                lines = "\n".join(json.dumps(e) for e in events)
                status, _, body = server.request("POST", "/ingest/sales", lines)
                if status != 200:
                    break
                sent += 2000
            else:
                pytest.fail("the disk never filled")
            assert status in (429, 503, 507, 500), (status, body)
            assert json.loads(body)["error"]["message"]
            freshet.wait_until(lambda: server.rows("sales") == sent)
            assert server.get("/readyz")[0] == 503
    finally:
        subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(mount, ignore_errors=True)


def test_an_error_quotes_no_more_than_a_line_or_two(server):
    status, _, answer = server.request(
        "POST", "/druid/v2/sql", json.dumps({"query": "x" * 100_000}))
    assert status == 400 and len(answer) < 5000
