"""Output that cannot be written: said, with exit code 3; a pipe that nobody
reads any more ends a command quietly. Never an abort, never a silent 0."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from freshet import BINARY, Server, run, sales_model  # noqa: E402

PIPE_CLOSED = 141  # as a shell reports a program ended by SIGPIPE


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("output")
    with Server(sales_model(folder / "model"), folder / "data") as running:
        running.ingest("sales", [
            {"ts": "2026-03-01T10:00:00Z", "txn_id": f"t{i}", "store": "S01",
             "channel": "web", "qty": 1, "price": "2.50"}
            for i in range(20000)])
        running.request("POST", "/api/v1/ingestion/sales/seal")
        yield running


def with_output(command, **options):
    return subprocess.run([BINARY, *map(str, command)], text=True,
                          stderr=subprocess.PIPE, timeout=60, **options)


def to_full(*command):
    with open("/dev/full", "w") as full:
        return with_output(command, stdout=full)


def to_closed_pipe(*command):
    read, write = os.pipe()
    os.close(read)
    try:
        return with_output(command, stdout=write)
    finally:
        os.close(write)


def every_command(server, folder):
    lines = folder / "lines.json"
    lines.write_text('{"ts":"2026-03-01T10:00:00Z","txn_id":"t","qty":1,'
                     '"price":1}\n')
    sql = "SELECT txn_id FROM sales LIMIT 20000"
    query = ["query", "--url", server.url]
    return {
        "help": ["--help"],
        "init": ["init", folder / "started"],
        "validate": ["validate", server.model],
        "short query": [*query, "SELECT 1"],
        "table": [*query, sql],
        "json": [*query, "--format", "json", sql],
        "csv": [*query, "--format", "csv", sql],
        "segments": ["segment", "list", server.data],
        "load": ["load", "--data", folder / "loaded", "--model", server.model,
                 "--dataset", "sales", lines],
        "generate": ["generate", "--model", server.model, "--dataset", "sales",
                     "--rows", "5000", "--to", "-"],
    }


COMMANDS = ["help", "init", "validate", "short query", "table", "json", "csv",
            "segments", "load", "generate"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_said(server, tmp_path, name):
    done = to_full(*every_command(server, tmp_path)[name])
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert done.stderr == ("freshet: standard output cannot be written: "
                           "No space left on device\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_pipe_ends_quietly(server, tmp_path, name):
    done = to_closed_pipe(*every_command(server, tmp_path)[name])
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")


def test_what_failed_before_stays_the_reason(tmp_path):
    model = tmp_path / "model"
    sales_model(model, extra={"kpis/bad.yaml": "kpis: 3\n"})
    assert to_closed_pipe("validate", model).returncode == 1
    assert to_full("validate", model).returncode == 3


def test_a_closed_output_is_said(server):
    done = subprocess.run(
        ["bash", "-c", '"$0" validate "$1" >&-', BINARY, server.model],
        text=True, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 3
    assert "standard output cannot be written: Bad file desc" in done.stderr


def test_errors_that_nobody_can_read_keep_the_exit_code(tmp_path):
    for error in ("2>/dev/full", "2>&-"):
        done = subprocess.run(
            ["bash", "-c", f'"$0" segment list "$1" {error}', BINARY,
             tmp_path / "nowhere"], timeout=60, stdout=subprocess.PIPE)
        assert done.returncode == 1, error


def test_answers_end_with_one_line_feed(server):
    query = ["query", "--url", server.url, "SELECT 1 AS one"]
    assert run(*query, "--format", "csv").stdout == "one\n1\n"
    text = run(*query, "--format", "json").stdout
    assert json.loads(text) == [{"one": 1}]
    assert text.endswith("]\n") and not text.endswith("\n\n")
