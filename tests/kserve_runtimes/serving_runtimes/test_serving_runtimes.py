"""The runtimes for KServe: valid, restricted, and what they start is what the rest of the suite relies on."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping.runtimes import HTTP_PORT, MODEL_PATH, RUNTIMES
from kserve_runtimes.models.mlserver_command import PROCESS_MODULE, ServerSpec, server_environment
from tests.strict_schema.crds import needs_crds
from tests.strict_schema.validator import Validator

FILES = ("mlserver.yaml", "storage.yaml")


def shipped(name: str) -> dict[str, Any]:
    """As package data, as an installed wheel has it."""
    return yaml.safe_load(resources.files("kserve_runtimes.serving_runtimes").joinpath(name).read_text("utf-8"))


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    (container,) = spec["containers"] if "containers" in spec else [spec["container"]]
    return container


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


@needs_crds
@pytest.mark.parametrize("name", FILES)
def test_strictly_valid(name: str) -> None:
    Validator.load().require_valid(shipped(name))


@pytest.mark.parametrize("name", FILES)
def test_within_the_restricted_pod_security_standard(name: str) -> None:
    container = container_of(shipped(name))
    security = container["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {"requests", "limits"} == set(container["resources"])
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError", "its last line becomes a status reason"


@pytest.mark.parametrize("name", FILES)
def test_images_have_no_tag(name: str) -> None:
    """Tags are in one place, manifests/components/images."""
    assert ":" not in container_of(shipped(name))["image"]


def test_the_model_server_is_started_as_on_one_machine() -> None:
    container = container_of(shipped("mlserver.yaml"))
    spec = ServerSpec(Path("python"), "{{.Name}}", MODEL_PATH, HTTP_PORT, host="0.0.0.0")
    # What the image has of its own, or what there is nothing to keep out of in a container.
    of_the_machine = {"PATH", "LD_PRELOAD", "PYTHONPATH"}
    local = {name: value for name, value in server_environment(spec).items() if name not in of_the_machine}
    assert variables(container) == local | {"HOME": "/tmp"}
    assert container["command"] == ["python", "-m", PROCESS_MODULE]
    assert [port["containerPort"] for port in container["ports"]] == [HTTP_PORT]
    probes = [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert probes == [HTTP_PORT] * 3


def test_no_model_parameter_replaces_a_variable_of_the_runtime() -> None:
    assert set(variables(container_of(shipped("mlserver.yaml")))) <= RUNTIMES["SKLEARN"].variables


def test_the_adapter_asks_for_this_runtime_by_name() -> None:
    manifest = shipped("mlserver.yaml")
    prefix = ClusterSettings.model_fields["serving_runtime_prefix"].default
    runtime = RUNTIMES["SKLEARN"]
    assert manifest["metadata"]["name"] == f"{prefix}{runtime.name}"
    assert [each["name"] for each in manifest["spec"]["supportedModelFormats"]] == [runtime.model_format]
    assert manifest["spec"]["protocolVersions"] == list(runtime.protocols)


def test_only_the_storage_container_is_given_the_secret() -> None:
    """The model server runs code of the model's author."""
    assert "easymaker-storage" not in str(shipped("mlserver.yaml"))
    secrets = [
        each["valueFrom"]["secretKeyRef"]
        for each in container_of(shipped("storage.yaml"))["env"]
        if "valueFrom" in each
    ]
    assert [(each["name"], each["key"], each["optional"]) for each in secrets] == [
        ("easymaker-storage", "password", True),
        ("easymaker-storage", "token", True),
    ]
