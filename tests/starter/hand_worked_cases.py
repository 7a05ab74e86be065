"""What every KPI must be of the events in hand_worked_events.py.

kpi: (in Madrid, in UTC, by which dimension, its groups in Madrid,
      a filter, the value under it in Madrid). Sums are of A + B + C in Madrid
and of B + C + D in UTC.
"""
from math import sqrt

TRADING = {
    # nets 9 + 5 + 15 + 15 - 20 + 40 + 20 = 84; without 9, with 18: 93
    "net_sales": (84, 93, "region", {"N": 44, "S": 20, "Online": 20},
                  "store:S1;category:Food", 14),
    # T1 T2 T3 T4 T5 T7; without T1, with T6
    "transactions": (6, 6, "region", {"N": 3, "S": 2, "Online": 1},
                     "store:S1", 2),
    "average_basket": (84 / 6, 93 / 6, "region",
                       {"N": 44 / 3, "S": 20 / 2, "Online": 20},
                       "store:S1", (9 + 5 + 15) / 2),
    # 2 + 1 + 1 + 3 - 1 + 2 + 1
    "units": (9, 11, "region", {"N": 7, "S": 1, "Online": 1},
              "store:S1;category:Food", 3),
    "web_orders": (2, 2, "region", {"N": 1, "Online": 1}, "store:S1", 1),
    # costs 6 + 3 + 10 + 9 - 10 + 20 + 10 = 48; 54
    "gross_margin": ((84 - 48) / 84, (93 - 54) / 93, "region",
                     {"N": (44 - 28) / 44, "S": 10 / 20, "Online": 10 / 20},
                     "store:S1;category:Food", (14 - 9) / 14),
    "cogs": (48, 54, "region", {"N": 28, "S": 10, "Online": 10},
             "store:S1;category:Food", 9),
    # discounts 1 + 5; 5 + 2
    "discount_rate": (6 / 90, 7 / 100, "region",
                      {"N": 6 / 50, "S": 0, "Online": 0},
                      "store:S1;category:Home", 5 / 20),
    "units_per_receipt": (9 / 6, 11 / 6, "region",
                          {"N": 7 / 3, "S": 1 / 2, "Online": 1},
                          "store:S1", 4 / 2),
    "store_sales": (64, 73, "region", {"N": 44, "S": 20}, "store:S1", 29),
    # on promotion 9 + 15; 15
    "promotion_share": (24 / 84, 15 / 93, "region",
                        {"N": 24 / 44, "S": 0, "Online": 0},
                        "store:S1", 24 / 29),
    "sales_per_m2": (64 / 350, 73 / 350, "region",
                     {"N": 44 / 150, "S": 20 / 200}, "store:S1", 29 / 100),
    # 3 + 5 + 20; 5 + 20 + 7
    "returned_value": (28, 32, "region", {"N": 8, "S": 20}, "store:S1", 5),
    # without the negative line: 84 + 20
    "sold_value": (104, 113, "region", {"N": 44, "S": 40, "Online": 20},
                   "store:S3", 40),
    "return_rate": (28 / 104, 32 / 113, "region",
                    {"N": 8 / 44, "S": 20 / 40, "Online": 0},
                    "store:S3", 20 / 40),
}

