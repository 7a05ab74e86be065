#!/usr/bin/env python3
"""Runs the cases of tests/queries/*.test that DuckDB can parse against DuckDB.

The expected answers of those files are compared with another engine's, so that
they are not merely what this one says. A case is left out when DuckDB does not
know its functions or syntax, or when a comment above it says
"# duckdb differs: why". Prints "N passed, N failed" last.

  duckdb_check.py [FILE...]     compare
  duckdb_check.py --show FILE   print DuckDB's answers, for writing cases
"""
import datetime
import decimal
import math
import pathlib
import re
import sys

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {"timestamp": "TIMESTAMP", "string": "VARCHAR", "long": "BIGINT",
         "double": "DOUBLE", "bool": "BOOLEAN"}
LEAST_COMPARED = 250

# Druid's names for what DuckDB calls otherwise.
MACROS = """
CREATE MACRO contains_string(a, b) AS contains(a, b);
CREATE MACRO icontains_string(a, b) AS contains(lower(a), lower(b));
CREATE MACRO strlen(a) AS length(a);
CREATE MACRO char_length(a) AS length(a);
CREATE MACRO btrim(a) AS trim(a);
CREATE MACRO truncate(a) AS trunc(a);
CREATE MACRO nvl(a, b) AS coalesce(a, b);
CREATE MACRO safe_divide(a, b) AS a / nullif(b, 0);
CREATE MACRO bitwise_and(a, b) AS a & b;
CREATE MACRO bitwise_or(a, b) AS a | b;
CREATE MACRO bitwise_xor(a, b) AS xor(a, b);
CREATE MACRO bitwise_complement(a) AS ~a;
CREATE MACRO bitwise_shift_left(a, b) AS a << b;
CREATE MACRO bitwise_shift_right(a, b) AS a >> b;
CREATE MACRO regexp_like(a, b) AS regexp_matches(a, b);
CREATE MACRO latest_by(x, t) AS arg_max(x, t);
CREATE MACRO earliest_by(x, t) AS arg_min(x, t);
CREATE MACRO millis_to_timestamp(a) AS make_timestamp(a * 1000);
CREATE MACRO timestamp_to_millis(t) AS epoch_ms(t);
CREATE MACRO time_extract(t, unit) AS date_part(lower(unit), t);
CREATE MACRO time_floor(t, p) AS date_trunc(
    CASE p WHEN 'PT1M' THEN 'minute' WHEN 'PT1H' THEN 'hour'
           WHEN 'P1D' THEN 'day' WHEN 'P1W' THEN 'week'
           WHEN 'P1M' THEN 'month' WHEN 'P3M' THEN 'quarter'
           WHEN 'P1Y' THEN 'year' ELSE error('no macro for ' || p) END,
    t::TIMESTAMP);
CREATE MACRO time_parse(a) AS a::TIMESTAMP;
"""


def blocks_of(path):
    """(lines, reason to leave out or None) of each block."""
    lines, reason = [], None
    for line in path.read_text().splitlines() + [""]:
        if line.startswith("# duckdb differs"):
            reason = line[2:]
        elif line.startswith("#"):
            continue
        elif line:
            lines.append(line)
        elif lines:
            yield lines, reason
            lines, reason = [], None


def literal(text, kind):
    if text == "NULL":
        return None
    if text == '""':
        return ""
    if kind == "string":
        return text
    if kind == "long":
        return int(text)
    if kind == "double":
        return float(text)
    if kind == "bool":
        return text == "true"
    if kind == "timestamp":
        t = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        return t.replace(tzinfo=None)
    return decimal.Decimal(text)


def create(db, lines, schema):
    name = lines[0].split()[1]
    columns = [c.split(":") for c in lines[1].split()]
    if schema == "lookup":
        kinds = [kind for _, kind in columns]
        names = [column for column, _ in columns]
        named, kinds = names + ["k", "v"], kinds + kinds[:2]
    else:
        named, kinds = zip(*columns)

    def sql_type(kind):
        if kind.startswith("decimal"):
            return f"DECIMAL(20, {kind[8:-1]})"
        return TYPES[kind]
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    table = f'"{schema}"."{name}"'
    spec = ", ".join(f'"{n}" {sql_type(k)}' for n, k in zip(named, kinds))
    db.execute(f"CREATE OR REPLACE TABLE {table} ({spec})")
    for line in lines[2:]:
        fields = [f.strip() for f in line.split("|")]
        if schema == "lookup":
            fields = fields + fields[:2]
        values = [literal(f, k) for f, k in zip(fields, kinds)]
        marks = ", ".join("?" * len(values))
        db.execute(f"INSERT INTO {table} VALUES ({marks})", values)


