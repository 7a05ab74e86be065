"""Random queries, each in the words of both engines.

An Expression carries both texts. Where the engines mean different things by
the same words, the generator writes what Freshet means in DuckDB's words, or
leaves the form out:

- long / long is whole and cut towards zero in Freshet: DuckDB's //.
- Nulls come first ascending and last descending: DuckDB is told so.
- Upper, lower and lengths are asked of ASCII columns only: Freshet's case
  mapping is that of ASCII, its lengths count UTF-16 units.
- Times of a zone are DuckDB's time at that zone; hours of a zone are asked
  with EXTRACT only, since a local hour is not one instant.
- Sums of `x` (tiny beside huge) depend on the order of additions: not asked.
"""
import dataclasses


@dataclasses.dataclass
class Expression:
    ours: str
    theirs: str
    kind: str  # string, long, double, decimal, bool, time


def same(text, kind):
    return Expression(text, text, kind)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


ZONE = "Europe/Madrid"
KINDS = {"s": "string", "a": "string", "t": "string", "n": "long", "k": "long",
         "d": "double", "x": "double", "m": "decimal", "w": "decimal",
         "b": "bool"}


class Generator:
    def __init__(self, random, data):
        self.random, self.data = random, data

    def one(self, *makers):
        return self.random.choice(makers)()

    def column(self, *names):
        name = self.random.choice(names or list(KINDS))
        return same(name, KINDS[name])

    # Constants.
    def constant_like(self, name):
        rows = [r[name] for r in self.data.rows if r[name] is not None]
        kind = KINDS[name]
        if rows and self.random.random() < 0.8:
            value = self.random.choice(rows)
        else:
            value = {"string": "none", "long": 7, "double": 2.5,
                     "decimal": "3.25", "bool": True}[kind]
        if kind == "string":
            return same(quoted(value), kind)
        if kind == "bool":
            return same("TRUE" if value else "FALSE", kind)
        if kind == "double":
            text = repr(float(value))
            text += "" if "e" in text else "e0"
            return Expression(text, f"CAST('{text}' AS DOUBLE)", kind)
        if value == -2**63:  # no literal: its digits are beyond int64
            return same("(-9223372036854775807 - 1)", kind)
        return same(str(value), kind)

    def instant(self):
        row = self.random.choice(self.data.rows)
        ms = row["ts"] + self.random.choice([0, 0, 1, -1, 3_600_000])
        return Expression(f"MILLIS_TO_TIMESTAMP({ms})",
                          f"make_timestamp({ms} * 1000)", "time")

    # Scalars.
    def number(self):
        return self.one(
            lambda: self.column("n"), lambda: self.column("m"),
            lambda: self.column("d"), lambda: self.column("w"),
            self.arithmetic, self.case, self.whole_division,
            lambda: self.cast("n", "DOUBLE", "double"),
            lambda: self.call("ABS", "n", "long"),
            lambda: self.call("ABS", "m", "decimal"),
            lambda: self.call("LENGTH", "a", "long"),
            self.hour)

    def cast(self, name, to, kind):
        return same(f"CAST({name} AS {to})", kind)

    def call(self, function, name, kind):
        return same(f"{function}({name})", kind)

    def arithmetic(self):
        left, right = self.random.choice(
            [("n", "n"), ("n", "m"), ("m", "n"), ("d", "n"), ("n", "d"),
             ("m", "m"), ("n", "k")])
        op = self.random.choice(["+", "-", "*"])
        kind = ("double" if "d" in (left, right) else
                "decimal" if "m" in (left, right) else "long")
        return same(f"({left} {op} {right})", kind)

    def whole_division(self):
        by = self.random.choice(["3", "n", "-4"])
        op = self.random.choice(["/", "%"])
        theirs = "//" if op == "/" else "%"
        return Expression(f"(n {op} {by})", f"(n {theirs} {by})", "long")

    def case(self):
        test = self.condition(0)
        return Expression(f"CASE WHEN {test.ours} THEN n ELSE 0 END",
                          f"CASE WHEN {test.theirs} THEN n ELSE 0 END", "long")

    def hour(self):
        unit = self.random.choice(["HOUR", "DAY", "MONTH", "YEAR", "MINUTE"])
        if self.random.random() < 0.5:
            return same(f"EXTRACT({unit} FROM __time)", "long")
        return Expression(
            f"TIME_EXTRACT(__time, '{unit}', '{ZONE}')",
            f"EXTRACT({unit} FROM __time AT TIME ZONE 'UTC' AT TIME ZONE "
            f"'{ZONE}')", "long")

    def bucket(self):
        unit, period = self.random.choice(
            [("minute", "PT1M"), ("hour", "PT1H"), ("day", "P1D"),
             ("week", "P1W"), ("month", "P1M"), ("year", "P1Y")])
        if self.random.random() < 0.5 or unit in ("minute", "hour"):
            return Expression(f"TIME_FLOOR(__time, '{period}')",
                              f"CAST(date_trunc('{unit}', __time) AS TIMESTAMP)",
                              "time")
        return Expression(
            f"TIME_FLOOR(__time, '{period}', NULL, '{ZONE}')",
            f"CAST(CAST(date_trunc('{unit}', __time AT TIME ZONE 'UTC' AT TIME "
            f"ZONE '{ZONE}') AS TIMESTAMP) AT TIME ZONE '{ZONE}' AT TIME ZONE "
            f"'UTC' AS TIMESTAMP)", "time")

    def text(self):
        return self.one(
            lambda: self.column("s"), lambda: self.column("a"),
            lambda: self.column("t"), lambda: same("UPPER(a)", "string"),
            lambda: same("LOWER(a)", "string"),
            lambda: same("(s || '-' || a)", "string"),
            lambda: same("SUBSTRING(a, 2, 3)", "string"),
            lambda: same("COALESCE(s, a, 'none')", "string"),
            lambda: same("NULLIF(s, 'a')", "string"),
            lambda: same("REPLACE(a, 't', 'TT')", "string"),
            lambda: same("CASE WHEN n > 5 THEN s ELSE t END", "string"))

    def group(self):
        return self.one(
            self.text, self.text, self.bucket, lambda: self.column("n"),
            lambda: self.column("b"), lambda: self.column("m"),
            lambda: self.column("k"), lambda: self.column("x"),
            lambda: self.column("d"), self.hour, self.whole_division,
            lambda: Expression("__time", "__time", "time"))

    # Conditions.
    def condition(self, depth):
        r = self.random
        if depth > 0 and r.random() < 0.5:
            op = r.choice(["AND", "OR", "NOT"])
            left = self.condition(depth - 1)
            if op == "NOT":
                return Expression(f"(NOT {left.ours})", f"(NOT {left.theirs})",
                                  "bool")
            right = self.condition(depth - 1)
            return Expression(f"({left.ours} {op} {right.ours})",
                              f"({left.theirs} {op} {right.theirs})", "bool")
        return self.one(self.comparison, self.comparison, self.in_list,
                        self.between, self.is_null, self.like, self.when,
                        self.of_columns, lambda: same("(b)", "bool"),
                        self.computed)

    def comparison(self):
        column = self.column()
        op = self.random.choice(["=", "<>", "<", "<=", ">", ">="])
        if column.kind == "bool":
            op = "="
        value = self.constant_like(column.ours)
        return Expression(f"({column.ours} {op} {value.ours})",
                          f"({column.theirs} {op} {value.theirs})", "bool")

    def in_list(self):
        column = self.column("s", "a", "t", "n", "k", "m")
        values = [self.constant_like(column.ours)
                  for _ in range(self.random.randrange(1, 6))]
        no = self.random.choice(["", "NOT "])
        return Expression(
            f"({column.ours} {no}IN ({', '.join(v.ours for v in values)}))",
            f"({column.theirs} {no}IN ({', '.join(v.theirs for v in values)}))",
            "bool")

    def between(self):
        column = self.column("n", "k", "m", "d", "w", "t", "x")
        low, high = (self.constant_like(column.ours) for _ in range(2))
        return Expression(
            f"({column.ours} BETWEEN {low.ours} AND {high.ours})",
            f"({column.theirs} BETWEEN {low.theirs} AND {high.theirs})", "bool")

    def is_null(self):
        no = self.random.choice(["", "NOT "])
        return same(f"({self.column().ours} IS {no}NULL)", "bool")

    def like(self):
        column = self.column("s", "a", "t")
        pattern = self.random.choice(
            ["a%", "%a", "%1%", "_", "t_", "t1%", "%", "", "z_rich", "%est%"])
        no = self.random.choice(["", "NOT "])
        return same(f"({column.ours} {no}LIKE '{pattern}')", "bool")

    def when(self):
        op = self.random.choice(["<", "<=", ">", ">=", "=", "<>"])
        at = self.instant()
        return Expression(f"(__time {op} {at.ours})",
                          f"(__time {op} {at.theirs})", "bool")

    def of_columns(self):
        left, right = self.random.choice(
            [("n", "k"), ("n", "d"), ("s", "a"), ("n", "m"), ("d", "x")])
        op = self.random.choice(["=", "<>", "<", ">="])
        return same(f"({left} {op} {right})", "bool")

    def computed(self):
        value = self.one(self.arithmetic, self.whole_division, self.hour)
        op = self.random.choice(["<", ">=", "="])
        bound = self.random.choice(["0", "3", "12"])
        return Expression(f"({value.ours} {op} {bound})",
                          f"({value.theirs} {op} {bound})", "bool")

    # Aggregates.
    def aggregate(self):
        r = self.random
        made = self.one(
            lambda: same("COUNT(*)", "long"),
            lambda: self.over("COUNT", self.group(), "long"),
            lambda: self.over("SUM", self.number()),
            lambda: self.over("SUM", self.column("k"), "sum"),
            lambda: self.over("MIN", self.ordered()),
            lambda: self.over("MAX", self.ordered()),
            lambda: self.over("AVG", self.number(), "double"),
            lambda: self.over("COUNT", self.group(), "long", "DISTINCT "))
        if r.random() < 0.25:
            test = self.condition(1)
            made = Expression(f"{made.ours} FILTER (WHERE {test.ours})",
                              f"{made.theirs} FILTER (WHERE {test.theirs})",
                              made.kind)
        return made

    def ordered(self):
        return self.one(self.number, lambda: self.column("x", "k", "w"),
                        lambda: self.column("s", "a", "t"),
                        lambda: Expression("__time", "__time", "time"))

    def over(self, function, argument, kind=None, distinct=""):
        kind = kind or argument.kind
        if function == "SUM" and kind == "long":
            kind = "sum"
        return Expression(f"{function}({distinct}{argument.ours})",
                          f"{function}({distinct}{argument.theirs})", kind)

    def query(self):
        r = self.random
        where = [self.condition(r.choice([0, 0, 1, 2]))
                 for _ in range(r.choice([0, 0, 1, 1, 2, 3]))]
        if r.random() < 0.15:
            return self.scan(where)
        groups = [self.group() for _ in range(r.choice([0, 1, 1, 1, 2, 3]))]
        aggregates = [self.aggregate() for _ in range(r.choice([1, 1, 2, 4]))]
        query = Query(groups, aggregates, where)
        if groups and r.random() < 0.2:
            query.having = [r.choice([
                same("(COUNT(*) > 1)", "bool"), same("(COUNT(n) < 9)", "bool"),
                same("(MIN(n) IS NOT NULL)", "bool")])]
        query.ordered = bool(groups) and r.random() < 0.4
        query.descending = r.random() < 0.5
        if query.ordered and r.random() < 0.6:
            query.limit = r.choice([0, 1, 5, 100])
            query.offset = r.choice([0, 0, 1, 3])
        return query

    def scan(self, where):
        outputs = [self.one(self.group, self.number, self.text)
                   for _ in range(self.random.randrange(1, 4))]
        query = Query(outputs, [], where)
        query.distinct = self.random.random() < 0.4
        query.is_scan = True
        query.ordered = self.random.random() < 0.5
        if query.ordered:
            query.limit = self.random.choice([None, 1, 50])
        return query


