"""Runs the browser scenarios against a demo server; one test a check."""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import freshet  # noqa: E402

ARTIFACTS = os.environ.get("FRESHET_ARTIFACTS",
                           str(ROOT / "build/artifacts/browser"))


def start_demo(folder, port):
    """The demo in a session of its own; its pid in FOLDER/pid. Two weeks before
    even the last hour of a day is whole."""
    log = open(folder / "demo.log", "ab")
    process = subprocess.Popen(
        [freshet.BINARY, "demo", "--data", folder / "demo", "--history", "15d",
         "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log,
        start_new_session=True)
    (folder / "pid").write_text(str(process.pid))
    return process


def answers(url, path="/readyz"):
    try:
        with urllib.request.urlopen(url + path, timeout=2) as reply:
            return reply.status == 200
    except OSError:
        return False


def run_scenarios(url, wanted="", **environment):
    done = subprocess.run(
        ["node", ROOT / "tests/browser/dashboard_test.mjs", wanted],
        capture_output=True, text=True, timeout=900,
        env={**os.environ, "FRESHET_URL": url, "FRESHET_ARTIFACTS": ARTIFACTS,
             **environment})
    print(done.stdout, done.stderr)
    return done


def run_on_server(folder, model, wanted, waited="/readyz"):
    """What the scenarios say of a server with the model."""
    port = freshet.free_port()
    url = f"http://127.0.0.1:{port}"
    with open(folder / "serve.log", "ab") as log:
        process = subprocess.Popen(
            [freshet.BINARY, "serve", "--model", model,
             "--data", folder / "data", "--listen", f"127.0.0.1:{port}"],
            stdout=log, stderr=log)
    try:
        freshet.wait_until(lambda: answers(url, waited), 60,
                           what="the server answers")
        return run_scenarios(url, wanted)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("browser"), freshet.free_port()
    url = f"http://127.0.0.1:{port}"
    start_demo(folder, port)
    freshet.wait_until(lambda: answers(url), 60, what="the demo answers")
    restart = shlex.join([sys.executable, __file__, str(folder), str(port)])
    try:
        return run_scenarios(url, FRESHET_RESTART=restart)
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


def check(done, at_least):
    failed = re.findall(r"^FAIL .*", done.stdout, re.M)
    assert not failed, "\n".join(failed)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(re.findall(r"^ok ", done.stdout, re.M)) > at_least


def test_every_check_of_every_scenario(output):
    check(output, 150)


def test_odd_names_and_numbers(tmp_path):
    check(run_on_server(tmp_path, ROOT / "tests/browser/odd_model", "odd:"), 25)


def test_first_visit_with_an_empty_model(tmp_path):
    (tmp_path / "model").mkdir()
    check(run_on_server(tmp_path, tmp_path / "model", "setup:"), 25)


def test_a_damaged_file_is_said(tmp_path):
    model = ROOT / "tests/browser/odd_model"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with freshet.Server(model, tmp_path / "data") as server:
        server.ingest("odd", [{"ts": now, "name": f"n{n}", "amount": "1.01"}
                              for n in range(1000)])
        freshet.wait_until(lambda: server.rows("odd") == 1000)
        assert server.stop() == 0
    file = next((tmp_path / "data/segments/odd").glob("*.seg"))
    os.truncate(file, file.stat().st_size // 2)
    check(run_on_server(tmp_path, model, "damage:", "/healthz"), 5)


@pytest.mark.parametrize("script", ["check", "size"])
def test_web_sources(script):
    done = subprocess.run(["npm", "run", "--silent", script], cwd=ROOT / "web",
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


def ended(pid):
    """Gone, or a zombie that holds nothing any more: its first thread is one
    before the others have closed the port."""
    process = pathlib.Path(f"/proc/{pid}")
    try:
        return (process / "stat").read_text().split()[2] == "Z" and \
            len(list((process / "task").iterdir())) == 1
    except OSError:
        return True


if __name__ == "__main__":  # kill -9 and start again: FRESHET_RESTART
    where, listen = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    old = int((where / "pid").read_text())
    os.kill(old, signal.SIGKILL)
    freshet.wait_until(lambda: ended(old), 10)
    start_demo(where, listen)
