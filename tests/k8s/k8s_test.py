"""Renders the kustomize base and decodes every object strictly."""
import pathlib
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import freshet  # noqa: E402

VERSION = "1.31"


@pytest.fixture(scope="module")
def objects():
    done = subprocess.run(["kubectl", "kustomize", ROOT / "k8s/base"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [o for o in yaml.safe_load_all(done.stdout) if o]


def only(objects, kind):
    found = [o for o in objects if o["kind"] == kind]
    assert len(found) == 1, [o["kind"] for o in objects]
    return found[0]


def test_every_object_decodes_strictly(objects):
    assert len(objects) >= 8
    for item in objects:
        kubernetes_validate.validate(item, VERSION, strict=True)


def test_the_strict_reader_sees_a_wrong_key(objects):
    broken = dict(only(objects, "StatefulSet"))
    broken["spec"] = {**broken["spec"], "replicaz": 1}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_the_pod_meets_restricted_security(objects):
    labels = only(objects, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = only(objects, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] == "https"


def test_services_and_budget_select_the_pods(objects):
    labels = only(objects, "StatefulSet")["spec"]["template"]["metadata"][
        "labels"]
    for item in objects:
        if item["kind"] == "Service":
            assert item["spec"]["selector"].items() <= labels.items()
        if item["kind"] == "PodDisruptionBudget":
            wanted = item["spec"]["selector"]["matchLabels"]
            assert wanted.items() <= labels.items()


def test_the_model_in_the_config_map_is_valid(objects, tmp_path):
    config = only(objects, "ConfigMap")["data"]
    volumes = only(objects, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
    items = next(v for v in volumes if v["name"] == "model")["configMap"][
        "items"]
    assert {i["key"] for i in items} == set(config)
    for item in items:
        path = tmp_path / "model" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        text = config[item["key"]]
        path.write_text(text.replace("/etc/freshet-server", str(tmp_path)))
    for name in ("token", "tls.crt", "tls.key"):
        (tmp_path / name).write_text("x")
    done = freshet.run("validate", tmp_path / "model")
    assert done.returncode == 0, done.stdout + done.stderr
