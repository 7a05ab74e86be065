"""The real pydruid against a running server: DB-API and SQLAlchemy.

FRESHET_URL      the server, such as http://127.0.0.1:8080
FRESHET_DATASET  a dataset with at least one row (default: sales)
FRESHET_BACKSLASH  optional, "dataset.column=value": a row whose text value
                   ends in a backslash; it must come back whole

Exit code 0 if all holds; each failure is printed. Needs pydruid[sqlalchemy].
"""

import os
import sys
import unittest
import warnings
from urllib.parse import urlparse

from pydruid.db import connect
from sqlalchemy import create_engine, inspect, text

SERVER = urlparse(os.environ.get("FRESHET_URL", "http://127.0.0.1:8080"))
DATASET = os.environ.get("FRESHET_DATASET", "sales")
PATH = "/druid/v2/sql/"


def cursor(header=False):
    connection = connect(
        host=SERVER.hostname,
        port=SERVER.port or 8080,
        path=PATH,
        scheme=SERVER.scheme,
        header=header,
    )
    return connection.cursor()


def rows_of(sql, header=False):
    c = cursor(header)
    c.execute(sql)
    return c.fetchall()


class DbApi(unittest.TestCase):
    def test_count(self):
        rows = rows_of(f'SELECT COUNT(*) AS n FROM "{DATASET}"')
        self.assertEqual(len(rows), 1)
        self.assertGreater(rows[0].n, 0)

    def test_values_that_end_in_a_backslash(self):
        value = "c:\\"
        rows = rows_of(f"SELECT '{value}' AS a, 'b' AS b")
        self.assertEqual([tuple(r) for r in rows], [(value, "b")])
        rows = rows_of("SELECT 'x\\\"y' AS a, '}],[{' AS b")
        self.assertEqual([tuple(r) for r in rows], [('x\\"y', "}],[{")])

    def test_a_stored_value_that_ends_in_a_backslash(self):
        where = os.environ.get("FRESHET_BACKSLASH")
        if not where:
            self.skipTest("FRESHET_BACKSLASH is not set")
        place, value = where.split("=", 1)
        table, column = place.split(".", 1)
        quoted = value.replace("'", "''")
        rows = rows_of(
            f'SELECT "{column}" AS v FROM "{table}"'
            f" WHERE \"{column}\" = '{quoted}' LIMIT 1"
        )
        self.assertEqual([r.v for r in rows], [value])

    def test_types(self):
        row = rows_of("SELECT 1 AS a, 1.5 AS b, TRUE AS c, NULL AS d, 'é' AS e")[0]
        self.assertEqual(tuple(row), (1, 1.5, True, None, "é"))

    def test_header_and_no_rows(self):
        c = cursor(header=True)
        c.execute(f'SELECT __time FROM "{DATASET}" WHERE 1 = 0')
        self.assertEqual(c.fetchall(), [])
        self.assertEqual([d[0] for d in c.description], ["__time"])

    def test_parameters(self):
        c = cursor()
        c.execute("SELECT %(a)s AS a", {"a": "it's"})
        self.assertEqual(c.fetchall()[0].a, "it's")

    def test_errors_are_errors(self):
        with self.assertRaises(Exception) as caught:
            rows_of("SELECT nix FROM nowhere")
        self.assertIn("nowhere", str(caught.exception))


class SqlAlchemy(unittest.TestCase):
    def setUp(self):
        self.engine = create_engine(
            f"druid://{SERVER.hostname}:{SERVER.port or 8080}{PATH}?header=true"
        )
        self.addCleanup(self.engine.dispose)

    def test_tables(self):
        inspector = inspect(self.engine)
        self.assertIn("druid", inspector.get_schema_names())
        self.assertIn(DATASET, inspector.get_table_names())
        self.assertIn(DATASET, inspector.get_table_names(schema="druid"))

    def test_has_table(self):
        with self.engine.connect() as connection:
            dialect = self.engine.dialect
            self.assertTrue(dialect.has_table(connection, DATASET))
            self.assertFalse(dialect.has_table(connection, "no_such_table"))

    def test_columns_without_a_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", category=Warning)
            warnings.simplefilter("ignore", category=DeprecationWarning)
            # The dialect's own notice about statement caching.
            warnings.filterwarnings("ignore", message=".*statement_cache.*")
            columns = inspect(self.engine).get_columns(DATASET, schema="druid")
        names = [c["name"] for c in columns]
        self.assertEqual(names[0], "__time")
        self.assertFalse(columns[0]["nullable"])
        self.assertEqual(len(names), len(set(names)))

    def test_query(self):
        with self.engine.connect() as connection:
            n = connection.execute(
                text(f'SELECT COUNT(*) AS n FROM "druid"."{DATASET}"')
            ).scalar()
            self.assertGreater(n, 0)
            days = connection.execute(
                text(
                    "SELECT TIME_FLOOR(CAST(__time AS TIMESTAMP), 'P1D') AS d, "
                    f'COUNT(*) AS n FROM "druid"."{DATASET}" '
                    "GROUP BY TIME_FLOOR(CAST(__time AS TIMESTAMP), 'P1D') "
                    "ORDER BY n DESC LIMIT 1000"
                )
            ).fetchall()
        self.assertEqual([d.n for d in days], sorted((d.n for d in days), reverse=True))
        self.assertRegex(days[0].d, r"^\d{4}-\d\d-\d\dT00:00:00\.000Z$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
