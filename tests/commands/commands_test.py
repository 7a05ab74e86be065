"""The binary's commands: help, exit codes, messages."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


def test_help_names_every_command_and_exits_0():
    done = freshet.run("--help")
    assert done.returncode == 0
    for command in ("serve", "demo", "init", "validate", "generate", "load",
                    "query", "segment"):
        assert command in done.stdout
        assert freshet.run(command, "--help").returncode == 0


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve"], ["serve", "-x"],
                                       ["query"], ["generate", "--rows", "x"]])
def test_wrong_usage_exits_2(arguments):
    assert freshet.run(*arguments).returncode == 2


@pytest.mark.parametrize("arguments, word", [
    (["bogus"], "bogus"), (["bogus", "--help"], "bogus"),
    (["segment", "bogus", "x"], "bogus")])
def test_an_unknown_command_is_named(arguments, word):
    done = freshet.run(*arguments)
    assert done.returncode == 2
    assert f"unknown command '{word}'" in done.stderr


def test_query_keeps_the_decimals_of_money(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [
            {"txn_id": "a", "ts": "2026-11-01T10:00:00Z", "qty": 79676,
             "store": 'x,"y"\nz', "price": "1.25"},
            {"txn_id": "b", "ts": "2026-11-01T10:00:00Z", "qty": 1}])
        freshet.wait_until(lambda: server.rows("sales") == 2)

        def ask(sql, form):
            done = freshet.run("query", "--url", server.url, "--format", form,
                               sql)
            assert done.returncode == 0, done.stderr
            return done.stdout

        total = "SELECT SUM(net) AS net, COUNT(*) AS n FROM sales"
        assert ask(total, "table") == ("net       n\n--------  -\n"
                                       "99595.00  2\n(1 rows)\n")
        assert ask(total, "csv") == "net,n\n99595.00,2\n"
        assert ask(total, "json").strip() == '[{"net":99595.00,"n":2}]'
        # Texts with the signs of CSV, and nulls.
        shown = ask("SELECT txn_id, store, price FROM sales ORDER BY txn_id",
                    "table")
        assert 'x,"y"\nz' in shown and "1.25" in shown
        assert shown.endswith("(2 rows)\n")
        assert ask("SELECT store FROM sales WHERE txn_id = 'b'",
                   "table") == "store\n-----\n     \n(1 rows)\n"
        assert ask("SELECT store FROM sales WHERE txn_id = 'c'",
                   "table").endswith("(0 rows)\n")


@pytest.mark.parametrize("formula, name", [
    ("rolling(sum(net), 7x)", "rolling(): a span of time is 7d"),
    ("sum(same_stores(net))", "same_stores() stands around aggregates"),
    ("1 + time_avg(sum(net), 3d)", "'3d' is no bucket of the calendar")])
def test_validate_says_what_is_wrong_with_a_window(tmp_path, formula, name):
    model = freshet.sales_model(tmp_path / "m", extra={"kpis/new.yaml": f"""\
kpis:
  - kpi: moving
    dataset: sales
    formula: "{formula}"
"""})
    done = freshet.run("validate", model)
    assert done.returncode == 1
    assert done.stdout.startswith("kpis/new.yaml:4: ")
    assert name in done.stdout
    assert "'moving'" in done.stdout


def test_both_ends_of_a_range_are_checked(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        for ends, parts in (
                ("from=2026-13-45", ("'from' is no time", "2026-13-45",
                                     "'to' is missing")),
                ("to=nix", ("'from' is missing", "'to' is no time", "nix")),
                ("from=2026-11-01&to=x", ("'to' is no time", "x"))):
            status, body = server.get(f"/api/v1/kpis/net_sales/value?{ends}")
            message = json.loads(body)["error"]["message"]
            assert status == 400
            assert all(part in message for part in parts), message


def test_init_writes_a_valid_model_once(tmp_path):
    folder = tmp_path / "shop"
    assert freshet.run("init", folder).returncode == 0
    done = freshet.run("validate", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    again = freshet.run("init", folder)
    assert again.returncode == 1 and "not empty" in again.stderr
    for size in ("--rows", "--days"):
        done = freshet.run("generate", "--model", folder, "--dataset", "sales",
                           size, 0, "--to", tmp_path / "none")
        assert done.returncode == 2 and size in done.stderr, done


def test_validate_prints_file_line_and_message(tmp_path):
    model = freshet.sales_model(tmp_path / "m", extra={"kpis/bad.yaml": """\
kpis:
  - kpi: margin
    dataset: sales
    formla: sum(net)
  - { kpi: lost, dataset: sales, formula: sum(nett) }
  - { kpi: a, dataset: sales, formula: "[b] + 1" }
  - { kpi: b, dataset: sales, formula: "[a] + 1" }
