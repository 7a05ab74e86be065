"""Messages that no producer should send, in every format: each becomes a dead
letter (or, where it can be read, a row), and those behind it come."""
import json
import pathlib
import sys

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

TIME = "2026-11-01T10:00:00Z"
MORE = {  # of the source
    "json": "",
    "tree": "explode: lines",
    "csv": "fields: [ts, sku, qty, amount]",
    "xml": "record: /stock/item",
    "debezium": "",
    "dms": "",
}
DATASET = """\
dataset: stock
source: {{ kafka: {{ brokers: "{brokers}", topic: {topic}, format: {format}, {more} }} }}
time: {{ field: ts }}
columns:
  - {{ name: sku, type: string, path: {where}sku }}
  - {{ name: qty, type: long, path: {where}qty }}
  - {{ name: amount, type: decimal(2), path: {where}amount }}
  - {{ name: offset, type: long, message: offset }}
"""


def event(name, sku="a", qty="1", amount='"1.50"'):
    """An event whose values are these texts, as they stand."""
    row = f'"ts":"{TIME}","sku":"{sku}","qty":{qty},"amount":{amount}'
    plain = str(amount).strip('"')
    return {
        "json": f"{{{row}}}",
        "tree": f'{{"ts":"{TIME}","lines":[{{"sku":"{sku}","qty":{qty},'
                f'"amount":{amount}}}]}}',
        "csv": f"{TIME},{sku},{qty},{plain}",
        "xml": f"<stock><item><ts>{TIME}</ts><sku>{sku}</sku><qty>{qty}</qty>"
               f"<amount>{plain}</amount></item></stock>",
        "debezium": f'{{"op":"c","after":{{{row}}}}}',
        "dms": f'{{"data":{{{row}}},"metadata":{{"operation":"insert",'
               f'"record-type":"data"}}}}',
    }[name].encode()


def poisons(name):
    big = event(name, sku="x" * (10 << 20))
    deep = {"xml": b"<stock>" + b"<a>" * 10_000,
            "csv": b'"' * 10_001}.get(name, b'{"a":' * 10_000)
    closed = {"xml": b"<stock>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</stock>",
              "csv": b'""' * 10_000}.get(
        name, b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
    return [
        big, deep, closed, b"", b"\0", b"\xff\xfe\x00{", b"{", b"[" * 100_000,
        event(name, sku="\\ud800" if name not in ("csv", "xml") else "\x01"),
        event(name).replace(b'a', b"\xc3\x28", 1),
        event(name) + b"\0\0\0",
        event(name, qty="9223372036854775808"),
        event(name, qty="-" + "9" * 400),
        event(name, qty="1e400"),
        event(name, amount='"1e999999999"'),
        event(name, amount="9" * 40),
        event(name).replace(b"2026-11-01", b"9999999-99-99"),
        event(name)[:-7],
        event(name) * 2 if name != "csv" else b"a,b",
        b"\xef\xbb\xbf", b"null", b"true", b"NaN", b'"' + b"\\" * 99_999,
    ]


@pytest.mark.parametrize("name", list(MORE))
def test_poison_never_stops_the_stream(broker, tmp_path, name):
    topic = "poison." + name
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(
        topic, 1, 1, config={"max.message.bytes": str(20 << 20)})])[
        topic].result(10)
    producer = Producer({"bootstrap.servers": broker.address,
                         "message.max.bytes": 20 << 20})
    good, sent = [], 0
    for value in poisons(name):
        good.append(sent)
        for one in (event(name, sku=f"good{sent}"), value):
            producer.produce(topic, one)
        sent += 2
        assert producer.flush(30) == 0
    producer.produce(topic, None)
    producer.produce(topic, event(name, sku=f"good{sent + 1}"),
                     headers=[("h\0", b"\xff" * 1000)], key=b"\xff\0")
    good.append(sent + 1)
    assert producer.flush(30) == 0
    model = freshet.write_model(tmp_path / "m", {
        "datasets/stock.yaml": DATASET.format(
            brokers=broker.address, topic=topic, more=MORE[name],
            format="json" if name == "tree" else name,
            where="lines." if name == "tree" else "")})
    with freshet.Server(model, tmp_path / "d") as server:
        def seen():
            return {r["sku"]: r["n"] for r in server.sql(
                "SELECT sku, COUNT(*) AS n FROM stock WHERE sku LIKE 'good%' "
                "GROUP BY 1")}
        expected = {f"good{at}": 1 for at in good}
        freshet.wait_until(lambda: seen() == expected, 60,
                           what=lambda: (seen(), server.log()))

        def state():
            told = server.json("/api/v1/ingestion/stock")
            return told["state"], told["caught_up"], told["partitions"][0]["lag"]
        freshet.wait_until(lambda: state() == ("running", True, 0), what=state)
        status, _, body = server.request("POST", "/api/v1/ingestion/stock/seal")
        assert status == 200, body
        total = server.rows("stock")
        letters = server.json("/api/v1/ingestion/stock/dead-letters?limit=1000")
        kept = {x["offset"] for x in letters["dead_letters"]}
        rows = {r["offset"] for r in server.sql('SELECT "offset" FROM stock')}
        assert not kept & rows
        print(name, total, "rows", letters["reasons"],
              server.peak_bytes() >> 20, "MB")
        assert letters["total"] >= 15 and server.peak_bytes() < 700 << 20
        metrics = server.get("/metrics")[1].decode()
        assert (f'freshet_rejected_events_total{{dataset="stock"}} '
                f'{letters["total"]}') in metrics
        server.kill()
        server.start()
        freshet.wait_until(lambda: seen() == expected)
        assert server.rows("stock") == total
