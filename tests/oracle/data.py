"""Random datasets: the same rows for Freshet (model and events) and DuckDB.

Values that break engines are frequent: nulls, empty and non-ASCII strings,
the ends of int64, -0.0, tiny and huge doubles, decimals of 17 digits, times
around the two nights in which Madrid changes its clock.
"""
from decimal import Decimal

COLUMNS = {  # name -> (Freshet's type, DuckDB's)
    "s": ("string", "VARCHAR"),  # few values, any text
    "a": ("string", "VARCHAR"),  # ASCII
    "t": ("string", "VARCHAR"),  # many values
    "n": ("long", "BIGINT"),  # small
    "k": ("long", "BIGINT"),  # up to the ends of int64
    "d": ("double", "DOUBLE"),  # multiples of 1/8: sums are exact
    "x": ("double", "DOUBLE"),  # tiny and huge
    "m": ("decimal(2)", "DECIMAL(18,2)"),
    "w": ("decimal(4)", "DECIMAL(18,4)"),  # up to 14 digits before the point
    "b": ("bool", "BOOLEAN"),
}
TEXTS = ["", "a", "A", "ab", "b%", "a_b", "zürich", "Zürich", "日本", "😀x",
         "null", "'", '"', "\\", " a", "a "]
ASCII = ["", "north", "South", "EAST", "west end", "a%b", "a_c", "7", "-12"]
KEYS = [-2**63, -2**63 + 1, 2**63 - 1, 2**62, -2**62, 2**53 + 1, 0, 1, -1]
REALS = [0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, 0.1, 1 / 3, 123456789.125,
         2.0**53]
NIGHTS = [1774652400000, 1792886400000]  # March and October 2026
DAY = 86_400_000


class Data:
    """Rows of one schema; `rows` are dicts by column with `ts` in ms."""

    def __init__(self, random, number):
        self.random, self.number = random, number
        names = list(COLUMNS)
        # Some columns are all null in some datasets, as if never sent.
        self.absent = set(random.sample(names, random.choice([0, 0, 1, 2])))
        self.null_share = random.choice([0.0, 0.1, 0.1, 0.5])
        self.distinct = random.choice([3, 50, 2000])
        # From one row to several blocks in each segment.
        count = [13000, 1, 700, 40, 3000, 6000][number % 6]
        start = random.choice(NIGHTS)
        self.rows = [self.row(start + random.randrange(3 * DAY) // 250 * 250)
                     for _ in range(count)]

    def row(self, ts):
        r = self.random
        made = {
            "s": r.choice(TEXTS), "a": r.choice(ASCII),
            "t": f"t{r.randrange(self.distinct)}", "n": r.randrange(-10, 30),
            "k": r.choice(KEYS) if r.random() < 0.3 else r.randrange(-9, 9),
            "d": r.randrange(-4000, 4000) / 8, "x": r.choice(REALS),
            "m": Decimal(r.randrange(-5000, 100000)).scaleb(-2),
            "w": Decimal(r.randrange(-10**18 + 1, 10**18)).scaleb(-4)
            if r.random() < 0.3 else Decimal(r.randrange(99999)).scaleb(-4),
            "b": r.random() < 0.5}
        for name in made:
            if name in self.absent or r.random() < self.null_share:
                made[name] = None
        return {"ts": ts, **made}

    def events(self, rows):
        """JSON lines; a null is written out or left away."""
        import json
        lines = []
        for row in rows:
            event = {}
            for name, value in row.items():
                if value is None and self.random.random() < 0.5:
                    continue
                event[name] = str(value) if isinstance(value, Decimal) else value
            lines.append(json.dumps(event))
        return lines

    def create_in(self, connection):
        kinds = ", ".join(f"{name} {kind}" for name, (_, kind) in COLUMNS.items())
        table = f"d{self.number}"
        connection.execute(f"CREATE TABLE {table} (__time TIMESTAMP, {kinds})")
        one = "(make_timestamp(? * 1000), " + ", ".join("?" * len(COLUMNS)) + ")"
        for begin in range(0, len(self.rows), 250):
            rows = self.rows[begin:begin + 250]
            connection.execute(
                f"INSERT INTO {table} VALUES " + ", ".join([one] * len(rows)),
                [value for row in rows for value in row.values()])


def model_of(name, cubes=False, merge=False):
    """The model file of a dataset with these columns."""
    columns = "\n".join(f"  - {{ name: {column}, type: {kind} }}"
                        for column, (kind, _) in COLUMNS.items())
    text = f"""\
dataset: {name}
source: {{ log: {{ partitions: 1, format: json }} }}
time: {{ field: ts, format: auto }}
columns:
{columns}
partition_by: month
seal: {{ rows: 1000000, age: 24h }}
"""
    if cubes:
        text += """\
cubes:
  - { name: few, dimensions: [s, b], granularity: hour }
  - { name: wide, dimensions: [s, a, n, b], granularity: minute }
  - { name: all, dimensions: [], granularity: day }
"""
    if merge:
        text += "merge: { rows: 1000000, rate: 1073741824 }\n"
    return text
