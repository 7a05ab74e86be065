"""Tables of real databases, changed at random, followed by Debezium, a real
broker, a dataset with a key and a lookup: afterwards all hold the same rows,
values exact to the last digit. The server is killed in the middle, and a column is
added to the table and to the running dataset.

FRESHET_CDC_SECONDS sets how long each database is changed (10)."""
import datetime
import decimal
import json
import os
import pathlib
import random
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import databases  # noqa: E402
import freshet  # noqa: E402

SECONDS = float(os.environ.get("FRESHET_CDC_SECONDS", "10"))
FIRST_ROWS = 400
LETTERS = "abcdefghij ÄÖüß'\"\\%_,;{}<>€漢😀"
ADDED = """\
  - { name: grade, type: string }
  - { name: bonus, type: decimal(2) }
"""
DATASET = """\
dataset: {table}
source: {{ kafka: {{ brokers: "{broker}", topics: [{topic}], format: debezium }} }}
time: {{ field: "$.source.ts_ms", format: millis }}
columns:
  - {{ name: changed, type: long, path: "{order}" }}
  - {{ name: id, type: long }}
  - {{ name: name, type: string }}
  - {{ name: price, type: decimal(2) }}
  - {{ name: cost, type: decimal(6) }}
  - {{ name: weight, type: double }}
  - {{ name: active, type: {boolean} }}
  - {{ name: qty, type: long }}
  - {{ name: born, type: timestamp, format: days }}
  - {{ name: sold, type: timestamp, format: millis }}
  - {{ name: seen, type: timestamp }}
  - {{ name: note, type: string }}
{added}key: [id]
on_duplicate: replace
order_by: changed
partition_by: day
seal: {{ rows: 300, age: 2s }}
auto_cubes: false
"""
LOOKUP = """\
lookup: {table}_now
key: id
source: {{ kafka: {{ brokers: "{broker}", topics: [{topic}], format: debezium }} }}
columns:
  - {{ name: id, type: long }}
  - {{ name: name, type: string }}
  - {{ name: price, type: decimal(2) }}
  - {{ name: cost, type: decimal(6) }}
  - {{ name: active, type: {boolean} }}
  - {{ name: qty, type: long }}
"""
LOOKUP_COLUMNS = ["id", "name", "price", "cost", "active", "qty"]
COLUMNS = ["id", "name", "price", "cost", "weight", "active", "qty", "born",
           "sold", "seen", "note"]
TABLE = """CREATE TABLE {table} (
  id INT PRIMARY KEY, name VARCHAR(200), price NUMERIC(12,2) NOT NULL,
  cost NUMERIC(18,6), weight DOUBLE PRECISION, active BOOLEAN NOT NULL,
  qty BIGINT, born DATE, sold {milliseconds}, seen {instant}, note TEXT)"""
UTC = datetime.timezone.utc


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kafka")
    address = f"127.0.0.1:{freshet.free_port(2)}"
    script = freshet.ROOT / "tests/support/kafka.sh"
    env = {**os.environ, "KAFKA_DATA": str(folder), "KAFKA_HEAP": "256m"}
    subprocess.run([script, "start", address], env=env, check=True)
    yield address
    subprocess.run([script, "stop", address], env=env, check=True)


@pytest.fixture(scope="module")
def connect(broker, tmp_path_factory):
    connect = databases.Connect(broker, tmp_path_factory.mktemp("connect"))
    connect.start()
    yield connect
    connect.close()


