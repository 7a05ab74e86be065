"""What the server says when its topics are recreated, truncated, deleted or
not there: never that all is well."""
import json
import pathlib
import sys
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

EVENT = {"ts": "2026-11-01T10:00:00Z", "store": "S1", "qty": 1, "price": "1.00"}


class Topics:
    """The broker's topics, changed as its owner would."""

    def __init__(self, broker):
        self.settings = {"bootstrap.servers": broker.address}
        self.admin = AdminClient(self.settings)

    def create(self, name, partitions=1):
        def made():
            result = self.admin.create_topics([NewTopic(name, partitions, 1)])
            try:
                result[name].result(10)
            except Exception:  # the old one may still be going
                return False
            return True
        freshet.wait_until(made, 30, 0.2, f"topic {name} is made")

    def delete(self, name):
        self.admin.delete_topics([name])[name].result(10)

    def recreate(self, name, partitions=1):
        self.delete(name)
        freshet.wait_until(
            lambda: name not in self.admin.list_topics(timeout=10).topics, 20)
        time.sleep(1)  # until the broker has let go of the old log
        self.create(name, partitions)
        time.sleep(1)

    def truncate(self, name, before, partition=0):
        """DeleteRecords: offsets below `before` go."""
        place = TopicPartition(name, partition, before)
        list(self.admin.delete_records([place]).values())[0].result(10)

    def grow(self, name, partitions):
        self.admin.create_partitions([NewPartitions(name, partitions)])[
            name].result(10)

    def send(self, name, count, partition=0, store="S1", time_ms=0):
        producer = Producer(self.settings)
        for i in range(count):
            producer.produce(name, json.dumps({**EVENT, "store": store,
                                               "txn_id": f"{store}-{i}"}),
                             partition=partition, timestamp=time_ms)
        assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def topics(broker):
    return Topics(broker)


def model_of(tmp_path, broker, *names):
    listed = ", ".join(names)
    return freshet.sales_model(
        tmp_path / "m", source=f"{{ kafka: {{ brokers: '{broker.address}', "
        f"topics: [{listed}] }} }}")


def ready(server):
    return server.get("/readyz")[0] == 200


def reasons(server):
    status, body = server.get("/readyz")
    return json.loads(body)["reasons"] if status == 503 else []


def progress(server):
    return server.json("/api/v1/ingestion/sales")


def kpi(server):
    return server.json("/api/v1/kpis/net_sales/value?range=ytd")


def metric(server, name):
    for line in server.get("/metrics")[1].decode().splitlines():
        if line.startswith(name + "{") and 'dataset="sales"' in line:
            return float(line.split()[-1])
    raise AssertionError(name)


def assert_says_stopped(server, words, state, rows, stopped=1):
    """Within a quarter of a minute, everywhere, and for as long as it lasts."""
    def all_stopped():  # each partition is told by itself
        faulty = [p for p in progress(server)["partitions"] if p["stopped"]]
        return len(faulty) >= stopped and any(
            words in r for r in reasons(server))
    freshet.wait_until(all_stopped, 20,
                       what=f"readyz says: {words}; {progress(server)}")
    now = progress(server)
    assert now["state"] == state and not now["caught_up"], now
    assert not now["complete"] and words in now["error"], now
    faulty = [p for p in now["partitions"] if p["stopped"]]
    assert len(faulty) == stopped, now
    assert metric(server, "freshet_partitions_stopped") == stopped
    assert metric(server, "freshet_ingestion_up") == 0
    assert kpi(server)["provenance"]["complete"] is False
    listed = server.json("/api/v1/datasets/sales")
    assert listed["state"] == state and listed["complete"] is False
    # What other partitions have is read all the same, be it a moment later.
    freshet.wait_until(lambda: server.rows("sales") >= rows, 20,
                       what=f"{rows} rows")
    assert server.rows("sales") == rows
    return now


def logged(server, words):
    log = server.log_path.read_text(errors="replace").splitlines()
    return [x for x in log if words in x and '"level":"error"' in x.lower()]


def read_all(server, rows):
    freshet.wait_until(lambda: server.rows("sales") == rows, 30,
                       what=server.log())
    freshet.wait_until(lambda: ready(server), 20, what=str(reasons(server)))
    assert kpi(server)["provenance"]["complete"] is True


@pytest.mark.parametrize("refilled", [10, 300], ids=["short", "beyond"])
def test_topic_recreated_under_the_server_and_across_a_restart(
        broker, topics, tmp_path, refilled):
    name = f"recreated{refilled}"
    topics.create(name)
    topics.send(name, 100)
    with freshet.Server(model_of(tmp_path, broker, name),
                        tmp_path / "d") as server:
        read_all(server, 100)
        server.request("POST", "/api/v1/ingestion/sales/seal")
        topics.recreate(name)
        topics.send(name, refilled, store="S2")
        assert_says_stopped(server, "truncated or recreated", "failed", 100)
        partition = freshet.wait_until(
            lambda: progress(server)["partitions"][0]["high"] == refilled
            and progress(server)["partitions"][0], 15)
        assert partition["lag"] == (10 if refilled < 100 else 200), partition
        assert progress(server)["lag_ms"] > 0
        assert len(logged(server, "is stopped: ")) <= 2, server.log()
        assert len(logged(server, "truncated or recreated")) == 1, server.log()
        topics.send(name, 5, store="S3")
        freshet.wait_until(
            lambda: progress(server)["partitions"][0]["high"] == refilled + 5,
            15, what="the end of the topic is followed")
        server.kill()
        server.start()
        assert_says_stopped(server, "truncated or recreated", "failed", 100)


