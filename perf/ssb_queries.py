"""The 13 queries of the Star Schema Benchmark over the flat table, in SQL that
Freshet, DuckDB and ClickHouse read; for_peer() has what differs."""

COLUMNS = {"lo_orderdate": "TIMESTAMP", "lo_orderkey": "BIGINT",
           "lo_linenumber": "BIGINT", "c_city": "VARCHAR",
           "c_nation": "VARCHAR", "c_region": "VARCHAR", "s_city": "VARCHAR",
           "s_nation": "VARCHAR", "s_region": "VARCHAR", "p_mfgr": "VARCHAR",
           "p_category": "VARCHAR", "p_brand": "VARCHAR",
           "lo_quantity": "BIGINT", "lo_extendedprice": "BIGINT",
           "lo_ordtotalprice": "BIGINT", "lo_discount": "BIGINT",
           "lo_revenue": "BIGINT", "lo_supplycost": "BIGINT",
           "lo_tax": "BIGINT", "d_year": "BIGINT"}


def between(start, end):
    return (f"__time >= TIMESTAMP '{start} 00:00:00' AND "
            f"__time < TIMESTAMP '{end} 00:00:00'")


def discount_revenue(when, discount, quantity):
    return (f"SELECT SUM(lo_extendedprice * lo_discount) AS revenue FROM ssb "
            f"WHERE {when} AND lo_discount BETWEEN {discount} AND {quantity}")


def brand_revenue(part, region):
    return (f"SELECT SUM(lo_revenue) AS revenue, d_year, p_brand FROM ssb WHERE "
            f"{part} AND s_region = '{region}' GROUP BY d_year, p_brand "
            "ORDER BY d_year, p_brand")


def place_revenue(level, where, years):
    return (f"SELECT c_{level}, s_{level}, d_year, SUM(lo_revenue) AS revenue "
            f"FROM ssb WHERE {where} AND {years} GROUP BY c_{level}, s_{level}, "
            "d_year ORDER BY d_year ASC, revenue DESC")


def profit(columns, where):
    return (f"SELECT {columns}, SUM(lo_revenue - lo_supplycost) AS profit FROM "
            f"ssb WHERE {where} GROUP BY {columns} ORDER BY {columns}")


YEARS = "d_year BETWEEN 1992 AND 1997"
CITIES = ("c_city IN ('UNITED KI1', 'UNITED KI5') AND "
          "s_city IN ('UNITED KI1', 'UNITED KI5')")
QUERIES = {
    "q1.1": discount_revenue("d_year = 1993", 1, "3 AND lo_quantity < 25"),
    "q1.2": discount_revenue(between("1994-01-01", "1994-02-01"), 4,
                             "6 AND lo_quantity BETWEEN 26 AND 35"),
    "q1.3": discount_revenue(between("1994-02-05", "1994-02-12"), 5,
                             "7 AND lo_quantity BETWEEN 26 AND 35"),
    "q2.1": brand_revenue("p_category = 'MFGR#12'", "AMERICA"),
    "q2.2": brand_revenue("p_brand BETWEEN 'MFGR#2221' AND 'MFGR#2228'",
                          "ASIA"),
    "q2.3": brand_revenue("p_brand = 'MFGR#2239'", "EUROPE"),
    "q3.1": place_revenue("nation", "c_region = 'ASIA' AND s_region = 'ASIA'",
                          YEARS),
    "q3.2": place_revenue("city", "c_nation = 'UNITED STATES' AND "
                          "s_nation = 'UNITED STATES'", YEARS),
    "q3.3": place_revenue("city", CITIES, YEARS),
    "q3.4": place_revenue("city", CITIES, between("1997-12-01", "1998-01-01")),
    "q4.1": profit("d_year, c_nation", "c_region = 'AMERICA' AND s_region = "
                   "'AMERICA' AND p_mfgr IN ('MFGR#1', 'MFGR#2')"),
    "q4.2": profit("d_year, s_nation, p_category",
                   "c_region = 'AMERICA' AND s_region = 'AMERICA' AND d_year IN "
                   "(1997, 1998) AND p_mfgr IN ('MFGR#1', 'MFGR#2')"),
    "q4.3": profit("d_year, s_city, p_brand",
                   "s_nation = 'UNITED STATES' AND d_year IN (1997, 1998) AND "
                   "p_category = 'MFGR#14'"),
}


def for_peer(sql, name):
    """In the words of DuckDB or ClickHouse (compare/peers.py)."""
    table = "peer.ssb" if name == "ClickHouse" else "ssb"
    return (sql.replace("__time", "lo_orderdate")
            .replace("FROM ssb", f"FROM {table}"))
