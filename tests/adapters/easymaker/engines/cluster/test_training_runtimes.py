"""The ClusterTrainingRuntimes: what every training pod has, whatever its TrainJob says."""

import copy
from typing import Any

import pytest
import yaml

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.launching import STOP_GRACE_SECONDS
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from tests.adapters.easymaker.engines.cluster.golden_files import require_strictly_valid
from tests.adapters.easymaker.engines.cluster.training_pods import RUNTIMES

NAMES = ("easymaker-plain", "easymaker-torch")


def runtime(name: str) -> dict[str, Any]:
    return yaml.safe_load((RUNTIMES / f"{name}.yaml").read_text("utf-8"))


def job(name: str) -> dict[str, Any]:
    return runtime(name)["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]


def pod(name: str) -> dict[str, Any]:
    return job(name)["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_strictly_valid_and_named_as_the_settings_say(name: str) -> None:
    assert name in (ClusterSettings().plain_runtime, ClusterSettings().torch_runtime)
    assert runtime(name)["metadata"]["name"] == name
    require_strictly_valid([runtime(name)])


def test_both_differ_in_what_torchrun_needs_only() -> None:
    plain, torch = (copy.deepcopy(runtime(name)) for name in NAMES)
    assert torch["spec"].pop("mlPolicy") == {"numNodes": 1, "torch": {}}
    assert plain["spec"].pop("mlPolicy") == {"numNodes": 1}
    assert plain["spec"] == torch["spec"]


@pytest.mark.parametrize("name", NAMES)
def test_pods_are_restricted(name: str) -> None:
    found, container = pod(name), pod(name)["containers"][0]
    assert found["securityContext"]["runAsNonRoot"]
    assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {kind for volume in found["volumes"] for kind in volume} == {"name", "secret", "emptyDir"}


@pytest.mark.parametrize("name", NAMES)
def test_the_launcher_finds_what_it_relies_on(name: str) -> None:
    container = pod(name)["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["EASYMAKER_NAS_ROOT"] == paths.NAS_ROOT
    # What a requirements.txt brings goes where there is room.
    assert variables["UV_CACHE_DIR"].startswith(f"{paths.WORK_VOLUME}/")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert any(variables["EASYMAKER_OBS_PASSWORD_FILE"].startswith(f"{path}/") for path in mounted)
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert pod(name)["terminationGracePeriodSeconds"] >= STOP_GRACE_SECONDS + 300


@pytest.mark.parametrize("name", NAMES)
def test_what_the_launcher_says_is_final_and_a_lost_pod_is_replaced(name: str) -> None:
    """A script that failed is not run again; a pod that was told to end without a stop, or lost with its node, is."""
    spec = job(name)["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    lost, failed = spec["podFailurePolicy"]["rules"]
    assert (lost["action"], lost["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (failed["action"], failed["onExitCodes"]["operator"]) == ("FailJob", "NotIn")
    assert failed["onExitCodes"]["values"] == [ExitCode.STOPPED]
    assert spec["completionMode"] == "Indexed"
