"""Runs the pydruid script against a server with a few known rows."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    with freshet.Server(freshet.sales_model(folder / "m"), folder / "d") as s:
        s.ingest("sales", [
            {"txn_id": f"t{i}", "ts": "2026-11-01T10:00:00Z", "qty": i,
             "store": "c:\\" if i == 0 else f"S{i % 3}", "price": "1.25"}
            for i in range(100)])
        freshet.wait_until(lambda: s.rows("sales") == 100)
        yield s


def test_pydruid_and_sqlalchemy(server):
    script = pathlib.Path(__file__).with_name("pydruid_script.py")
    done = subprocess.run(
        [sys.executable, script, "-v"], capture_output=True, text=True,
        timeout=120, env={**os.environ, "FRESHET_URL": server.url,
                          "FRESHET_DATASET": "sales",
                          "FRESHET_BACKSLASH": "sales.store=c:\\"})
    print(done.stdout + done.stderr)
    assert done.returncode == 0


def test_kpi_equals_sql(server):
    kpi = server.json("/api/v1/kpis/net_sales/value?from=2026-11-01&"
                      "to=2026-11-02&by=store")
    sql = server.sql("SELECT store, SUM(net) AS net FROM sales GROUP BY store "
                     "ORDER BY net DESC")
    assert kpi["value"] == sum(r["net"] for r in sql)
    assert [(r["store"], r["value"]) for r in kpi["rows"]] == \
        [(r["store"], r["net"]) for r in sql]
