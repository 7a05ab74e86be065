"""Every KPI of the starter as plain SQL for DuckDB, over the generated events.

A query gives one value, or (k, value) rows by a dimension. In the texts {k} is
"NULL AS k," or "DIMENSION AS k,", {by} is "GROUP BY k", {t} the range as a
condition on ts, {sold} the same on sold_ts, {then} the range four weeks
before, {week} the seven days up to its end, {end} its end, {days} its length,
{yearly} how often a year has it, {day_ends} and {hour_ends} the ends of its
days and hours as rows of a column m.
"""
MONEY = {"sales": ("price", "discount", "cost"),
         "orders": ("value", "receivable"), "inventory": ("unit_cost",),
         "returns": ("value",),
         "loyalty": ("discount",), "carts": ("value",),
         "shipments": ("freight_cost", "payable"), "temperatures": (),
         "forecasts": ()}
VIEWS = {
    "sales": "*, qty * price - discount AS net",
    "inventory": "*, location AS store",
    "temperatures": "*, exp(-10000 / (temp_c + 273.15)) AS decay",
}


def flow(dataset, value, where="true"):
    return (f"SELECT {{k}} {value} AS v FROM {dataset} "
            f"WHERE {{t}} AND ({where}) {{by}}")


def level(dataset, column, keys, where="true"):
    """The newest `column` by `keys` before the end, summed."""
    newest = (f"SELECT *, row_number() OVER (PARTITION BY {keys} "
              f"ORDER BY ts DESC, n DESC) AS place FROM {dataset} "
              f"WHERE ts < TIMESTAMPTZ '{{end}}' AND ({where})")
    return (f"SELECT {{k}} sum({column}) AS v FROM ({newest}) "
            "WHERE place = 1 {by}")


def averaged(value, moments):
    """The mean of `value` over the newest stock positions at each moment."""
    told = ("SELECT * FROM inventory WHERE ts < TIMESTAMPTZ '{end}' QUALIFY "
            "row_number() OVER (PARTITION BY sku, location, ts ORDER BY n DESC)"
            " = 1")
    asked = (f"SELECT * FROM {{{moments}}} CROSS JOIN "
             "(SELECT DISTINCT sku, location FROM inventory)")
    return (f"WITH told AS ({told}), asked AS ({asked}) "
            "SELECT k, avg(v) AS v FROM ("
            f"SELECT m, {{k}} {value} AS v FROM asked ASOF JOIN told ON "
            "asked.sku = told.sku AND asked.location = told.location "
            "AND asked.m > told.ts GROUP BY ALL) {by}")


class Over:
    """One query's values over another's, by group."""

    def __init__(self, top, bottom, factor="1"):
        self.top, self.bottom, self.factor = top, bottom, factor


NET, COGS = flow("sales", "sum(net)"), flow("sales", "sum(cost)")
STOCK = level("inventory", "on_hand * unit_cost", "sku, location")
DONE = "status = 'delivered'"
MEAN_STOCK = averaged("sum(on_hand * unit_cost)", "day_ends")
SOLD_VALUE = flow("sales", "sum(net)", "qty > 0")
RETURNED_OF_SOLD = ("SELECT {k} sum(value) AS v FROM returns WHERE {sold} {by}")
BOTH_TIMES = "SELECT store FROM sales WHERE {t} INTERSECT " \
             "SELECT store FROM sales WHERE {then}"


def share(dataset, condition, where="true"):
    return flow(dataset, f"avg(CASE WHEN {condition} THEN 1.0 ELSE 0 END)",
                where)


