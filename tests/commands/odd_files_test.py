"""What lies in the model folder or among the segments and is no regular file:
refused by name. A pipe that nobody writes is waited for by nobody."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

PLACES = ["kpis/odd.yaml", "datasets/odd.yaml", "lookups/odd.yaml",
          "dashboards/odd.yaml", "alerts/odd.yaml", "freshet.yaml"]


def make_pipe(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def make_folder(path):
    path.mkdir(parents=True)


def make_device(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("place", PLACES)
def test_validate_names_the_pipe(tmp_path, place):
    model = freshet.sales_model(tmp_path / "m")
    make_pipe(model / place)
    done = freshet.run("validate", model, timeout=10)
    assert done.returncode == 1
    assert (f"{place}: the file cannot be read: it is a pipe, not a regular "
            "file\n") in done.stdout


@pytest.mark.parametrize("make, kind", [(make_folder, "a folder"),
                                        (make_device, "a device")])
def test_validate_names_other_things(tmp_path, make, kind):
    model = freshet.sales_model(tmp_path / "m")
    make(model / "kpis/odd.yaml")
    done = freshet.run("validate", model, timeout=10)
    assert done.returncode == 1
    assert (f"kpis/odd.yaml: the file cannot be read: it is {kind}, not a "
            "regular file\n") in done.stdout


def test_a_reload_says_it_and_the_server_ends(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        make_pipe(model / "kpis/odd.yaml")
        status, _, body = server.request("POST", "/api/v1/model/reload",
                                         timeout=10)
        assert status == 400 and b"kpis/odd.yaml" in body
        assert b"it is a pipe" in body
        assert server.stop() == 0


def test_a_pipe_in_place_of_a_segment_holds_up_nobody(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    server = freshet.Server(model, tmp_path / "d").start()
    server.ingest("sales", [{"ts": "2026-03-01T10:00:00Z", "txn_id": "t",
                             "store": "S1", "qty": 1, "price": "1.00"}])
    freshet.wait_until(lambda: server.rows("sales") == 1)
    assert server.stop() == 0  # sealed
    segment, = (tmp_path / "d").rglob("*.seg")
    ask = ("POST", "/api/v1/query", {"sql": "SELECT SUM(net) FROM sales"})
    with server.start():
        shutil.move(segment, tmp_path / "kept.seg")
        os.mkfifo(segment)
        status, _, body = server.request(*ask, timeout=10)
        assert status >= 400 and b"not a regular file" in body, body
        assert server.stop() == 0
    for command in ("verify", "list"):
        done = freshet.run("segment", command, segment.parent, timeout=10)
        assert done.returncode == 1, done
        assert "not a regular file" in done.stderr
    with server.start():  # found before it is opened
        status, _, body = server.request(*ask, timeout=10)
        assert status >= 400 and segment.name.encode() in body, body
        assert server.stop() == 0
