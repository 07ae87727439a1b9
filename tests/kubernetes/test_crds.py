"""Every CRD of ../shared/crds loads, and what is relaxed for an old server is only what it refuses.

That all of them load is told by the exhaustive tests; those that any other test needs are loaded by that test.
"""

from typing import Any

import pytest

from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.crds import crd_directory, read_crds, relaxed
from tests.kubernetes.fixtures import LoadCrds


def crd(schema: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}}


def relaxed_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return relaxed(crd(schema))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_an_empty_default_goes_and_other_defaults_stay() -> None:
    schema = {"properties": {"default": {"type": "string", "default": ""}, "b": {"type": "string", "default": "x"}}}

    assert relaxed_schema(schema) == {
        "properties": {"default": {"type": "string"}, "b": {"type": "string", "default": "x"}}
    }


def test_a_list_whose_key_loses_its_default_becomes_atomic() -> None:
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    lost = {**keyed, "items": {"properties": {"name": {"type": "string", "default": ""}}}}
    kept = {**keyed, "items": {"properties": {"name": {"type": "string"}}, "required": ["name"]}}

    schema = relaxed_schema({"properties": {"lost": lost, "kept": kept}})

    assert schema["properties"]["lost"] == {
        "type": "array", "x-kubernetes-list-type": "atomic", "items": {"properties": {"name": {"type": "string"}}},
    }  # fmt: skip
    assert schema["properties"]["kept"] == kept


def test_katibs_crds_come_with_the_derived_schemas() -> None:
    directory = crd_directory()
    if directory is None:
        pytest.skip("no CRDs: set EASYMAKER_CRDS, or have shared/crds beside the checkout")

    experiments = read_crds(directory, {"experiments"})

    assert len(experiments) == 1
    schema = experiments[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert "parameters" in schema["properties"]["spec"]["properties"]


@pytest.mark.exhaustive
def test_all_crds_load_and_are_served(api_server: ApiServerProcess, crds: LoadCrds) -> None:
    loaded = crds(None)

    directory = crd_directory()
    assert directory is not None
    assert sorted(loaded) == sorted({path.stem for path in directory.rglob("*.yaml")})
    assert api_server.request("GET", "/apis/serving.kserve.io/v1beta1/inferenceservices").json()["items"] == []