STOCK = {
    # S1 8, S2 0, S3 3; in UTC the day ends after D: S1 5
    "stock_on_hand": (11, 8, "region", {"N": 8, "S": 3}, "location:S3", 3),
    # 8 * 3 + 0 + 3 * 10; 5 * 3 + 30
    "stock_value": (54, 45, "region", {"N": 24, "S": 30}, "store:S1", 24),
    "stockout_rate": (1 / 3, 1 / 3, "region", {"N": 1 / 2, "S": 0},
                      "location:S2", 1),
    "selling_area": (350, 350, "region", {"N": 150, "S": 200}, "store:S1", 100),
    # (2 - 0) * 3 + (4 - 3) * 10; and (6 - 5) * 3. Z was before.
    "lost_value": (16, 19, "region", {"N": 6, "S": 10}, "store:S3", 10),
    "shrinkage": (16 / 84, 19 / 93, "region",
                  {"N": 6 / 44, "S": 10 / 20, "Online": 0},
                  "store:S2", 6 / 15),
    # the 25 hours are one day
    "days_of_supply": (54 / 48, 45 / 54, "category",
                       {"Food": 24 / 18, "Home": 30 / 30}, "store:S3", 30 / 10),
    # put away: 10 + 30; + 20
    "units_received": (40, 60, "region", {"N": 10, "S": 30}, "store:S1", 10),
    "sell_through": (9 / 40, 11 / 60, "category",
                     {"Food": 6 / 10, "Home": 3 / 30}, "store:S1", 4 / 10),
    # missed 2 + 0 + 4 of 8 + 5 + 4; 0 + 4 + 3 of 5 + 4 + 3
    "forecast_accuracy": (1 - 6 / 17, 1 - 7 / 12, "region",
                          {"N": 1 - 2 / 13, "S": 0},
                          "store:S1;category:Food", 1 - 2 / 8),
    "forecast_bias": ((15 - 17) / 17, (11 - 12) / 12, "region",
                      {"N": (15 - 13) / 13, "S": -1},
                      "store:S1;category:Food", (10 - 8) / 8),
}

# Delivered are O1 O2 O3 O5 in Madrid, O2 O3 O5 O6 in UTC; of K1 O1 O3 O5.
FULFILMENT = {
    "orders": (5, 5, "region", {"N": 3, "S": 2}, "store:S3", 2),
    "on_time_delivery": (3 / 4, 3 / 4, "region", {"N": 1, "S": 0},
                         "carrier:K1", 2 / 3),
    "in_full_rate": (3 / 4, 3 / 4, "region", {"N": 2 / 3, "S": 1},
                     "carrier:K1", 1),
    "otif": (2 / 4, 2 / 4, "region", {"N": 2 / 3, "S": 0}, "carrier:K1", 2 / 3),
    # O1; O6. O5 came damaged.
    "perfect_order_rate": (1 / 4, 1 / 4, "region", {"N": 1 / 3, "S": 0},
                           "carrier:K1", 1 / 3),
    # 20 30 60 10; 30 60 10 40
    "delivery_time": (30, 35, "region", {"N": 20, "S": 60}, "carrier:K1", 30),
    # between the values: 10 20 30 60 at 0.9 * 3 = 2.7: 30 + 0.7 * 30;
    # 10 30 40 60: 40 + 0.7 * 20; 10 20 30 at 1.8; 10 20 60 at 1.8
    "delivery_time_p90": (51, 54, "region", {"N": 28, "S": 60},
                          "carrier:K1", 52),
    "cancellation_rate": (1 / 5, 1 / 5, "region", {"N": 0, "S": 1 / 2},
                          "store:S3", 1 / 2),
    # O1 4 + O5 2 of 4 + 6 + 10 + 2; O5 2 + O6 5 of 6 + 10 + 2 + 5
    "otif_units": (6 / 22, 7 / 23, "region", {"N": 6 / 12, "S": 0},
                   "carrier:K1", 6 / 16),
    "units_in_full": (21 / 22, 22 / 23, "region", {"N": 11 / 12, "S": 1},
                      "carrier:K1", 1),
    "unit_fill_rate": (20 / 22, 21 / 23, "region", {"N": 10 / 12, "S": 1},
                       "carrier:K1", 1),
    # 2 + 2 + 5 + 1 of 2 + 3 + 5 + 1
    "line_fill_rate": (10 / 11, 10 / 11, "region", {"N": 5 / 6, "S": 1},
                       "carrier:K1", 1),
    "order_fill_rate": (3 / 4, 3 / 4, "region", {"N": 2 / 3, "S": 1},
                        "carrier:K1", 1),
    "backorder_rate": (1 / 4, 1 / 4, "region", {"N": 1 / 3, "S": 0},
                       "carrier:K1", 0),
    # 2 + 3 + 4 + 1 of 11; 3 + 4 + 1 + 2 of 11; of K1 7 of 8
    "pick_accuracy": (10 / 11, 10 / 11, "region", {"N": 1, "S": 4 / 5},
                      "carrier:K1", 7 / 8),
    # X1 had 1 left at the end of Madrid's day, none at that of UTC's
    "open_orders": (1, 0, "region", {"N": 1, "S": 0}, "carrier:K1", 1),
}

