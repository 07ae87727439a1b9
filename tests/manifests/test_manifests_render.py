"""Every overlay and every choice of components renders, and what it renders is valid to the last field."""

import functools
import itertools
import json
import os
from pathlib import Path

import pytest

from adapters.easymaker import catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.settings import Settings
from tests.manifests.rendered import (
    COMPONENTS,
    MANIFESTS,
    OVERLAYS,
    WHOLE,
    Json,
    build,
    combined,
    identity,
    one,
    rendered,
)
from tests.strict_schema.validator import Validator

# Each alone, all, and all but each: with and without every other one.
CHOICES = [*((each,) for each in COMPONENTS), COMPONENTS, *itertools.combinations(COMPONENTS, len(COMPONENTS) - 1)]
# Of the Prometheus operator: its definition is not among those that the tests have.
WITHOUT_SCHEMA = {"ServiceMonitor"}
# Variables that are not the adapter's: kustomize puts them elsewhere.
PLACED = {"GATEWAY_CLASS", "KUBEFLOW_HOST"}


@functools.cache
def problems(text: str) -> list[str]:
    document = json.loads(text)
    validator = Validator.load()
    if document["kind"] in WITHOUT_SCHEMA or not validator.knows(document):
        return []
    return [f"{identity(document)}: {each}" for each in validator.problems(document)]


def all_problems(documents: list[Json] | tuple[Json, ...]) -> list[str]:
    return [each for document in documents for each in problems(json.dumps(document, sort_keys=True))]


@pytest.mark.parametrize("name", WHOLE)
def test_it_is_strictly_valid(name: str) -> None:
    assert all_problems(rendered(name)) == []


@pytest.mark.parametrize("components", CHOICES, ids=lambda each: "+".join(name.partition("/")[2] for name in each))
def test_components_go_together(components: tuple[str, ...], tmp_path: Path) -> None:
    documents = combined(tmp_path, *components)
    assert all_problems(documents) == []
    names = [identity(document) for document in documents]
    assert len(names) == len(set(names))


def test_our_kinds_have_a_schema() -> None:
    """Otherwise the tests above would say nothing about custom resources; without the CRDs there is none."""
    if not Validator.load().knows({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway"}):
        pytest.skip("the Kubeflow CRDs are not here")
    unknown = {
        document["kind"] for name in WHOLE for document in rendered(name) if not Validator.load().knows(document)
    }
    assert unknown <= WITHOUT_SCHEMA


@pytest.mark.parametrize("name", OVERLAYS)
def test_nothing_is_left_to_fill_in(name: str) -> None:
    assert "from-settings" not in json.dumps(rendered(name))


@pytest.mark.parametrize("name", ["base", *OVERLAYS])
def test_every_setting_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nothing reads is a typing error that nobody would notice; a value has to be a valid one."""
    data = config_map(rendered(name), "easymaker-adapter")["data"]
    known = {f"EASYMAKER_{field.upper()}" for field in Settings.model_fields}
    known |= {f"EASYMAKER_CLUSTER_{field.upper()}" for field in ClusterSettings.model_fields}
    assert set(data) - known <= PLACED
    for variable, value in data.items():
        monkeypatch.setenv(variable, value)
    assert Settings().engine == "cluster"
    assert ClusterSettings().gateway_host == data["EASYMAKER_CLUSTER_GATEWAY_HOST"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_catalogue_is_the_shipped_one(name: str) -> None:
    text = config_map(rendered(name), "easymaker-catalogue")["data"]["catalogue.yaml"]
    assert text == Path(catalogue.__file__).with_name("catalogue.yaml").read_text("utf-8")


def test_an_operator_replaces_the_catalogue_and_settings(tmp_path: Path) -> None:
    """As docs/platform/install.md says; the pods follow, since the names end with a hash."""
    (tmp_path / "catalogue.yaml").write_text("flavors:\n  - {name: only, vcpus: 2, ram: 4096}\n", "utf-8")
    (tmp_path / "settings.env").write_text("EASYMAKER_LOG_LEVEL=DEBUG\n", "utf-8")
    before = rendered("base")
    after = overlaid(tmp_path)
    assert config_map(after, "easymaker-adapter")["data"]["EASYMAKER_LOG_LEVEL"] == "DEBUG"
    assert config_map(after, "easymaker-adapter")["data"]["EASYMAKER_ENGINE"] == "cluster"
    assert "only" in config_map(after, "easymaker-catalogue")["data"]["catalogue.yaml"]
    for name in ("easymaker-adapter", "easymaker-catalogue"):
        assert config_map(before, name)["metadata"]["name"] not in json.dumps(after)
        assert json.dumps(after).count(config_map(after, name)["metadata"]["name"]) > 1


def overlaid(directory: Path) -> list[Json]:
    up = os.path.relpath(MANIFESTS, directory.resolve())
    (directory / "kustomization.yaml").write_text(
        f"""
resources: [{up}/overlays/standalone]
configMapGenerator:
  - {{name: easymaker-catalogue, namespace: kubeflow, behavior: replace, files: [catalogue.yaml]}}
  - {{name: easymaker-adapter, namespace: kubeflow, behavior: merge, envs: [settings.env]}}
""",
        "utf-8",
    )
    return build(directory)


def config_map(documents: list[Json] | tuple[Json, ...], name: str) -> Json:
    """By its name without the hash."""
    (found,) = [
        document
        for document in documents
        if document["kind"] == "ConfigMap" and document["metadata"]["name"].rpartition("-")[0] == name
    ]
    return found


def test_the_gateway_and_the_adapter_have_the_host_of_the_settings() -> None:
    for name in OVERLAYS:
        documents = rendered(name)
        host = config_map(documents, "easymaker-adapter")["data"]["EASYMAKER_CLUSTER_GATEWAY_HOST"]
        assert one(documents, "Gateway", "easymaker-gateway")["spec"]["listeners"][0]["hostname"] == host
        assert one(documents, "HTTPRoute", "easymaker-adapter")["spec"]["hostnames"] == [host]
