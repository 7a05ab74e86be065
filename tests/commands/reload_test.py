"""The model changed under a running server: who asks and who posts sees the
old one or the new one, never a gap between."""
import json
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

STORES = """\
lookup: stores
key: store
max_keys: 100
columns:
  - { name: store, type: string }
  - { name: kind, type: string }
"""
QUESTION = "SELECT COUNT(*) AS n, SUM(qty) AS q FROM sales"


class Clients:
    """One posts numbered events, others ask; answers that are no 200 and
    counts that go back are kept."""

    def __init__(self, server):
        self.server, self.wrong, self.posted = server, [], 0
        self.asked, self.done = 0, threading.Event()
        self.threads = [threading.Thread(target=run) for run in
                        (self.post, self.ask_sql, self.ask_kpi)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def check(self, reply):
        status, _, body = reply
        if status != 200:
            self.wrong.append((status, body[:300]))
        return status == 200

    def post(self):
        while not self.done.is_set():
            lines = "\n".join(json.dumps(
                {"ts": "2026-11-01T10:00:00Z", "txn_id": f"t{self.posted + i}",
                 "store": "S1", "qty": 1, "price": "1.00"}) for i in range(7))
            if self.check(self.server.request("POST", "/ingest/sales", lines)):
                self.posted += 7

    def ask_sql(self):
        most = 0
        while not self.done.is_set():
            reply = self.server.request("POST", "/druid/v2/sql",
                                        {"query": QUESTION})
            if not self.check(reply):
                continue
            self.asked += 1
            count = json.loads(reply[2])[0]["n"]
            if count < most:
                self.wrong.append(("rows went", most, count))
            most = count

    def ask_kpi(self):
        while not self.done.is_set():
            self.check(self.server.request(
                "GET", "/api/v1/kpis/net_sales/value?from=2026-11-01&"
                       "to=2026-11-02"))
            self.check(self.server.request(
                "GET", "/api/v1/datasets/sales"))
            self.check(self.server.request(
                "GET", "/api/v1/ingestion/sales"))


def test_fifty_reloads_leave_no_gap(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    text = path.read_text()
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "qty": 0}])
        with Clients(server) as clients:
            for n in range(50):
                changed = text.replace("age: 10m", f"age: {n + 1}m")
                if n % 2 == 0:
                    path.write_text(changed)
                    status, _, body = server.request(
                        "POST", "/api/v1/model/reload", {})
                else:
                    status, _, body = server.request(
                        "PUT", "/api/v1/datasets/sales", changed,
                        {"Content-Type": "application/yaml"})
                assert status == 200, body
        assert not clients.wrong, clients.wrong[:5]
        assert clients.asked > 50 and clients.posted > 50
        freshet.wait_until(lambda: server.rows("sales") > clients.posted)
        assert server.rows("sales") == clients.posted + 1
        sums = server.sql("SELECT SUM(qty) AS q, COUNT(DISTINCT txn_id) AS t "
                          "FROM sales")[0]
        assert sums == {"q": clients.posted, "t": clients.posted}
        assert server.log().count("definition changed") > 0
        server.kill()
        server.start()
        freshet.wait_until(
            lambda: server.rows("sales") == clients.posted + 1)