# kpi: (query, dimension)
SQL = {
    "net_sales": (NET, "store"),
    "transactions": (flow("sales", "count(DISTINCT txn_id)"), "channel"),
    "average_basket": (flow("sales", "sum(net) / count(DISTINCT txn_id)"),
                       "region"),
    "units": (flow("sales", "sum(qty)"), "sku"),
    "web_orders": (flow("sales", "count(DISTINCT txn_id)", "channel = 'web'"),
                   "store"),
    "gross_margin": (flow("sales", "1 - sum(cost) / sum(net)"), "category"),
    "cogs": (COGS, "sku"),
    "discount_rate": (flow("sales", "sum(discount) / sum(qty * price)"),
                      "category"),
    "units_per_receipt": (flow("sales", "sum(qty) / count(DISTINCT txn_id)"),
                          "store"),
    "store_sales": (flow("sales", "sum(net)", "store LIKE 'S%'"), "region"),
    "promotion_share": (
        flow("sales", "sum(CASE WHEN promotion IS NULL THEN 0 ELSE net END)"
             " / sum(net)"), "category"),
    "sales_per_m2": (
        Over(flow("sales", "sum(net)", "store LIKE 'S%'"),
             level("inventory", "area_m2", "location")), "store"),
    "returned_value": (flow("returns", "sum(value)"), "reason"),
    "sold_value": (SOLD_VALUE, "region"),
    "return_rate": (Over(flow("returns", "sum(value)"), SOLD_VALUE),
                    "category"),
    "returned_of_sold": (RETURNED_OF_SOLD, "region"),
    "return_rate_of_sales": (Over(RETURNED_OF_SOLD, SOLD_VALUE), "category"),
    "net_sales_7d": ("SELECT {k} sum(net) AS v FROM sales WHERE {week} {by}",
                     "category"),
    "same_store_growth": (
        "SELECT {k} sum(CASE WHEN {t} THEN net ELSE 0 END)"
        " / sum(CASE WHEN {then} THEN net ELSE 0 END) - 1 AS v FROM sales"
        f" WHERE ({{t}} OR {{then}}) AND store IN ({BOTH_TIMES}) {{by}}",
        "store"),
    "stock_on_hand": (level("inventory", "on_hand", "sku, location"),
                      "category"),
    "stock_value": (STOCK, "location"),
    "stockout_rate": (
        Over(level("inventory", "out_of_stock", "sku, location"),
             level("inventory", "ranged", "sku, location")), "region"),
    "on_shelf_availability": (
        averaged("1 - sum(out_of_stock) / sum(ranged)", "hour_ends"),
        "region"),
    "inventory_turnover": (Over(COGS, MEAN_STOCK, "{yearly}"), "category"),
    "gmroi": (Over(flow("sales", "sum(net) - sum(cost)"), MEAN_STOCK,
                   "{yearly}"), "store"),
    "selling_area": (level("inventory", "area_m2", "location"), "region"),
    "lost_value": (flow("inventory", "sum((booked - on_hand) * unit_cost)",
                        "reason = 'count'"), "category"),
    "shrinkage": (
        Over(flow("inventory", "sum((booked - on_hand) * unit_cost)",
                  "reason = 'count'"), NET), "category"),
    "days_of_supply": (Over(STOCK, COGS, "{days}"), "category"),
    "units_received": (flow("shipments", "sum(units)", "type = 'put_away'"),
                       "category"),
    "sell_through": (
        Over(flow("sales", "sum(qty)"),
             flow("shipments", "sum(units)", "type = 'put_away'")),
        "category"),
    "forecast_accuracy": (
        flow("forecasts", "1 - sum(abs(forecast_units - actual_units))"
             " / sum(actual_units)"), "category"),
    "forecast_bias": (
        flow("forecasts", "sum(forecast_units) / sum(actual_units) - 1"),
        "store"),
    "orders": (flow("orders", "count(*)"), "status"),
    "on_time_delivery": (share("orders", "delivered_ts <= promised_ts", DONE),
                         "carrier"),
    "in_full_rate": (share("orders", "qty_delivered >= qty_ordered", DONE),
                     "carrier"),
    "otif": (share("orders", "delivered_ts <= promised_ts AND"
                   " qty_delivered >= qty_ordered", DONE), "region"),
    "perfect_order_rate": (
        share("orders", "delivered_ts <= promised_ts AND qty_delivered >="
              " qty_ordered AND undamaged AND documents_right", DONE),
        "carrier"),
    "delivery_time": (
        flow("orders", "avg(epoch_ms(ts) - epoch_ms(ordered_ts)) / 3600000.0",
             DONE), "carrier"),
    "delivery_time_p90": (
        flow("orders", "quantile_cont(hours_to_deliver, 0.9)", DONE),
        "carrier"),
    "cancellation_rate": (share("orders", "status = 'cancelled'"), "region"),
    "otif_units": (
        flow("orders", "sum(CASE WHEN delivered_ts <= promised_ts AND in_full"
             " THEN qty_ordered ELSE 0 END) / sum(qty_ordered)", DONE),
        "carrier"),
    "units_in_full": (
        flow("orders", "sum(CASE WHEN qty_delivered > qty_ordered THEN"
             " qty_ordered ELSE qty_delivered END) / sum(qty_ordered)", DONE),
        "channel"),
    "unit_fill_rate": (
        flow("orders", "sum(qty_first_ship) / sum(qty_ordered)", DONE),
        "store"),
    "line_fill_rate": (flow("orders", "sum(lines_first_ship) / sum(lines)",
                            DONE), "store"),
    "order_fill_rate": (share("orders", "NOT backordered", DONE), "region"),
    "backorder_rate": (share("orders", "backordered", DONE), "region"),
    "pick_accuracy": (flow("orders", "sum(lines_right) / sum(lines)", DONE),
                      "store"),
    "open_orders": (level("shipments", "orders_open", "shipment_id",
                          "direction = 'outbound'"), "carrier"),
    "dwell_time": (flow("shipments", "avg(dwell_minutes)",
                        "type = 'checked_out'"), "supplier"),
    "detention_share": (share("shipments", "dwell_minutes > 120",
                              "type = 'checked_out'"), "carrier"),
    "freight_per_unit": (flow("shipments", "sum(freight_cost) / sum(units)",
                              "type = 'departed'"), "direction"),
    "dock_to_stock": (flow("shipments", "avg(dock_hours)",
                           "type = 'put_away'"), "region"),
    "dock_to_stock_p90": (flow("shipments", "quantile_cont(dock_hours, 0.9)",
                               "type = 'put_away'"), "region"),
    "supplier_lead_time": (flow("shipments", "avg(lead_days)",
                                "type = 'checked_in'"), "supplier"),
    "supplier_lead_time_p90": (
        flow("shipments", "quantile_cont(lead_days, 0.9)",
             "type = 'checked_in'"), "supplier"),
    "lead_time_variation": (
        flow("shipments", "stddev_pop(lead_days) / avg(lead_days)",
             "type = 'checked_in'"), "category"),
    "temperature_excursions": (
        flow("temperatures", "count(DISTINCT CASE WHEN temp_c < 2 OR temp_c > 8"
             " THEN shipment_id END) / count(DISTINCT shipment_id)"),
        "supplier"),
    "minutes_out_of_range": (
        flow("temperatures", "sum(CASE WHEN temp_c < 2 OR temp_c > 8 THEN 10"
             " ELSE 0 END)"), "shipment_id"),
    "mean_kinetic_temperature": (
        flow("temperatures", "10000 / -ln(avg(decay)) - 273.15"), "carrier"),
    "warmest": (flow("temperatures", "max(temp_c)"), "shipment_id"),
    "cold_shipments": (flow("temperatures", "count(DISTINCT shipment_id)"),
                       "supplier"),
    "app_sessions": (flow("carts", "sum(sessions)"), "device"),
    "carts_made": (flow("carts", "count(DISTINCT cart_id)",
                        "type = 'created'"), "region"),
    "checkouts": (flow("carts", "count(DISTINCT cart_id)",
                       "type = 'checkout'"), "device"),
    "app_orders": (flow("carts", "count(DISTINCT cart_id)",
                        "type = 'ordered'"), "store"),
    "conversion": (
        flow("carts", "sum(CASE WHEN type = 'ordered' THEN 1 ELSE 0 END)"
             " / sum(sessions)"), "device"),
    "cart_abandonment": (share("carts", "type = 'abandoned'",
                               "type IN ('ordered', 'abandoned')"), "region"),
    "abandoned_value": (flow("carts", "sum(value)", "type = 'abandoned'"),
                        "device"),
    "abandoned_carts": (flow("carts", "count(DISTINCT cart_id)",
                             "type = 'abandoned'"), "store"),
    "active_members": (flow("loyalty", "count(DISTINCT member_id)",
                            "type = 'earned'"), "region"),
    "repeat_rate": (
        flow("loyalty", "count(DISTINCT CASE WHEN repeat THEN member_id END)"
             " / count(DISTINCT member_id)", "type = 'earned'"), "region"),
    "new_members": (flow("loyalty", "count(*)", "type = 'signed_up'"),
                    "channel"),
    "points_given": (flow("loyalty", "sum(points)",
                          "type IN ('earned', 'reversed')"), "store"),
    "member_sales": (flow("sales", "sum(net)", "member_id IS NOT NULL"),
                     "channel"),
    "member_receipts": (flow("sales", "count(DISTINCT txn_id)",
                             "member_id IS NOT NULL"), "store"),
    "member_returns": (flow("returns", "sum(value)", "member_id IS NOT NULL"),
                       "region"),
    "voucher_redemptions": (flow("loyalty", "count(*)", "type = 'redeemed'"),
                            "voucher_id"),
    "redemptions_per_voucher": (
        flow("loyalty", "count(*) / count(DISTINCT voucher_id)",
             "type = 'redeemed'"), "region"),
    "redemptions_per_device": (
        flow("loyalty", "count(*) / count(DISTINCT device)",
             "type = 'redeemed'"), "voucher_id"),
    "members_per_device": (
        flow("loyalty", "count(DISTINCT member_id) / count(DISTINCT device)",
             "type = 'redeemed'"), "device"),
    "hasty_redemptions": (share("loyalty", "hours_since_change < 24",
                                "type = 'redeemed'"), "voucher_id"),
    "voucher_discount": (flow("loyalty", "sum(discount)", "type = 'redeemed'"),
                         "channel"),
    "voucher_goods_returned": (
        flow("returns", "sum(CASE WHEN voucher_used THEN value ELSE 0 END)"
             " / sum(value)"), "region"),
    "receivables": (level("orders", "receivable", "channel"), "channel"),
    "payables": (level("shipments", "payable", "supplier",
                       "type = 'put_away'"), "supplier"),
    "days_sales_outstanding": (
        Over(level("orders", "receivable", "channel"), NET, "{days}"), None),
    "days_payable_outstanding": (
        Over(level("shipments", "payable", "supplier", "type = 'put_away'"),
             COGS, "{days}"), None),
}
# Sums of the three above.
CASH_TO_CASH = ("days_of_supply", "days_sales_outstanding",
                "days_payable_outstanding")