def test_records_deleted_below_and_beyond_our_offset(broker, topics, tmp_path):
    topics.create("overrun")
    topics.send("overrun", 50)
    model = model_of(tmp_path, broker, "overrun")
    with freshet.Server(model, tmp_path / "d") as server:
        read_all(server, 50)
        topics.truncate("overrun", 30)  # what was read long ago
        topics.send("overrun", 10)
        read_all(server, 60)
        assert server.stop() == 0
    topics.send("overrun", 40)
    topics.truncate("overrun", 90)  # 60 to 89 are lost, as by retention
    with freshet.Server(model, tmp_path / "d") as server:
        now = assert_says_stopped(server, "has lost what comes next", "failed",
                                  60)
        assert "60" in now["error"] and "[90, 100)" in now["error"]
        assert now["partitions"][0]["lag"] == 10
        answer = server.request("POST", "/api/v1/ingestion/sales/restart")
        assert answer[0] == 200
        assert_says_stopped(server, "has lost what comes next", "failed", 60)


def test_one_topic_deleted_others_go_on(broker, topics, tmp_path):
    for name in ("kept", "dropped"):
        topics.create(name)
        topics.send(name, 20)
    with freshet.Server(model_of(tmp_path, broker, "kept", "dropped"),
                        tmp_path / "d") as server:
        read_all(server, 40)
        topics.delete("dropped")
        assert_says_stopped(server, "dropped", "degraded", 40)
        topics.send("kept", 5)
        freshet.wait_until(lambda: server.rows("sales") == 45, 10)
        assert kpi(server)["provenance"]["complete"] is False
        time.sleep(1)
        topics.create("dropped")
        time.sleep(1)
        topics.send("dropped", 3)
        freshet.wait_until(lambda: any(
            "truncated or recreated" in r for r in reasons(server)), 30)
        assert server.rows("sales") == 45


def test_the_only_topic_deleted_and_its_partitions_are_gone(broker, topics,
                                                            tmp_path):
    topics.create("only", 2)
    topics.send("only", 20)
    with freshet.Server(model_of(tmp_path, broker, "only"),
                        tmp_path / "d") as server:
        read_all(server, 20)
        topics.delete("only")
        assert_says_stopped(server, "does not exist", "failed", 20, stopped=2)
        server.kill()
        server.start(wait=True)
        freshet.wait_until(lambda: any("does not exist" in r
                                       for r in reasons(server)), 20)
        assert progress(server)["state"] == "waiting"
        assert kpi(server)["provenance"]["complete"] is False


def test_a_topic_that_was_never_there_and_a_partition_that_comes(
        broker, topics, tmp_path):
    topics.create("here")
    topics.send("here", 7)
    with freshet.Server(model_of(tmp_path, broker, "here", "absent"),
                        tmp_path / "d") as server:
        freshet.wait_until(lambda: server.rows("sales") == 7, 30)
        now = assert_says_stopped(server, "absent", "degraded", 7, stopped=0)
        assert now["error"] == "the source has no Kafka topic absent"
        topics.create("absent")
        topics.send("absent", 2)
        read_all(server, 9)
        topics.grow("here", 3)
        topics.send("here", 4, partition=2)
        read_all(server, 13)
        names = {p["partition"] for p in progress(server)["partitions"]}
        assert names == {"here/0", "here/1", "here/2", "absent/0"}


def stopped(server):
    return {p["partition"] for p in progress(server)["partitions"]
            if p["stopped"]}


def test_a_topic_of_a_pattern_is_deleted_while_the_server_is_down(
        broker, topics, tmp_path):
    for name in ("down.a", "down.b"):
        topics.create(name)
        topics.send(name, 3)
    with freshet.Server(model_of(tmp_path, broker, "'^down[.].*'"),
                        tmp_path / "d") as server:
        read_all(server, 6)
        assert server.stop() == 0
        topics.delete("down.b")
        topics.send("down.a", 1)
        server.start(wait=True)
        assert_says_stopped(server, "down.b/0 does not exist any more",
                            "degraded", 7)
        assert kpi(server)["provenance"]["offsets"]["down.b"] == {
            "0": [0, 3]}
        server.request("POST", "/api/v1/ingestion/sales/restart")
        assert_says_stopped(server, "down.b/0 does not exist any more",
                            "degraded", 7)
        # Who means it takes the topic out of the definition.
        file = tmp_path / "m/datasets/sales.yaml"
        file.write_text(file.read_text().replace("^down[.].*", "^down[.]a"))
        assert server.request("POST", "/api/v1/model/reload")[0] == 200
        read_all(server, 7)
        assert stopped(server) == set()
        assert len(progress(server)["partitions"]) == 1


