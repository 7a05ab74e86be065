"""A column whose data is stored may only become wider: other changes of its
type would round, lose or hide what is there."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

PRICES = """\
dataset: prices
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: shop, type: string }
  - { name: price, type: TYPE }
"""
EVENT = {"ts": 1790000000, "shop": "S1", "price": "3"}


def prices(kind):
    return PRICES.replace("TYPE", kind)


def put(server, kind):
    status, _, body = server.request("PUT", "/api/v1/datasets/prices",
                                     prices(kind))
    return status, json.loads(body)


def fill(server, price, seal=True):
    before = server.rows("prices")
    server.ingest("prices", [{**EVENT, "price": price}])
    freshet.wait_until(lambda: server.rows("prices") == before + 1,
                       what=server.log)
    if seal:
        status, _, body = server.request("POST",
                                         "/api/v1/ingestion/prices/seal")
        assert status == 200, body


def total(server):
    return server.sql("SELECT SUM(price) AS s FROM prices")[0]["s"]


def model_of(tmp_path, kind, name="m"):
    return freshet.write_model(tmp_path / name,
                               {"datasets/prices.yaml": prices(kind)})


@pytest.mark.parametrize("sealed", [True, False])
def test_a_narrower_type_is_refused(tmp_path, sealed):
    model = model_of(tmp_path, "decimal(4)")
    with freshet.Server(model, tmp_path / "d") as server:
        fill(server, "0.0049", sealed)
        for kind in ("decimal(2)", "long", "string", "bool", "timestamp"):
            status, answer = put(server, kind)
            assert status == 400, (kind, answer)
            detail = answer["error"]["details"][0]
            assert detail["path"] == "datasets/prices.yaml:6"
            for part in ("'price'", "decimal(4)", kind, "double"):
                assert part in detail["message"], detail
            status, _, body = server.request(
                "POST", "/api/v1/datasets/prices/validate",
                {"definition": prices(kind)})
            answer = json.loads(body)
            assert status == 200 and not answer["valid"], answer
            assert answer["faults"][0]["line"] == 6
        assert total(server) == 0.0049
        assert "decimal(4)" in (model / "datasets/prices.yaml").read_text()


def test_a_wider_type_is_taken(tmp_path):
    with freshet.Server(model_of(tmp_path, "long"), tmp_path / "d") as server:
        fill(server, "3")
        for kind in ("decimal(2)", "decimal(4)", "long", "double"):
            status, answer = put(server, kind)
            assert status == 200, (kind, answer)
            assert total(server) == 3
        # What counts is what is stored, not what was put before.
        assert put(server, "decimal(4)")[0] == 200
        fill(server, "0.5")
        assert put(server, "long")[0] == 400
        assert put(server, "decimal(5)")[0] == 200
        assert total(server) == 3.5


def test_without_data_a_type_is_free(tmp_path):
    with freshet.Server(model_of(tmp_path, "string"), tmp_path / "d") as server:
        for kind in ("decimal(4)", "long", "string", "decimal(1)"):
            assert put(server, kind)[0] == 200
        fill(server, "1.5")
        # A column that was dropped is still stored as what it was.
        dropped = "\n".join(line for line in prices("long").split("\n")
                            if "price," not in line)
        status, _, body = server.request("PUT", "/api/v1/datasets/prices",
                                         dropped)
        assert status == 200, body
        assert put(server, "long")[0] == 400
        status, _, body = server.request(
            "PUT", "/api/v1/datasets/prices",
            dropped + "  - { name: cents, type: long, path: price }\n")
        assert status == 200, body


def test_a_reload_keeps_the_last_good_model(tmp_path):
    model = model_of(tmp_path, "decimal(4)")
    with freshet.Server(model, tmp_path / "d") as server:
        fill(server, "0.0049")
        model_of(tmp_path, "decimal(2)")
        status, _, body = server.request("POST", "/api/v1/model/reload")
        assert status == 400 and b"decimal(2)" in body, body
        assert total(server) == 0.0049
        assert server.stop() == 0
        # Nor does a start take it.
        server.start(wait=False)
        assert server.process.wait(30) == 1
        assert "datasets/prices.yaml:6" in server.log()
        model_of(tmp_path, "decimal(4)")
        server.start()
        assert total(server) == 0.0049


def test_a_load_is_refused(tmp_path):
    file = tmp_path / "a.jsonl"
    data = tmp_path / "d"

    def load(kind, price):
        file.write_text(json.dumps({**EVENT, "price": price}) + "\n")
        return freshet.run("load", "--model", model_of(tmp_path, kind),
                           "--data", data, "--dataset", "prices", file)
    assert load("decimal(2)", "0.01").returncode == 0
    done = load("long", "5")
    assert done.returncode == 1
    assert "decimal(2)" in done.stderr and "long" in done.stderr, done.stderr
    assert load("decimal(4)", "0.0001").returncode == 0
    server = freshet.Server(model_of(tmp_path, "decimal(2)"), data)
    server.start(wait=False)
    assert server.process.wait(30) == 1
    with freshet.Server(model_of(tmp_path, "decimal(4)"), data) as server:
        assert total(server) == 0.0101


def test_validate_against_a_server(tmp_path):
    model = model_of(tmp_path, "decimal(4)")
    narrow = model_of(tmp_path, "decimal(2)", "narrow")
    with freshet.Server(model, tmp_path / "d") as server:
        done = freshet.run("validate", narrow, "--against", server.url)
        assert done.returncode == 0, done.stdout
        fill(server, "0.0049")
        done = freshet.run("validate", narrow, "--against", server.url)
        assert done.returncode == 1, done.stdout
        assert "datasets/prices.yaml:6: " in done.stdout
        assert "decimal(4)" in done.stdout and "decimal(2)" in done.stdout
        wide = model_of(tmp_path, "double", "wide")
        done = freshet.run("validate", wide, "--against", server.url)
        assert done.returncode == 0, done.stdout
