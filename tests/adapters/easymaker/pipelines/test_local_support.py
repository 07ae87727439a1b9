"""What kfp.local cannot run is told at upload, by construct and task, and nothing else is."""

from collections.abc import Callable

from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.support import unsupported

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
