"""Three brokers with copies of the same topics: one that leads is killed, and
partitions go to others. Nothing is lost or counted twice by it; what an unclean
election cuts off stops the partition."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from confluent_kafka import (ElectionType, KafkaError, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from conftest import Broker  # noqa: E402

# Over those of kafka.sh. A broker that is gone is known to be after 2 s.
SETTINGS = """\
node.id={node}
controller.quorum.voters={voters}
offsets.topic.replication.factor=3
min.insync.replicas=1
unclean.leader.election.enable=false
auto.create.topics.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
replica.lag.time.max.ms=4000
"""
EVENT = {"ts": "2026-11-01T10:00:00Z", "store": "S1", "price": "1.00"}


class Cluster:
    """Any two of the three go on without the third."""

    def __init__(self, folder):
        self.brokers = {node: Broker(folder / str(node)) for node in (1, 2, 3)}
        voters = ",".join(f"{node}@127.0.0.1:{broker.controller}"
                          for node, broker in self.brokers.items())
        for node, broker in self.brokers.items():
            broker.folder.mkdir()
            more = folder / f"{node}.properties"
            more.write_text(SETTINGS.format(node=node, voters=voters))
            broker.env.update(KAFKA_MORE=str(more), KAFKA_HEAP="256m")
        self.address = ",".join(b.address for b in self.brokers.values())
        self.settings = {"bootstrap.servers": self.address, "log_level": 2}
        self.admin = AdminClient(self.settings)

    def do(self, verb, *nodes):
        """All at once: one alone waits for another."""
        running = [subprocess.Popen(
            [freshet.ROOT / "tests/support/kafka.sh", verb,
             self.brokers[node].address], env=self.brokers[node].env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for node in nodes or self.brokers]
        for one in running:
            said = one.communicate()[0]
            assert one.returncode == 0, said

    def create(self, topic, partitions, nodes, **config):
        made = NewTopic(topic, partitions, config=config,
                        replica_assignment=[nodes] * partitions)
        self.answered(lambda: self.admin.create_topics([made])[topic],
                      KafkaError.TOPIC_ALREADY_EXISTS)

    def answered(self, ask, *done):
        """Asks again while a connection breaks; `done` says it had been heard."""
        def once():
            try:
                ask().result(30)
                return True
            except KafkaException as error:
                return error.args[0].code() in done
        freshet.wait_until(once, 60, 0.2, "an answer of the brokers")

    def listed(self, topic=None):
        """Nothing while nobody answers, as for a moment after a loss."""
        try:
            return self.admin.list_topics(topic, timeout=20)
        except KafkaException:
            return None

    def is_whole(self):
        listed = self.listed()
        return listed and len(listed.brokers) == len(self.brokers)

    def partition(self, topic, number=0):
        listed = self.listed(topic)
        return listed and listed.topics[topic].partitions.get(number)

    def leader(self, topic, number=0):
        partition = self.partition(topic, number)
        return partition.leader if partition else -1

    def copies(self, topic):
        """Brokers that have all that the leader has."""
        partition = self.partition(topic)
        return set(partition.isrs) if partition else set()

    def wait_for_copies(self, topic, *nodes):
        """Those, and no others."""
        freshet.wait_until(lambda: self.copies(topic) == set(nodes), 60, 0.2,
                           what=lambda: self.copies(topic))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.do("start")
    freshet.wait_until(cluster.is_whole, 60, 0.2, "all brokers are registered")
    yield cluster
    cluster.do("stop")


class Steady(threading.Thread):
    """Sends numbered events until it is told to end; each arrives once."""

    def __init__(self, cluster, topic, partitions):
        super().__init__(daemon=True)
        self.producer = Producer({
            **cluster.settings, "enable.idempotence": True, "linger.ms": 5,
            "message.timeout.ms": 120_000})
        self.topic, self.partitions = topic, partitions
        self.sent, self.failed, self.ended = 0, [], threading.Event()

    def told(self, error, _):
        if error is not None:
            self.failed.append(str(error))

    def run(self):
        while not self.ended.wait(0.01):
            for _ in range(20):
                event = {**EVENT, "txn_id": f"T{self.sent}", "qty": self.sent}
                self.producer.produce(self.topic, json.dumps(event),
                                      partition=self.sent % self.partitions,
                                      on_delivery=self.told)
                self.sent += 1
            self.producer.poll(0)

    def end(self):
        self.ended.set()
        self.join(30)
        assert self.producer.flush(120) == 0 and not self.failed, self.failed


def model_of(folder, cluster, topic, **options):
    return freshet.sales_model(
        folder, source=f"{{ kafka: {{ brokers: '{cluster.address}', "
        f"topic: {topic} }} }}", **options)


def numbers(server):
    return server.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT qty) AS d, "
                      "MAX(qty) AS top FROM sales")[0]


def progress(server):
    return server.json("/api/v1/ingestion/sales")


def test_leaders_are_killed_and_come_back(cluster, tmp_path):
    """Each leader of partition 0 in turn; the last time leaders change without
    a loss, as when a cluster is rebalanced."""
    cluster.create("moved", 3, [1, 2, 3], **{"min.insync.replicas": "2"})
    model = model_of(tmp_path / "m", cluster, "moved", seal_rows=5000)
    with freshet.Server(model, tmp_path / "d") as server:
        steady = Steady(cluster, "moved", 3)
        steady.start()
        freshet.wait_until(lambda: numbers(server)["n"] > 1000, 60,
                           what=server.log)
        led = []
        for _ in range(3):
            old = cluster.leader("moved")
            cluster.do("kill", old)
            new = freshet.wait_until(
                lambda: cluster.leader("moved") not in (old, -1)
                and cluster.leader("moved"), 60, 0.2, "a new leader")
            led.append((old, new))
            sent = steady.sent
            freshet.wait_until(lambda: numbers(server)["top"] > sent, 60,
                               what=lambda: (progress(server), server.log()))
            counted = numbers(server)
            assert counted["n"] == counted["d"], counted
            cluster.do("start", old)
            cluster.wait_for_copies("moved", 1, 2, 3)
        print("leaders", led)
        assert len({old for old, _ in led}) > 1, led
        places = [TopicPartition("moved", n) for n in range(3)]
        cluster.answered(lambda: cluster.admin.elect_leaders(
            ElectionType.PREFERRED, places))
        freshet.wait_until(lambda: cluster.leader("moved") == 1, 30, 0.2)
        sent = steady.sent
        freshet.wait_until(lambda: numbers(server)["top"] > sent, 60)
        steady.end()
        freshet.wait_until(lambda: numbers(server)["n"] >= steady.sent, 60,
                           what=lambda: (numbers(server), steady.sent))
        assert numbers(server) == {"n": steady.sent, "d": steady.sent,
                                   "top": steady.sent - 1}
        freshet.wait_until(lambda: server.get("/readyz")[0] == 200, 30,
                           what=lambda: server.get("/readyz"))
        now = progress(server)
        assert now["complete"] and now["rejected"] == {}, now
        assert not any(p["stopped"] for p in now["partitions"]), now
        server.kill()
        server.start()
        freshet.wait_until(lambda: numbers(server)["n"] >= steady.sent, 60)
        assert numbers(server)["n"] == numbers(server)["d"] == steady.sent


@pytest.mark.parametrize("refilled", [5, 5000], ids=["short", "beyond"])
def test_an_unclean_election_cuts_records_off(cluster, tmp_path, refilled):
    """The only broker that has the last records dies, and one without them
    leads: also where it has more than we read before the loss is looked for."""
    topic = f"unclean{refilled}"
    first, second = 1, 2
    cluster.create(topic, 1, [first, second],
                   **{"unclean.leader.election.enable": "true"})

    def send(count, start):
        producer = Producer({**cluster.settings, "acks": "1"})
        for number in range(start, start + count):
            producer.produce(topic, json.dumps(
                {**EVENT, "txn_id": f"T{number}", "qty": number}), partition=0)
        assert producer.flush(60) == 0

    model = model_of(tmp_path / "m", cluster, topic)
    with freshet.Server(model, tmp_path / "d") as server:
        send(100, 0)
        freshet.wait_until(lambda: numbers(server)["n"] == 100, 60)
        cluster.wait_for_copies(topic, first, second)
        cluster.do("kill", second)
        cluster.wait_for_copies(topic, first)
        send(50, 100)
        freshet.wait_until(lambda: numbers(server)["n"] == 150, 60)
        assert server.request("POST", "/api/v1/ingestion/sales/seal")[0] == 200
        # It sees nothing until the new leader has what it has then.
        os.kill(server.process.pid, signal.SIGSTOP)
        cluster.do("kill", first)
        cluster.do("start", second)
        freshet.wait_until(lambda: cluster.leader(topic) == second, 60, 0.2,
                           "the second leads")
        send(refilled, 1000)
        os.kill(server.process.pid, signal.SIGCONT)
        stopped = freshet.wait_until(
            lambda: [p for p in progress(server)["partitions"]
                     if p["stopped"]], 60, what=lambda: progress(server))
        print(stopped)
        now = progress(server)
        assert now["state"] == "failed" and not now["complete"], now
        assert "truncated or recreated" in now["error"], now
        assert ("is not the one that was read" in now["error"]) == (
            refilled > 50), now
        status, body = server.get("/readyz")
        assert status == 503 and now["error"] in body.decode()
        # Rows of the new log that came before it was seen stay, none twice.
        counted = numbers(server)
        assert counted["n"] == counted["d"] >= 150, counted
        cluster.do("start", first)
        cluster.wait_for_copies(topic, first, second)
        server.kill()
        server.start()
        freshet.wait_until(lambda: progress(server)["state"] == "failed", 30,
                           what=lambda: progress(server))
        assert "truncated or recreated" in progress(server)["error"]
