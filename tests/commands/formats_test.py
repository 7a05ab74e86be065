"""Events in every format through POST /ingest, the embedded log and a query."""
import gzip
import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

CSV = """\
dataset: visits
source: { log: { partitions: 2, format: csv, fields: [at, store, count], delimiter: ";" } }
time: { field: at }
columns:
  - { name: store, type: string }
  - { name: count, type: long, on_error: default, default: 0 }
  - { name: place, type: string, message: partition }
"""
LINES = """\
dataset: lines
source: { log: { partitions: 1, format: json, explode: lines } }
time: { field: ts }
columns:
  - { name: order_id, type: string }
  - { name: sku, type: string, path: lines.sku }
  - { name: price, type: decimal(2), path: lines.price }
  - { name: first_tag, type: string, path: "lines.tags[0]" }
"""


def test_csv_and_exploded_arrays(tmp_path):
    model = freshet.write_model(tmp_path / "model", {
        "datasets/visits.yaml": CSV, "datasets/lines.yaml": LINES})
    with freshet.Server(model, tmp_path / "data") as server:
        body = 'store,at,count\n"S;1",2026-11-01T10:00:00Z,3\nS2,2026-11-01T11:00:00Z,x\n'
        status, _, answer = server.request(
            "POST", "/ingest/visits", body, {"Content-Type": "text/csv"})
        assert status == 200, answer
        assert json.loads(answer)["accepted"] == 2
        status, _, answer = server.request("POST", "/ingest/visits", {"a": 1})
        assert status == 415 and b"text/csv" in answer, answer
        server.ingest("lines", [
            {"ts": "2026-11-01T10:00:00Z", "order_id": "A", "lines": [
                {"sku": "x", "price": "1.10", "tags": ["new", "red"]},
                {"sku": "y", "price": 2.2}]},
            {"ts": "2026-11-01T10:00:00Z", "order_id": "B", "lines": []}])
        freshet.wait_until(lambda: server.rows("visits") == 2
                           and server.rows("lines") == 2, what="rows")
        rows = server.sql("SELECT store, \"count\", place FROM visits ORDER BY store")
        assert [(r["store"], r["count"]) for r in rows] == [("S2", 0), ("S;1", 3)]
        assert {r["place"] for r in rows} <= {"0", "1"}
        rows = server.sql("SELECT order_id, sku, price, first_tag FROM lines ORDER BY sku")
        assert [list(r.values()) for r in rows] == [
            ["A", "x", 1.1, "new"], ["A", "y", 2.2, None]], rows
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/lines"))["filtered"]
            and p, 10, what="progress follows the rows")
        assert progress["filtered"] == 1 and progress["rejected"] == {}


MEMBERS = """\
dataset: members
source: { log: { partitions: 1 } }
time: { field: ts }
pii_key: "${env:PII_KEY}"
columns:
  - { name: member, type: string, pii: hash }
  - { name: mail, type: string, pii: drop }
  - { name: host, type: string, from: "lower(mail)" }
"""


def test_personal_data_is_hashed_or_dropped(tmp_path):
    model = freshet.write_model(tmp_path / "m", {"datasets/members.yaml": MEMBERS})
    secret = "0123456789abcdef"
    key = hashlib.blake2b(secret.encode(), digest_size=32).digest()
    assert freshet.run("validate", model).returncode == 1
    with freshet.Server(model, tmp_path / "d", env={"PII_KEY": secret}) as server:
        server.ingest("members", [
            {"ts": 1790000000 + i, "member": m, "mail": "A@B"}
            for i, m in enumerate(["anne", "bob", "anne", None])])
        freshet.wait_until(lambda: server.rows("members") == 4, what=server.log)
        hashed = hashlib.blake2b(b"anne", key=key, digest_size=16).hexdigest()
        rows = server.sql("SELECT member, COUNT(*) AS n FROM members "
                          "WHERE member IS NOT NULL GROUP BY 1 ORDER BY n DESC")
        assert rows[0] == {"member": hashed, "n": 2} and len(rows) == 2
        rows = server.sql("SELECT mail, host FROM members")
        assert rows == [{"mail": None, "host": "a@b"}] * 4
        server.request("POST", "/api/v1/ingestion/members/seal")
        for file in (tmp_path / "d/segments").rglob("*"):
            if file.is_file():
                assert b"anne" not in file.read_bytes()


