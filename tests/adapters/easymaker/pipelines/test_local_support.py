"""What kfp.local cannot run is told at upload, by construct and task, and nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.support import unsupported
from tests import small_pipeline

Named = Callable[[str], Pipeline]

RUNNABLE = {
    "linear",
    "typed",
    "branches",
    "model-branches",
    "conditions",
    "escaped",
    "guarded",
    "loops",
    "nested",
    "exit-handler",
}


def test_all_that_python_components_can_do_is_supported(pipeline_named: Named) -> None:
    for name in RUNNABLE:
        assert unsupported(pipeline_named(name)) == [], name


def test_containers_are_named_with_their_tasks(pipeline_named: Named) -> None:
    assert unsupported(pipeline_named("containers")) == [
        "task for-loop-2/shell-2: a container component (image busybox) is not run locally: use a Python component",
        "task own-image: a containerized Python component (image registry.example/own:1) is not run locally: "
        "leave target_image out",
        "task shell: a container component (image busybox) is not run locally: use a Python component",
    ]


def test_remote_artifacts_are_named_at_upload_where_constant_and_before_a_run_where_given(
    pipeline_named: Named,
) -> None:
    advice = "cannot be read locally, only paths: use the download component"
    imported = pipeline_named("imported")
    constant = f"task importer: imports s3://bucket/model: artifacts at s3:// addresses {advice}"
    assert unsupported(imported) == [constant]
    assert unsupported(imported, {"address": "/data/other"}) == [constant]
    assert unsupported(imported, {"address": "obs://region/bucket/model"}) == [
        constant,
        f"task importer-2: imports obs://region/bucket/model: artifacts at obs:// addresses {advice}",
    ]


def test_conditions_that_kfp_compiles_to_nonsense_are_named_with_advice(pipeline_named: Named) -> None:
    first, second = unsupported(pipeline_named("quoted"))
    assert first.startswith(
        "task condition-1: its condition \"inputs.parameter_values['pipelinechannel--text'] == 'it's'\""
    )
    assert "unescaped" in first
    assert second.startswith("task condition-2: ")


def test_secrets_of_a_cluster_are_named_and_node_selectors_ignored(pipeline_named: Named) -> None:
    assert unsupported(pipeline_named("platform")) == [
        "executor exec-note: a secret as environment variables (secretAsEnv) is not there locally"
    ]


def set_on_a_step(**settings: Any) -> list[str]:
    platforms = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-say": settings}}}}}
    document = small_pipeline.document()
    return unsupported(Pipeline(document, platforms, "hello", ""))


@pytest.mark.parametrize(
    "settings",
    [
        {"secretAsEnv": [{"secretName": "any", "keyToEnv": [{"envVar": "EM_TOKEN", "secretKey": "token"}]}]},
        {
            "configMapAsEnv": [
                {"configMapName": "any", "keyToEnv": [{"envVar": name} for name in ("EM_REGION", "EM_APPKEY")]}
            ]
        },
        {"fieldPathAsEnv": [{"name": "EM_PIPELINE_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}]},
        {"pvcMount": [{"constant": "nas-data", "mountPath": "/mnt/easymaker/nas/data"}]},
        {"secretAsEnv": []},
    ],
)
def test_what_easymaker_itself_gives_every_step_needs_no_cluster(settings: dict[str, Any]) -> None:
    """As use_easymaker() and mount_nas() set it, so that one compiled file runs on both engines."""
    assert set_on_a_step(**settings) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"secretAsEnv": [{"keyToEnv": [{"envVar": "EM_TOKEN"}, {"envVar": "PASSWORD"}]}]}, "secretAsEnv"),
        ({"fieldPathAsEnv": [{"name": "POD_NAME", "fieldPath": "metadata.name"}]}, "fieldPathAsEnv"),
        ({"pvcMount": [{"constant": "nas-data", "mountPath": "/data"}]}, "pvcMount"),
        ({"pvcMount": [{"constant": "own", "mountPath": "/mnt/easymaker/nas/own"}]}, "pvcMount"),
        ({"pvcMount": [{"componentInputParameter": "claim", "mountPath": "/data"}]}, "pvcMount"),
        ({"emptyDirMounts": [{"volumeName": "scratch", "mountPath": "/scratch"}]}, "emptyDirMounts"),
        ({"secretAsEnv": "nonsense"}, "secretAsEnv"),
        ({"secretAsEnv": [5]}, "secretAsEnv"),
    ],
)
def test_everything_else_of_a_cluster_is_missed(settings: dict[str, Any], told: str) -> None:
    (problem,) = set_on_a_step(**settings)
    assert problem.startswith("executor exec-say: ")
    assert f"({told}) is not there locally" in problem
