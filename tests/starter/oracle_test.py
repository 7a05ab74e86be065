"""Every KPI of the starter over the generated company equals plain SQL in
DuckDB, and its sums are those of the ledger."""
import pytest

import oracle_sql
import starter_server
from company import FROM, LENGTH, TO, ZONES, times_of


def close(a, b):
    if a is None or b is None:
        return a is b
    return abs(float(a) - float(b)) <= 1e-9 * max(1, abs(float(b)))


def test_every_kpi_has_sql():
    assert set(starter_server.kpi_names()) == {
        *oracle_sql.SQL, "cash_to_cash", "same_store_sales"}


@pytest.mark.parametrize("kpi", oracle_sql.SQL)
def test_kpi_equals_sql(company, server, kpi):
    query, by = oracle_sql.SQL[kpi]
    for zone in ZONES:
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


@pytest.mark.parametrize("kpi", oracle_sql.SQL)
def test_each_day_equals_sql(company, server, kpi):
    """Also the one that is an hour longer in Madrid."""
    query, _ = oracle_sql.SQL[kpi]
    for zone in ZONES:
        # Its stores are those of the whole range, in each bucket.
        if kpi == "same_store_growth":
            continue
        points = starter_server.value(server, kpi, from_=FROM, to=TO, tz=zone,
                                      grain="day")["series"]
        assert len(points) == LENGTH
        for point in points:
            times = times_of(zone, point["t"][:10], 1)
            want = company.values(query, None, zone, times).get(None)
            got = point["value"]
            empty = want is None and not got
            assert empty or close(got, want), (kpi, zone, point["t"], want)


def test_cash_to_cash_is_its_three_parts(company, server):
    zone = "Europe/Madrid"
    supply, sales, payable = (
        company.values(oracle_sql.SQL[k][0], None, zone)[None]
        for k in oracle_sql.CASH_TO_CASH)
    got = starter_server.value(server, "cash_to_cash",
                               **{"from": FROM, "to": TO, "tz": zone})
    assert close(got["value"], supply + sales - payable)


def test_same_store_sales_are_those_of_both_ranges(company, server):
    zone = "Europe/Madrid"
    query = oracle_sql.flow("sales", "sum(net)",
                            f"store IN ({oracle_sql.BOTH_TIMES})")
    got = starter_server.groups(server, "same_store_sales", "store",
                                **{"from": FROM, "to": TO, "tz": zone},
                                compare="2025-09-24/2025-09-30")
    want = company.values(query, "store", zone)
    assert got.keys() == want.keys()
    assert all(close(got[k], v) for k, v in want.items())


@pytest.mark.parametrize("dataset", oracle_sql.MONEY)
def test_the_ledger_holds(company, server, dataset):
    ledger = company.ledgers[dataset]
    assert server.rows(dataset) == ledger["rows"]
    for column, total in ledger["sums"].items():
        got = server.sql(f'SELECT SUM("{column}") AS s FROM {dataset}')[0]["s"]
        assert close(got or 0, total), (dataset, column)