STOCK = """\
dataset: stock
source: { log: { partitions: 1, format: xml, record: /stock/item } }
time: { field: "$.@at" }
columns:
  - { name: sku, type: string, path: "@sku" }
  - { name: qty, type: long }
"""


def stock(rows):
    items = "".join(f'<item sku="s{i}"><qty>{i}</qty></item>' for i in range(rows))
    return f'<stock at="2026-11-01T10:00:00Z">{items}</stock>'


def test_xml_posted_and_loaded(tmp_path):
    model = freshet.write_model(tmp_path / "m", {"datasets/stock.yaml": STOCK})
    packed = tmp_path / "drop.xml.gz"
    packed.write_bytes(gzip.compress(stock(5000).encode()))
    loaded = freshet.run("load", "--data", tmp_path / "d", "--model", model,
                         "--dataset", "stock", packed)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.startswith("5000 rows loaded, 0 rejected")
    with freshet.Server(model, tmp_path / "d") as server:
        for body, accepted in [(stock(3), 1), ("<stock><item>", 0)]:
            status, _, answer = server.request(
                "POST", "/ingest/stock", body, {"Content-Type": "application/xml"})
            assert status == 200, answer
            assert json.loads(answer)["accepted"] == accepted
        freshet.wait_until(lambda: server.rows("stock") == 5003, what=server.log)
        assert server.sql("SELECT SUM(qty) AS s FROM stock") == [
            {"s": 5000 * 4999 // 2 + 3}]
        assert server.request("POST", "/ingest/stock", {"a": 1})[0] == 415
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/stock"))["rejected"] and p,
            what="rejected")
        assert progress["rejected"] == {"not_xml": 1}


WIDENED = """\
dataset: widened
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: n, type: long }
  - { name: price, type: decimal(2) }
  - { name: n_money, type: decimal(2), from: n }
  - { name: price4, type: decimal(4), from: price }
  - { name: n_real, type: double, from: n }
  - { name: price_real, type: double, from: price }
  - { name: ratio, type: double, from: "n / 2" }
"""


def test_derived_numbers_have_the_type_of_their_column(tmp_path):
    """Also where one row of them cannot be computed, or does not fit."""
    model = freshet.write_model(tmp_path / "m", {"datasets/widened.yaml": WIDENED})
    with freshet.Server(model, tmp_path / "d") as server:
        time = "2026-11-01T10:00:00Z"
        events = [{"ts": time, "n": 5, "price": "1.25"},
                  {"ts": time, "n": None, "price": None}]
        expected = [
            {"n": None, "n_money": None, "price4": None, "n_real": None,
             "price_real": None, "ratio": None},
            {"n": 5, "n_money": 5.0, "price4": 1.25, "n_real": 5.0,
             "price_real": 1.25, "ratio": 2.0}]
        text = ("SELECT n, n_money, price4, n_real, price_real, ratio FROM "
                "widened ORDER BY n")
        assert server.ingest("widened", events)["accepted"] == 2
        freshet.wait_until(lambda: server.sql(text) == expected,
                           what=lambda: server.sql(text))
        answer = server.ingest("widened", [
            {"ts": time, "n": 2 ** 62, "price": "1.25"}, *events])
        assert (answer["accepted"], answer["rejected"]) == (2, 1), answer
        assert "out of range" in answer["errors"][0]["message"], answer
        freshet.wait_until(
            lambda: server.sql(text) == sorted(
                expected * 2, key=lambda row: row["n"] or 0),
            what=lambda: server.sql(text))
        assert server.json("/api/v1/ingestion/widened")["rejected"] == {
            "expression": 1}


NESTED = """\
dataset: nested
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: sku, type: string, path: item.sku }
"""


def test_csv_fields_go_where_paths_lead(tmp_path):
    model = freshet.write_model(tmp_path / "m", {"datasets/nested.yaml": NESTED})
    with freshet.Server(model, tmp_path / "d") as server:
        status, _, answer = server.request(
            "POST", "/ingest/nested",
            "ts,store,item.sku\n2026-11-01T10:00:00Z,S1,K1\n",
            {"Content-Type": "text/csv"})
        assert status == 200 and json.loads(answer)["accepted"] == 1, answer
        freshet.wait_until(lambda: server.rows("nested") == 1, what=server.log)
        assert server.sql("SELECT store, sku FROM nested") == [
            {"store": "S1", "sku": "K1"}]
