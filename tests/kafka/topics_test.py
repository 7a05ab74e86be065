"""Several topics, patterns of topics, and a part of the partitions."""
import json
import pathlib
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

EVENT = {"ts": "2026-11-01T10:00:00Z", "qty": 1, "price": "1.00"}


def create(broker, topic, partitions):
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)


def produce(broker, topic, partition, store, count=1):
    producer = Producer({"bootstrap.servers": broker.address})
    for _ in range(count):
        producer.produce(topic, json.dumps({**EVENT, "store": store}),
                         partition=partition)
    assert producer.flush(20) == 0


def model(broker, folder, keys):
    return freshet.sales_model(
        folder, source=f"{{ kafka: {{ brokers: '{broker.address}', {keys} }} }}")


def stores(server):
    return {r["store"]: r["n"] for r in server.sql(
        "SELECT store, COUNT(*) AS n FROM sales GROUP BY store")}


def test_a_pattern_takes_topics_that_are_there_and_that_come(broker, tmp_path):
    for topic in ("pat.a.sales", "pat.b.sales", "pat.a.orders", "my.pat.sales"):
        create(broker, topic, 1)
        produce(broker, topic, 0, topic)
    m = model(broker, tmp_path / "m",
              "topics: ['^pat\\..*\\.sales', my.pat.sales, 'pat.a.sales']")
    with freshet.Server(m, tmp_path / "d") as server:
        freshet.wait_until(lambda: len(stores(server)) == 3, 30,
                           what=server.log())
        create(broker, "pat.new.sales", 2)
        produce(broker, "pat.new.sales", 1, "pat.new.sales")
        freshet.wait_until(lambda: "pat.new.sales" in stores(server), 30)
        assert stores(server) == {"pat.a.sales": 1, "pat.b.sales": 1,
                                  "my.pat.sales": 1, "pat.new.sales": 1}
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/sales")
                           ["complete"], what=server.log)
        assert server.stop() == 0
        server.start()
        produce(broker, "pat.new.sales", 0, "pat.new.sales")
        freshet.wait_until(lambda: stores(server)["pat.new.sales"] == 2, 30)
    # Posted events have no topic to go to if only patterns name them.
    only = model(broker, tmp_path / "p", "topics: ['^pat\\..*']")
    with freshet.Server(only, tmp_path / "e") as server:
        status, _, body = server.request("POST", "/ingest/sales",
                                         {**EVENT, "store": "x"})
        assert status >= 400 and b"pattern" in body, body


def test_nothing_matches_yet(broker, tmp_path):
    m = model(broker, tmp_path / "m", "topics: ['^none\\.such.*']")
    with freshet.Server(m, tmp_path / "d") as server:
        freshet.wait_until(
            lambda: "none" in server.json("/api/v1/ingestion/sales")
            .get("error", ""), 30)
        create(broker, "none.such.topic", 1)
        produce(broker, "none.such.topic", 0, "S1")
        freshet.wait_until(lambda: server.rows("sales") == 1, 30)


def test_a_part_of_the_partitions_is_never_complete(broker, tmp_path):
    create(broker, "parted", 3)
    for partition in range(3):
        produce(broker, "parted", partition, f"S{partition}")
    m = model(broker, tmp_path / "m", "topics: [parted/0, parted/2]")
    with freshet.Server(m, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.get("/readyz")[0] == 200, 30)
        freshet.wait_until(lambda: len(stores(server)) == 2)
        assert stores(server) == {"S0": 1, "S2": 1}
        progress = server.json("/api/v1/ingestion/sales")
        assert {p["partition"] for p in progress["partitions"]} == \
            {"parted/0", "parted/2"}
        assert progress["caught_up"] and not progress["complete"]
        answer = server.json("/api/v1/kpis/net_sales/value?range=ytd")
        assert answer["provenance"]["complete"] is False
    m = model(broker, tmp_path / "m2", "topics: [parted/0, parted/7]")
    with freshet.Server(m, tmp_path / "d2") as server:
        freshet.wait_until(
            lambda: "parted/7" in server.json("/api/v1/ingestion/sales")
            .get("error", ""), 30)
        freshet.wait_until(lambda: stores(server) == {"S0": 1})
