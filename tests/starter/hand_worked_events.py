"""A few events of each dataset, small enough to work out every KPI by hand.

Europe/Madrid puts its clocks back in the night of 2025-10-26: its day has 25
hours, from 25T22:00Z to 26T23:00Z. The times below are chosen for that:

  A  25T22:30Z   00:30 in Madrid: of the 26th there, of the 25th in UTC
  B  26T00:30Z   02:30 in Madrid, the first time
  C  26T01:30Z   02:30 in Madrid, the second time
  D  26T23:30Z   00:30 in Madrid of the 27th, of the 26th in UTC

So the 26th is A + B + C in Madrid, and B + C + D in UTC. Z is days before, Y
four weeks.
"""
A, B, C, D = ("2025-10-25T22:30:00Z", "2025-10-26T00:30:00Z",
              "2025-10-26T01:30:00Z", "2025-10-26T23:30:00Z")
B2, C2 = "2025-10-26T00:31:00Z", "2025-10-26T01:31:00Z"  # a minute later
Z = "2025-10-20T10:00:00Z"
Y = "2025-09-28T10:00:00Z"
REGION = {"S1": "N", "S2": "N", "S3": "S", "WEB": "Online"}


def table(columns, *rows):
    """Events of rows: the time, then the columns, and maybe more in a
    dictionary; None is left out. A store brings its region."""
    events = []
    for time, *values in rows:
        event = {"ts": time}
        if isinstance(values[-1], dict):
            event |= values.pop()
        event |= {c: v for c, v in zip(columns.split(), values, strict=True)
                  if v is not None}
        place = event.get("store", event.get("location"))
        events.append(event | {"region": REGION[place]})
    return events


# net = qty * price - discount: 9, 5, 15, 15, -20, 40, 20; 18. At Y 20, 10.
SALES = table(
    "txn_id line store category channel sku qty price discount cost member_id"
    " promotion",
    (A, "T1", 1, "S1", "Food", "store", "F1", 2, "5.00", "1.00", "6.00", "M1",
     "P1"),
    (B, "T2", 1, "S1", "Food", "web", "F1", 1, "5.00", "0.00", "3.00", "M1",
     None),
    (B, "T2", 2, "S1", "Home", "web", "H1", 1, "20.00", "5.00", "10.00", "M1",
     "P1"),
    (C, "T3", 1, "S2", "Food", "store", "F1", 3, "5.00", "0.00", "9.00", None,
     None),
    (C, "T4", 1, "S3", "Home", "store", "H1", -1, "20.00", "0.00", "-10.00",
     "M2", None),
    (C, "T5", 1, "S3", "Home", "store", "H1", 2, "20.00", "0.00", "20.00",
     "M2", None),
    (B, "T7", 1, "WEB", "Home", "web", "H1", 1, "20.00", "0.00", "10.00", None,
     None),
    (D, "T6", 1, "S3", "Food", "app", "F1", 4, "5.00", "2.00", "12.00", "M1",
     None),
    (Y, "T8", 1, "S1", "Food", "store", "F1", 4, "5.00", "0.00", "12.00", None,
     None),
    (Y, "T9", 1, "S2", "Food", "store", "F1", 2, "5.00", "0.00", "6.00", None,
     None))

RETURNS = table(
    "return_id store category sku channel member_id voucher_used qty value"
    " sold_ts",
    (A, "R1", "S2", "Food", "F1", "store", "M1", False, 1, "3.00", Z),
    (B, "R2", "S1", "Food", "F1", "store", None, False, 1, "5.00", A),
    (C, "R3", "S3", "Home", "H1", "store", "M2", True, 1, "20.00", B),
    (D, "R4", "S3", "Home", "H1", "store", "M2", True, 1, "7.00", Z))

INVENTORY = table(
    "location sku category reason on_hand unit_cost ranged out_of_stock booked"
    " area_m2",
    (Z, "S1", "F1", "Food", "count", 10, "3.00", 1, 0, 12, 100),
    (Z, "S3", "H1", "Home", "delivery", 4, "10.00", 1, 0, 4, 200),
    (A, "S1", "F1", "Food", "sale", 8, "3.00", 1, 0, 8, 100),
    (B, "S2", "F1", "Food", "count", 0, "3.00", 1, 1, 2, 50),
    (C, "S3", "H1", "Home", "count", 3, "10.00", 1, 0, 4, 200),
    (D, "S1", "F1", "Food", "count", 5, "3.00", 1, 0, 6, 100))

ORDERS = table(
    "order_id channel store carrier qty_ordered qty_delivered qty_first_ship"
    " lines lines_first_ship lines_right on_time in_full backordered undamaged"
    " hours_to_deliver receivable",
    (A, "O1", "web", "S1", "K1", 4, 4, 4, 2, 2, 2, True, True, False, True,
     20, "50.00"),
    (B, "O2", "app", "S1", "K2", 6, 5, 4, 3, 2, 3, True, False, True, True,
     30, "20.00"),
    (C, "O3", "web", "S3", "K1", 10, 10, 10, 5, 5, 4, False, True, False, True,
     60, "70.00"),
    (C2, "O4", "web", "S3", "K2", 3, 0, 0, 1, 0, 0, False, False, False, True,
     None, "65.00"),
    (B2, "O5", "app", "S2", "K1", 2, 2, 2, 1, 1, 1, True, True, False, False,
     10, "25.00"),
    (D, "O6", "web", "S3", "K1", 5, 5, 5, 2, 2, 2, True, True, False, True,
     40, "80.00"))
for order in ORDERS:
    order["documents_right"] = True
    order["status"] = ("delivered" if "hours_to_deliver" in order
                       else "cancelled")

