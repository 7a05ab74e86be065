"""freshet backup: consistent while events are posted, incremental, verified to
the byte, restored whole or not at all."""
import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

BATCH = 50
NUMBERED = {"datasets/sales.yaml": """\
dataset: sales
source: { log: { partitions: 3, format: json } }
time: { field: ts, format: auto }
columns:
  - { name: seq, type: long }
  - { name: store, type: string }
partition_by: day
seal: { rows: 500, age: 1s }
merge: { rows: 1000, rate: 1048576 }
"""}


def batch(number):
    return [{"ts": f"2026-11-{1 + number % 20:02}T10:00:{n:02}Z",
             "seq": number * BATCH + n, "store": f"S{n % 7}"}
            for n in range(BATCH)]


class Poster(threading.Thread):
    """Posts batch 0, 1, 2, ... one after the other."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.begun = self.acknowledged = 0

    def run(self):
        while not self.ended.is_set():
            self.begun += 1
            self.server.ingest("sales", batch(self.begun - 1))
            self.acknowledged = self.begun


def backup(*arguments):
    return freshet.run("backup", *arguments)


def state(server):
    """Rows, distinct rows, greatest seq."""
    row = server.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT seq) AS d, "
                     "MAX(seq) AS top FROM sales")[0]
    return row["n"], row["d"], row["top"]


def test_a_backup_while_serving_is_a_prefix_of_what_was_acknowledged(tmp_path):
    model = freshet.write_model(tmp_path / "m", NUMBERED)
    copies = tmp_path / "b"
    marks = []
    with freshet.Server(model, tmp_path / "d") as server:
        poster = Poster(server)
        poster.start()
        for round_number in range(3):
            freshet.wait_until(
                lambda: poster.acknowledged > 30 * (round_number + 1),
                what=server.log())
            before = poster.acknowledged
            done = backup("create", copies, "--data", tmp_path / "d", "--url",
                          server.url)
            after = poster.begun
            assert done.returncode == 0, done.stderr
            marks.append((re.search(r"backup (\S+):", done.stdout)[1], before,
                          after))
        poster.ended.set()
        poster.join(60)
        assert list((tmp_path / "d/checkpoints").iterdir()) == []
    done = backup("verify", copies)
    assert done.returncode == 0 and "good" in done.stdout, done.stderr
    for number, (name, before, after) in enumerate(marks):
        folder = tmp_path / f"r{number}"
        done = backup("restore", copies, "--data", folder, "--id", name)
        assert done.returncode == 0, done.stderr
        with freshet.Server(model, folder) as server:
            freshet.wait_until(lambda: server.get("/readyz")[0] == 200,
                               what=server.log())
            rows, distinct, top = state(server)
            assert rows == distinct == top + 1, server.log()
            assert rows % BATCH == 0
            assert before * BATCH <= rows <= after * BATCH
            # And it goes on where it was: nothing twice, no hole.
            more = rows // BATCH
            server.ingest("sales", batch(more))
            freshet.wait_until(
                lambda: state(server) == (rows + BATCH, rows + BATCH,
                                          rows + BATCH - 1), 10,
                what=server.log())
            assert server.stop() == 0
        assert freshet.run("segment", "verify", folder).returncode == 0


def test_what_did_not_change_is_kept_once(tmp_path):
    model = freshet.write_model(tmp_path / "m", NUMBERED)
    with freshet.Server(model, tmp_path / "d") as server:
        for number in range(40):
            server.ingest("sales", batch(number))
        freshet.wait_until(lambda: server.rows("sales") == 40 * BATCH)
        assert server.stop() == 0
    first = backup("create", tmp_path / "b", "--data", tmp_path / "d")
    assert first.returncode == 0, first.stderr
    segments = {p.name for p in (tmp_path / "d/segments").rglob("*.seg")}
    objects = set((tmp_path / "b/objects").rglob("*"))
    assert len(segments) > 5
    second = backup("create", tmp_path / "b", "--data", tmp_path / "d")
    assert second.returncode == 0, second.stderr
    new = set((tmp_path / "b/objects").rglob("*")) - objects
    assert len([p for p in new if p.is_file()]) < len(segments) / 2
    assert first.stdout.split(":")[0] != second.stdout.split(":")[0]


def test_damage_and_wrong_places_are_named(tmp_path):
    model = freshet.write_model(tmp_path / "m", NUMBERED)
    data, copies = tmp_path / "d", tmp_path / "b"
    with freshet.Server(model, data) as server:
        server.ingest("sales", batch(0))
        freshet.wait_until(lambda: server.rows("sales") == BATCH)
        busy = backup("create", copies, "--data", data)
        assert busy.returncode == 3 and "--url" in busy.stderr
        assert server.stop() == 0
    assert backup("verify", tmp_path / "none").returncode != 0
    assert backup("create", copies, "--data", tmp_path / "no").returncode == 1
    assert backup("create", copies).returncode == 2
    for inside in (data, data / "copies", data / "x/../y", f"{data}/"):
        done = backup("create", inside, "--data", data)
        assert done.returncode == 1, (inside, done)
        assert "inside the data folder" in done.stderr
    assert not (data / "copies").exists()
    done = backup("create", copies, "--data", data, "--url",
                  f"http://127.0.0.1:{freshet.free_port()}")
    assert done.returncode == 3
    assert backup("create", copies, "--data", data).returncode == 0
    full = backup("restore", copies, "--data", data)
    assert full.returncode == 1 and str(data) in full.stderr
    assert backup("restore", copies, "--data", tmp_path / "r", "--id",
                  "20200101T000000Z").returncode in (1, 3)
    for path in sorted(p for p in copies.rglob("*") if p.is_file()):
        whole = path.read_bytes()
        if not whole:
            continue
        for damaged in (whole[:-1], bytes([whole[0] ^ 1]) + whole[1:],
                        whole[:-1] + bytes([whole[-1] ^ 4])):
            path.write_bytes(damaged)
            done = backup("verify", copies)
            assert done.returncode == 1, (path, done.stdout)
            done = backup("restore", copies, "--data", tmp_path / "r")
            assert done.returncode == 1, path
            assert not (tmp_path / "r").exists()
            assert not list(tmp_path.glob(".freshet-restore*"))
        path.write_bytes(whole)
    # A damaged segment is not taken as if it were good.
    segment = next((data / "segments").rglob("*.seg"))
    whole = segment.read_bytes()
    segment.write_bytes(whole[:200] + b"x" + whole[201:])
    done = backup("create", tmp_path / "b2", "--data", data)
    assert done.returncode == 1 and segment.name in done.stderr
    assert backup("verify", copies).returncode == 0
