"""Other engines on the same rows, in this process: DuckDB and ClickHouse (as
chDB), both from PyPI. Each is loaded from the same file of JSON lines and asked
in its own words; `threads` holds for its queries."""
import json
import pathlib
import time

CLICKHOUSE_TYPES = {"TIMESTAMP": "DateTime64(3, 'UTC')", "BIGINT": "Int64",
                    "VARCHAR": "LowCardinality(String)"}


class DuckDb:
    name = "DuckDB"

    def __init__(self, folder, threads):
        import duckdb
        self.path = folder / "peer.duckdb"
        self.path.unlink(missing_ok=True)
        self.connection = duckdb.connect(str(self.path))
        self.connection.execute(f"SET threads = {threads}")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")

    def use_threads(self, threads):
        self.connection.execute(f"SET threads = {threads}")

    def load(self, table, path, columns, order, near_unique=(), derived=None,
             name=None):
        """Seconds of wall clock and of CPU. `derived` AS `name`: a further
        column, computed at the load."""
        more = f", {derived} AS {name}" if derived else ""
        wall, cpu = time.perf_counter(), time.process_time()
        kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
        self.connection.execute(
            f"CREATE TABLE {table} AS SELECT *{more} FROM read_json('{path}', "
            f"format='newline_delimited', columns={{{kinds}}}) "
            f"ORDER BY {order}")
        return time.perf_counter() - wall, time.process_time() - cpu

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def run(self, sql):
        self.connection.execute(sql).fetchall()

    def bytes_on_disk(self, table):
        self.connection.execute("CHECKPOINT")
        return self.path.stat().st_size


class ClickHouse:
    name = "ClickHouse"

    def __init__(self, folder, threads):
        from chdb.session import Session
        self.session = Session(str(folder / "peer.chdb"))
        self.use_threads(threads)

    def use_threads(self, threads):
        self.settings = f" SETTINGS max_threads = {threads}"

    @staticmethod
    def type_of(kind, near_unique):
        if kind == "VARCHAR" and near_unique:
            return "Nullable(String)"
        if kind.startswith("DECIMAL"):
            return kind.title()
        return CLICKHOUSE_TYPES[kind]

    def load(self, table, path, columns, order, near_unique=(), derived=None,
             name=None):
        """The same, without the merge to one part that follows."""
        more = f", {derived} AS {name}" if derived else ""
        wall, cpu = time.perf_counter(), time.process_time()
        kinds = ", ".join(
            f"{name} {self.type_of(kind, name in near_unique)}"
            for name, kind in columns.items())
        self.session.query("CREATE DATABASE IF NOT EXISTS peer")
        column = f", {name} Nullable(Decimal(38, 2))" if derived else ""
        self.session.query(f"CREATE TABLE peer.{table} ({kinds}{column}) "
                           f"ENGINE = MergeTree ORDER BY ({order})")
        absolute = pathlib.Path(path).resolve()
        quoted = kinds.replace("'", "\\'")
        self.session.query(
            f"INSERT INTO peer.{table} SELECT *{more} FROM "
            f"file('{absolute}', JSONEachRow, '{quoted}') "
            f"{self.settings}, date_time_input_format = 'best_effort', "
            "input_format_null_as_default = 1")
        spent = time.perf_counter() - wall, time.process_time() - cpu
        self.session.query(f"OPTIMIZE TABLE peer.{table} FINAL")
        return spent

    def rows(self, sql):
        answer = self.session.query(
            sql + self.settings + ", output_format_json_quote_64bit_integers=0",
            "JSONCompact")
        return json.loads(str(answer))["data"]

    def run(self, sql):
        self.session.query(sql + self.settings, "RowBinary")

    def bytes_on_disk(self, table):
        answer = self.session.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND "
            f"database = 'peer' AND table = '{table}'", "CSV")
        return int(str(answer))

    def close(self):
        # One session may be open in a process.
        self.session.close()
