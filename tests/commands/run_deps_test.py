"""./run deps where something cannot be fetched: said at the end, exit code 3.
In a copy of ./run that installs nothing."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(os.environ.get(
    "FRESHET_SOURCE_ROOT", pathlib.Path(__file__).resolve().parents[2]))

STUBS = """
install_debian() { return 0; }
install_product() { return 0; }
install_python() { return 0; }
npm_install() { return 0; }
java_is_new_enough() { [ -z "${NO_JAVA:-}" ]; }
"""


def run_deps(folder, fetches, **env):
    (folder / "tests/support").mkdir(parents=True)
    shutil.copy(ROOT / "run", folder / "run")
    packages = (ROOT / "tests/support/packages.sh").read_text()
    (folder / "tests/support/packages.sh").write_text(packages + STUBS)
    for name in ("kafka", "connect"):
        script = folder / f"tests/support/{name}.sh"
        script.write_text(f"#!/bin/sh\nexit {0 if name in fetches else 1}\n")
        script.chmod(0o755)
    return subprocess.run([folder / "run", "deps"], capture_output=True,
                          text=True, timeout=60, env={**os.environ, **env})


def test_all_there(tmp_path):
    done = run_deps(tmp_path, ["kafka", "connect"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "run: everything is installed"


@pytest.mark.parametrize("fetches, env, missing", [
    (["connect"], {}, ["Kafka"]),
    (["kafka"], {}, ["databases"]),
    ([], {}, ["Kafka", "databases"]),
    (["kafka", "connect"], {"NO_JAVA": "1"}, ["Java"]),
])
def test_what_is_missing_is_said_last(tmp_path, fetches, env, missing):
    done = run_deps(tmp_path, fetches, **env)
    assert done.returncode == 3, done.stdout
    assert "everything is installed" not in done.stdout
    end = done.stderr.splitlines()[-len(missing) - 1:]
    assert end[0].startswith("run: NOT INSTALLED")
    for line, what in zip(end[1:], missing):
        assert line.startswith(f"run:   {what}") and "skipped" in line