class Table:
    """A table that is changed at random, by transactions some of which are
    rolled back."""

    def __init__(self, connection, name, chance, toasts=False):
        self.connection, self.name, self.chance = connection, name, chance
        self.toasts = toasts  # a new key needs a new note, see below
        self.ids, self.top, self.columns = set(), 0, list(COLUMNS)
        self.done = {"insert": 0, "update": 0, "key": 0, "delete": 0,
                     "again": 0, "rolled back": 0}

    def text(self, longest):
        return "".join(self.chance.choices(LETTERS,
                                           k=self.chance.randrange(longest)))

    def value(self, column):
        chance = self.chance
        if column not in ("price", "active") and chance.random() < 0.1:
            return None
        moment = (datetime.datetime(2026, 1, 1) + datetime.timedelta(
            milliseconds=chance.randrange(-10**12, 3 * 10**10)))
        def number(digits, scale):
            most = 10**digits - 1
            return decimal.Decimal(chance.choice([
                0, 1, -1, most, -most, chance.randrange(-10**6, 10**6)
            ])).scaleb(-scale)
        return {"price": lambda: number(12, 2), "cost": lambda: number(18, 6),
                "bonus": lambda: number(9, 2),
                "name": lambda: self.text(30), "grade": lambda: self.text(4),
                "weight": lambda: chance.uniform(-1e6, 1e9),
                "active": lambda: chance.random() < 0.5,
                "qty": lambda: chance.randrange(-2**63, 2**63),
                "born": lambda: moment.date(), "sold": lambda: moment,
                # Beyond 2 kB PostgreSQL keeps it apart (TOAST).
                "note": lambda: self.text(20) + chance.randbytes(
                    chance.choice([0, 0, 3000])).hex(),
                "seen": lambda: moment.replace(tzinfo=UTC)}[column]()

    def insert(self, cursor, key):
        columns = self.columns[1:]
        names = ", ".join(["id", *columns])
        marks = ", ".join(["%s"] * (len(columns) + 1))
        cursor.execute(f"INSERT INTO {self.name} ({names}) VALUES ({marks})",
                       [key, *map(self.value, columns)])

    def update(self, cursor, key, columns, new_key=None):
        sets = [(c, self.value(c)) for c in columns]
        if new_key is not None:
            sets.append(("id", new_key))
        text = ", ".join(f"{c} = %s" for c, _ in sets)
        cursor.execute(f"UPDATE {self.name} SET {text} WHERE id = %s",
                       [*(v for _, v in sets), key])

    def change(self, cursor, ids):
        """One random change; `ids` are those there, and are kept so."""
        chance = self.chance
        kind = chance.choices(["insert", "update", "key", "delete", "again"],
                              [30, 40, 10, 15, 5])[0]
        if kind == "insert" or not ids:
            self.top += 1
            self.insert(cursor, self.top)
            ids.add(self.top)
            return "insert"
        key = chance.choice(sorted(ids)) if len(ids) < 50 else \
            chance.choice(tuple(ids))
        if kind == "update":
            columns = chance.sample(self.columns[1:], chance.randint(1, 4))
            self.update(cursor, key, columns)
        elif kind == "key":
            self.top += 1
            self.update(cursor, key, ["note"] if self.toasts else ["qty"],
                        self.top)
            ids.remove(key)
            ids.add(self.top)
        else:
            cursor.execute(f"DELETE FROM {self.name} WHERE id = %s", [key])
            if kind == "delete":
                ids.remove(key)
            else:
                self.insert(cursor, key)
        return kind

    def transaction(self):
        ids, top, done = set(self.ids), self.top, []
        with self.connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for _ in range(self.chance.randint(1, 12)):
                done.append(self.change(cursor, ids))
            if self.chance.random() < 0.1:
                cursor.execute("ROLLBACK")
                self.top, done = top, ["rolled back"]
            else:
                cursor.execute("COMMIT")
                self.ids = ids
        for kind in done:
            self.done[kind] += 1

    def rows(self, columns):
        names = ", ".join(columns)
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {names} FROM {self.name}")
            return {row[0]: tuple(map(plain, row)) for row in cursor.fetchall()}

    def rows_of(self, server, source, columns):
        names = ", ".join(f'"{c}"' for c in columns)
        status, _, body = server.request("POST", "/druid/v2/sql", {
            "query": f"SELECT {names} FROM {source}",
            "resultFormat": "array"}, timeout=60)
        assert status == 200, body[:500]
        rows = json.loads(body, parse_float=decimal.Decimal)
        found = {row[0]: tuple(map(plain, row)) for row in rows}
        assert len(found) == len(rows), "a key is there twice"
        return found