def test_a_topic_has_fewer_partitions_after_the_server_was_down(
        broker, topics, tmp_path):
    at = int(time.time() * 1000)  # the same record in both topics
    topics.create("fewer", 3)
    for partition in range(3):
        topics.send("fewer", 1, partition, time_ms=at)
    with freshet.Server(model_of(tmp_path, broker, "fewer"),
                        tmp_path / "d") as server:
        read_all(server, 3)
        assert server.stop() == 0
        topics.recreate("fewer")
        topics.send("fewer", 1, time_ms=at)
        topics.send("fewer", 1)
        server.start(wait=True)
        assert_says_stopped(server, "does not exist any more", "degraded", 4,
                            stopped=2)
        assert stopped(server) == {"fewer/1", "fewer/2"}


def test_a_recreated_topic_has_the_same_record_at_our_offset(
        broker, topics, tmp_path):
    topics.create("alike")
    topics.send("alike", 3)
    with freshet.Server(model_of(tmp_path, broker, "alike"),
                        tmp_path / "d") as server:
        read_all(server, 3)
        assert server.stop() == 0
        topics.recreate("alike")
        topics.send("alike", 4)
        server.start(wait=True)
        assert_says_stopped(server, "truncated or recreated", "failed", 3)


def test_a_paused_stream_knows_what_waits(broker, topics, tmp_path):
    topics.create("resting")
    topics.send("resting", 5)
    with freshet.Server(model_of(tmp_path, broker, "resting"),
                        tmp_path / "d") as server:
        read_all(server, 5)
        server.request("POST", "/api/v1/ingestion/sales/pause")
        topics.send("resting", 50)
        assert server.stop() == 0
        server.start(wait=True)
        freshet.wait_until(
            lambda: metric(server, "freshet_lag_records") == 50, 20)
        assert progress(server)["state"] == "paused"
        assert kpi(server)["provenance"]["offsets"] == {
            "resting": {"0": [0, 5]}}
        topics.send("resting", 10)
        freshet.wait_until(
            lambda: metric(server, "freshet_lag_records") == 60, 20)
        server.request("POST", "/api/v1/ingestion/sales/resume")
        read_all(server, 65)


def assert_ends(server):
    server.process.terminate()
    freshet.wait_until(lambda: server.process.poll() is not None, 8,
                       what="the server has ended after SIGTERM")
    assert server.process.returncode == 0


def test_a_server_ends_whatever_became_of_its_topics(broker, topics, tmp_path):
    """librdkafka keeps what it knows of a deleted topic, if one lets it."""
    for noticed in (False, True):
        name = f"ends{noticed}"
        for topic in (name, name + "_kept"):
            topics.create(topic, 2)
            topics.send(topic, 200)
        model = model_of(tmp_path, broker, name, name + "_kept")
        with freshet.Server(model, tmp_path / name) as server:
            read_all(server, 400)
            topics.send(name, 3000)
            topics.delete(name)
            if noticed:
                freshet.wait_until(lambda: any(name in r
                                               for r in reasons(server)), 20)
            assert_ends(server)


def test_a_deleted_topic_does_not_keep_the_definition_from_changing(
        broker, topics, tmp_path):
    for name in ("steered", "steered_kept"):
        topics.create(name)
        topics.send(name, 20)
    model = model_of(tmp_path, broker, "steered", "steered_kept")
    with freshet.Server(model, tmp_path / "d") as server:
        read_all(server, 40)
        topics.delete("steered")
        assert_says_stopped(server, "steered", "degraded", 40)
        steer = "/api/v1/ingestion/sales/restart"
        assert server.request("POST", steer, timeout=8)[0] == 200
        file = model / "datasets/sales.yaml"
        text = file.read_text().replace("rows: 1000000", "rows: 1000001")
        assert server.request("PUT", "/api/v1/datasets/sales", text,
                              {"Content-Type": "application/yaml"},
                              timeout=8)[0] == 200
        file.write_text(text.replace("rows: 1000001", "rows: 1000002"))
        assert server.request("POST", "/api/v1/model/reload",
                              timeout=8)[0] == 200
        # Stopped while the group's coordinator is being looked for.
        server.request("POST", "/api/v1/ingestion/sales/pause")
        assert server.request("POST", steer, timeout=8)[0] == 200
        assert_ends(server)


def test_a_server_ends_with_a_lookup_on_a_deleted_topic(broker, topics,
                                                        tmp_path):
    topics.create("names")
    topics.send("names", 1)
    model = freshet.write_model(tmp_path / "m", {"lookups/names.yaml": f"""\
lookup: names
key: store
source: {{ kafka: {{ brokers: "{broker.address}", topics: [names] }} }}
columns:
  - {{ name: store, type: string }}
  - {{ name: qty, type: long }}
"""})
    with freshet.Server(model, tmp_path / "d") as server:
        names = "/api/v1/lookups/names"
        freshet.wait_until(lambda: server.json(names)["complete"], 20)
        topics.delete("names")
        freshet.wait_until(lambda: server.json(names).get("error"), 20)
        assert not server.json(names)["complete"]
        assert_ends(server)