LOGISTICS = {
    "dwell_time": (120, 110, "region", {"N": 60, "S": 180}, "supplier:V2", 180),
    "detention_share": (1 / 2, 1 / 3, "region", {"N": 0, "S": 1},
                        "supplier:V1", 0),
    # 20 + 30 + 10 + 15 + 7 over 10 + 30 + 20 + 5 + 3; 30 + 10 + 7 over 53
    "freight_per_unit": (82 / 68, 47 / 53, "region",
                         {"N": 45 / 35, "S": 37 / 33},
                         "direction:outbound", 22 / 8),
    "dock_to_stock": (7, 20 / 3, "region", {"N": 4, "S": 10},
                      "supplier:V2", 10),
    # 4 10 at 0.9; 4 6 10 at 1.8
    "dock_to_stock_p90": (9.4, 9.2, "region", {"N": 4, "S": 10},
                          "supplier:V2", 10),
    "supplier_lead_time": (11 / 3, 9 / 2, "region", {"N": 7 / 2, "S": 4},
                           "supplier:V1", 7 / 2),
    # 2 4 5 at 1.8; 4 5 at 0.9; 2 5 at 0.9
    "supplier_lead_time_p90": (4.8, 4.9, "region", {"N": 4.7, "S": 4},
                               "supplier:V1", 4.7),
    # 2 4 5: mean 11/3, of squares 15, variance 15 - 121/9 = 14/9; 4 5: 1/4
    "lead_time_variation": (sqrt(14) / 11, 1 / 9, "region",
                            {"N": 1.5 / 3.5, "S": 0}, "supplier:V1", 3 / 7),
    # I1 of I1 I2; I1 I3 of I1 I2 I3
    "temperature_excursions": (1 / 2, 2 / 3, "region", {"N": 1, "S": 0},
                               "carrier:K2", 0),
    "minutes_out_of_range": (10, 20, "region", {"N": 10, "S": 0},
                             "shipment_id:I1", 10),
    # 10000 / -ln(mean of exp(-10000 / (t + 273.15))) - 273.15 of
    # 4 9 8 3 5; 9 8 3 5 1; 4 9 8; 3 5
    "mean_kinetic_temperature": (6.12807, 5.73218, "region",
                                 {"N": 7.26468, "S": 4.06132},
                                 "carrier:K2", 4.06132),
    "warmest": (9, 9, "region", {"N": 9, "S": 5}, "carrier:K2", 5),
    "cold_shipments": (2, 3, "region", {"N": 1, "S": 1}, "carrier:K1", 1),
}

