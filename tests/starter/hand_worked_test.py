"""Every KPI of the starter, worked out by hand: in all, by group and under a
filter, in a zone whose day has 25 hours and in UTC, live and sealed."""
import pytest

import hand_worked_cases
import hand_worked_events
import starter_server
from starter_server import freshet

CASES = hand_worked_cases.CASES
DAY = {"from": "2025-10-26", "to": "2025-10-27"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand")
    model = starter_server.model_without_lateness(folder / "model")
    with freshet.Server(model, folder / "data") as server:
        for dataset, events in hand_worked_events.EVENTS.items():
            answer = server.ingest(dataset, events)
            assert answer["accepted"] == len(events), answer
        for dataset, events in hand_worked_events.EVENTS.items():
            freshet.wait_until(lambda: server.rows(dataset) == len(events),
                               what=dataset)
        yield server


def close(a, b):
    return (a is None) == (b is None) and (
        a is None or abs(float(a) - float(b)) <= 1e-5 * max(1, abs(float(b))))


def check(server, kpi):
    madrid, utc, by, groups, chosen, leaf = CASES[kpi]
    ask = {**DAY, "tz": "Europe/Madrid"}
    got = starter_server.value(server, kpi, **ask)
    assert close(got["value"], madrid), (kpi, "Madrid", got)
    got = starter_server.value(server, kpi, **DAY, tz="UTC")
    assert close(got["value"], utc), (kpi, "UTC", got)
    if by is None:
        return
    rows = starter_server.groups(server, kpi, by, **ask)
    rows = {k: v for k, v in rows.items() if v is not None}
    assert rows.keys() == groups.keys(), (kpi, rows)
    for name, value in groups.items():
        assert close(rows[name], value), (kpi, name, rows)
    got = starter_server.value(server, kpi, filter=chosen, **ask)
    assert close(got["value"], leaf), (kpi, chosen, got)


def test_no_kpi_is_without_a_case():
    # same_store_sales depends on what is compared: below.
    assert set(starter_server.kpi_names()) == {*CASES, "same_store_sales"}


@pytest.mark.parametrize("kpi", CASES)
def test_kpi(server, kpi):
    check(server, kpi)


def test_the_repeated_hour_is_two_buckets(server):
    # 02:00 to 03:00 comes twice: B, then C.
    answer = starter_server.value(server, "net_sales", grain="hour", **DAY,
                                  tz="Europe/Madrid")
    series = {point["t"]: float(point["value"]) for point in answer["series"]}
    assert len(series) == 25
    assert series["2025-10-26T00:00:00+02:00"] == 9
    assert series["2025-10-26T02:00:00+02:00"] == 5 + 15 + 20
    assert series["2025-10-26T02:00:00+01:00"] == 15 - 20 + 40
    assert sum(series.values()) == 84


def test_same_stores_sold_something_in_both_ranges(server):
    # A lies in UTC's 25th, D in Madrid's 27th. Stores with data on the 26th and
    # on the 25th: S1 (A) in UTC; nothing of the 25th is in Madrid's.
    answer = starter_server.value(server, "same_store_sales", **DAY, tz="UTC",
                                  compare="2025-10-25/2025-10-26")
    assert float(answer["value"]) == 5 + 15
    assert float(answer["compare"]["value"]) == 9


def test_sealed_says_what_live_said(server):
    for dataset in hand_worked_events.EVENTS:
        status, _, body = server.request("POST",
                                         f"/api/v1/ingestion/{dataset}/seal")
        assert status in (200, 202), body
    freshet.wait_until(
        lambda: all(d["segments"] > 0 for d in
                    server.json("/api/v1/datasets")["datasets"]),
        what="every dataset is sealed")
    for kpi in CASES:
        check(server, kpi)


def test_late_and_repeated_events_change_the_past(server):
    # A late line of the first 02:30 (net 6), and one told twice (net 2 * 1).
    late = {"ts": hand_worked_events.B, "txn_id": "T10", "line": 1,
            "store": "S2", "region": "N", "category": "Food", "channel": "web",
            "sku": "F1", "qty": 2, "price": "3.00", "cost": "2.00"}
    twice = {**late, "txn_id": "T11", "qty": 1, "price": "1.00", "cost": "0.50"}
    server.ingest("sales", [late, twice, twice])
    ask = {**DAY, "tz": "Europe/Madrid"}
    freshet.wait_until(lambda: server.rows("sales") == 13, what="late lines")
    net = starter_server.value(server, "net_sales", **ask)["value"]
    assert float(net) == 84 + 6 + 2 * 1
    # A receipt told twice is one receipt: T10 and T11 more.
    assert starter_server.value(server, "transactions", **ask)["value"] == 8
