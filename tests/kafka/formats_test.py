"""Avro with a registry, change events, and what a message has besides its
value, from a real broker; a dataset made and tried from a topic."""
import datetime
import decimal
import json
import pathlib
import sys

import yaml
from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from registry import Registry  # noqa: E402

AVRO = """\
dataset: prices
source: {{ kafka: {{ brokers: "{broker}", topics: [prices], format: avro,
  registry: {{ url: "{registry}" }} }} }}
time: {{ field: at }}
columns:
  - {{ name: sku, type: string }}
  - {{ name: price, type: decimal(2) }}
  - {{ name: day, type: timestamp }}
  - {{ name: note, type: string, default: none }}
  - {{ name: id, type: long, message: key.id }}
  - {{ name: trace, type: string, message: header.trace }}
  - {{ name: place, type: string, message: topic }}
"""
FIRST = {"type": "record", "name": "Price", "namespace": "shop", "fields": [
    {"name": "sku", "type": "string"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal",
                               "precision": 12, "scale": 4}},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}


def send(broker, topic, messages):
    producer = Producer({"bootstrap.servers": broker.address})
    for message in messages:
        producer.produce(topic, **message)
    assert producer.flush(30) == 0


def record(sku, price, **more):
    return {"sku": sku, "price": decimal.Decimal(price),
            "day": datetime.date(2026, 11, 2),
            "at": datetime.datetime(2026, 11, 1, 10, tzinfo=datetime.UTC), **more}


def test_avro_by_a_registry_that_evolves_and_goes_away(broker, tmp_path):
    registry = Registry()
    first = registry.add(FIRST)
    added = json.loads(json.dumps(FIRST))
    added["fields"].insert(0, {"name": "note", "type": ["null", "string"]})
    added["fields"][2]["type"]["scale"] = 2
    currency = {"type": "enum", "name": "Currency", "namespace": "shop",
                "symbols": ["EUR", "USD"]}
    send(broker, "prices", [
        {"value": registry.message(first, record("a", "12.5049")),
         "key": b'{"id":7}', "headers": {"trace": "t1"}},
        {"value": b"not avro"}, {"value": b"\0\0\0\0\x63abc"},
        {"value": registry.message(first, record("b", "-0.01"))[:-3]}])
    model = freshet.write_model(tmp_path / "m", {
        "datasets/prices.yaml": AVRO.format(broker=broker.address,
                                            registry=registry.url)})
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("prices") == 1, what=server.log)
        row = server.sql("SELECT sku, price, \"day\", note, id, trace, place "
                         "FROM prices")[0]
        assert row == {"sku": "a", "price": 12.5, "day":
                       "2026-11-02T00:00:00.000Z", "note": "none", "id": 7,
                       "trace": "t1", "place": "prices"}
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/prices")
                           ["rejected"] == {"not_avro": 2, "schema": 1},
                           what=server.log)
        # A schema nobody has seen while the registry is away: nothing is lost.
        registry.down = True
        second = registry.add({**added, "fields": added["fields"] + [
            {"name": "currency", "type": "shop.Currency"}]},
            references=[{"name": "shop.Currency", "subject": "currency",
                         "version": 1}])
        registry.add(currency, "currency")
        whole = {**added, "fields": added["fields"] + [
            {"name": "currency", "type": currency}]}
        value = registry.message(second, record("c", "3.20", note="new",
                                                currency="USD"), whole)
        send(broker, "prices", [{"value": value}])
        state = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/prices"))["state"] ==
            "waiting" and p, what="waiting")
        assert "registry" in state["error"] and "503" in state["error"], state
        assert server.rows("prices") == 1
        server.kill()
        server.start()
        registry.down = False
        freshet.wait_until(lambda: server.rows("prices") == 2, what=server.log)
        rows = server.sql("SELECT price, note FROM prices WHERE sku = 'c'")
        assert rows == [{"price": 3.2, "note": "new"}]
        freshet.wait_until(lambda: server.json("/api/v1/ingestion/prices")
                           ["state"] == "running", what=server.log)
    registry.close()


def test_a_replay_asks_the_registry_again(broker, tmp_path):
    registry = Registry()
    number = registry.add({"type": "string"}) + 1  # the next one
    writer = Registry()
    for schema in ({"type": "string"}, FIRST):
        writer.add(schema)
    send(broker, "late", [{"value": writer.message(number, record("a", "1"))}])
    model = freshet.write_model(tmp_path / "m", {
        "datasets/prices.yaml": AVRO.format(
            broker=broker.address, registry=registry.url).replace(
                "topics: [prices]", "topics: [late]")})
    with freshet.Server(model, tmp_path / "d") as server:
        route = "/api/v1/ingestion/prices/dead-letters"
        freshet.wait_until(lambda: server.json(route)["total"] == 1,
                           what=server.log)
        assert registry.add(FIRST) == number
        status, _, body = server.request("POST", route + "/replay",
                                         {"all": True})
        answer = json.loads(body)
        assert status == 200 and answer["replayed"] == 1, answer
        assert server.rows("prices") == 1
    registry.close()
    writer.close()


