"""Dead letters of files: mended and taken again, without their files, once."""
import json
import os
import pathlib
import sys
import threading
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from files_test import by_file, lines, put, stock_model  # noqa: E402

ROUTE = "/api/v1/ingestion/{}/dead-letters"


def letters(server, dataset="stock"):
    return server.json(ROUTE.format(dataset))["dead_letters"]


def replay(server, selection, dataset="stock"):
    status, _, body = server.request(
        "POST", ROUTE.format(dataset) + "/replay", selection)
    answer = json.loads(body)
    assert status == 200, answer
    return answer


def mended(listed, change):
    return {"events": [{"id": one["id"], "event": change(one["event"])}
                       for one in listed]}


FILES = {
    "a.jsonl": lines("a", 3) + '{"ts":1790000000,"sku":"bad","qty":"x"}\n',
    "b.csv": "qty,ts,sku\n1,2026-11-01,b1\nx,2026-11-01,bad\n",
    "c.tsv": "sku\tts\tqty\nbad\t2026-11-01\tx\n",
    "d.xml": "<stock><item><ts>2026-11-01</ts><sku>bad</sku><qty>x</qty></item>"
             "<item><ts>2026-11-01</ts><sku>d</sku><qty>1</qty></item></stock>",
}


def test_of_every_format_without_the_files(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*", "after: delete")
    with freshet.Server(model, tmp_path / "d") as server:
        for name, text in FILES.items():
            put(drop, name, text)
        freshet.wait_until(lambda: len(letters(server)) == 4, what=server.log)
        freshet.wait_until(lambda: not list(drop.iterdir()), what="deleted")
        server.kill()
        server.start()
        listed = letters(server)
        headers = {one["partition"]: one.get("csv_header") for one in listed}
        assert headers == {"file/a.jsonl": None, "file/b.csv": "qty,ts,sku",
                           "file/c.tsv": "sku\tts\tqty", "file/d.xml": None}
        # As they are, they are refused as before, and stay.
        answer = replay(server, {"all": True})
        assert (answer["replayed"], answer["rejected"]) == (0, 4)
        assert {e["reason"] for e in answer["errors"]} == {"wrong_type"}

        wanted = mended(listed, lambda text: text.replace("x", "7"))
        wanted["events"] += wanted["events"][:1]
        wanted["events"].append({"id": "file/none.csv/1", "event": "{}"})
        answer = replay(server, wanted)
        assert answer["replayed"] == 4, answer
        assert {e["reason"] for e in answer["errors"]} == {"gone"}, answer
        expected = {"a.jsonl": 4, "b.csv": 2, "c.tsv": 1, "d.xml": 2}
        assert by_file(server) == expected
        assert server.sql("SELECT sku, qty FROM stock WHERE qty = 7") == \
            [{"sku": "bad", "qty": 7}] * 4
        assert letters(server) == []
        progress = server.json("/api/v1/ingestion/stock")
        assert progress["replayed"] == 4
        assert progress["rejected"] == {"wrong_type": 4}
        server.kill()
        server.start()
        assert by_file(server) == expected and letters(server) == []


def test_of_one_name_day_after_day(tmp_path):
    """A supplier drops stock.csv every day, each with a fault on the same line."""
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*", "after: delete")
    with freshet.Server(model, tmp_path / "d") as server:
        for day in range(1, 4):
            header = "qty,ts,sku" if day < 3 else "sku,qty,ts"
            time = f"2026-11-0{day}"
            put(drop, "stock.csv", f"{header}\n" + (
                f"x,{time},a{day}\n" if day < 3 else f"a{day},x,{time}\n"))
            freshet.wait_until(lambda: not list(drop.iterdir()),
                               what=server.log)
        server.kill()
        server.start()
        listed = letters(server)
        assert len({one["id"] for one in listed}) == 3, listed
        assert {(one["partition"], one["offset"]) for one in listed} == {
            ("file/stock.csv", 1)}
        assert server.json("/api/v1/ingestion/stock")["rejected"] == {
            "wrong_type": 3}
        answer = replay(server, mended(
            listed[:2], lambda text: text.replace("x", "7")))
        assert answer["replayed"] == 2, answer
        assert letters(server) == listed[2:]
        status, _, body = server.request(
            "DELETE", ROUTE.format("stock") + "?id=" + listed[2]["id"])
        assert status == 200 and json.loads(body)["removed"] == 1, body
        assert letters(server) == []
        assert by_file(server) == {"stock.csv": 2}
        assert server.sql("SELECT SUM(qty) AS s FROM stock") == [{"s": 14}]


def test_of_names_that_are_not_utf8(tmp_path):
    """Such ids can be said, paged through, mended and removed."""
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*", "after: delete")
    names = [b"Caf\xe9 50%.csv", b"\xff\xfe.csv"]
    with freshet.Server(model, tmp_path / "d") as server:
        for name in names:
            path = os.path.join(os.fsencode(drop), name)
            with open(path + b".", "w") as file:
                file.write("sku,ts,qty\nbad,2026-11-01,x\nbad2,2026-11-01,y\n")
            os.rename(path + b".", path)
        freshet.wait_until(lambda: len(letters(server)) == 4, what=server.log)
        listed = letters(server)
        assert {one["partition"] for one in listed} == {
            "file/Caf%E9 50%25.csv", "file/%FF%FE.csv"}
        paged, after = [], ""
        for _ in range(4):
            page = server.json(ROUTE.format("stock") + "?limit=1&after=" +
                               urllib.parse.quote(after, safe=""))
            paged += page["dead_letters"]
            after = page.get("next", "")
        assert paged == listed and after == ""
        answer = replay(server, mended(
            listed[::2], lambda text: text.replace(",x", ",1")))
        assert (answer["replayed"], answer["rejected"]) == (2, 0), answer
        for one in letters(server):
            status, _, body = server.request(
                "DELETE", ROUTE.format("stock") + "?id=" +
                urllib.parse.quote(one["id"], safe=""))
            assert (status, json.loads(body)) == (200, {"removed": 1})
        assert letters(server) == []


def test_under_a_new_definition_and_with_a_key(tmp_path):
    """What was wrong is the definition: the letters are taken as they are; of
    rows with one key the first stays."""
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*")
    definition = model / "datasets/stock.yaml"
    definition.write_text(definition.read_text() + "key: [sku]\n")
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "a.csv", "qty,ts,sku\n1,2026-11-01,a\n1.5,2026-11-01,a\n"
            "2.5,2026-11-01,b\n3.5,2026-11-01,b\n")
        freshet.wait_until(lambda: len(letters(server)) == 3, what=server.log)
        definition.write_text(definition.read_text().replace(
            "{ name: qty, type: long }", "{ name: qty, type: double }"))
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        assert replay(server, {"reason": "wrong_type"})["replayed"] == 3
        assert server.sql("SELECT sku, qty FROM stock ORDER BY sku") == [
            {"sku": "a", "qty": 1}, {"sku": "b", "qty": 2.5}]
        assert server.json("/api/v1/ingestion/stock")["duplicates"] == 2


