"""The OpenAPI document: whole in itself, and true: what a running server
answers is held against what it says."""
import json
import pathlib
import re
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

MODEL = {
    "alerts/a.yaml": """\
alerts:
  - { alert: big, kpi: net_sales, by: [store], window: 1h, every: 1s,
      when: "> 100", recover: "< 50" }
""",
    "kpis/more.yaml": """\
kpis:
  - { kpi: units, dataset: sales, formula: sum(qty), dimensions: [store],
      target: 10 per day }
""",
    "lookups/p.yaml": "lookup: products\nkey: sku\ncolumns:\n"
                      "  - { name: sku, type: string }\n"
                      "  - { name: category, type: string }\n"}
KPIS = {"kpis": [{"kpi": "extra", "dataset": "sales", "formula": "sum(net)"}]}
# Their handlers read no body.
BODILESS = {"/api/v1/ingestion/{d}/{verb}", "/api/v1/checkpoint",
            "/api/v1/model/reload"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    with freshet.Server(freshet.sales_model(folder / "m", extra=MODEL),
                        folder / "d") as s:
        yield s
        assert s.stop() == 0


@pytest.fixture(scope="module")
def document(server):
    return server.json("/api/v1/openapi.json")


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(document, node):
    while "$ref" in node:
        place = node["$ref"]
        assert place.startswith("#/"), place
        node = document
        for part in place[2:].split("/"):
            node = node[part]
    return node


def every_node(node):
    yield node
    for child in (node.values() if isinstance(node, dict) else
                  node if isinstance(node, list) else ()):
        yield from every_node(child)


def test_the_document_is_whole(document):
    assert document["openapi"].startswith("3.1")
    used = set()
    for node in every_node(document):
        if isinstance(node, dict) and "$ref" in node:
            resolve(document, node)
            used.add(node["$ref"].rsplit("/", 1)[1])
    assert used == set(document["components"]["schemas"]), "a shape nobody has"
    ids = [operation["operationId"] for *_, operation in operations(document)]
    assert len(ids) == len(set(ids)) and all(
        re.fullmatch("[a-z0-9_]+", name) for name in ids)
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == \
        "bearer"
    assert {} in document["security"]


def test_every_route_says_what_it_reads_and_answers(document):
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        good = [s for s in operation["responses"] if s.startswith("2")]
        assert len(good) == 1, where
        for status, answer in operation["responses"].items():
            answer = resolve(document, answer)
            assert answer["description"] and answer["content"], where
        error = operation["responses"]["default"]["$ref"].rsplit("/", 1)[1]
        assert error == ("DruidError" if path.startswith("/druid/")
                         else "Error"), where
        reads = method in ("post", "put") and path not in BODILESS
        assert ("requestBody" in operation) == reads, where
        named = set(re.findall(r"{(\w+)}", path))
        parameters = operation["parameters"]
        assert {p["name"] for p in parameters if p["in"] == "path"} == named
        for parameter in parameters:
            assert parameter["description"], (where, parameter["name"])
            assert parameter["required"] == (parameter["in"] == "path")
    paths = document["paths"]
    assert paths["/healthz"]["get"]["security"] == []
    assert "security" not in paths["/api/v1/kpis"]["get"]
    ingest = paths["/ingest/{dataset}"]["post"]
    assert {"Idempotency-Key", "Content-Encoding"} == {
        p["name"] for p in ingest["parameters"] if p["in"] == "header"}
    assert "text/csv" in ingest["requestBody"]["content"]
    assert "429" in ingest["responses"]
    stream = paths["/api/v1/stream"]["get"]
    assert "text/event-stream" in stream["responses"]["200"]["content"]
    assert "Last-Event-ID" in [p["name"] for p in stream["parameters"]]


TYPES = {"string": str, "integer": int, "number": (int, float),
         "boolean": bool, "object": dict, "array": list, "null": type(None)}


def check(document, schema, value, where):
    """`value` has the shape of `schema`, and no member that it does not say."""
    schema = resolve(document, schema)
    if "anyOf" in schema:
        faults = []
        for one in schema["anyOf"]:
            try:
                return check(document, one, value, where)
            except AssertionError as fault:
                faults.append(str(fault))
        raise AssertionError("; ".join(faults))
    if "type" not in schema:
        return
    expected = TYPES[schema["type"]]
    wrong_bool = isinstance(value, bool) and schema["type"] != "boolean"
    assert isinstance(value, expected) and not wrong_bool, \
        f"{where}: {value!r} is no {schema['type']}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    if schema.get("format") == "date-time":
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value), where
    if schema["type"] == "array":
        for i, item in enumerate(value):
            check(document, schema["items"], item, f"{where}[{i}]")
    if schema["type"] == "object" and (
            "properties" in schema or "additionalProperties" in schema):
        properties = schema.get("properties", {})
        missing = set(schema.get("required", [])) - set(value)
        assert not missing, f"{where} lacks {missing}"
        others = schema.get("additionalProperties", False)
        for name, member in value.items():
            if name in properties:
                check(document, properties[name], member, f"{where}.{name}")
            elif isinstance(others, dict):
                check(document, others, member, f"{where}.{name}")
            else:
                assert others, f"{where}: {name} is not described"


def ask(server, document, method, pattern, body=None, query="", **names):
    """Asks a route; its answer and the body fit what the document says."""
    operation = document["paths"][pattern][method.lower()]
    path = pattern.format(**names)
    status, headers, text = server.request(method, path + query, body)
    answer = operation["responses"].get(str(status)) or \
        operation["responses"]["default"]
    [(media, described)] = resolve(document, answer)["content"].items()
    assert headers["Content-Type"].split(";")[0] == media, path
    where = f"{method} {path}"
    answer = json.loads(text)
    check(document, described["schema"], answer, where)
    if status < 300 and isinstance(body, (dict, list)):
        described = operation["requestBody"]["content"]["application/json"]
        check(document, described["schema"], body, "body of " + where)
    return status, answer


