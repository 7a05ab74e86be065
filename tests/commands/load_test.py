"""freshet load of files that are none: refused with the reasons, and nothing
of them stays; of a file with some bad records it says which and why."""
import json
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

GOOD = ('{"ts":"2026-03-01T10:00:00Z","txn_id":"t1","store":"S01","qty":1,'
        '"price":"2.50"}\n')


@pytest.fixture
def load(tmp_path):
    model = freshet.sales_model(tmp_path / "m")

    def run(*files):
        return freshet.run("load", "--data", tmp_path / "d", "--model", model,
                           "--dataset", "sales", *files)
    return run


def segments(folder):
    return freshet.run("segment", "list", folder / "d").stdout


@pytest.mark.parametrize("name, content, reason", [
    ("passwd", b"root:x:0:0:root:/root:/bin/sh\n" * 3, "3 not_json"),
    ("noise", random.Random(1).randbytes(20000) + b"\n", "not_json"),
    ("other.csv", b"a,b\n1,2\n3,4\n", "2 time"),
], ids=["text", "noise", "csv"])
def test_a_wholly_wrong_file_is_refused(tmp_path, load, name, content, reason):
    (tmp_path / name).write_bytes(content)
    for _ in range(2):  # it is not remembered as loaded either
        done = load(tmp_path / name)
        assert done.returncode == 1, done.stdout
        assert "no record of the file fits" in done.stderr
        assert reason in done.stderr
        number = 2 if name.endswith(".csv") else 1
        assert f"line {number} of {name}: " in done.stderr
    assert "no segments" in segments(tmp_path)
    with freshet.Server(tmp_path / "m", tmp_path / "d") as server:
        letters = server.json("/api/v1/ingestion/sales/dead-letters")
        assert letters["total"] == 0


def test_some_bad_records_are_told_with_reasons(tmp_path, load):
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text(GOOD + "nonsense\n" + '{"ts":"when?"}\n')
    second.write_text("more nonsense\n" + GOOD)
    done = load(first, second)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("2 rows loaded, 3 rejected")
    assert lines[1].startswith(
        "rejected: 2 not_json, 1 time; the first, line 2 of a.jsonl: ")


