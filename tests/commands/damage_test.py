"""Segment files cut short, removed or overwritten under a running server: the
queries that need them fail and say so, all others go on."""
import json
import pathlib
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
