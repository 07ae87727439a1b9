"""Katib gets our services for the algorithms that they have, and keeps all else of its configuration."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.katib_config import names, registered
from katib_suggestions.rpc.suggestion_command import PORT, PROBE
from katib_suggestions.usage import UsageError
from tests.manifests.rendered import MANIFESTS, ROOT, Json, build, one
from tests.strict_schema.validator import Validator

COMPONENT = MANIFESTS / "components/katib-suggestions"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
# Of Katib 0.19.
KATIBS = {"tpe", "hyperband", "cmaes", "sobol", "multivariate-tpe", "enas", "darts", "pbt"}
OURS = {"random", "grid", "bayesianoptimization"}
EXISTING = """
# A comment.
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init: {controller: {webhookPort: 8443, trialResources: [Job.v1.batch]}}
runtime:
  metricsCollectors: [{kind: File, image: example.com/collector:1}]
  suggestions:
    - {algorithmName: grid, image: example.com/grid:1, resources: {limits: {memory: 1Gi}}}
    - {algorithmName: own, image: example.com/own:1}
"""


def config_of(config_map: Json) -> Json:
    return yaml.safe_load(config_map["data"]["katib-config.yaml"])


def by_name(config: Json, section: str = "suggestions") -> dict[str, Json]:
    return {each["algorithmName"]: each for each in config["runtime"][section]}


@pytest.fixture
def katib(tmp_path: Path) -> Path:
    """An overlay as Katib's own: a ConfigMap that kustomize generates."""
    (tmp_path / "katib").mkdir()
    (tmp_path / "katib/katib-config.yaml").write_text(EXISTING, "utf-8")
    generator = {
        "name": "katib-config",
        "files": ["katib-config.yaml"],
        "options": {"disableNameSuffixHash": True},
    }
    kustomization = {"namespace": "kubeflow", "configMapGenerator": [generator]}
    (tmp_path / "katib/kustomization.yaml").write_text(yaml.safe_dump(kustomization), "utf-8")
    return tmp_path / "katib"


def test_the_component_gives_katib_our_services_and_leaves_it_the_others(katib: Path, tmp_path: Path) -> None:
    overlay = {"resources": ["katib"], "components": [os.path.relpath(COMPONENT, tmp_path.resolve())]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), "utf-8")
    config = config_of(one(build(tmp_path), "ConfigMap", "katib-config"))
    assert set(by_name(config)) == OURS | KATIBS
    assert set(by_name(config, "earlyStoppings")) == {"medianstop"}
    assert {each["kind"] for each in config["runtime"]["metricsCollectors"]} == {"StdOut", "File", "TensorFlowEvent"}
    assert "TrainJob.v1alpha1.trainer.kubeflow.org" in config["init"]["controller"]["trialResources"]


def test_the_component_is_what_the_command_makes() -> None:
    """So the entries are written down once, and merging again changes nothing."""
    text = yaml.safe_load((COMPONENT / "katib-config.yaml").read_text("utf-8"))["data"]["katib-config.yaml"]
    assert registered(text) == text


def test_every_algorithm_of_ours_is_registered_in_the_version_of_the_project() -> None:
    assert set(names()) == {*ALGORITHMS, "medianstop"}
    config = yaml.safe_load(registered(EXISTING))
    images = {
        each["image"] for section in ("suggestions", "earlyStoppings") for each in by_name(config, section).values()
    }
    assert images == {
        f"easymaker/katib-suggestion:{VERSION}",
        f"easymaker/katib-early-stopping:{VERSION}",
        "example.com/own:1",
    }


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_is_confined_limited_and_probed_as_katib_probes(name: str) -> None:
    entry = by_name(yaml.safe_load(registered(EXISTING)))[name]
    security = entry["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory", "ephemeral-storage"} <= set(entry["resources"]["limits"])
    for probe in ("readinessProbe", "livenessProbe"):
        assert entry[probe]["grpc"] == {"port": PORT, "service": PROBE}
    # Katib refuses an entry that declares its port.
    assert PORT not in [each["containerPort"] for each in entry["ports"]]


@pytest.mark.parametrize("name", sorted(OURS))
def test_an_entry_is_a_container_that_kubernetes_takes(name: str) -> None:
    entry = by_name(yaml.safe_load(registered(EXISTING)))[name]
    container = {field: value for field, value in entry.items() if field != "algorithmName"} | {"name": "suggestion"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "suggestion"},
        "spec": {"containers": [container]},
    }
    assert Validator.load().problems(pod) == []


def test_what_the_cluster_has_set_besides_stays() -> None:
    config = yaml.safe_load(registered(EXISTING))
    before = yaml.safe_load(EXISTING)
    assert config["init"] == before["init"]
    assert config["runtime"]["metricsCollectors"] == before["runtime"]["metricsCollectors"]
    assert by_name(config)["own"] == {"algorithmName": "own", "image": "example.com/own:1"}
    # In its old place, and whole: settings for another image would not fit.
    assert next(iter(by_name(config))) == "grid"
    assert "1Gi" not in str(by_name(config)["grid"]["resources"])


def test_a_config_map_comes_out_ready_to_replace_the_one_that_was_read(katib: Path) -> None:
    (read,) = build(katib)
    read["metadata"] |= {
        "resourceVersion": "123",
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"a": "b"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "ml"},
    }
    command = [
        sys.executable,
        "-m",
        "katib_suggestions",
        "katib-config",
        "--algorithms",
        "grid",
        "--registry",
        "r.io/x/",
    ]
    done = subprocess.run(command, input=yaml.safe_dump(read), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load(done.stdout)
    assert written["metadata"] == {
        "name": "katib-config",
        "namespace": "kubeflow",
        "resourceVersion": "123",
        "labels": {"a": "b"},
        "annotations": {"team": "ml"},
    }
    assert by_name(config_of(written))["grid"]["image"] == f"r.io/x/easymaker/katib-suggestion:{VERSION}"
    assert set(by_name(config_of(written))) == {"grid", "own"}
    assert by_name(config_of(written), "earlyStoppings") == {}
    # For people: a block, not a line with escapes.
    assert "katib-config.yaml: |" in done.stdout


@pytest.mark.parametrize(
    "text",
    ["", "[]", "kind: Deployment", "{", "kind: ConfigMap\nmetadata: {name: x}", "kind: ConfigMap\ndata: {other: x}"],
)
def test_anything_else_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(UsageError):
        registered(text)
    with pytest.raises(UsageError, match="no algorithm here is called"):
        registered(EXISTING, algorithms=["tpe"])