def test_a_record_is_named_by_the_line_on_which_it_begins(tmp_path, load):
    (tmp_path / "a.csv").write_text(
        "ts,txn_id,store,qty,price\n\n2026-03-01,t1,\"S\n1\",1,2.50\n"
        "2026-03-01,t2,S1,two,2.50\n")
    done = load(tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert "the first, line 5 of a.csv: " in done.stdout
    (tmp_path / "b.jsonl").write_text("\n\n" + GOOD + "\nnonsense\n")
    done = load(tmp_path / "b.jsonl")
    assert "the first, line 5 of b.jsonl: " in done.stdout


def test_a_broken_quote_takes_its_line_and_no_more(tmp_path, load):
    """By POST the same text says the same."""
    lines = ["ts,txn_id,store,qty,price"]
    for i in range(50000):
        text = f'"t\n{i}"' if i % 100 == 50 else f"t{i}"
        lines.append(f"2026-03-01,{text},S1,1,2.50")
    lines[4] = '2026-03-01,t3,"oops,1,1.00'
    text = "\n".join(lines) + "\n"
    (tmp_path / "a.csv").write_text(text)
    done = load(tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("49999 rows loaded, 1 rejected"), done.stdout
    assert "the first, line 5 of a.csv: " in done.stdout
    with freshet.Server(tmp_path / "m", tmp_path / "d") as server:
        assert server.rows("sales") == 49999
        status, _, body = server.request(
            "POST", "/ingest/sales", text, {"Content-Type": "text/csv"})
        answer = json.loads(body)
        assert status == 200, body
        assert (answer["accepted"], answer["rejected"]) == (49999, 1)


def test_an_empty_file_is_no_fault(tmp_path, load):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    done = load(tmp_path / "empty.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 rows loaded, 0 rejected")


def test_rows_that_the_filter_drops_are_no_fault(tmp_path, load):
    path = tmp_path / "m/datasets/sales.yaml"
    path.write_text(path.read_text() + "filter: \"qty > 5\"\n")
    (tmp_path / "small.jsonl").write_text(GOOD + "nonsense\n")
    done = load(tmp_path / "small.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 rows loaded, 1 rejected")


def test_a_header_that_fits_in_part_is_told(tmp_path, load):
    (tmp_path / "a.csv").write_text(
        "ts,txn_id,shop,qty,price\n2026-03-01,t1,S1,1,2.50\n")
    done = load(tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 rows loaded")
    assert "a.csv has names that the dataset sales does not know, which are " \
        "left out: shop\n" in done.stderr, done.stderr
    # Not discount, which has a default.
    assert "a.csv lacks columns of the dataset sales, which are null: store, " \
        "channel\n" in done.stderr, done.stderr
    (tmp_path / "b.csv").write_text(
        "ts,txn_id,store,channel,qty,price\n2026-03-01,t1,S1,web,1,2.50\n")
    done = load(tmp_path / "b.csv")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_header_without_a_column_but_the_time_is_refused(tmp_path, load):
    (tmp_path / "a.csv").write_text("ts,Store,Qty\n2026-03-01,S1,1\n")
    done = load(tmp_path / "a.csv")
    assert done.returncode == 1, done.stdout
    assert "a.csv names no column of the dataset sales but its time" in \
        done.stderr and "ts, Store, Qty" in done.stderr, done.stderr
    assert "no segments" in segments(tmp_path)


def test_a_file_without_a_header_line_is_refused(tmp_path, load):
    (tmp_path / "a.csv").write_text("2026-03-01,t1,S1,web,1,2.50\n")
    done = load(tmp_path / "a.csv")
    assert done.returncode == 1, done.stdout
    assert "a.csv names no column of the dataset sales" in done.stderr and \
        "2026-03-01, t1, S1" in done.stderr, done.stderr
    assert "no segments" in segments(tmp_path)


def test_of_several_files_it_is_told_which_are_in(tmp_path, load):
    names = [tmp_path / n for n in ("a.jsonl", "bad.jsonl", "c.jsonl")]
    names[0].write_text(GOOD)
    names[1].write_text("nonsense\n")
    names[2].write_text(GOOD.replace("t1", "t2"))
    done = load(*names)
    assert done.returncode == 1, done.stdout
    assert f"loaded: {names[0]}\n" in done.stderr
    assert f"not loaded: {names[1]}\n" in done.stderr
    assert f"not loaded: {names[2]}\n" in done.stderr
    names[1].write_text(GOOD.replace("t1", "t3") * 2)
    done = load(*names)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 rows loaded"), done.stdout
    assert done.stderr == \
        f"freshet: already loaded, skipped: {names[0]}\n", done.stderr
    with freshet.Server(tmp_path / "m", tmp_path / "d") as server:
        assert server.rows("sales") == 4


def test_a_column_without_values_is_told_so(tmp_path, load):
    (tmp_path / "a.jsonl").write_text('{"ts":"2026-03-01T10:00:00Z"}\n')
    assert load(tmp_path / "a.jsonl").returncode == 0
    dump = freshet.run("segment", "dump", tmp_path / "d").stdout
    for name in ("store", "qty", "price"):
        line, = [x for x in dump.splitlines() if x.startswith(f"column {name} ")]
        assert line.endswith("nulls 1, no values"), line


KEYED = """\
dataset: {name}
source: {{ log: {{ partitions: 2, format: json }} }}
time: {{ field: ts }}
columns: [ {{ name: id, type: long }}, {{ name: ver, type: long }} ]
key: [id]
on_duplicate: {rule}
"""
RULES = {"first": "ignore", "last": "replace",
         "greatest": "replace\norder_by: ver"}


def keyed_model(folder):
    return freshet.write_model(folder, {
        f"datasets/{name}.yaml": KEYED.format(name=name, rule=rule)
        for name, rule in RULES.items()})


def load_keyed(folder, name, *files):
    done = freshet.run("load", "--data", folder / "d", "--model", folder / "m",
                       "--dataset", name, *files)
    assert done.returncode == 0, done.stderr
    return done.stdout


def events(path, rows):
    path.write_text("".join(json.dumps(
        {"ts": ts, "id": i, "ver": ver}) + "\n" for ts, i, ver in rows))
    return path


def test_of_a_key_that_is_loaded_twice_queries_see_one_row(tmp_path):
    """From the first answer of a server on."""
    keyed_model(tmp_path / "m")
    count = 150_000
    one = events(tmp_path / "a.jsonl", (
        (f"2026-{1 + i % 10:02}-{1 + i % 28:02}", i, 1) for i in range(count)))
    two = events(tmp_path / "b.jsonl", (
        (f"2026-{1 + i % 7:02}-{1 + i % 28:02}", i, 2)
        for i in range(count // 2, count + 1000)))
    expected = {"first": count + 1000, "last": 2 * (count + 1000) - count // 2,
                "greatest": 2 * (count + 1000) - count // 2}
    for name in RULES:
        load_keyed(tmp_path, name, one)
        told = load_keyed(tmp_path, name, two)
        if name == "first":
            assert f"{count // 2} rows left out" in told
    for _ in range(2):
        with freshet.Server(tmp_path / "m", tmp_path / "d") as server:
            for name in list(RULES) * 3:
                seen = server.sql("SELECT COUNT(*) AS n, SUM(ver) AS v, "
                                  f"COUNT(DISTINCT id) AS d FROM {name}")[0]
                assert seen["n"] == seen["d"] == count + 1000, (name, seen)
                if name != "first":
                    assert seen["v"] == expected[name]
            assert server.stop() == 0


def test_of_a_key_in_several_files_the_rule_says_which_row_stays(tmp_path):
    """Whatever their times are: first is the first line of the first file."""
    keyed_model(tmp_path / "m")
    new, old, older = "2026-11-01T10:00:00Z", "2026-03-05", "2026-03-01"
    files = [events(tmp_path / f"{k}.jsonl", [
        (ts, i, 10 * k + i) for i, ts in enumerate(times)])
        for k, times in enumerate([[new, older, old, older],
                                   [older, old, older, new],
                                   [older, older, older, older]])]
    twice = events(tmp_path / "twice.jsonl", [(new, 9, 1), (older, 9, 2)])
    for name in RULES:
        load_keyed(tmp_path, name, *files[:2])
        load_keyed(tmp_path, name, files[2], twice)
    with freshet.Server(tmp_path / "m", tmp_path / "d") as server:
        def kept(name):
            return [r["ver"] for r in server.sql(
                f"SELECT ver FROM {name} WHERE id < 9 ORDER BY id")]
        assert kept("first") == [0, 1, 2, 3]
        assert kept("last") == kept("greatest") == [20, 21, 22, 23]
        for name, version in (("first", 1), ("greatest", 2)):
            assert server.sql(f"SELECT ver FROM {name} WHERE id = 9") == [
                {"ver": version}]
        # What is posted meets what was loaded.
        for name in RULES:
            server.ingest(name, [{"ts": new, "id": 1, "ver": 30}])
        freshet.wait_until(lambda: kept("last")[1] == 30)
        freshet.wait_until(lambda: kept("greatest")[1] == 30)
        assert kept("first") == [0, 1, 2, 3]
        assert server.stop() == 0
