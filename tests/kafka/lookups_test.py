"""Lookups that follow a compacted topic and a database's changes, from a real
broker."""
import json
import pathlib
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

PRODUCTS = """\
lookup: products
key: sku
source: {{ kafka: {{ brokers: "{broker}", topics: [products] }} }}
columns:
  - {{ name: sku, type: string, message: key }}
  - {{ name: category, type: string }}
  - {{ name: cost, type: decimal(2) }}
max_keys: {max_keys}
"""
STORES = """\
lookup: stores
key: id
source: {{ kafka: {{ brokers: "{broker}", topics: [db.shop.stores],
  format: debezium }} }}
columns:
  - {{ name: id, type: long }}
  - {{ name: city, type: string }}
  - {{ name: note, type: string }}
"""
SALES = """\
dataset: sales
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: sku, type: string }
  - { name: category, type: string, lookup: products.category, by: sku }
"""


def compacted(broker, topic, partitions=2):
    admin = AdminClient({"bootstrap.servers": broker.address})
    made = admin.create_topics([NewTopic(topic, partitions, 1, config={
        "cleanup.policy": "compact", "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100"})])
    made[topic].result(30)


def send(broker, topic, messages):
    producer = Producer({"bootstrap.servers": broker.address})
    for key, value in messages:
        producer.produce(topic, key=key, value=None if value is None
                         else json.dumps(value))
    assert producer.flush(30) == 0


def change(op, before=None, after=None):
    return {"op": op, "before": before, "after": after,
            "source": {"ts_ms": 1}, "ts_ms": 2}


def rows(server, name):
    return {row.pop("k"): row for row in server.sql(
        f"SELECT k, * FROM lookup.{name}")}


def test_a_compacted_topic_and_a_database_table(broker, tmp_path):
    compacted(broker, "products")
    compacted(broker, "db.shop.stores", 1)
    send(broker, "products", [(f"p{i}", {"category": f"c{i % 7}",
                                         "cost": i / 100})
                              for i in range(5000)])
    send(broker, "products", [("p0", None), ("p1", {"category": "new"}),
                              ("p2", {"category": 3, "cost": "much"})])
    send(broker, "db.shop.stores", [
        ('{"id":1}', change("r", after={"id": 1, "city": "Vigo",
                                        "note": "long text"})),
        ('{"id":2}', change("c", after={"id": 2, "city": "Lugo"})),
        ('{"id":3}', change("c", after={"id": 3, "city": "Faro"}))])
    model = freshet.write_model(tmp_path / "m", {
        "lookups/products.yaml": PRODUCTS.format(broker=broker.address,
                                                 max_keys=6000),
        "lookups/stores.yaml": STORES.format(broker=broker.address),
        "datasets/sales.yaml": SALES})
    with freshet.Server(model, tmp_path / "d") as server:
        # What is ingested at the start waits until the topic was read.
        server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "sku": sku}
                                for sku in ("p0", "p1", "p4999")])
        freshet.wait_until(lambda: server.rows("sales") == 3, what=server.log)
        assert server.sql("SELECT sku, category FROM sales ORDER BY 1") == [
            {"sku": "p0", "category": None}, {"sku": "p1", "category": "new"},
            {"sku": "p4999", "category": "c1"}]
        shown = freshet.wait_until(lambda: (
            lambda one: one if one["complete"] and one["rows"] == 4999
            and one.get("lag") == 0 else None)(
                server.json("/api/v1/lookups/products")), what=server.log)
        assert shown["source"] == "kafka" and shown["rejected"] == 1
        assert "much" in shown["last_rejection"]
        assert shown["messages"] == 5003
        freshet.wait_until(lambda: len(rows(server, "stores")) == 3,
                           what=server.log)
        assert rows(server, "stores")[1] == {"city": "Vigo",
                                             "note": "long text", "id": 1}
        assert server.request("PUT", "/api/v1/lookups/products", [])[0] == 409
        # Live: updates, a value left out, deletes with their tombstones.
        send(broker, "db.shop.stores", [
            ('{"id":1}', change("u", after={
                "id": 1, "city": "Porto",
                "note": "__debezium_unavailable_value"})),
            ('{"id":2}', change("d", before={"id": 2})), ('{"id":2}', None)])
        send(broker, "products", [("p3", None), ("p9999", {"category": "z"})])
        freshet.wait_until(lambda: server.sql(
            "SELECT LOOKUP(3, 'stores.city') AS a, LOOKUP(2, 'stores.city') AS "
            "b, LOOKUP(1, 'stores.city') AS c, LOOKUP(1, 'stores.note') AS d"
            ) == [{"a": "Faro", "b": None, "c": "Porto", "d": "long text"}],
            what=server.log)
        freshet.wait_until(lambda: server.sql(
            "SELECT LOOKUP('p3', 'products') AS a, LOOKUP('p9999', 'products')"
            " AS b") == [{"a": None, "b": "z"}], what=server.log)
        server.kill()
        # Goes on where it was: only what came meanwhile is read.
        send(broker, "products", [("p4", {"category": "while away"})])
        server.start()
        freshet.wait_until(lambda: server.sql(
            "SELECT LOOKUP('p4', 'products') AS a") == [{"a": "while away"}],
            what=server.log)
        shown = server.json("/api/v1/lookups/products")
        assert shown["messages"] <= 3 and shown["rows"] == 4999
        assert len(rows(server, "stores")) == 2
        assert server.stop() == 0


