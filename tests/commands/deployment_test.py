"""Datasets put, tried and taken away while serving; schemas that change under
segments that stay as they are."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

VISITS = """\
dataset: visits
source: { log: { partitions: 1 } }
time: { field: ts }
columns:
  - { name: page, type: string }
  - { name: count, type: long }
"""
OBJECT = {"dataset": "visits", "source": {"log": {"partitions": 1}},
          "time": {"field": "ts"},
          "columns": [{"name": "page", "type": "string"},
                      {"name": "count", "type": "long"}]}


def put(server, name, text):
    status, _, body = server.request("PUT", f"/api/v1/datasets/{name}", text,
                                     {"Content-Type": "application/yaml"})
    return status, json.loads(body)


def test_who_may_put_may_not_read_the_machine(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("S3cr3t")
    model = freshet.sales_model(tmp_path / "m")
    kafka = "{ kafka: { brokers: \"%s:9092\", topic: t } }"
    with freshet.Server(model, tmp_path / "d") as server:
        for source in [kafka % ("${file:%s}" % secret),
                       kafka % "${env:PATH}",
                       kafka % (r"\x24{file:%s}" % secret),
                       '{ files: { path: "/etc/*", format: csv, fields: [a] } }',
                       '{ files: { path: "../*", format: csv, fields: [a] } }']:
            text = VISITS.replace("{ log: { partitions: 1 } }", source)
            status, answer = put(server, "visits", text)
            assert status == 400, (source, answer)
            assert "definition that is sent" in json.dumps(answer), answer
            assert "S3cr3t" not in json.dumps(answer) + server.log()
        assert not (model / "datasets/visits.yaml").exists()


def test_put_versions_and_delete(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        status, answer = put(server, "visits", VISITS)
        assert status == 200 and answer["version"] == 1, answer
        server.ingest("visits", [{"ts": 1790000000, "page": "/", "count": 1}])
        freshet.wait_until(lambda: server.rows("visits") == 1, what=server.log)
        assert (model / "datasets/visits.yaml").read_text() == VISITS
        for wrong, why in [
                (VISITS.replace("type: long", "type: lang"), "lang"),
                (VISITS.replace("dataset: visits", "dataset: other"), "visits"),
                ("{", "visits.yaml")]:
            status, answer = put(server, "visits", wrong)
            assert status == 400 and why in json.dumps(answer), answer
        assert put(server, "../x", VISITS)[0] in (400, 404)
        assert (model / "datasets/visits.yaml").read_text() == VISITS
        # JSON is YAML, too.
        status, answer = put(server, "visits", json.dumps({
            "dataset": "visits", "source": {"log": {"partitions": 1}},
            "time": {"field": "ts"}, "columns": [
                {"name": "page", "type": "string"},
                {"name": "count", "type": "long"}]}))
        assert status == 200 and answer["version"] == 2, answer
        assert server.rows("visits") == 1
        # A KPI needs sales, so it cannot go.
        status, _, body = server.request("DELETE", "/api/v1/datasets/sales")
        assert status == 400 and b"sales" in body, body
        status, _, body = server.request("DELETE", "/api/v1/datasets/visits")
        assert status == 200, body
        assert server.get("/api/v1/datasets/visits")[0] == 404
        assert server.request("DELETE", "/api/v1/datasets/visits")[0] == 404
        assert put(server, "visits", VISITS)[0] == 200
        freshet.wait_until(lambda: server.rows("visits") == 1, what="data back")
        server.kill()
        server.start()
        versions = server.json("/api/v1/datasets/visits/versions")["versions"]
        assert [(v["version"], v["action"]) for v in versions] == [
            (1, "put"), (2, "put"), (3, "delete"), (4, "put")]
        assert versions[0]["definition"] == VISITS
        assert "127.0.0.1" in versions[0]["who"] and versions[0]["when"]


def test_validate_with_given_events(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def ask(body):
            status, _, answer = server.request(
                "POST", "/api/v1/datasets/visits/validate", body)
            return status, json.loads(answer)
        status, answer = ask({"definition": VISITS, "events": [
            '{"ts":1790000000,"page":"/a","count":"x"}',
            '{"ts":1790000000,"page":"/b","count":2}', '{"page":"/c"}', "no"]})
        assert status == 200 and answer["valid"]
        sample = answer["sample"]
        assert (sample["messages"], sample["rows"]) == (4, 1)
        assert sample["rejected"] == {"wrong_type": 1, "time": 1, "not_json": 1}
        assert [e["event"] for e in sample["errors"]] == [1, 3, 4]
        fields = {f["name"]: f for f in sample["fields"]}
        assert fields["count"]["wrong"] == 1 and fields["count"]["example"] == "2"
        assert fields["__time"]["wrong"] == 1
        status, answer = ask({"definition": VISITS + "colour: red\n"})
        assert status == 200 and not answer["valid"]
        assert answer["faults"][0]["file"] == "datasets/visits.yaml"
        assert answer["faults"][0]["line"] == 7
        # The object that PUT takes, as it is, is the same.
        status, as_object = ask({"definition": OBJECT, "events": [
            '{"ts":1790000000,"page":"/a","count":"x"}',
            '{"ts":1790000000,"page":"/b","count":2}', '{"page":"/c"}', "no"]})
        assert status == 200 and as_object["valid"], as_object
        assert as_object["sample"] == sample
        odd = {**OBJECT, "title": 'a \\ "b"\n c\u00e9'}
        status, answer = ask({"definition": odd, "events": ["{}"]})
        assert status == 200 and answer["valid"], answer
        status, answer = ask({"definition": {**OBJECT, "colour": "red"}})
        assert status == 200 and not answer["valid"]
        status, answer = ask({"definition": 5})
        assert status == 400 and "number" in answer["error"]["message"]
        assert ask({"definition": VISITS, "event": []})[0] == 400
        assert ask({"sample": 5})[0] == 404
        assert server.get("/api/v1/datasets/visits")[0] == 404


def test_a_schema_changes_over_old_segments(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def seal():
            status, _, body = server.request(
                "POST", "/api/v1/ingestion/visits/seal")
            assert status == 200, body
        assert put(server, "visits", VISITS)[0] == 200
        server.ingest("visits", [{"ts": 1790000000, "page": "/", "count": 1}])
        freshet.wait_until(lambda: server.rows("visits") == 1, what=server.log)
        seal()
        # Added, widened (long to decimal), dropped (page).
        wider = VISITS.replace("count, type: long", "count, type: decimal(2)") \
            .replace("  - { name: page, type: string }\n",
                     "  - { name: shop, type: string, default: none }\n")
        assert put(server, "visits", wider)[0] == 200
        server.ingest("visits", [{"ts": 1790000001, "shop": "S", "count": 1.5}])
        freshet.wait_until(lambda: server.rows("visits") == 2, what=server.log)
        seal()
        rows = server.sql('SELECT shop, "count" FROM visits ORDER BY __time')
        assert rows == [{"shop": None, "count": 1}, {"shop": "S", "count": 1.5}]
        total = server.sql('SELECT SUM("count") AS s FROM visits')
        assert total == [{"s": 2.5}]
        status, _, body = server.request("POST", "/druid/v2/sql", {
            "query": "SELECT page FROM visits"})
        assert status == 400, body
        # And back: what was dropped was not lost.
        assert put(server, "visits", VISITS.replace(
            "type: long", "type: decimal(2)"))[0] == 200
        rows = server.sql("SELECT page FROM visits ORDER BY __time")
        assert rows == [{"page": "/"}, {"page": None}]


def test_kpis_and_dashboards_are_put_and_deleted(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def change(verb, path, body=None):
            text = body if isinstance(body, (str, type(None))) \
                else json.dumps(body)
            status, _, answer = server.request(verb, f"/api/v1/{path}", text)
            return status, json.loads(answer)
        kpi = {"kpi": "lines", "title": "Lines", "dataset": "sales",
               "formula": "count(*)", "unit": "count"}
        page = {"dashboard": "first", "title": "First",
                "default": {"tz": "Europe/Madrid"},
                "annotations": [{"title": "Fair", "kind": "promotion",
                                 "from": "2026-11-16"}],
                "tiles": [{"kpi": "lines"}]}
        # A page of a KPI that is not there; then both, in their order.
        status, answer = change("PUT", "dashboards/first", page)
        assert status == 400 and "lines" in json.dumps(answer), answer
        status, answer = change("PUT", "kpis/lines", {"kpis": [kpi]})
        assert status == 200 and answer["kpi"] == "lines", answer
        assert answer["version"] == 1
        assert change("PUT", "dashboards/first", page)[0] == 200
        assert server.json("/api/v1/kpis/lines")["title"] == "Lines"
        assert server.json("/api/v1/dashboards/first")["title"] == "First"
        marks = server.json("/api/v1/dashboards/first")["annotations"]
        assert marks == [{"title": "Fair", "kind": "promotion",
                          "from": "2026-11-16T00:00:00.000+01:00",
                          "to": "2026-11-17T00:00:00.000+01:00"}]
        assert json.loads((model / "kpis/lines.yaml").read_text()) == \
            {"kpis": [kpi]}
        # Nothing of others may go or be defined a second time.
        two = {"kpis": [kpi, {**kpi, "kpi": "more"}]}
        assert change("PUT", "kpis/lines", two)[0] == 200
        status, answer = change("PUT", "kpis/lines", {"kpis": [kpi]})
        assert status == 400 and "'more', which would go" in json.dumps(answer)
        known = server.json("/api/v1/kpis")["kpis"]
        other = next(k["kpi"] for k in known if k["kpi"] not in ("lines", "more"))
        status, answer = change("PUT", f"kpis/{other}",
                                {"kpis": [{**kpi, "kpi": other}]})
        assert status == 400 and "twice" in json.dumps(answer), answer
        status, answer = change("DELETE", f"kpis/{other}")
        assert status == 400 and "another file" in json.dumps(answer), answer
        status, answer = change("PUT", "kpis/named", {"kpis": [kpi]})
        assert status == 400, answer
        # A page needs the KPI.
        assert change("DELETE", "kpis/lines")[0] == 400
        assert change("DELETE", "dashboards/first")[0] == 200
        status, answer = change("DELETE", "kpis/lines")
        assert status == 400 and "more" in json.dumps(answer), answer
        assert change("DELETE", "kpis/nothing")[0] == 404
        assert len(server.json("/api/v1/kpis")["kpis"]) == len(known)


def test_columns_are_found_in_events(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        def ask(body):
            status, _, answer = server.request(
                "POST", "/api/v1/datasets/visits/infer", json.dumps(body))
            return status, json.loads(answer)
        status, answer = ask({"events": [
            '{"at":"2026-11-20T10:00:00Z","shop":{"id":"S1"},"price":1.50,'
            '"rate":0.5,"weight":0.125,"memo":null,"$x":1,"a.b":2}',
            '{"at":"2026-11-20T10:00:01Z","price":12.25,"tags":["a"],'
            '"rate":1.5,"memo":null,"shop":null}']})
        assert status == 200, answer
        assert (answer["messages"], answer["time_field"]) == (2, "at")
        assert answer["arrays"] == ["tags"]
        assert answer["empty"] == ["memo"]
        assert answer["odd"] == ["$x", "a.b"]
        assert [(f["name"], f["path"], f["type"], f["filled"])
                for f in answer["fields"]] == [
            ("at", "at", "timestamp", 2), ("shop_id", "shop.id", "string", 1),
            ("price", "price", "decimal(2)", 2),
            # One digit in a sample does not say that there are no two.
            ("rate", "rate", "decimal(2)", 2),
            ("weight", "weight", "decimal(3)", 1)]
        assert server.get("/api/v1/datasets/visits")[0] == 404
        assert ask({"events": ["no"]})[0] == 400
        assert ask({})[0] == 404
        status, answer = ask({"definition": VISITS})
        assert status == 404 and "no events" in json.dumps(answer), answer
        assert ask({"definition": "{"})[0] == 400
        assert put(server, "visits", VISITS)[0] == 200
        server.ingest("visits", [{"ts": 1790000000, "page": "/", "count": 1}])
        status, answer = ask({})
        assert status == 200, answer
        assert [f["name"] for f in answer["fields"]] == ["ts", "page", "count"]


def test_json_may_have_its_escapes_by_code(tmp_path):
    model = freshet.sales_model(tmp_path / "m")
    with freshet.Server(model, tmp_path / "d") as server:
        title = 'Ums\u00e4tze & "\\" \U0001f600'
        kpi = {"kpi": "lines", "title": title, "dataset": "sales",
               "formula": "count(*)"}
        text = json.dumps({"kpis": [kpi]}).replace("&", "\\u0026")
        assert "\\u00e4" in text and "\\ud83d" in text
        status, _, body = server.request("PUT", "/api/v1/kpis/lines", text)
        assert status == 200, body
        assert server.json("/api/v1/kpis/lines")["title"] == title
        assert title[:7] in (model / "kpis/lines.yaml").read_text()
        # A code hides nothing of what may not be referred to.
        hidden = text.replace("Ums", "\\u0024{env:PATH}")
        status, _, body = server.request("PUT", "/api/v1/kpis/lines", hidden)
        assert status == 400 and b"${env:PATH}" in body, body
        # What YAML would not take as it is, and YAML's own codes.
        for wrong in (text.replace("Ums", "\\u0007"),
                      'kpis:\n  - { kpi: lines, dataset: sales, formula: '
                      'count(*), title: "\\u00e4" }\n'):
            status, _, body = server.request("PUT", "/api/v1/kpis/lines", wrong)
            assert status == 400 and b"no escapes by code" in body, body