def test_while_files_come_and_the_server_is_killed(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    model = stock_model(tmp_path / "m", drop / "*")
    bad = "".join(f'{{"ts":1790000000,"sku":"b{i}","qty":"{i}x"}}\n'
                  for i in range(3000))
    with freshet.Server(model, tmp_path / "d") as server:
        put(drop, "bad.jsonl", bad)
        freshet.wait_until(lambda: len(letters(server)) == 100, what=server.log)
        for name in range(20):
            put(drop, f"{name}.jsonl", lines(f"n{name}", 500))
        listed = server.json(ROUTE.format("stock") + "?limit=1000")
        wanted = mended(listed["dead_letters"], lambda text: text.replace("x", ""))
        asking = threading.Thread(target=lambda: pytest.raises(
            OSError, replay, server, wanted))
        asking.start()
        server.kill()
        asking.join()
        server.start()
        while left := server.json(ROUTE.format("stock"))["dead_letters"]:
            replay(server, mended(left, lambda text: text.replace("x", "")))
        freshet.wait_until(lambda: server.rows("stock") >= 13_000, 60,
                           what=server.log)
        assert by_file(server)["bad.jsonl"] == 3000
        assert server.sql("SELECT COUNT(DISTINCT sku) AS n, SUM(qty) AS s FROM "
                          "stock WHERE file = 'bad.jsonl'") == [
            {"n": 3000, "s": 3000 * 2999 // 2}]


def test_of_a_load_into_a_log(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    (tmp_path / "day.csv").write_text(
        "qty,ts,store\n1,2026-11-01T10:00:00Z,S1\nx,2026-11-01T10:00:00Z,S2\n")
    done = freshet.run("load", "--model", model, "--data", tmp_path / "d",
                       "--dataset", "sales", tmp_path / "day.csv")
    assert done.returncode == 0, done.stderr
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", ["{bad"])
        freshet.wait_until(lambda: len(letters(server, "sales")) == 2)
        answer = replay(server, mended(
            letters(server, "sales"),
            lambda text: "5,2026-11-01T10:00:00Z,S3" if text[0] != "{" else
            '{"ts":"2026-11-01T10:00:00Z","store":"S4","qty":1}'), "sales")
        assert answer["replayed"] == 2, answer
        assert server.sql("SELECT store, qty FROM sales ORDER BY store") == [
            {"store": "S1", "qty": 1}, {"store": "S3", "qty": 5},
            {"store": "S4", "qty": 1}]
