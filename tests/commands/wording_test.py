"""Messages that say what is wrong, and pages where there is none."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wording")
    model = freshet.sales_model(folder / "m")
    with freshet.Server(model, folder / "d") as running:
        yield running


def validate(folder, files):
    done = freshet.run("validate", freshet.write_model(folder, files))
    assert done.returncode == 1
    return done.stdout


def test_an_empty_list_is_called_empty(tmp_path):
    said = validate(tmp_path / "m", {"datasets/odd.yaml": (
        "dataset: odd\nsource: { log: {} }\ntime: { field: ts }\n"
        "columns: []\n")})
    assert "must be a list of columns, not an empty list" in said


@pytest.mark.parametrize("text", ["[" * 50_000, "a: " + "{ a: " * 50_000,
                                  "[" * 200 + "]" * 200],
                         ids=["lists", "maps", "closed"])
def test_deep_nesting_is_said_with_its_file(tmp_path, text):
    said = validate(tmp_path / "m", {"kpis/deep.yaml": text})
    assert "kpis/deep.yaml:1: nested too deep: more than 100 lists" in said


def test_nesting_that_people_write_is_read(tmp_path):
    said = validate(tmp_path / "m", {
        "kpis/deep.yaml": "kpis: " + "[" * 90 + "]" * 90})
    assert "nested" not in said


@pytest.mark.parametrize("option", ["--rows", "--days", "--rate"])
def test_a_range_is_readable(tmp_path, option):
    model = freshet.sales_model(tmp_path / "m")
    size = [] if option != "--rate" else ["--rows", "1"]
    done = freshet.run("generate", "--model", model, "--dataset", "sales",
                       *size, option, "-2", "--to", tmp_path / "out")
    assert done.returncode == 2
    assert option in done.stderr and len(done.stderr) < 200, done.stderr


def test_excerpts_keep_letters_of_all_scripts(server):
    body = server.ingest("sales", [{
        "ts": "2026-03-01T10:00:00Z", "txn_id": "t", "qty": "zwölf Stück 十二",
        "price": "1"}])
    assert "zwölf Stück 十二" in body["errors"][0]["message"]
    body = server.ingest("sales", [{
        "ts": "2026-03-01T10:00:00Z", "txn_id": "t", "qty": "a\u202eb\u0085c",
        "price": "1"}])
    message = body["errors"][0]["message"]
    assert "\u202e" not in message and "\u0085" not in message
    assert "a???b??c" in message


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nowhere", "/d", "/d/a/b", "/assets/no.js"])
def test_a_browser_is_shown_a_page(server, path):
    status, headers, body = server.request("GET", path, headers=BROWSER)
    assert status == 404
    assert headers["Content-Type"].startswith("text/html")
    assert body == server.request("GET", "/", headers=BROWSER)[2]
    assert "ETag" not in headers
    home = server.request("GET", "/", headers=BROWSER)[1]
    again = {**BROWSER, "If-None-Match": home["ETag"]}
    assert server.request("GET", path, headers=again)[0] == 404


@pytest.mark.parametrize("method, path, headers", [
    ("GET", "/nowhere", {}), ("GET", "/nowhere", {"Accept": "*/*"}),
    ("GET", "/api/v1/nowhere", BROWSER), ("GET", "/druid/nowhere", BROWSER),
    ("GET", "/ingest/a/b", BROWSER), ("POST", "/nowhere", BROWSER)])
def test_a_program_is_told_in_json(server, method, path, headers):
    status, found, body = server.request(method, path, headers=headers)
    assert status == 404
    assert found["Content-Type"].startswith("application/json")
    assert b'"error"' in body


def test_a_page_that_is_there_refuses_other_methods(server):
    assert server.request("POST", "/alerts", headers=BROWSER)[0] == 405