@dataclasses.dataclass
class Query:
    groups: list  # outputs of a scan
    aggregates: list
    where: list
    having: list = dataclasses.field(default_factory=list)
    ordered: bool = False
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    is_scan: bool = False
    distinct: bool = False

    @property
    def outputs(self):
        return self.groups + self.aggregates

    def text(self, table, ours):
        def word(e):
            return e.ours if ours else e.theirs
        names = [f"c{i}" for i in range(len(self.outputs))]
        sql = "SELECT " + ("DISTINCT " if self.distinct else "") + ", ".join(
            f"{word(e)} AS {name}" for e, name in zip(self.outputs, names))
        sql += f" FROM {table}"
        if self.where:
            sql += " WHERE " + " AND ".join(map(word, self.where))
        if self.groups and not self.is_scan:
            sql += " GROUP BY " + ", ".join(
                str(i + 1) for i in range(len(self.groups)))
        if self.having:
            sql += " HAVING " + " AND ".join(map(word, self.having))
        if self.ordered:
            way = " DESC" if self.descending else " ASC"
            nulls = "" if ours else (
                " NULLS LAST" if self.descending else " NULLS FIRST")
            sql += " ORDER BY " + ", ".join(n + way + nulls for n in names)
        if self.limit is not None:
            sql += f" LIMIT {self.limit}"
        if self.offset:
            sql += f" OFFSET {self.offset}"
        return sql

    def smaller(self):
        """Queries with one part less, to find the smallest that fails."""
        for part in ("where", "having", "aggregates", "groups"):
            parts = getattr(self, part)
            for i in range(len(parts)):
                rest = parts[:i] + parts[i + 1:]
                if part in ("aggregates", "groups") and (
                        len(self.outputs) == 1):
                    continue
                yield dataclasses.replace(self, **{part: rest})
        for change in ({"limit": None, "offset": 0}, {"ordered": False,
                       "limit": None, "offset": 0}, {"distinct": False}):
            if any(getattr(self, k) != v for k, v in change.items()):
                yield dataclasses.replace(self, **change)
