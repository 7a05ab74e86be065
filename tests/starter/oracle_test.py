"""Every KPI of the starter over the generated company equals plain SQL in
DuckDB, and the planted stories have the size that the ledger states."""
import json

import duckdb
import pytest

import oracle_sql
import starter_server
from starter_server import freshet

# Eleven days with every story and the night of 2025-10-26, which is an hour
# longer in Madrid.
DAYS, UNTIL = 11, "2025-10-31"
FROM, TO, LENGTH = "2025-10-22", "2025-10-28", 6
# Midnights, in Madrid and in UTC.
ENDS = {"Europe/Madrid": ("2025-10-21T22:00:00Z", "2025-10-27T23:00:00Z"),
        "UTC": ("2025-10-22T00:00:00Z", "2025-10-28T00:00:00Z")}


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
            self.run("generate", "--model", self.model, "--dataset", dataset,
                     "--days", DAYS, "--until", UNTIL, "--to", events,
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

    def values(self, query, by, zone):
        """{group: value} of an oracle query; {None: value} without groups."""
        if isinstance(query, oracle_sql.Over):
            top, bottom = (self.values(q, by, zone)
                           for q in (query.top, query.bottom))
            factor = float(query.factor.format(days=LENGTH))
            return {k: float(top.get(k) or 0) / float(v) * factor
                    for k, v in bottom.items() if v}
        start, end = ENDS[zone]
        text = query.format(
            k=f"{by} AS k," if by else "NULL AS k,",
            by="GROUP BY k",
            t=f"ts >= TIMESTAMPTZ '{start}' AND ts < TIMESTAMPTZ '{end}'",
            end=end, days=LENGTH)
        return dict(self.duck.execute(text).fetchall())


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return Company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def server(company):
    with freshet.Server(company.model, company.data) as server:
        yield server


def close(a, b):
    if a is None or b is None:
        return a is b
    return abs(float(a) - float(b)) <= 1e-9 * max(1, abs(float(b)))


def test_every_kpi_has_sql():
    assert set(starter_server.kpi_names()) == {*oracle_sql.SQL, "cash_to_cash"}


@pytest.mark.parametrize("kpi", oracle_sql.SQL)
def test_kpi_equals_sql(company, server, kpi):
    query, by = oracle_sql.SQL[kpi]
    for zone in ENDS:
        ask = {"from": FROM, "to": TO, "tz": zone}
        got = starter_server.value(server, kpi, **ask)
        want = company.values(query, None, zone)[None]
        assert want, (kpi, "the case is empty")
        assert close(got["value"], want), (kpi, zone, got["value"], want)
        if by is None:
            continue
        rows = starter_server.groups(server, kpi, by, **ask)
        groups = company.values(query, by, zone)
        assert len(groups) > 1
        for name, number in groups.items():
            assert close(rows.get(name), number), (kpi, zone, name)
        more = {k for k, v in rows.items() if v} - groups.keys()
        assert not more, (kpi, zone, more)


def test_cash_to_cash_is_its_three_parts(company, server):
    zone = "Europe/Madrid"
    supply, sales, payable = (
        company.values(oracle_sql.SQL[k][0], None, zone)[None]
        for k in oracle_sql.CASH_TO_CASH)
    got = starter_server.value(server, "cash_to_cash",
                               **{"from": FROM, "to": TO, "tz": zone})
    assert close(got["value"], supply + sales - payable)


@pytest.mark.parametrize("dataset", oracle_sql.MONEY)
def test_the_ledger_holds(company, server, dataset):
    ledger = company.ledgers[dataset]
    assert server.rows(dataset) == ledger["rows"]
    for column, total in ledger["sums"].items():
        got = server.sql(f'SELECT SUM("{column}") AS s FROM {dataset}')[0]["s"]
        assert close(got or 0, total), (dataset, column)


def story_rows(company, server, dataset, name):
    """(rows by SQL in the server, rows in the ledger) of a story."""
    story = company.ledgers[dataset]["stories"][name]
    windows = " OR ".join(
        "(__time >= TIMESTAMP '{}' AND __time < TIMESTAMP '{}')".format(
            *(w[k].replace("T", " ").rstrip("Z") for k in ("from", "to")))
        for w in story["windows"])
    text = f"SELECT COUNT(*) AS n FROM {dataset} WHERE ({windows})"
    if story["where"]:
        text += f" AND {story['where']}"
    return server.sql(text)[0]["n"], story["rows"]


@pytest.mark.parametrize("dataset,story,least", [
    ("sales", "promo", 5000), ("sales", "voucher_ring", 100),
    ("sales", "clock_change", 100), ("loyalty", "voucher_ring", 40),
    ("inventory", "stock_out", 5), ("orders", "late_carrier", 400),
    ("temperatures", "warm_truck", 10), ("forecasts", "promo", 200)])
def test_a_story_is_as_large_as_the_ledger_says(company, server, dataset,
                                                story, least):
    found, stated = story_rows(company, server, dataset, story)
    assert found == stated
    assert stated >= least


def test_late_events_are_counted(company):
    assert company.ledgers["sales"]["late"] > 100
