"""A producer that writes numbered events in transactions, some of which it
aborts, and keeps the book of what was committed."""
import json
import random
import threading
import time

from confluent_kafka import (Consumer, KafkaError, KafkaException, Producer,
                             TopicPartition)

PARTITIONS = 4
# An amount for each number, so that sums tell which events were counted.
FACTOR, CENTS = 7919, 100_003


def amount(number):
    return number * FACTOR % CENTS


def is_fatal(error):
    """Whether the producer is of no more use. The first call that fails says
    fatal(); a produce() after it only gives the code, without the mark."""
    return error.fatal() or error.code() == KafkaError._FATAL


class Transactions(threading.Thread):
    """Committed events are numbered from 0 without holes; those of aborted
    transactions have the numbers that the next ones get again, and say so."""

    def __init__(self, broker, topic, rate, seed):
        super().__init__(daemon=True)
        self.broker, self.topic, self.rate = broker, topic, rate
        self.chance = random.Random(seed)
        self.ended = threading.Event()
        self.committed = 0  # events
        self.aborted = self.repeated = self.transactions = self.fenced = 0
        self.fault = None

    def run(self):
        try:
            self.produce()
        except Exception as error:
            self.fault = repr(error)

    def produce(self):
        producer = self.connect()
        start = time.monotonic()
        behind = 0
        while not self.ended.is_set():
            # What an outage kept back is made up for, a bit at a time.
            due = int((time.monotonic() - start) * self.rate) - self.committed
            behind = max(behind, due)
            if due < self.rate // 4:
                time.sleep(0.02)
                continue
            count = min(due, self.rate)
            try:
                self.transaction(producer, count)
            except KafkaException as error:
                if not is_fatal(error.args[0]):
                    raise
                # The broker died between a commit and its answer, or between
                # batches whose order the client then can't tell: a new
                # producer ends what is open, and the topic tells how.
                self.fenced += 1
                producer = self.connect()
                if self.was_committed():
                    self.committed += count
        self.behind = behind

    def connect(self):
        producer = Producer({
            "bootstrap.servers": self.broker, "transactional.id": "ledger",
            "transaction.timeout.ms": 180000, "message.timeout.ms": 150000,
            "log_level": 2, "compression.codec": "lz4", "linger.ms": 20,
            "batch.size": 1 << 18, "queue.buffering.max.messages": 500000})
        self.retry(lambda: producer.init_transactions(60))
        return producer

    def was_committed(self):
        """Whether committed events from number `committed` on are there."""
        consumer = Consumer({
            "bootstrap.servers": self.broker, "group.id": "ledger-check",
            "isolation.level": "read_committed", "enable.auto.commit": False,
            "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        try:
            ends = {}
            for partition in range(PARTITIONS):
                place = TopicPartition(self.topic, partition)
                low, high = self.retry(
                    lambda: consumer.get_watermark_offsets(place, 60))
                # No transaction has more than `rate` events.
                ends[partition] = TopicPartition(
                    self.topic, partition, max(low, high - 2 * self.rate))
            consumer.assign(list(ends.values()))
            while ends:
                for message in consumer.consume(10000, 1):
                    if message.error() is None:
                        if json.loads(message.value())["seq"] >= self.committed:
                            return True
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        ends.pop(message.partition(), None)
            return False
        finally:
            consumer.close()

    def transaction(self, producer, count):
        abort = self.chance.random() < 0.2
        producer.begin_transaction()
        self.transactions += 1
        form = (b'{"ts":%d,"seq":%d,"amount":"%d.%02d","aborted":'
                + (b"1}" if abort else b"0}"))
        now = int(time.time() * 1000)
        produce, topic = producer.produce, self.topic
        try:
            for number in range(self.committed, self.committed + count):
                cents = amount(number)
                value = form % (now, number, cents // 100, cents % 100)
                while True:
                    try:
                        produce(topic, value, partition=number % PARTITIONS)
                        break
                    except BufferError:
                        producer.poll(0.1)
                if number % 1000 == 0:
                    producer.poll(0)
            if not abort:
                self.retry(lambda: producer.commit_transaction(60))
                self.committed += count
                return
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
            self.repeated += count
        self.retry(lambda: producer.abort_transaction(60))
        if abort:
            self.aborted += count

    def retry(self, call):
        while True:
            try:
                return call()
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise

    def end(self):
        self.ended.set()
        self.join(300)
        assert not self.is_alive(), "the producer does not end"
        assert self.fault is None, self.fault
