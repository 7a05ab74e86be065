"""Twenty questions of a retail dashboard over the starter's sales, in the words
of Freshet, DuckDB and ClickHouse. The words that differ are in braces; no
result has a column's name, which ClickHouse would take for the column."""

WORDS = {
    "Freshet": {
        "sales": "sales", "ts": "__time",
        "hour": "TIME_FLOOR(__time, 'PT1H')",
        "day": "TIME_FLOOR(__time, 'P1D')",
        "hour_of_day": "EXTRACT(HOUR FROM __time)",
        "weekday": "EXTRACT(DOW FROM __time)",
        "distinct": "COUNT(DISTINCT {})", "where": "FILTER (WHERE {})"},
    "DuckDB": {
        "sales": "sales", "ts": "ts",
        "hour": "date_trunc('hour', ts)",
        "day": "CAST(date_trunc('day', ts) AS TIMESTAMP)",
        "hour_of_day": "EXTRACT(HOUR FROM ts)",
        "weekday": "EXTRACT(ISODOW FROM ts)",
        "distinct": "COUNT(DISTINCT {})", "where": "FILTER (WHERE {})"},
    "ClickHouse": {
        "sales": "peer.sales", "ts": "ts",
        "hour": "toDateTime64(toStartOfHour(ts), 3, 'UTC')",
        "day": "toDateTime64(toStartOfDay(ts), 3, 'UTC')",
        "hour_of_day": "toHour(ts)",
        "weekday": "toDayOfWeek(ts)",
        "distinct": "uniqExact({})", "where": "FILTER (WHERE {})"},
}

QUERIES = {
    "total of everything":
        "SELECT COUNT(*) AS n, SUM(net) AS net_sum, SUM(qty) AS pieces "
        "FROM {sales}",
    "net by hour":
        "SELECT {hour} AS h, SUM(net) AS net_sum FROM {sales} GROUP BY {hour}",
    "net by day and channel":
        "SELECT {day} AS d, channel, SUM(net) AS net_sum FROM {sales} "
        "GROUP BY {day}, channel",
    "hour x weekday heat map":
        "SELECT {weekday} AS w, {hour_of_day} AS h, SUM(net) AS net_sum, "
        "COUNT(*) AS n FROM {sales} GROUP BY {weekday}, {hour_of_day}",
    "top stores":
        "SELECT store, SUM(net) AS net_sum FROM {sales} GROUP BY store "
        "ORDER BY net_sum DESC, store LIMIT 10",
    "top skus":
        "SELECT sku, SUM(net) AS net_sum, SUM(qty) AS pieces FROM {sales} "
        "GROUP BY sku ORDER BY net_sum DESC, sku LIMIT 20",
    "category by region":
        "SELECT region, category, SUM(net) AS net_sum, SUM(cost) AS cost_sum "
        "FROM {sales} GROUP BY region, category",
    "store by hour of one category":
        "SELECT store, {hour} AS h, SUM(net) AS net_sum FROM {sales} WHERE "
        "category = '{category}' GROUP BY store, {hour}",
    "one store's day curve":
        "SELECT {hour} AS h, SUM(net) AS net_sum FROM {sales} WHERE "
        "store = '{store}' GROUP BY {hour}",
    "one store's categories":
        "SELECT category, SUM(net) AS net_sum, SUM(qty) AS pieces FROM {sales} "
        "WHERE store = '{store}' GROUP BY category",
    "web share by day":
        "SELECT {day} AS d, SUM(net) {web} AS web, SUM(net) AS net_sum "
        "FROM {sales} GROUP BY {day}",
    "returns by store":
        "SELECT store, COUNT(*) AS n, SUM(net) AS net_sum FROM {sales} "
        "WHERE qty < 0 GROUP BY store",
    "discounted lines by category":
        "SELECT category, COUNT(*) AS n, SUM(discount) AS given FROM {sales} "
        "WHERE discount > 0 GROUP BY category",
    "distinct members":
        "SELECT {distinct_members} AS members FROM {sales}",
    "distinct members by region":
        "SELECT region, {distinct_members} AS members FROM {sales} "
        "GROUP BY region",
    "receipts and basket by store":
        "SELECT store, {distinct_receipts} AS receipts, SUM(net) AS net_sum "
        "FROM {sales} GROUP BY store",
    "net by member, best 20":
        "SELECT member_id, SUM(net) AS net_sum FROM {sales} WHERE member_id IS "
        "NOT NULL GROUP BY member_id ORDER BY net_sum DESC, member_id LIMIT 20",
    "receipts of many lines":
        "SELECT txn_id, COUNT(*) AS n, SUM(net) AS net_sum FROM {sales} GROUP "
        "BY txn_id HAVING COUNT(*) > 4 ORDER BY net_sum DESC, txn_id LIMIT 20",
    "like on sku":
        "SELECT category, COUNT(*) AS n, SUM(qty) AS pieces FROM {sales} WHERE "
        "sku LIKE '%7%' GROUP BY category",
    "raw lines of a store":
        "SELECT txn_id, line, sku, qty, net FROM {sales} WHERE store = "
        "'{store}' AND qty > 2 AND category = '{category}' "
        "ORDER BY txn_id, line LIMIT 100",
}


def sql(text, engine, store, category):
    words = WORDS[engine]
    return text.format(
        **{k: v for k, v in words.items() if k not in ("distinct", "where")},
        web=words["where"].format("channel = 'web'"),
        distinct_members=words["distinct"].format("member_id"),
        distinct_receipts=words["distinct"].format("txn_id"),
        store=store, category=category)