def test_answers_are_as_described(server, document):
    def go(expected, *arguments, **options):
        status, answer = ask(server, document, *arguments, **options)
        assert status == expected, (arguments, status, answer)
        return answer

    now = int(time.time() * 1000)
    event = {"txn_id": "t", "store": "S1", "qty": 1, "price": "500.00"}
    events = [{**event, "ts": now}, {**event, "ts": now - 6_000, "store": "S2"},
              {**event, "ts": now - 8 * 86_400_000}, {"qty": 1}]
    assert go(200, "POST", "/ingest/{dataset}", events,
              dataset="sales")["rejected"] == 1
    freshet.wait_until(lambda: server.rows("sales") == 3)
    freshet.wait_until(lambda: server.json("/api/v1/alerts/big")["instances"])
    v1 = "/api/v1"
    for name in ("datasets", "kpis", "dashboards", "alerts", "views",
                 "lookups", "lineage"):
        go(200, "GET", f"{v1}/{name}")
    go(200, "GET", "/healthz")
    go(200, "GET", "/readyz")
    go(200, "GET", "/status/health")
    go(200, "GET", "/druid/v2/datasources")
    go(200, "POST", "/druid/v2/sql", {"query": "SELECT 1 AS x"})
    go(400, "POST", "/druid/v2/sql", {"query": "SELEC"})
    go(200, "GET", v1 + "/datasets/{d}", d="sales")
    go(200, "GET", v1 + "/ingestion/{d}", d="sales")
    for verb in ("pause", "resume", "seal"):
        go(200, "POST", v1 + "/ingestion/{d}/{verb}", d="sales", verb=verb)
    go(200, "GET", v1 + "/ingestion/{d}", d="sales")
    go(200, "POST", v1 + "/ingestion/{d}/reset",
       {"to": "earliest", "dry_run": True}, d="sales")
    go(200, "GET", v1 + "/kpis/{k}", k="units")
    for query in ("?range=today&tz=Europe/Madrid&grain=hour&compare=previous",
                  "?range=last_7d&by=store&top=1&compare=previous&why_not=true",
                  "?range=-90d&grain=day&compare=last_year"):
        for kpi in ("net_sales", "units", "average_basket"):
            go(200, "GET", v1 + "/kpis/{k}/value", query=query, k=kpi)
    for kpi in ("net_sales", "average_basket"):
        go(200, "GET", v1 + "/kpis/{k}/drivers", k=kpi,
           query="?range=last_7d&compare=previous&min_support=0.9")
    answers = go(200, "POST", v1 + "/kpis/query", {"queries": [
        {"kpi": "net_sales", "by": ["store"], "top": 1}, {"kpi": "x"}]})
    for answer, shape in zip(answers["answers"], ("KpiAnswer", "Error")):
        check(document, document["components"]["schemas"][shape], answer, shape)
    go(200, "GET", v1 + "/dashboards/{d}", d="main")
    go(200, "PUT", v1 + "/kpis/{k}", KPIS, k="extra")
    go(200, "DELETE", v1 + "/kpis/{k}", k="extra")
    dataset = (pathlib.Path(server.model) / "datasets/sales.yaml").read_text()
    go(200, "PUT", v1 + "/datasets/{d}", dataset, d="sales")
    go(200, "GET", v1 + "/datasets/{d}/versions", d="sales")
    alert = go(200, "GET", v1 + "/alerts/{a}", a="big")
    go(200, "PUT", v1 + "/alerts/{a}", alert, a="big")
    go(200, "PUT", v1 + "/alerts/{a}", {"recover": None}, a="big")
    go(200, "GET", v1 + "/alerts/{a}/history", a="big")
    view = go(201, "POST", v1 + "/views", {"title": "a", "address": "/d/main"})
    go(200, "GET", v1 + "/views")
    go(200, "DELETE", v1 + "/views/{v}", v=view["view"])
    rows = [{"sku": "a", "category": "b"}]
    go(200, "PUT", v1 + "/lookups/{l}", rows, l="products")
    go(200, "POST", v1 + "/lookups/{l}/rows", rows, l="products")
    go(200, "GET", v1 + "/lookups/{l}/rows", query="?limit=1", l="products")
    go(200, "GET", v1 + "/lookups/{l}", l="products")
    go(200, "POST", v1 + "/query", {"sql": "SELECT store FROM sales",
                                    "why_not": True})
    go(200, "POST", v1 + "/model/reload")
    go(200, "POST", v1 + "/checkpoint")


def test_errors_are_as_described(server, document):
    for method, pattern, body, query, expected in (
            ("GET", "/api/v1/kpis/{d}/value", None, "?range=x", 404),
            ("GET", "/api/v1/kpis", None, "?x=1", 400),
            ("GET", "/api/v1/alerts/{d}", None, "", 404),
            ("PUT", "/api/v1/alerts/{d}", {"when": 1}, "", 400),
            ("PUT", "/api/v1/datasets/{d}", "dataset: [", "", 400),
            ("POST", "/api/v1/query", {"sql": "SELEC"}, "", 400),
            ("POST", "/ingest/{d}", "[", "", 404)):
        status, _, text = server.request(method, pattern.format(d="net_salse")
                                         + query, body)
        assert status == expected, text
        check(document, document["components"]["schemas"]["Error"],
              json.loads(text), pattern)
