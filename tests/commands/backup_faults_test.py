"""freshet backup when something is amiss: damage in the folder of backups,
links and other disks in the data folder, two at once, places to restore to that
are there already, checkpoints that nobody releases."""
import concurrent.futures
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402
from backup_test import BATCH, NUMBERED, backup, batch  # noqa: E402

BATCHES = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model and the data folder of a server that was stopped."""
    folder = tmp_path_factory.mktemp("made")
    model = freshet.write_model(folder / "m", NUMBERED)
    with freshet.Server(model, folder / "d") as server:
        for number in range(BATCHES):
            server.ingest("sales", batch(number))
        freshet.wait_until(lambda: server.rows("sales") == BATCHES * BATCH)
        assert server.stop() == 0
    return folder


@pytest.fixture
def data(made, tmp_path):
    return shutil.copytree(made / "d", tmp_path / "d")


@pytest.fixture
def copies(data, tmp_path):
    """A folder with one backup of `data`."""
    done = backup("create", tmp_path / "b", "--data", data)
    assert done.returncode == 0, done.stderr
    return tmp_path / "b"


def done(*arguments, **options):
    result = freshet.run("backup", *arguments, **options)
    assert result.returncode == 0, (arguments, result.stdout, result.stderr)
    return result


def die_at(failpoint, *arguments):
    return freshet.run("backup", *arguments,
                       env={**os.environ, "FRESHET_FAILPOINT": failpoint})


def is_whole(folder):
    """Whether the folder has the segments of `made`, whole, and the rest."""
    checked = freshet.run("segment", "verify", folder)
    assert checked.returncode == 0, checked.stderr
    listed = freshet.run("segment", "list", folder)
    rows = re.findall(r"^ *(\d+) .*\.seg$", listed.stdout, re.MULTILINE)
    assert sum(map(int, rows)) == BATCHES * BATCH, listed.stdout
    return {"metadata", "segments", "log", "lookups"} <= set(os.listdir(folder))


def work_folders(folder):
    return [p for p in folder.iterdir() if p.name.startswith(".freshet-rest")]


def lists(copies):
    return sorted(copies.glob("*.backup"))


def test_damaged_objects_are_written_anew(data, copies, tmp_path):
    for path in (copies / "objects").rglob("*"):
        if path.is_file() and path.stat().st_size > 0:
            whole = bytearray(path.read_bytes())
            whole[len(whole) // 3] ^= 1
            path.write_bytes(whole)
    again = done("create", copies, "--data", data)
    assert "written anew: damaged in the backup: segments/" in again.stderr
    done("restore", copies, "--data", tmp_path / "r")
    assert is_whole(tmp_path / "r")
    third = done("create", copies, "--data", data)
    assert "damaged" not in third.stderr


def test_links_in_the_data_folder_are_followed(data, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    for n, path in enumerate(sorted((data / "segments").rglob("*.seg"))[:2]):
        moved = shutil.move(path, away / f"{n}.seg")
        path.symlink_to(moved if n else os.path.relpath(moved, path.parent))
    for number in range(2):
        done("create", tmp_path / "b", "--data", data)
    for path in lists(tmp_path / "b"):
        assert ".." not in path.read_text()
    done("verify", tmp_path / "b")
    done("restore", tmp_path / "b", "--data", tmp_path / "r")
    assert is_whole(tmp_path / "r")
    assert not any(p.is_symlink() for p in (tmp_path / "r").rglob("*"))
    # One that leads nowhere is a segment less, and no backup.
    (away / "0.seg").unlink()
    gone = backup("create", tmp_path / "b", "--data", data)
    assert gone.returncode != 0 and ".seg" in gone.stderr
    assert len(lists(tmp_path / "b")) == 2


def test_only_one_backup_is_written_to_a_folder_at_a_time(made, data, copies):
    with open(copies / "lock", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = backup("create", copies, "--data", data)
        assert second.returncode == 3
        assert f"another backup is being written to {copies}" in second.stderr
    assert list((data / "checkpoints").iterdir()) == []
    with freshet.Server(made / "m", data) as server, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        def create(_):
            return backup("create", copies, "--data", data, "--url", server.url)
        results = list(pool.map(create, range(24)))
        assert list((data / "checkpoints").iterdir()) == []
    ids = [re.search(r"backup (\S+):", r.stdout)[1] for r in results
           if r.returncode == 0]
    for result in results:
        assert result.returncode == 0 or (
            result.returncode == 3 and "another backup" in result.stderr)
    assert ids and len(set(ids)) == len(ids)
    assert len(lists(copies)) == len(ids) + 1
    done("verify", copies)


def test_a_folder_without_data_is_not_backed_up(tmp_path):
    for name, files in (("empty", []), ("mine", ["notes.txt"])):
        folder = tmp_path / name
        folder.mkdir()
        for file in files:
            (folder / file).write_text("mine")
        wrong = backup("create", tmp_path / "b", "--data", folder)
        assert wrong.returncode == 1 and str(folder) in wrong.stderr
        assert "not a data folder" in wrong.stderr
        assert os.listdir(folder) == files
    assert not (tmp_path / "b").exists()


def test_a_damaged_list_costs_only_its_own_backup(data, copies, tmp_path):
    first = lists(copies)[0]
    first.write_text(first.read_text()[:-5])
    second = done("create", copies, "--data", data)
    assert "warning" in second.stderr and first.name in second.stderr
    assert len(lists(copies)) == 2
    done("restore", copies, "--data", tmp_path / "r")
    assert is_whole(tmp_path / "r")
    checked = backup("verify", copies)
    assert checked.returncode == 1 and first.name in checked.stderr


def test_ids_go_on_when_the_clock_went_back(data, copies):
    first = lists(copies)[0]
    first.rename(copies / "20990101T000000Z.backup")
    for number in (2, 3):
        again = done("create", copies, "--data", data, timeout=20)
        assert f" 20990101T000000Z_{number:06}:" in again.stdout


def test_restores_into_empty_folders_that_are_there(copies, tmp_path):
    place = tmp_path / "place"
    for arguments, options in ((place, {}), (tmp_path / "link", {}),
                               (".", {"cwd": place}), ("./", {"cwd": place})):
        place.mkdir()
        if not (tmp_path / "link").is_symlink():
            (tmp_path / "link").symlink_to(place)
        inode = place.stat().st_ino
        (place / "lost+found").mkdir()
        done("restore", copies, "--data", arguments, **options)
        assert is_whole(place) and place.stat().st_ino == inode
        assert work_folders(place) == work_folders(tmp_path) == []
        full = freshet.run("backup", "restore", copies, "--data", arguments,
                           **options)
        assert full.returncode == 1 and "not an empty folder" in full.stderr
        assert is_whole(place)
        shutil.rmtree(place)
    nowhere = backup("restore", copies, "--data", tmp_path / "link")
    assert nowhere.returncode == 1 and "leads nowhere" in nowhere.stderr
    done("restore", copies, "--data", "sub/.", cwd=tmp_path)
    assert is_whole(tmp_path / "sub")


def test_restores_into_a_mount_point(copies, tmp_path):
    place = tmp_path / "mounted"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount")
    try:
        done("restore", copies, "--data", place)
        assert is_whole(place) and work_folders(place) == []
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_restore_removes_only_what_restores_left(copies, tmp_path):
    theirs = [tmp_path / "r.restoring", tmp_path / ".freshet-restore-1"]
    for folder in theirs:
        folder.mkdir()
        (folder / "precious").write_text("mine")
    ours = tmp_path / ".freshet-restore-2"
    (ours / "data/segments").mkdir(parents=True)
    (ours / "freshet-restore").write_text("freshet-restore 1\n")
    done("restore", copies, "--data", tmp_path / "r")
    assert is_whole(tmp_path / "r")
    for folder in theirs:
        assert (folder / "precious").read_text() == "mine"
    assert work_folders(tmp_path) == [theirs[1]]
    # Within the place itself: ours goes, theirs makes it no empty folder.
    place = tmp_path / "place"
    shutil.copytree(theirs[1], place / ".freshet-restore-1")
    full = backup("restore", copies, "--data", place)
    assert full.returncode == 1 and "not an empty folder" in full.stderr
    shutil.rmtree(place / ".freshet-restore-1")
    work = place / ".freshet-restore-1"
    work.mkdir()
    (work / "freshet-restore").write_text("freshet-restore 1\n")
    with open(work / "freshet-restore", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        busy = backup("restore", copies, "--data", place)
        assert busy.returncode == 3 and "another restore" in busy.stderr
    done("restore", copies, "--data", place)
    assert is_whole(place) and work_folders(place) == []


def test_a_restore_that_is_killed_while_it_moves_is_no_data_folder(
        copies, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    killed = die_at("restore.before_metadata", "restore", copies, "--data",
                    place)
    assert killed.returncode == -9
    assert not (place / "metadata").exists() and (place / "segments").exists()
    again = backup("restore", copies, "--data", place)
    assert again.returncode == 1 and "broken off here" in again.stderr
    create = backup("create", copies, "--data", place)
    assert create.returncode == 1 and "not a data folder" in create.stderr
    # A restore that is killed earlier is repeated.
    for n in range(1, 12, 5):
        place = tmp_path / f"place{n}"
        place.mkdir()
        killed = die_at(f"restore.file:{n}", "restore", copies, "--data",
                        place)
        assert killed.returncode == -9 and len(work_folders(place)) == 1
        done("restore", copies, "--data", place)
        assert is_whole(place) and work_folders(place) == []


def test_checkpoints_do_not_stay_behind(made, data, tmp_path):
    held = data / "checkpoints"
    with freshet.Server(made / "m", data) as server:
        other = tmp_path / "other"
        other.mkdir()
        wrong = backup("create", tmp_path / "b", "--data", other, "--url",
                       server.url)
        assert wrong.returncode == 1 and str(other) in wrong.stderr
        assert list(held.iterdir()) == []
        (tmp_path / "file").write_text("no folder")
        failed = backup("create", tmp_path / "file", "--data", data, "--url",
                        server.url)
        assert failed.returncode == 3 and list(held.iterdir()) == []

        def make():
            status, _, body = server.request("POST", "/api/v1/checkpoint", {})
            assert status == 200, body
            return data / json.loads(body)["checkpoint"]
        # Whoever asked for them was killed; one is renewed.
        old, other, renewed = make(), make(), make()
        for path in (old, other, renewed):
            os.utime(path, (time.time() - 3700,) * 2)
        os.utime(renewed)
        assert make() != old and not old.exists() and renewed.exists()
        os.utime(renewed, (time.time() - 3700,) * 2)
        freshet.wait_until(lambda: not renewed.exists(), 20)
        assert len(list(held.iterdir())) == 1
        for name, status in (("0123456789abcdef", 404), ("sales", 404),
                             (next(held.iterdir()).name, 200)):
            assert server.request(
                "DELETE", f"/api/v1/checkpoint/{name}")[0] == status
        assert list(held.iterdir()) == []


def test_segments_on_another_disk_are_copied(made, data, tmp_path):
    if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("needs a second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        moved = shutil.move(data / "segments", elsewhere)
        (data / "segments").symlink_to(moved)
        done("create", tmp_path / "b", "--data", data)
        with freshet.Server(made / "m", data) as server:
            done("create", tmp_path / "b", "--data", data, "--url", server.url)
        assert list((data / "checkpoints").iterdir()) == []
        done("restore", tmp_path / "b", "--data", tmp_path / "r")
        assert is_whole(tmp_path / "r")
