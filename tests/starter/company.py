"""The generated company: its events in files, in a server's folders and in
DuckDB, with the ledger of each dataset."""
import datetime
import json
import zoneinfo

import duckdb

import oracle_sql
import starter_server
from starter_server import freshet

# Eleven days with every story and the night of 2025-10-26, which is an hour
# longer in Madrid.
DAYS, UNTIL = 11, "2025-10-31"
SALES_DAYS = 39  # growth looks back four weeks
FROM, TO, LENGTH = "2025-10-22", "2025-10-28", 6
ZONES = ("Europe/Madrid", "UTC")


def times_of(zone, first, length):
    """What the texts of oracle_sql know of `length` days in a zone."""
    zone = zoneinfo.ZoneInfo(zone)
    last = datetime.date.fromisoformat(first) + datetime.timedelta(days=length)
    last = last.isoformat()

    def midnight(day, days_later=0):
        date = datetime.date.fromisoformat(day)
        date += datetime.timedelta(days=days_later)
        return datetime.datetime(date.year, date.month, date.day, tzinfo=zone)

    def between(start, end, column="ts"):
        column = f"CAST({column} AS TIMESTAMPTZ)"
        return (f"({column} >= TIMESTAMPTZ '{start.isoformat()}' AND "
                f"{column} < TIMESTAMPTZ '{end.isoformat()}')")

    start, end = midnight(first), midnight(last)
    day_ends = ", ".join(f"(TIMESTAMPTZ '{midnight(first, d).isoformat()}')"
                         for d in range(1, length + 1))
    return {
        "t": between(start, end), "sold": between(start, end, "sold_ts"),
        "then": between(midnight(first, -28), midnight(last, -28)),
        "week": between(midnight(last, -7), end), "end": end.isoformat(),
        "days": length, "yearly": 365 / length,
        "day_ends": f"(VALUES {day_ends}) AS moments(m)",
        "hour_ends": "(SELECT unnest(generate_series("
        f"TIMESTAMPTZ '{start.isoformat()}' + INTERVAL 1 HOUR, TIMESTAMPTZ "
        f"'{end.isoformat()}', INTERVAL 1 HOUR)) AS m)"}


TIMES = {zone: times_of(zone, FROM, LENGTH) for zone in ZONES}


class Company:
    """The generated events in files, in a server and in DuckDB."""

    def __init__(self, folder):
        self.model = starter_server.model_without_lateness(folder / "model")
        self.data, self.ledgers = folder / "data", {}
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'")
        for dataset in oracle_sql.MONEY:
            events = folder / f"{dataset}.jsonl"
            ledger = folder / f"{dataset}.ledger"
            days = SALES_DAYS if dataset == "sales" else DAYS
            self.run("generate", "--model", self.model, "--dataset", dataset,
                     "--days", days, "--until", UNTIL, "--to", events,
                     "--ledger", ledger)
            self.run("load", "--data", self.data, "--model", self.model,
                     "--dataset", dataset, events)
            self.ledgers[dataset] = json.loads(ledger.read_text())
            self.read(dataset, events)

    @staticmethod
    def run(*arguments):
        done = freshet.run(*arguments, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    def read(self, dataset, path):
        money = ", ".join(f"CAST({c} AS DECIMAL(18, 2)) AS {c}"
                          for c in oracle_sql.MONEY[dataset])
        replaced = "CAST(ts AS TIMESTAMPTZ) AS ts" + (money and ", " + money)
        columns = oracle_sql.VIEWS.get(dataset, "*")
        self.duck.execute(
            f"CREATE TABLE {dataset} AS SELECT {columns} FROM (SELECT * REPLACE"
            f" ({replaced}), row_number() OVER () AS n FROM read_json_auto("
            f"'{path}', format = 'newline_delimited', sample_size = -1))")

    def values(self, query, by, zone, times=None):
        """{group: value} of an oracle query; {None: value} without groups."""
        times = times or TIMES[zone]
        if isinstance(query, oracle_sql.Over):
            top, bottom = (self.values(q, by, zone, times)
                           for q in (query.top, query.bottom))
            factor = float(query.factor.format(**times))
            return {k: float(top.get(k) or 0) / float(v) * factor
                    for k, v in bottom.items() if v}
        text = query.format(k=f"{by} AS k," if by else "NULL AS k,",
                            by="GROUP BY k", **times)
        return dict(self.duck.execute(text).fetchall())