MEMBERS = {
    "app_sessions": (70, 80, "device", {"phone": 60, "desktop": 10},
                     "device:phone", 60),
    "carts_made": (4, 3, "region", {"N": 2, "S": 2}, "device:phone", 2),
    "checkouts": (2, 1, "region", {"N": 1, "S": 1}, "device:phone", 1),
    "app_orders": (1, 2, "region", {"N": 1}, "member_id:M1", 1),
    # C1 of 20 + 40 + 10 sessions; C1 C4 of 40 + 10 + 30
    "conversion": (1 / 70, 2 / 80, "device", {"phone": 1 / 60, "desktop": 0},
                   "device:phone", 1 / 60),
    "cart_abandonment": (2 / 3, 2 / 4, "region", {"N": 1 / 2, "S": 1},
                         "device:desktop", 1),
    "abandoned_value": (80, 80, "region", {"N": 30, "S": 50},
                        "device:phone", 30),
    "abandoned_carts": (2, 2, "region", {"N": 1, "S": 1}, "member_id:M2", 1),
    "active_members": (2, 2, "region", {"N": 1, "S": 1}, "channel:web", 1),
    # M1 of M1 M2
    "repeat_rate": (1 / 2, 1 / 2, "region", {"N": 1, "S": 0},
                    "channel:store", 0),
    "new_members": (2, 1, "region", {"N": 1, "S": 1}, "channel:app", 1),
    # 9 + 20 - 20 + 40; 20 - 20 + 40 + 18
    "points_given": (49, 58, "region", {"N": 29, "S": 20}, "member_id:M1", 29),
    "member_sales": (49, 58, "region", {"N": 29, "S": 20}, "member_id:M1", 29),
    "member_receipts": (4, 4, "region", {"N": 2, "S": 2}, "member_id:M1", 2),
    "member_returns": (23, 27, "region", {"N": 3, "S": 20}, "member_id:M2", 20),
    "voucher_redemptions": (3, 4, "region", {"N": 1, "S": 2},
                            "voucher_id:V1", 2),
    "redemptions_per_voucher": (3 / 2, 4 / 2, "region", {"N": 1, "S": 1},
                                "device:D2", 1),
    "redemptions_per_device": (3 / 2, 4 / 2, "region", {"N": 1, "S": 2},
                               "voucher_id:V1", 1),
    "members_per_device": (3 / 2, 4 / 2, "region", {"N": 1, "S": 2},
                           "device:D2", 2),
    # after 100, 1 and 2 hours; and half an hour
    "hasty_redemptions": (2 / 3, 3 / 4, "region", {"N": 0, "S": 1},
                          "voucher_id:V1", 1 / 2),
    "voucher_discount": (10, 14, "region", {"N": 5, "S": 5}, "member_id:M1", 5),
    "voucher_goods_returned": (20 / 28, 27 / 32, "region", {"N": 0, "S": 1},
                               "store:S3", 1),
}

# With a time of their own.
WINDOWS = {
    # the stock at the end of the one day: 54; 45
    "inventory_turnover": (48 * 365 / 54, 54 * 365 / 45, "category",
                           {"Food": 18 * 365 / 24, "Home": 30 * 365 / 30},
                           "store:S3", 10 * 365 / 30),
    "gmroi": (36 * 365 / 54, 39 * 365 / 45, "category",
              {"Food": 11 * 365 / 24, "Home": 25 * 365 / 30},
              "store:S3", 10 * 365 / 30),
    # At the ends of 25 hours: none of two is missing at 23:00Z and 00:00Z,
    # then one of three; at the 24 ends in UTC always one of three.
    "on_shelf_availability": (1 - 23 / 3 / 25, 1 - 1 / 3, "region",
                              {"N": 1 - 23 / 2 / 25, "S": 1},
                              "store:S3", 1),
    # S1 29 and S2 15 of 20 + 10 four weeks before; in UTC S1 20. The others
    # did not sell then.
    "same_store_growth": (44 / 30 - 1, 35 / 30 - 1, "region",
                          {"N": 44 / 30 - 1}, "store:S1", 29 / 20 - 1),
    # The week before has no sales but A.
    "net_sales_7d": (84, 93 + 9, "region", {"N": 44, "S": 20, "Online": 20},
                     "store:S1", 29),
    # sold on the day: R2 at A, R3 at B; in UTC R3
    "returned_of_sold": (25, 20, "region", {"N": 5, "S": 20}, "store:S1", 5),
    "return_rate_of_sales": (25 / 104, 20 / 113, "region",
                             {"N": 5 / 44, "S": 20 / 40, "Online": 0},
                             "store:S3", 20 / 40),
}

# The newest balance by channel: web 65, app 25; in UTC web 80. By supplier:
# V1 100, V2 300; in UTC V1 150.
FINANCE = {
    "receivables": (90, 105, "channel", {"web": 65, "app": 25},
                    "channel:app", 25),
    "payables": (400, 450, "supplier", {"V1": 100, "V2": 300},
                 "supplier:V1", 100),
    "days_sales_outstanding": (90 / 84, 105 / 93, None, None, None, None),
    "days_payable_outstanding": (400 / 48, 450 / 54, None, None, None, None),
    "cash_to_cash": (54 / 48 + 90 / 84 - 400 / 48,
                     45 / 54 + 105 / 93 - 450 / 54, None, None, None, None),
}

CASES = TRADING | STOCK | FULFILMENT | LOGISTICS | MEMBERS | WINDOWS | FINANCE
