"""The table kpi.NAME of every KPI of the starter, asked in SQL as BI tools do,
gives what the KPI itself answers."""
import datetime
import json

import pytest

import starter_server
from company import FROM, LENGTH, TO

ZONE = "Europe/Madrid"
RANGE = f"WHERE __time >= TIMESTAMP '{FROM}' AND __time < TIMESTAMP '{TO}'"
DAY = "TIME_FLOOR(CAST(__time AS TIMESTAMP), 'P1D')"


def select(server, text):
    return server.sql(text, context={"sqlTimeZone": ZONE})


def answer(server, kpi, **parameters):
    return starter_server.value(server, kpi, from_=FROM, to=TO, tz=ZONE,
                                **parameters)


def dimensions(server, kpi):
    status, body = server.get(f"/api/v1/kpis/{kpi}")
    assert status == 200
    return json.loads(body)["dimensions"]


def close(a, b):
    if a is None or b is None:
        return a is b
    return abs(float(a) - float(b)) <= 1e-9 * max(1, abs(float(b)))


def check_days(kpi, rows, series):
    """Rows (day, value) of the days in which something stands."""
    days = {datetime.datetime.fromisoformat(r["d"].replace("Z", "+00:00")):
            r["value"] for r in rows}
    assert len(days) == len(rows) and len(series) == LENGTH
    for point in series:
        day = datetime.datetime.fromisoformat(
            point["t"].replace("Z", "+00:00"))
        if day in days:
            assert close(days.pop(day), point["value"]), (kpi, point)
        else:
            assert not point["value"], (kpi, point)
    assert not days, (kpi, days)


@pytest.mark.parametrize("kpi", starter_server.kpi_names())
def test_the_whole(company, server, kpi):
    got = select(server, f"SELECT MEASURE(value) AS v FROM kpi.{kpi} {RANGE}")
    want = answer(server, kpi)["value"]
    assert len(got) == 1 and close(got[0]["v"], want), (got, want)


@pytest.mark.parametrize("kpi", starter_server.kpi_names())
def test_by_its_first_dimension(company, server, kpi):
    for by in dimensions(server, kpi)[:1]:
        got = select(server, f'SELECT "{by}", value FROM kpi.{kpi} {RANGE} '
                     f'GROUP BY "{by}" ORDER BY value DESC')
        want = {row[by]: row["value"]
                for row in answer(server, kpi, by=by, top=10000)["rows"]}
        assert len(got) == len(want)
        for row in got:
            assert close(row["value"], want[row[by]]), (row, want[row[by]])


@pytest.mark.parametrize("kpi", starter_server.kpi_names())
def test_by_day(company, server, kpi):
    """The night of the 26th is an hour longer there."""
    got = select(server, f"SELECT {DAY} AS d, value FROM kpi.{kpi} {RANGE} "
                 f"GROUP BY {DAY}")
    check_days(kpi, got, answer(server, kpi, grain="day")["series"])


@pytest.mark.parametrize("kpi", starter_server.kpi_names())
def test_by_day_and_dimension(company, server, kpi):
    for by in dimensions(server, kpi)[:1]:
        greatest = answer(server, kpi, by=by, top=1)["rows"][0][by]
        got = select(server, f'SELECT {DAY} AS d, "{by}", value FROM '
                     f'kpi.{kpi} {RANGE} GROUP BY 1, 2')
        got = [row for row in got if row[by] == greatest]
        want = answer(server, kpi, grain="day", filter=f"{by}:{greatest}")
        check_days(kpi, got, want["series"])


def test_all_are_listed(company, server):
    listed = server.sql("SELECT TABLE_NAME AS t FROM INFORMATION_SCHEMA.TABLES"
                        " WHERE TABLE_SCHEMA = 'kpi'")
    assert {row["t"] for row in listed} == set(starter_server.kpi_names())
