"""Datasets whose events come as files: a watched folder, kill -9 in the middle,
files at fault, what becomes of loaded files."""
import gzip
import json
import os
import pathlib
import random
import sys
import time

import zstandard

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

STOCK = """\
dataset: stock
source: {{ files: {{ path: "{path}", record: /stock/item, poll: {poll}, {more} }} }}
time: {{ field: "{time}" }}
columns:
  - {{ name: sku, type: string, path: "{sku}" }}
  - {{ name: qty, type: long }}
  - {{ name: file, type: string, message: partition }}
"""


def stock_model(folder, path, more="after: keep", time="ts", sku="sku",
                poll="100ms"):
    return freshet.write_model(folder, {"datasets/stock.yaml": STOCK.format(
        path=path, more=more, time=time, sku=sku, poll=poll)})


def lines(name, count):
    return "".join(json.dumps({"ts": 1790000000 + i, "sku": f"{name}-{i}",
                               "qty": i}) + "\n" for i in range(count))


def put(folder, name, content):
    """As a good producer does it: whole, by a rename."""
    data = content if isinstance(content, bytes) else content.encode()
    (folder / ("." + name)).write_bytes(data)
    os.rename(folder / ("." + name), folder / name)


def by_file(server):
    return {r["file"]: r["n"] for r in server.sql(
        "SELECT file, COUNT(*) AS n FROM stock GROUP BY 1")}


def test_every_format_and_packing_once(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "a.jsonl.gz", gzip.compress(lines("a", 1000).encode()))
        put(drop, "b.csv.zst", zstandard.compress(
            b"qty,ts,sku\n1,2026-11-01,b1\n2,2026-11-01,b2\n"))
        put(drop, "c.tsv", "sku\tts\tqty\nc1\t2026-11-01\t5\n")
        put(drop, "d.xml", "<stock><item><ts>2026-11-01</ts><sku>d</sku>"
            "<qty>1</qty></item><item><ts>2026-11-01</ts><qty>x</qty></item></stock>")
        freshet.wait_until(lambda: len(by_file(server)) == 4, what=server.log)
        expected = {"a.jsonl": 1000, "b.csv": 2, "c.tsv": 1, "d.xml": 1}
        assert by_file(server) == expected
        # It is told a moment after the rows are there.
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["partitions"][0][
                "next"] >= 4 and p, what=server.log)
        assert progress["rejected"] == {"wrong_type": 1}
        assert progress["partitions"][0]["next"] == 4
        letters = server.json("/api/v1/ingestion/stock/dead-letters")
        assert letters["dead_letters"][0]["partition"] == "file/d.xml"
        # A new time is no new content; new content under an old name is.
        os.utime(drop / "c.tsv")
        put(drop, "b.csv.zst", zstandard.compress(b"qty,ts,sku\n1,2026-11-02,b3\n"))
        freshet.wait_until(lambda: by_file(server)["b.csv"] == 3, what=server.log)
        time.sleep(0.5)
        assert by_file(server) == {**expected, "b.csv": 3}
        assert server.stop() == 0
        server.start()
        time.sleep(1)
        assert by_file(server) == {**expected, "b.csv": 3}
        assert server.json("/api/v1/ingestion/stock")["rejected"] == {"wrong_type": 1}