def plain(value):
    """A value as both sides write it: exact digits, times as ISO 8601."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return decimal.Decimal(repr(value))
    if isinstance(value, datetime.datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).strftime(
            "%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, datetime.date):
        return value.strftime("%Y-%m-%dT00:00:00.000Z")
    return value


def assert_equal(table, server, seconds=60):
    """The dataset and the lookup become what the table is, within some time."""
    deadline = time.monotonic() + seconds
    for source, columns in ((table.name, table.columns),
                            (f"lookup.{table.name}_now", LOOKUP_COLUMNS)):
        expected = table.rows(columns)
        while (found := table.rows_of(server, source, columns)) != expected:
            if time.monotonic() > deadline:
                lacking = sorted(expected.keys() - found.keys())
                beyond = sorted(found.keys() - expected.keys())
                other = [(expected[k], found[k]) for k in expected.keys() &
                         found.keys() if expected[k] != found[k]]
                progress = server.json(f"/api/v1/ingestion/{table.name}")
                raise AssertionError(
                    f"{source}: {len(expected)} rows; lacking {lacking[:5]}, "
                    f"beyond {beyond[:5]}, other ({len(other)}) {other[:2]}; "
                    f"{progress}")
            time.sleep(0.2)


def definition(table, broker, topic, order, boolean="bool", added=""):
    return DATASET.format(table=table, broker=broker, topic=topic, order=order,
                          boolean=boolean, added=added)


def files(tables, define, broker, topics, boolean="bool"):
    """The model: a dataset and a lookup of each table."""
    made = {f"datasets/{t.name}.yaml": define(t) for t in tables}
    for table, topic in zip(tables, topics):
        made[f"lookups/{table.name}_now.yaml"] = LOOKUP.format(
            table=table.name, broker=broker, topic=topic, boolean=boolean)
    return made


def follow(server, tables, define, seconds):
    """Changes the tables for some time: the first third as they are, then with
    two columns more; the server dies in the middle of the second."""
    start = time.monotonic()

    def change_until(part):
        while time.monotonic() < start + seconds * part:
            for table in tables:
                table.transaction()
    change_until(0.3)
    for table in tables:
        # The dataset has the columns before their first value comes.
        status, _, body = server.request(
            "PUT", f"/api/v1/datasets/{table.name}", define(table, ADDED))
        assert status == 200, body
        with table.connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN "
                           "grade VARCHAR(10)")
            cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN "
                           "bonus NUMERIC(9,2)")
        table.columns += ["grade", "bonus"]
    change_until(0.6)
    server.kill()
    change_until(0.75)
    server.start()
    change_until(1)
    for table in tables:
        print(table.name, len(table.ids), "rows;", table.done)
        assert min(table.done.values()) > 0
        assert_equal(table, server)
        # It is told a moment after the rows are there.
        progress = freshet.wait_until(
            lambda: (p := server.json(f"/api/v1/ingestion/{table.name}"))[
                "replaced"] and p["deleted"] and p, what="replaced, deleted")
        assert progress["rejected"] == {}, progress
    assert server.stop() == 0
    server.start()
    for table in tables:
        assert_equal(table, server)


def test_postgresql(broker, connect, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    database = databases.Postgres()
    try:
        connection = database.connect()
        tables = [Table(connection, "item", chance, toasts=True),
                  Table(connection, "item_full", chance)]
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            for table in tables:
                cursor.execute(TABLE.format(
                    table=table.name, milliseconds="TIMESTAMP(3)",
                    instant="TIMESTAMPTZ(3)"))
                # Kept apart as it is, without trying to compress it.
                cursor.execute(f"ALTER TABLE {table.name} ALTER COLUMN note "
                               "SET STORAGE EXTERNAL")
            cursor.execute("ALTER TABLE item_full REPLICA IDENTITY FULL")
        for table in tables:
            while len(table.ids) < FIRST_ROWS:
                table.transaction()
        connect.add("pg", database.connector("pg"))

        def define(table, added=""):
            return definition(table.name, broker, f"pg.public.{table.name}",
                              "$.source.lsn", added=added)
        model = freshet.write_model(tmp_path / "m", files(
            tables, define, broker, [f"pg.public.{t.name}" for t in tables]))
        with freshet.Server(model, tmp_path / "d") as server:
            follow(server, tables, define, SECONDS)
            check_new_key_of_a_row_whose_note_is_kept(server, tables[0])
            check_connect_sends_again(server, connect, database, tables)
    finally:
        database.close()


def check_new_key_of_a_row_whose_note_is_kept(server, table):
    """With REPLICA IDENTITY DEFAULT a note that did not change is not sent, and
    under the new key no row has it: a dead letter says so. Once the note is
    written the row is right."""
    with table.connection.cursor() as cursor:
        note = "n" * 5000
        cursor.execute("INSERT INTO item (id, price, active, note) "
                       "VALUES (-1, 1, true, %s)", [note])
        cursor.execute("UPDATE item SET id = -2 WHERE id = -1")
        progress = freshet.wait_until(
            lambda: (p := server.json("/api/v1/ingestion/item"))["rejected"]
            and p, what="the dead letter")
        assert progress["rejected"] == {"expression": 1}, progress
        assert server.request("POST", "/api/v1/ingestion/item/seal")[0] == 200
        letters = server.json("/api/v1/ingestion/item/dead-letters")
        assert "no stored row of the key has it: note" in json.dumps(letters)
        cursor.execute("UPDATE item SET note = %s WHERE id = -2", [note + "!"])
    assert_equal(table, server)


def check_connect_sends_again(server, connect, database, tables):
    """A connector that is killed repeats itself; that changes nothing."""
    for _ in range(20):
        for table in tables:
            table.transaction()
    connect.kill()
    for _ in range(20):
        for table in tables:
            table.transaction()
    connect.start()
    connect.add("pg", database.connector("pg"))
    for table in tables:
        assert_equal(table, server, 90)


def test_mariadb(broker, connect, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    database = databases.MariaDb()
    try:
        connection = database.connect()
        table = Table(connection, "article", chance)
        with connection.cursor() as cursor:
            cursor.execute(TABLE.format(table="article",
                                        milliseconds="DATETIME(3)",
                                        instant="TIMESTAMP(3) NULL"))
        while len(table.ids) < FIRST_ROWS:
            table.transaction()
        connect.add("maria", {
            **database.connector("maria"),
            "schema.history.internal.kafka.bootstrap.servers": broker,
            "schema.history.internal.kafka.topic": "maria-history",
            # With Connect's schema around each value.
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "true"})

        def define(table, added=""):
            return definition("article", broker, "maria.shop.article",
                              "$.source.ts_ms", "long", added)
        model = freshet.write_model(tmp_path / "m", files(
            [table], define, broker, ["maria.shop.article"], "long"))
        with freshet.Server(model, tmp_path / "d") as server:
            follow(server, [table], define, SECONDS)
    finally:
        database.close()