"""})
    done = freshet.run("validate", model)
    assert done.returncode == 1
    assert "kpis/bad.yaml:4: " in done.stdout
    assert "formla" in done.stdout and "did you mean 'formula'" in done.stdout
    assert "'net'" in done.stdout  # nearest column to nett
    assert "a -> b -> a" in done.stdout or "b -> a -> b" in done.stdout


def test_validate_of_nothing_says_what_to_do(tmp_path):
    done = freshet.run("validate", tmp_path)
    assert done.returncode == 1 and "freshet init" in done.stdout
    done = freshet.run("validate", tmp_path / "no")
    assert done.returncode == 1
    assert done.stdout.startswith(f"{tmp_path / 'no'}: there is no model")


def test_serve_refuses_a_faulty_model_and_an_absent_one(tmp_path):
    model = freshet.sales_model(tmp_path / "m",
                                extra={"datasets/x.yaml": "dataset: x\n"})
    done = freshet.run("serve", "--model", model, "--data", tmp_path / "d")
    assert done.returncode == 1 and "datasets/x.yaml" in done.stderr
    done = freshet.run("serve", "--model", tmp_path / "no", "--data",
                       tmp_path / "d")
    assert done.returncode == 1 and str(tmp_path / "no") in done.stderr


def test_serve_refuses_to_listen_openly(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    done = freshet.run("serve", "--model", model, "--data", tmp_path / "d",
                       "--listen", f"0.0.0.0:{freshet.free_port()}")
    assert done.returncode == 1
    assert "--insecure" in done.stderr


def test_data_folder_in_use_or_read_only(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d"):
        done = freshet.run("serve", "--model", model, "--data", tmp_path / "d",
                           "--listen", f"127.0.0.1:{freshet.free_port()}")
        assert done.returncode == 3
        assert "in use" in done.stderr and str(tmp_path / "d") in done.stderr
    (tmp_path / "file").write_text("")
    done = freshet.run("serve", "--model", model, "--data", tmp_path / "file",
                       "--listen", f"127.0.0.1:{freshet.free_port()}")
    assert done.returncode == 3 and str(tmp_path / "file") in done.stderr


def test_generate_is_deterministic_and_the_ledger_is_exact(tmp_path):
    model = tmp_path / "shop"
    freshet.run("init", model)
    for name in ("one", "two"):
        done = freshet.run("generate", "--model", model, "--dataset", "sales",
                           "--rows", 20000, "--seed", 7, "--to",
                           tmp_path / name, "--ledger", tmp_path / "ledger")
        assert done.returncode == 0, done.stderr
    one = (tmp_path / "one").read_text()
    assert one == (tmp_path / "two").read_text()
    ledger = json.loads((tmp_path / "ledger").read_text())
    events = [json.loads(line) for line in one.splitlines()]
    assert ledger["rows"] == len(events) == 20000


def test_load_then_query_and_look_into_segments(tmp_path):
    model = tmp_path / "shop"
    freshet.run("init", model)
    freshet.run("generate", "--model", model, "--dataset", "sales", "--rows",
                30000, "--to", tmp_path / "s.jsonl", "--ledger",
                tmp_path / "ledger.json")
    with open(tmp_path / "s.jsonl", "a") as file:
        file.write('{"ts": "not a time"}\n')
    done = freshet.run("load", "--data", tmp_path / "d", "--model", model,
                       "--dataset", "sales", tmp_path / "s.jsonl")
    assert done.returncode == 0, done.stderr
    assert "30000 rows loaded, 1 rejected" in done.stdout
    again = freshet.run("load", "--data", tmp_path / "d", "--model", model,
                        "--dataset", "sales", tmp_path / "s.jsonl")
    assert again.returncode == 0
    assert "already loaded, skipped: " in again.stderr
    assert again.stdout.startswith("0 rows loaded")
    assert freshet.run("segment", "verify", tmp_path / "d").returncode == 0
    listing = freshet.run("segment", "list", tmp_path / "d").stdout
    file = listing.splitlines()[1].split()[-1]
    dump = freshet.run("segment", "dump", "--rows", 2, file)
    assert dump.returncode == 0 and "store" in dump.stdout
    with freshet.Server(model, tmp_path / "d") as server:
        done = freshet.run("query", "--url", server.url,
                           "SELECT COUNT(*) AS n FROM sales")
        assert done.returncode == 0 and "30000" in done.stdout
        csv = freshet.run("query", "--url", server.url, "--format", "csv",
                          "SELECT COUNT(*) AS n FROM sales")
        assert csv.stdout.split() == ["n", "30000"]
        bad = freshet.run("query", "--url", server.url, "SELECT x FROM sales")
        assert bad.returncode == 1 and "x" in bad.stderr
    gone = freshet.run("query", "--url", server.url, "SELECT 1")
    assert gone.returncode == 3


def test_sigterm_seals_and_exits_0(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        server.ingest("sales", [{"ts": "2026-11-01T10:00:00Z", "store": "S1",
                                 "qty": 2, "price": "1.25"}])
        freshet.wait_until(lambda: server.rows("sales") == 1)
        assert server.stop() == 0
    listing = freshet.run("segment", "list", tmp_path / "d").stdout
    assert len(listing.splitlines()) == 2
    with freshet.Server(model, tmp_path / "d") as server:
        assert server.rows("sales") == 1


def test_logs_are_json_lines(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        server.stop()
        for line in server.log().splitlines():
            assert {"time", "level", "message"} <= json.loads(line).keys()


def test_works_from_another_folder(tmp_path):
    done = subprocess.run([freshet.BINARY, "init", "shop"], cwd=tmp_path,
                          capture_output=True, env=dict(os.environ))
    assert done.returncode == 0 and (tmp_path / "shop/freshet.yaml").exists()


def test_validate_against_an_unset_variable_is_refused(tmp_path):
    folder = freshet.sales_model(tmp_path / "m")
    done = freshet.run("validate", folder, "--against", "")
    assert done.returncode == 2, done.stdout
    assert "--against" in done.stderr and "empty" in done.stderr


def test_a_model_with_faults_is_not_said_to_break_nothing(tmp_path):
    folder = freshet.sales_model(tmp_path / "m")
    with freshet.Server(folder, tmp_path / "d") as server:
        good = freshet.run("validate", folder, "--against", server.url)
        assert "is dropped or changes its type" in good.stdout
        kpis = next((folder / "kpis").glob("*.yaml"))
        kpis.write_text(kpis.read_text() + "  - { kpi: x, dataset: nowhere }\n")
        done = freshet.run("validate", folder, "--against", server.url)
        assert done.returncode == 1, done.stdout
        assert "nowhere" in done.stdout + done.stderr
        assert "is dropped or changes" not in done.stdout