def test_a_file_that_grows_is_not_read_half(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.jsonl", "after: move",
                        poll="1s")  # longer than any pause of the writer
    text = lines("g", 2000)
    with freshet.Server(model, tmp_path / "d") as server:
        with open(drop / "g.jsonl", "w") as file:
            for at in range(0, len(text), len(text) // 20):
                file.write(text[at:at + len(text) // 20])
                file.flush()
                os.fsync(file.fileno())
                assert server.rows("stock") == 0
                time.sleep(0.05)
        freshet.wait_until(lambda: server.rows("stock") == 2000, what=server.log)
        freshet.wait_until(lambda: (drop / "done/g.jsonl").exists(), what="moved")
        assert not (drop / "g.jsonl").exists()


def keeps_files_of_one_name(server, drop):
    """A supplier drops a file of the same name every day."""
    for day in range(3):
        put(drop, "stock.jsonl", lines(f"d{day}", 10 + day))
        freshet.wait_until(lambda: not (drop / "stock.jsonl").exists(),
                           what=server.log)
        assert (drop / "done/stock.jsonl").read_text() == lines(
            f"d{day}", 10 + day)
    assert server.rows("stock") == 33
    kept = sorted(p.read_text() for p in (drop / "done").iterdir())
    assert kept == [lines(f"d{day}", 10 + day) for day in range(3)]


def test_a_folder_keeps_files_of_one_name(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.jsonl", "after: move")
    with freshet.Server(model, tmp_path / "d") as server:
        keeps_files_of_one_name(server, drop)


def test_files_at_fault_hold_nobody_up(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*", "after: delete")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "a.jsonl.gz", gzip.compress(lines("a", 10).encode())[:-20])
        put(drop, "b.xml", "<stock><item><ts>1</ts></item>")
        put(drop, "c.csv", "ts,ts\n1,2\n")
        put(drop, "d.jsonl", lines("d", 10))
        freshet.wait_until(lambda: server.rows("stock") == 10, what=server.log)
        freshet.wait_until(lambda: sorted(p.name for p in drop.iterdir()) ==
                           ["a.jsonl.gz", "b.xml", "c.csv"], what="deleted")
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["state"] ==
            "degraded" and p, what="degraded")
        assert "a.jsonl.gz" in progress["error"], progress
        # Each of them is one entry, however often it is tried.
        told = sorted(e["message"].split(":")[0]
                      for e in progress["last_errors"])
        assert told == ["file a.jsonl.gz", "file b.xml", "file c.csv"], progress
        put(drop, "a.jsonl.gz", gzip.compress(lines("a", 10).encode()))
        put(drop, "b.xml", "<stock/>")
        (drop / "c.csv").unlink()
        freshet.wait_until(lambda: server.rows("stock") == 20, what=server.log)
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/stock")["state"]
                           == "running", what="running")


def test_a_csv_file_without_a_header_line_is_refused(tmp_path):
    """Its first record must not be taken for one."""
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.csv", "after: delete")
    files = {"a.csv": "b1,1,2026-11-01\n",
             "b.csv": "sku;qty;ts\nb1;1;2026-11-01\n",
             "c.csv": "ts,SKU,QTY\n2026-11-01,b1,1\n"}
    with freshet.Server(model, tmp_path / "d") as server:
        for name, text in files.items():
            put(drop, name, text)
        put(drop, "good.csv", "qty,ts\n1,2026-11-01\n")
        freshet.wait_until(lambda: not (drop / "good.csv").exists(),
                           what=server.log)

        def told():
            progress = server.json("/api/v1/ingestion/stock")
            errors = " ".join(e["message"] for e in progress["last_errors"])
            return progress["state"] == "degraded" and all(
                f"the header of {name} names no column" in errors
                for name in files)
        freshet.wait_until(told, what=server.log)
        assert sorted(p.name for p in drop.iterdir()) == sorted(files)
        assert by_file(server) == {"good.csv": 1}
        put(drop, "a.csv", "sku,qty,ts\n" + files["a.csv"])
        freshet.wait_until(lambda: not (drop / "a.csv").exists(),
                           what=server.log)
        assert by_file(server) == {"a.csv": 1, "good.csv": 1}


def test_every_row_once_over_kills(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.jsonl", "after: move")
    expected = {}
    with freshet.Server(model, tmp_path / "d") as server:
        for round in range(6):
            for n in range(8):
                name = f"r{round}_{n}.jsonl"
                expected[name] = dice.randrange(1, 4000)
                put(drop, name, lines(name, expected[name]))
            time.sleep(dice.random() * 0.8)
            server.kill()
            server.start()
        freshet.wait_until(lambda: sum(by_file(server).values()) >=
                           sum(expected.values()), 60, what=server.log)
        assert by_file(server) == expected
        freshet.wait_until(lambda: not list(drop.glob("*.jsonl")), what="moved")
        assert by_file(server) == expected


def test_of_rows_with_one_key_the_first_stays(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.jsonl")
    definition = model / "datasets/stock.yaml"
    definition.write_text(definition.read_text() + "key: [sku]\n")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "a.jsonl", lines("a", 100) + lines("a", 10))
        freshet.wait_until(lambda: server.rows("stock") == 100)
        server.kill()
        server.start()
        put(drop, "b.jsonl", "{\n" + lines("a", 50) + lines("b", 5))
        freshet.wait_until(lambda: server.rows("stock") == 105)
        assert by_file(server) == {"a.jsonl": 100, "b.jsonl": 5}
        freshet.wait_until(
            lambda: server.json("/api/v1/ingestion/stock")["duplicates"] == 60)
        replaces = definition.read_text() + "on_duplicate: replace\n"
        definition.write_text(replaces)
        refused = freshet.run("validate", model)
        assert refused.returncode == 1, refused.stdout
        assert "not possible with files" in refused.stdout + refused.stderr


def test_a_loaded_file_is_put_away_when_that_is_possible(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "done").write_text("where a folder should be")
    model = stock_model(tmp_path / "m", drop / "*.jsonl", "after: move")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "a.jsonl", lines("a.jsonl", 10))

        def state():
            told = server.json("/api/v1/ingestion/stock")
            return told["state"], told.get("error", "")

        freshet.wait_until(lambda: "put away" in state()[1], what=state)
        assert state()[0] == "degraded" and "a.jsonl" in state()[1]
        server.kill()  # what was loaded is known, but not what is to be done
        server.start()
        (drop / "done").unlink()
        freshet.wait_until(lambda: (drop / "done" / "a.jsonl").exists(),
                           what=state)
        freshet.wait_until(lambda: state() == ("running", ""), what=state)
        assert by_file(server) == {"a.jsonl": 10}


def test_an_xml_drop_of_many_records(tmp_path):
    """Streamed: of a large document (XML_ROWS, 200,000; a million in the long
    tier) the memory stays far below its size."""
    rows = int(os.environ.get("XML_ROWS", "200000"))
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*.xml", time="$.date", sku="@sku")
    with freshet.Server(model, tmp_path / "d") as server:
        with open(drop / ".x.xml", "w") as file:
            file.write("<stock><date>2026-11-01T10:00:00Z</date>\n")
            for i in range(rows):
                file.write(f'  <item sku="S{i % 1000}"><qty>{i}</qty>'
                           f'<text lang="en">{"lorem ipsum " * 25}</text></item>\n')
            file.write("</stock>\n")
            size = file.tell()
        start = time.monotonic()
        os.rename(drop / ".x.xml", drop / "x.xml")
        freshet.wait_until(lambda: server.rows("stock") == rows, 120,
                           what=server.log)
        peak = server.peak_bytes()
        print(f"{rows / (time.monotonic() - start):.0f} records/s, "
              f"{size >> 20} MB, memory {peak >> 20} MB")
        assert rows < 1_000_000 or peak < size / 2
        total = server.sql("SELECT SUM(qty) AS s FROM stock")[0]["s"]
        assert total == rows * (rows - 1) // 2


def test_files_wait_for_the_lookup_that_their_rows_read(tmp_path):
    drop, names = tmp_path / "drop", tmp_path / "names"
    drop.mkdir()
    names.mkdir()
    model = stock_model(tmp_path / "m", drop / "*")
    stock = model / "datasets/stock.yaml"
    stock.write_text(stock.read_text() + """\
  - { name: title, type: string, lookup: titles.title, by: sku }
""")
    freshet.write_model(model, {"lookups/titles.yaml": f"""\
lookup: titles
key: sku
source: {{ files: {{ path: "{names}/*.csv", format: csv, poll: 100ms }} }}
columns:
  - {{ name: sku, type: string }}
  - {{ name: title, type: string }}
"""})
    put(drop, "a.jsonl", lines("a", 500))
    with freshet.Server(model, tmp_path / "d") as server:
        progress = freshet.wait_until(lambda: (
            lambda one: one if one["state"] == "waiting" else None)(
                server.json("/api/v1/ingestion/stock")), what=server.log)
        assert "titles is not read yet" in progress["error"]
        assert not progress["complete"] and by_file(server) == {}
        put(names, "titles.csv", "sku,title\n" + "".join(
            f"a-{i},Title {i}\n" for i in range(500)))
        freshet.wait_until(lambda: by_file(server) == {"a.jsonl": 500},
                           what=server.log)
        assert server.sql("SELECT COUNT(title) AS n FROM stock") == [{"n": 500}]
        freshet.wait_until(lambda: server.json(
            "/api/v1/ingestion/stock")["state"] == "running")
        assert server.stop() == 0