def test_a_row_of_another_key_leaves_the_former_one(broker, tmp_path):
    """Where the lookup's key is not the table's."""
    compacted(broker, "db.shop.skus", 1)
    sku = {"id": 1, "city": "A", "note": "x"}
    send(broker, "db.shop.skus", [
        ('{"id":1}', change("c", after=sku)),
        ('{"id":1}', change("u", before=sku, after={**sku, "city": "B"}))])
    model = freshet.write_model(tmp_path / "m", {
        "lookups/stores.yaml": STORES.format(broker=broker.address).replace(
            "key: id", "key: city").replace("db.shop.stores", "db.shop.skus")})
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: "B" in rows(server, "stores"),
                           what=server.log)
        assert list(rows(server, "stores")) == ["B"]


def test_a_topic_with_more_keys_than_allowed_stops_the_lookup(broker, tmp_path):
    compacted(broker, "products_many", 1)
    send(broker, "products_many", [(f"p{i}", {"category": "c"})
                                   for i in range(3000)])
    model = freshet.write_model(tmp_path / "m", {
        "lookups/products.yaml": PRODUCTS.format(
            broker=broker.address, max_keys=1000).replace(
                "[products]", "[products_many]"),
        "datasets/sales.yaml": SALES})
    with freshet.Server(model, tmp_path / "d") as server:
        shown = freshet.wait_until(lambda: (
            lambda one: one if one["state"] == "failed" else None)(
                server.json("/api/v1/lookups/products")), what=server.log)
        assert "max_keys" in shown["error"] and "1000" in shown["error"]
        assert shown["rows"] <= 1000 and not shown["complete"]
        status, body = server.get("/readyz")
        assert status == 503 and b"max_keys" in body
        # Raised in the model, it goes on.
        (tmp_path / "m/lookups/products.yaml").write_text(PRODUCTS.format(
            broker=broker.address, max_keys=5000).replace(
                "[products]", "[products_many]"))
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        freshet.wait_until(lambda: server.json("/api/v1/lookups/products")
                           ["rows"] == 3000, what=server.log)
        freshet.wait_until(lambda: server.json("/api/v1/lookups/products")
                           ["complete"], what=server.log)
        send(broker, "products_many", [(f"q{i}", {"category": "c"})
                                       for i in range(3000)])
        shown = freshet.wait_until(lambda: (
            lambda one: one if one["state"] == "failed" else None)(
                server.json("/api/v1/lookups/products")), what=server.log)
        assert "max_keys" in shown["error"] and not shown["complete"]
