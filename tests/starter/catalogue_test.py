"""The starter has the catalogue of retail and supply chain: each KPI by name,
well defined and on a page, and alerts for each page."""
import pytest
import yaml

from starter_server import STARTER

CATALOGUE = {
    "perfect orders": ["perfect_order_rate"],
    "on time and in full": ["otif", "otif_units"],
    "on time": ["on_time_delivery"],
    "in full": ["in_full_rate", "units_in_full"],
    "order cycle time": ["delivery_time", "delivery_time_p90"],
    "fill rates": ["unit_fill_rate", "line_fill_rate", "order_fill_rate"],
    "backorders": ["backorder_rate"],
    "inventory on hand": ["stock_on_hand", "stock_value"],
    "inventory turnover": ["inventory_turnover"],
    "days of supply": ["days_of_supply"],
    "stock-outs": ["stockout_rate"],
    "on-shelf availability": ["on_shelf_availability"],
    "margin return on stock": ["gmroi"],
    "shrinkage": ["shrinkage"],
    "sell-through": ["sell_through"],
    "net sales": ["net_sales"],
    "gross margin": ["gross_margin"],
    "basket value": ["average_basket"],
    "basket size": ["units_per_receipt"],
    "conversion": ["conversion"],
    "cart abandonment": ["cart_abandonment"],
    "returns, by return and by sale": ["return_rate", "return_rate_of_sales"],
    "same-store growth": ["same_store_growth", "same_store_sales"],
    "sales for the area": ["sales_per_m2"],
    "forecast accuracy": ["forecast_accuracy", "forecast_bias"],
    "dwell": ["dwell_time", "detention_share"],
    "freight": ["freight_per_unit"],
    "dock to stock": ["dock_to_stock"],
    "supplier lead time": ["supplier_lead_time", "lead_time_variation"],
    "temperature excursions": ["temperature_excursions",
                               "minutes_out_of_range",
                               "mean_kinetic_temperature"],
    "discounts": ["discount_rate", "promotion_share"],
    "loyalty": ["active_members", "repeat_rate"],
    "voucher fraud": ["voucher_redemptions", "redemptions_per_voucher",
                      "members_per_device", "hasty_redemptions",
                      "voucher_goods_returned"],
    "cash to cash": ["cash_to_cash"],
    "cancelled, picked, open": ["cancellation_rate", "pick_accuracy",
                                "open_orders"],
}
PAGES = {"Trading today", "Supply chain control tower", "Inventory health",
         "Fulfilment", "Cold chain", "Loyalty and fraud"}


def read(kind):
    return [yaml.safe_load(p.read_text())
            for p in sorted(STARTER.glob(f"{kind}/*.yaml"))]


KPIS = {kpi["kpi"]: kpi for file in read("kpis") for kpi in file["kpis"]}
DASHBOARDS = {d["title"]: d for d in read("dashboards")}
ALERTS = [a for file in read("alerts") for a in file["alerts"]]


def shown(dashboard):
    return {tile["kpi"] for tile in dashboard["tiles"] if "kpi" in tile}


def test_the_catalogue_has_thirty_five():
    assert len(CATALOGUE) == 35
    missing = {k for names in CATALOGUE.values() for k in names} - KPIS.keys()
    assert not missing


@pytest.mark.parametrize("entry", CATALOGUE)
def test_an_entry_of_the_catalogue_is_on_a_page(entry):
    pages = {k for d in DASHBOARDS.values() for k in shown(d)}
    assert CATALOGUE[entry][0] in pages


@pytest.mark.parametrize("kpi", KPIS)
def test_a_kpi_says_what_it_is(kpi):
    definition = KPIS[kpi]
    for key in ("title", "description", "owner", "formula", "unit", "good"):
        assert definition.get(key), (kpi, key)
    assert (definition["unit"] == "currency") == ("currency" in definition)
    over_others = "[" in definition["formula"]
    assert over_others or "dataset" in definition


@pytest.mark.parametrize("title", PAGES)
def test_a_page_has_alerts_on_what_it_shows(title):
    page = shown(DASHBOARDS[title])
    assert any(alert["kpi"] in page for alert in ALERTS), title
