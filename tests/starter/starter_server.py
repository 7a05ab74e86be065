"""The starter model in a server of its own, and its KPIs' answers."""
import json
import pathlib
import shutil
import sys
import urllib.parse

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

STARTER = freshet.ROOT / "server/model/starter"


def kpi_names(folder=STARTER):
    return [kpi["kpi"] for path in sorted(folder.glob("kpis/*.yaml"))
            for kpi in yaml.safe_load(path.read_text())["kpis"]]


def model_without_lateness(folder):
    """The starter, taking events however old they are."""
    shutil.copytree(STARTER, folder)
    for path in folder.glob("datasets/*.yaml"):
        kept = [line for line in path.read_text().splitlines(keepends=True)
                if not line.startswith(("lateness", "retention"))]
        path.write_text("".join(kept))
    return folder


def value(server, kpi, **parameters):
    """The whole answer of /kpis/{kpi}/value."""
    query = urllib.parse.urlencode(
        {k.rstrip("_"): v for k, v in parameters.items()})
    status, body = server.get(f"/api/v1/kpis/{kpi}/value?{query}")
    assert status == 200, (kpi, parameters, body)
    return json.loads(body)


def groups(server, kpi, by, **parameters):
    """{value of `by`: number}; every group, whatever their number."""
    answer = value(server, kpi, by=by, top=10000, **parameters)
    return {row[by]: row["value"] for row in answer["rows"]}