def test_a_dataset_is_found_tried_and_deployed(broker, tmp_path):
    send(broker, "web.visits", [
        {"value": json.dumps({"ts": 1790000000000 + i, "visit": f"v{i}",
                              "page": {"path": f"/p{i % 7}"}, "load": i / 4,
                              "cart": [1, 2], "ok": i % 2 == 0, "n": i})}
        for i in range(300)] + [{"value": "broken"}])
    model = freshet.sales_model(tmp_path / "m")
    found = freshet.run("init", model, "--from-topic",
                        f"kafka://{broker.address}/web.visits")
    assert found.returncode == 0, found.stderr
    path = model / "datasets/web_visits.yaml"
    text = path.read_text()
    definition = yaml.safe_load(text)
    assert definition["time"] == {"field": "ts"}
    assert {c["name"]: c["type"] for c in definition["columns"]} == {
        "ts": "timestamp", "visit": "string", "page_path": "string",
        "load": "decimal(2)", "ok": "bool", "n": "long"}
    assert freshet.run("validate", model).returncode == 0
    again = freshet.run("init", model, "--from-topic",
                        f"kafka://{broker.address}/web.visits")
    assert again.returncode == 1 and "exists already" in again.stderr
    path.unlink()
    with freshet.Server(model, tmp_path / "d") as server:
        wrong = text.replace("type: bool", "type: long")
        status, _, body = server.request(
            "POST", "/api/v1/datasets/web_visits/validate",
            {"definition": wrong, "sample": 200})
        answer = json.loads(body)
        assert status == 200 and answer["valid"], body
        sample = answer["sample"]
        assert sample["messages"] == 200 and sample["rows"] == 0
        fields = {f["name"]: f for f in sample["fields"]}
        assert fields["ok"]["wrong"] == 199 and fields["n"]["wrong"] == 0
        assert "ok is not a long" in fields["ok"]["wrong_example"]
        assert sample["rejected"] == {"wrong_type": 199, "not_json": 1}
        status, _, body = server.request("PUT", "/api/v1/datasets/web_visits",
                                         text)
        assert status == 200, body
        freshet.wait_until(lambda: server.rows("web_visits") == 300,
                           what=server.log)
        assert path.read_text() == text


DEBEZIUM = """\
dataset: item
source: {{ kafka: {{ brokers: "{broker}", topics: [pg.public.item],
  format: debezium }} }}
time: {{ field: "$.source.ts_ms", format: millis }}
columns:
  - {{ name: id, type: long }}
  - {{ name: price, type: decimal(2) }}
  - {{ name: operation, type: string, path: "$.op" }}
"""


def test_change_events(broker, tmp_path):
    def change(op, before, after):
        return json.dumps({"before": before, "after": after, "op": op,
                           "source": {"ts_ms": 1795318464818}}).encode()
    send(broker, "pg.public.item", [
        {"value": change("r", None, {"id": 1, "price": "BOI="})},
        {"value": change("u", None, {"id": 1, "price": "JwY="})},
        {"value": None, "key": b'{"id":2}'}, {"value": change("m", None, None)},
        {"value": change("t", None, None)}])
    model = freshet.write_model(tmp_path / "m", {
        "datasets/item.yaml": DEBEZIUM.format(broker=broker.address)})
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("item") == 2, what=server.log)
        assert server.sql("SELECT id, price, operation FROM item "
                          "ORDER BY price") == [
            {"id": 1, "price": 12.5, "operation": "r"},
            {"id": 1, "price": 99.9, "operation": "u"}]
        # They lie in several partitions, which are read in any order.
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/item"))["rejected"] and
            p["filtered"] >= 2 and p, what="rejected and filtered")
        assert progress["rejected"] == {"truncate": 1}
        assert progress["filtered"] == 2


def test_an_avro_delete_by_its_key(broker, tmp_path):
    registry = Registry()
    row = {"type": "record", "name": "Row", "fields": [
        {"name": "id", "type": "long"}, {"name": "note", "type": "string"}]}
    value = registry.add({"type": "record", "name": "Envelope", "fields": [
        {"name": "before", "type": ["null", row], "default": None},
        {"name": "after", "type": ["null", "Row"], "default": None},
        {"name": "op", "type": "string"}, {"name": "ts_ms", "type": "long"}]})
    key = registry.add({"type": "record", "name": "Key", "fields": [
        {"name": "id", "type": "long"}]})

    def change(op, number, **rest):
        envelope = {"before": None, "after": None, "op": op,
                    "ts_ms": 1795318464818, **rest}
        return {"key": registry.message(key, {"id": number}),
                "value": registry.message(value, envelope)}
    send(broker, "pg.public.note", [
        change("c", 1, after={"id": 1, "note": "a"}),
        change("c", 2, after={"id": 2, "note": "b"}), change("d", 1)])
    model = freshet.write_model(tmp_path / "m", {"datasets/note.yaml": f"""\
dataset: note
source: {{ kafka: {{ brokers: "{broker.address}", topics: [pg.public.note],
  format: debezium, registry: {{ url: "{registry.url}" }} }} }}
time: {{ field: "$.ts_ms", format: millis }}
key: [id]
on_duplicate: replace
columns:
  - {{ name: id, type: long }}
  - {{ name: note, type: string }}
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        freshet.wait_until(
            lambda: server.json("/api/v1/ingestion/note")["deleted"] == 1,
            what=server.log)
        assert server.sql("SELECT id, note FROM note") == [
            {"id": 2, "note": "b"}]
        assert server.json("/api/v1/ingestion/note")["rejected"] == {}
    registry.close()