def test_a_definition_that_cannot_start_leaves_the_old_one(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    text = path.read_text()
    with freshet.Server(model, tmp_path / "d") as server:
        event = {"ts": "2026-11-01T10:00:00Z", "qty": 1}
        server.ingest("sales", [event])
        freshet.wait_until(lambda: server.rows("sales") == 1)
        # A log's partitions cannot become fewer.
        path.write_text(text.replace("partitions: 4", "partitions: 2"))
        status, _, body = server.request("POST", "/api/v1/model/reload", {})
        assert status >= 400 and b"partitions" in body, (status, body)
        server.ingest("sales", [event])
        freshet.wait_until(lambda: server.rows("sales") == 2)
        state = server.json("/api/v1/ingestion/sales")
        assert state["state"] == "running", state


def test_a_reload_that_fails_leaves_the_lookups(tmp_path):
    model = freshet.sales_model(tmp_path / "m", extra={
        "lookups/stores.yaml": STORES,
        "lookups/depots.yaml": STORES.replace("lookup: stores",
                                              "lookup: depots")})
    sales = model / "datasets/sales.yaml"
    rows = [{"store": "S1", "kind": "mall"}]
    with freshet.Server(model, tmp_path / "d") as server:
        def put(lookup):
            return server.request("PUT", f"/api/v1/lookups/{lookup}", rows)
        for lookup in ("stores", "depots"):
            assert put(lookup)[0] == 200
        # One lookup changes, one goes; then comes what cannot be.
        (model / "lookups/stores.yaml").write_text(
            STORES.replace("max_keys: 100", "max_keys: 200"))
        (model / "lookups/depots.yaml").unlink()
        sales.write_text(sales.read_text().replace("partitions: 4",
                                                   "partitions: 2"))
        status, _, body = server.request("POST", "/api/v1/model/reload", {})
        assert status >= 400 and b"partitions" in body, (status, body)
        for lookup in ("stores", "depots"):
            assert server.sql(
                f"SELECT store, kind FROM lookup.{lookup}") == rows
            status, _, body = put(lookup)
            assert status == 200, (lookup, body)
        # What can be applied is, afterwards.
        sales.write_text(sales.read_text().replace("partitions: 2",
                                                   "partitions: 4"))
        status, _, body = server.request("POST", "/api/v1/model/reload", {})
        assert status == 200, body
        assert put("stores")[0] == 200 and put("depots")[0] == 404


def test_a_lookups_new_type_reaches_the_dataset_that_reads_it(tmp_path):
    stores = STORES.replace("{ name: kind, type: string }",
                            "{ name: least, type: long }")
    model = freshet.sales_model(tmp_path / "m", extra={
        "lookups/stores.yaml": stores})
    sales = model / "datasets/sales.yaml"
    sales.write_text(sales.read_text() +
                     "filter: \"lookup('stores.least', store) < qty\"\n")
    with freshet.Server(model, tmp_path / "d") as server:
        def put(least):
            assert server.request("PUT", "/api/v1/lookups/stores", [
                {"store": "S1", "least": least}])[0] == 200

        def ingest(*quantities):
            server.ingest("sales", [
                {"ts": "2026-11-01T10:00:00Z", "store": "S1", "qty": qty}
                for qty in quantities])
        put(1)
        ingest(1, 2)
        freshet.wait_until(lambda: server.rows("sales") == 1)
        (model / "lookups/stores.yaml").write_text(
            stores.replace("type: long", "type: double"))
        status, _, body = server.request("POST", "/api/v1/model/reload", {})
        assert status == 200, body
        put(2.5)
        ingest(2, 3, 4)
        freshet.wait_until(lambda: server.rows("sales") == 3,
                           what=server.log())
        state = server.json("/api/v1/ingestion/sales")
        assert state["state"] == "running", state
        assert state["dead_letters"]["kept"] == 0, state


def test_retention_is_applied_when_a_reload_shortens_it(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    path = model / "datasets/sales.yaml"
    text = path.read_text()
    with freshet.Server(model, tmp_path / "d") as server:
        old = time.strftime("%Y-%m-%dT10:00:00Z",
                            time.gmtime(time.time() - 40 * 86400))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        server.ingest("sales", [{"ts": old, "qty": 1}, {"ts": now, "qty": 2}])
        freshet.wait_until(lambda: server.rows("sales") == 2)
        path.write_text(text + "retention: 60d\n")
        server.process.send_signal(signal.SIGHUP)
        freshet.wait_until(lambda: server.log().count("in force") == 1)
        time.sleep(1.5)
        assert server.rows("sales") == 2
        path.write_text(text + "retention: 30d\n")
        server.process.send_signal(signal.SIGHUP)
        freshet.wait_until(lambda: server.rows("sales") == 1, seconds=5,
                           what=server.log())
        assert "past retention" in server.log()
        assert server.sql("SELECT SUM(qty) AS q FROM sales") == [{"q": 2}]