TRUCKS = table(
    "shipment_id carrier supplier category store units type",
    (A, "I1", "K1", "V1", "Food", "S1", 10, "departed",
     {"freight_cost": "20.00"}),
    (A, "I1", "K1", "V1", "Food", "S1", 10, "checked_in", {"lead_days": 2}),
    (B, "I1", "K1", "V1", "Food", "S1", 10, "checked_out",
     {"dwell_minutes": 60}),
    (B, "I1", "K1", "V1", "Food", "S1", 10, "put_away",
     {"dock_hours": 4, "payable": "100.00"}),
    (B, "I2", "K2", "V2", "Home", "S3", 30, "departed",
     {"freight_cost": "30.00"}),
    (B, "I2", "K2", "V2", "Home", "S3", 30, "checked_in", {"lead_days": 4}),
    (C, "I2", "K2", "V2", "Home", "S3", 30, "checked_out",
     {"dwell_minutes": 180}),
    (C, "I2", "K2", "V2", "Home", "S3", 30, "put_away",
     {"dock_hours": 10, "payable": "300.00"}),
    (C, "I3", "K1", "V1", "Food", "S1", 20, "departed",
     {"freight_cost": "10.00"}),
    (C, "I3", "K1", "V1", "Food", "S1", 20, "checked_in", {"lead_days": 5}),
    (D, "I3", "K1", "V1", "Food", "S1", 20, "checked_out",
     {"dwell_minutes": 90}),
    (D, "I3", "K1", "V1", "Food", "S1", 20, "put_away",
     {"dock_hours": 6, "payable": "150.00"}))
TOURS = table(
    "shipment_id carrier store units orders orders_open type",
    (A, "X1", "K1", "S1", 5, 4, 4, "departed", {"freight_cost": "15.00"}),
    (C, "X1", "K1", "S1", 5, 4, 1, "halfway"),
    (D, "X1", "K1", "S1", 5, 4, 0, "delivered"),
    (B, "X2", "K2", "S3", 3, 2, 2, "departed", {"freight_cost": "7.00"}),
    (C, "X2", "K2", "S3", 3, 2, 0, "delivered"))
SHIPMENTS = ([{**e, "direction": "inbound"} for e in TRUCKS] +
             [{**e, "direction": "outbound"} for e in TOURS])

TEMPERATURES = table(
    "shipment_id carrier supplier store temp_c minutes minutes_outside",
    (A, "I1", "K1", "V1", "S1", 4.0, 10, 0),
    (B, "I1", "K1", "V1", "S1", 9.0, 10, 10),
    (C, "I1", "K1", "V1", "S1", 8.0, 10, 0),
    (B, "I2", "K2", "V2", "S3", 3.0, 10, 0),
    (C, "I2", "K2", "V2", "S3", 5.0, 10, 0),
    (D, "I3", "K1", "V1", "S1", 1.0, 10, 10))

CARTS = table(
    "cart_id type device store member_id value sessions",
    (A, "C1", "created", "phone", "S1", "M1", "20.00", None),
    (A, "C1", "checkout", "phone", "S1", "M1", "20.00", None),
    (B, "C1", "ordered", "phone", "S1", "M1", "20.00", None),
    (B, "C2", "created", "phone", "S1", "M1", "30.00", None),
    (C, "C2", "abandoned", "phone", "S1", "M1", "30.00", None),
    (B, "C3", "created", "desktop", "S3", "M2", "50.00", None),
    (C, "C3", "checkout", "desktop", "S3", "M2", "50.00", None),
    (C2, "C3", "abandoned", "desktop", "S3", "M2", "50.00", None),
    (C, "C4", "created", "desktop", "S3", None, "10.00", None),
    (D, "C4", "ordered", "desktop", "S3", None, "10.00", None),
    (A, None, "sessions", "phone", "WEB", None, None, 20),
    (B, None, "sessions", "phone", "WEB", None, None, 40),
    (C, None, "sessions", "desktop", "WEB", None, None, 10),
    (D, None, "sessions", "phone", "WEB", None, None, 30))

LOYALTY = table(
    "member_id type points store channel repeat voucher_id device discount"
    " hours_since_change",
    (A, "M1", "earned", 9, "S1", "store", False, None, "D1", None, None),
    (B, "M1", "earned", 20, "S1", "web", True, None, "D1", None, None),
    (C, "M2", "reversed", -20, "S3", "store", False, None, "D2", None, None),
    (C, "M2", "earned", 40, "S3", "store", False, None, "D2", None, None),
    (D, "M1", "earned", 18, "S3", "app", True, None, "D1", None, None),
    (B, "M1", "redeemed", -200, "S1", "web", False, "V1", "D1", "5.00", 100),
    (C, "M2", "redeemed", -200, "S3", "store", False, "V1", "D2", "2.00", 1),
    (C, "M3", "redeemed", -200, "S3", "store", False, "V2", "D2", "3.00", 2),
    (D, "M4", "redeemed", -200, "S3", "app", False, "V1", "D2", "4.00", 0.5),
    (A, "M3", "signed_up", 0, "S1", "app", False, None, "D2", None, None),
    (C, "M4", "signed_up", 0, "S3", "store", False, None, "D2", None, None))

FORECASTS = table(
    "store category horizon_days forecast_units actual_units",
    (A, "S1", "Food", 7, 10, 8),   # missed 2
    (B, "S1", "Home", 7, 5, 5),    # missed 0
    (C, "S3", "Food", 7, 0, 4),    # missed 4
    (D, "S3", "Home", 7, 6, 3))    # missed 3

EVENTS = {"sales": SALES, "returns": RETURNS, "inventory": INVENTORY,
          "orders": ORDERS, "shipments": SHIPMENTS,
          "temperatures": TEMPERATURES, "carts": CARTS, "loyalty": LOYALTY,
          "forecasts": FORECASTS}
