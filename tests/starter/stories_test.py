"""The planted stories: as large as the ledger says, and seen in a KPI."""
import json
import shutil

import pytest

import starter_server
from starter_server import freshet


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


def window(company, dataset, name):
    """The story's first window, as a range of a KPI request."""
    w = company.ledgers[dataset]["stories"][name]["windows"][0]
    return {"from": w["from"], "to": w["to"]}


def ledger_sum(company, dataset, name, column):
    """What the story's events in its only window sum to."""
    story = company.ledgers[dataset]["stories"][name]
    assert len(story["windows"]) == 1
    return float(story["sums"][column])


def number(server, kpi, **ask):
    return float(starter_server.value(server, kpi, **ask)["value"])


def test_the_fraud_ring_is_the_busiest_voucher(company, server):
    ask = window(company, "loyalty", "voucher_ring")
    top = starter_server.value(server, "voucher_redemptions", by="voucher_id",
                               top=1, **ask)["rows"][0]
    assert top["voucher_id"].startswith("VX-")
    story = company.ledgers["loyalty"]["stories"]["voucher_ring"]
    assert top["value"] == story["rows"]
    # A dozen accounts on one device; elsewhere hardly ever two.
    ring = {"filter": f"voucher_id:{top['voucher_id']}", **ask}
    assert number(server, "members_per_device", **ring) >= 6
    others = {"filter": f"voucher_id:!{top['voucher_id']}", **ask}
    assert number(server, "members_per_device", **others) < 1.5


def test_the_warm_truck_has_the_minutes_out_of_range(company, server):
    ask = window(company, "temperatures", "warm_truck")
    top = starter_server.value(server, "minutes_out_of_range",
                               by="shipment_id", top=1, **ask)["rows"][0]
    assert top["value"] == ledger_sum(company, "temperatures", "warm_truck",
                                      "minutes_outside")
    truck = {"filter": f"shipment_id:{top['shipment_id']}", **ask}
    others = {"filter": f"shipment_id:!{top['shipment_id']}", **ask}
    assert number(server, "warmest", **truck) > 8
    assert number(server, "mean_kinetic_temperature", **truck) > number(
        server, "mean_kinetic_temperature", **others) + 1


def test_the_late_carrier_is_late(company, server):
    ask = window(company, "orders", "late_carrier")
    story = company.ledgers["orders"]["stories"]["late_carrier"]
    mine = {"filter": "carrier:Velocargo", **ask}
    on_time = number(server, "on_time_delivery", **mine)
    delivered = number(server, "orders", **mine) * (
        1 - number(server, "cancellation_rate", **mine))
    assert delivered * (1 - on_time) == pytest.approx(story["rows"], abs=1e-6)
    others = number(server, "on_time_delivery", filter="carrier:!Velocargo",
                    **ask)
    assert on_time < others - 0.2


def test_the_missing_article_is_out_of_stock_in_its_region(company, server):
    story = company.ledgers["inventory"]["stories"]["stock_out"]
    sku = story["where"].split("'")[1]
    ask = window(company, "inventory", "stock_out")
    here = f"region:Andalucía;sku:{sku}"
    assert number(server, "stockout_rate", filter=here, **ask) == 1
    assert number(server, "on_shelf_availability", filter=here, **ask) < 0.1
    elsewhere = f"region:!Andalucía;sku:{sku}"
    assert number(server, "stockout_rate", filter=elsewhere, **ask) < 0.5


def test_the_promotion_sells_and_costs(company, server):
    (promo,) = {json.dumps(w) for w in
                company.ledgers["sales"]["stories"]["promo"]["windows"]
                if w["from"] >= "2025-10-20"}
    ask = {k: json.loads(promo)[k] for k in ("from", "to")}
    drinks = {"filter": "category:Drinks", **ask}
    before = {"filter": "category:Drinks", "from": "2025-10-13",
              "to": ask["from"]}
    assert number(server, "promotion_share", **drinks) > 0.9
    assert number(server, "discount_rate", **drinks) > 2 * number(
        server, "discount_rate", **before)


def test_the_night_of_the_clocks_ties_with_the_ledger(company, server):
    ask = window(company, "sales", "clock_change")
    want = ledger_sum(company, "sales", "clock_change", "net")
    assert number(server, "net_sales", **ask) == pytest.approx(want, abs=1e-9)
    night = starter_server.value(server, "net_sales", grain="hour",
                                 tz="Europe/Madrid",
                                 **{"from": "2025-10-26", "to": "2025-10-27"})
    hours = [p["t"] for p in night["series"]]
    assert len(hours) == len(set(hours)) == 25


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """Sales of which each twentieth event is sent twice: with a key in the
    model, and without."""
    folder = tmp_path_factory.mktemp("repeated")
    plain = starter_server.model_without_lateness(folder / "plain")
    keyed = shutil.copytree(plain, folder / "keyed")
    sales = keyed / "datasets/sales.yaml"
    sales.write_text(sales.read_text() +
                     "key: [txn_id, line]\non_duplicate: ignore\n")
    events, ledger = folder / "sales.jsonl", folder / "ledger"
    done = freshet.run("generate", "--model", plain, "--dataset", "sales",
                       "--rows", 20000, "--until", "2025-10-31",
                       "--duplicates", 0.05, "--to", events, "--ledger", ledger)
    assert done.returncode == 0, done.stdout + done.stderr
    return plain, keyed, events, json.loads(ledger.read_text())


def test_repeated_events_are_as_many_as_the_ledger_says(repeated, tmp_path):
    plain, keyed, events, ledger = repeated
    assert ledger["duplicates"] > 500
    ask = {"from": "2025-01-01", "to": "2026-01-01"}
    for model, sums, rows in (
            (plain, "sums", ledger["rows"]),
            (keyed, "unique_sums", ledger["rows"] - ledger["duplicates"])):
        data = tmp_path / model.name
        with freshet.Server(model, data) as server:
            lines = events.read_text().splitlines()
            for at in range(0, len(lines), 5000):
                server.ingest("sales", lines[at:at + 5000])
            freshet.wait_until(lambda: server.rows("sales") == rows,
                               what=f"{rows} rows of {model.name}")
            assert number(server, "net_sales", **ask) == pytest.approx(
                float(ledger[sums]["net"]), abs=1e-9)
            # A receipt told twice is one receipt, with a key or without.
            assert number(server, "transactions", **ask) == (
                ledger["distinct"]["txn_id"])