def text_of(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + \
            f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, datetime.date):
        return value.strftime("%Y-%m-%dT00:00:00.000Z")
    if isinstance(value, str):
        return value if value else '""'
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):  # as our arrays: the text of JSON
        return "[" + ",".join(
            f'"{v}"' if isinstance(v, str) else
            "null" if v is None else text_of(v) for v in value) + "]"
    return str(value)


def same(got, wanted):
    if got == wanted:
        return True
    try:
        a, b = float(got), float(wanted)
    except ValueError:
        return False
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    # Whole numbers and decimals are exact; a decimal's trailing zeros differ.
    if "e" not in got + wanted and "." not in got + wanted:
        return int(got) == int(wanted)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def compare(rows, expected, ordered):
    got = [[text_of(v) for v in row] for row in rows]
    wanted = [[f.strip() for f in line.split("|")] for line in expected]
    if not ordered:
        got.sort()
        wanted.sort()
    if len(got) == len(wanted) and all(
            len(g) == len(w) and all(same(a, b) for a, b in zip(g, w))
            for g, w in zip(got, wanted)):
        return None
    shown = "\n".join("    " + " | ".join(row) for row in got)
    return f"  DuckDB's answer:\n{shown}"


def database():
    db = duckdb.connect(":memory:")
    db.execute("SET TimeZone = 'UTC'")
    db.execute("SET default_null_order = 'nulls_first_on_asc_last_on_desc'")
    for macro in MACROS.split(";"):
        if macro.strip():
            db.execute(macro)
    db.execute("CREATE SCHEMA druid")
    db.execute("SET search_path = 'druid,main'")
    return db


def by_time(sql):
    """LATEST(x) and EARLIEST(x), which a macro cannot say."""
    sql = re.sub(r"\bLATEST\((\w+)\)", r"arg_max(\1, __time)", sql)
    return re.sub(r"\bEARLIEST\((\w+)\)", r"arg_min(\1, __time)", sql)


def run_file(path, counts, show):
    db = database()
    for lines, reason in blocks_of(path):
        kind = lines[0].split()[0]
        if kind in ("data", "lookup"):
            create(db, lines, "druid" if kind == "data" else "lookup")
            continue
        if kind == "error":
            continue
        split = lines.index("----") if "----" in lines else len(lines)
        sql, expected = "\n".join(lines[1:split]), lines[split + 1:]
        if reason and not show:
            counts["differs"] += 1
            continue
        try:
            rows = db.execute(by_time(sql)).fetchall()
        except (duckdb.CatalogException, duckdb.ParserException,
                duckdb.BinderException, duckdb.NotImplementedException,
                duckdb.InvalidInputException) as error:
            counts["unknown"] += 1
            if show:
                print(f"{sql}\n---- {str(error).splitlines()[0]}\n")
            continue
        if show:
            print(sql)
            print("----")
            for row in rows:
                print(" | ".join(text_of(v) for v in row))
            print()
            continue
        fault = compare(rows, expected, lines[0] == "query ordered")
        counts["failed" if fault else "passed"] += 1
        if fault:
            print(f"{path.name}: {sql}\n{fault}\n")


def main(arguments):
    show = "--show" in arguments
    files = [pathlib.Path(a) for a in arguments if not a.startswith("--")]
    counts = {"passed": 0, "failed": 0, "unknown": 0, "differs": 0}
    for path in files or sorted(HERE.glob("*.test")):
        run_file(path, counts, show)
    if show:
        return 0
    print(f"{counts['unknown']} left out that DuckDB does not know, "
          f"{counts['differs']} where it differs")
    few = not files and counts["passed"] < LEAST_COMPARED
    if few:
        print(f"fewer than {LEAST_COMPARED} cases were compared")
    print(f"{counts['passed']} passed, {counts['failed'] + few} failed")
    return 1 if counts["failed"] or few else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
