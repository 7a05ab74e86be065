"""Memory that large queries took is given back to the system after them."""
import concurrent.futures
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


def test_large_groupings_leave_nothing_behind(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    chance = random.Random(1)
    lines = tmp_path / "sales.csv"
    with open(lines, "w") as file:
        file.write("ts,txn_id,store,channel,qty,price\n")
        for i in range(200_000):
            file.write(f"2026-03-0{1 + i % 9}T10:00:00Z,t{i},"
                       f"S{chance.randrange(500)},c{chance.randrange(50)},"
                       f"{chance.randrange(1, 100)},{chance.randrange(10000)}\n")
    done = freshet.run("load", "--data", tmp_path / "d", "--model", model,
                       "--dataset", "sales", lines)
    assert done.returncode == 0, done.stderr
    with freshet.Server(model, tmp_path / "d") as server:
        assert server.rows("sales") == 200_000
        before = resident_bytes(server)

        def ask(number):
            return len(server.sql(
                "SELECT txn_id, store, channel, qty, price, SUM(net) AS n "
                f"FROM sales WHERE qty <> {1000 + number} "
                "GROUP BY 1, 2, 3, 4, 5 ORDER BY n DESC LIMIT 10"))

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(8))) == [10] * 8
        print("before", before >> 20, "peak", server.peak_bytes() >> 20)
        assert server.peak_bytes() > before + (200 << 20)  # or it shows nothing
        # What the cache of partial answers may hold, and some.
        freshet.wait_until(
            lambda: resident_bytes(server) < before + (130 << 20), 15,
            every=0.5, what="memory is given back")
        print("after", resident_bytes(server) >> 20)
