"""A specification holds together or is refused with the place; nothing in it names a path or explodes."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading import read
from adapters.easymaker.pipelines.specification import Loop, Retry, Source

Named = Callable[[str], Pipeline]


def changed(pipeline: Pipeline, path: str, value: Any) -> Pipeline:
    """``pipeline`` with ``value`` at the dotted ``path``; None takes the field away."""
    spec = copy.deepcopy(pipeline.spec)
    *parents, last = path.split(".")
    place = spec
    for name in parents:
        place = place.setdefault(name, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return Pipeline(spec, pipeline.platforms, pipeline.name, pipeline.sdk_version)


def refused(pipeline: Pipeline) -> str:
    with pytest.raises(InvalidPipeline) as refusal:
        read(pipeline)
    return str(refusal.value)


def test_every_compiled_pipeline_holds_together(compiled: dict[str, str], pipeline_named: Named) -> None:
    for name in set(compiled) - {"lost-item"}:
        specification = read(pipeline_named(name))
        assert specification.name == name
        assert specification.root.dag


def test_what_kfp_itself_compiles_to_nowhere_is_refused(pipeline_named: Named) -> None:
    """kfp 2.17 loses the items of two loops that stand in one text; a cluster would fail at run time."""
    problems = refused(pipeline_named("lost-item"))
    assert "several has no output 'items-loop-item'" in problems
    assert "comp-for-loop-6.dag.tasks.note-2: input pipelinechannel--loop-item" in problems
    assert "give it to the step as an input of its own" in problems


def test_tasks_are_read_whole(pipeline_named: Named) -> None:
    specification = read(pipeline_named("linear"))
    assert (specification.display_name, specification.description) == ("Linear one", "two steps")
    dag = specification.root.dag
    assert dag
    first, second = dag.tasks["note"], dag.tasks["note-2"]
    assert first.parameters["text"] == Source("component_input", "message")
    assert second.parameters["text"] == Source("task_output", "Output", "note")
    assert second.depends_on == ("note",)
    assert second.label == "The second"
    assert second.retry == Retry(3, "10s", 2.0, "60s")
    assert (first.cached, second.cached) == (True, False)
    executor = specification.executor_of(first)
    assert executor
    assert (executor.kind, executor.image) == ("container", "python:3.11")


def test_loops_conditions_and_exit_tasks_are_read(pipeline_named: Named) -> None:
    dag = read(pipeline_named("loops")).root.dag
    assert dag
    assert dag.tasks["for-loop-2"].loop == Loop(
        "pipelinechannel--loop-item-param-1", items='[{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]', parallelism=1
    )
    over = [task.loop.over for task in dag.tasks.values() if task.loop]
    assert over == ["", "pipelinechannel--names", "", "pipelinechannel--several-none"]
    exits = read(pipeline_named("exit-handler")).root.dag
    assert exits
    assert [task.name for task in exits.tasks.values() if task.after_failure] == ["note-all", "note-status"]
    assert [task.name for task in exits.tasks.values() if task.reads_final_status] == ["note-status"]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("extra", 1, "pipeline: unknown field 'extra'"),
        ("components.comp-note.executor_label", "x", "components.comp-note: unknown field 'executor_label'"),
        ("components.comp-note.executorLabel", None, "components.comp-note: neither dag nor executorLabel is there"),
        ("components.comp-note.executorLabel", "exec-gone", "components.comp-note: there is no executor 'exec-gone'"),
        ("components.comp-note.executorLabel", 5, "components.comp-note.executorLabel: must be text"),
        ("components.comp-note.dag", {}, "only one of dag, executorLabel may be there"),
        (
            "components.comp-note.inputDefinitions.parameters.text.parameterType",
            "TEXT",
            "parameterType 'TEXT' is not one of",
        ),
        (
            "components.comp-note.inputDefinitions.parameters.text.isOptional",
            "yes",
            "isOptional: must be true or false",
        ),
        ("components.comp-note.outputDefinitions.parameters", [], "outputDefinitions.parameters: must be a mapping"),
        ("components.comp-note.outputDefinitions.parameters", {"../../x": {}}, "the name '../../x' is not allowed"),
        (
            "components.comp-note.outputDefinitions.parameters",
            {"/etc/passwd": {}},
            "the name '/etc/passwd' is not allowed",
        ),
        ("components.../x", {}, "the name"),
        ("root.dag.tasks.a/b", {}, "the name 'a/b' is not allowed"),
        (
            "root.dag.tasks.note.componentRef.name",
            "comp-gone",
            "root.dag.tasks.note: there is no component 'comp-gone'",
        ),
        ("root.dag.tasks.note.dependentTasks", ["gone"], "depends on 'gone', which is no task beside it"),
        ("root.dag.tasks.note.dependentTasks", "note-2", "dependentTasks: must be a list of texts"),
        ("root.dag.tasks.note.dependentTasks", ["note-2"], "these tasks wait for each other: note, note-2"),
        ("root.dag.tasks.note.dependentTasks", ["note"], "these tasks wait for each other: note"),
        (
            "root.dag.tasks.note-2.dependentTasks",
            [],
            "input text: comes from 'note', which the task does not depend on",
        ),
        ("root.dag.tasks.note.inputs.parameters.text", {}, "none of taskOutputParameter"),
        ("root.dag.tasks.note.inputs.parameters.text.componentInputParameter", "gone", "has no input 'gone'"),
        (
            "root.dag.tasks.note-2.inputs.parameters.text.taskOutputParameter.outputParameterKey",
            "x",
            "note has no output 'x'",
        ),
        ("root.dag.tasks.note.inputs.parameters.text.runtimeValue", {"constant": 1}, "only one of"),
        ("root.dag.tasks.note.triggerPolicy", {"strategy": "SOMETIMES"}, "strategy 'SOMETIMES' is not one of"),
        ("root.dag.tasks.note.triggerPolicy", {"conditon": "1 == 2"}, "unknown field 'conditon'"),
        ("root.dag.tasks.note.parameterIterator", {"itemInput": "x"}, "says nothing to loop over"),
        (
            "root.dag.tasks.note.parameterIterator",
            {"items": {"inputParameter": "x"}},
            "loops over 'x', which is none of its inputs",
        ),
        ("root.dag.tasks.note.retryPolicy", {"maxRetryCount": -1}, "maxRetryCount: must be a whole number, 0 or more"),
        ("root.dag.outputs.parameters.x.valueFromParameter", {"producerSubtask": "gone"}, "x: there is no task 'gone'"),
        ("root.dag.outputs.parameters.x.valueFromParameter", {"producerSubtask": "note"}, "x: note has no output ''"),
        ("root.dag.outputs.parameters.x", {}, "x: comes from nowhere"),
        ("root.dag", None, "neither dag nor executorLabel"),
        ("root", {"executorLabel": "exec-note"}, "root: must be a pipeline (dag)"),
        ("deploymentSpec.executors.exec-note", {}, "executors.exec-note: none of container, importer"),
        ("deploymentSpec.executors.exec-note.container.command", [1], "command: must be a list of texts"),
        (
            "deploymentSpec.executors.exec-note.container.imagee",
            "x",
            "executors.exec-note.container: unknown field 'imagee'",
        ),
    ],
    ids=range(36),
)
def test_what_does_not_hold_together_is_refused_with_its_place(
    pipeline_named: Named, path: str, value: Any, problem: str
) -> None:
    assert problem in refused(changed(pipeline_named("linear"), path, value))


def test_all_problems_are_told_at_once_and_a_flood_is_cut(pipeline_named: Named) -> None:
    twice = changed(changed(pipeline_named("linear"), "extra", 1), "root.dag.tasks.note.componentRef", 5)
    assert "unknown field" in refused(twice)
    assert "componentRef: must be a mapping" in refused(twice)
    flood = refused(changed(twice, "root.dag.tasks", {f"/{index}": {} for index in range(5_000)}))
    assert "more problems" in flood
    assert len(flood) < 5_000


def nesting(pipeline: Pipeline, levels: int, width: int) -> Pipeline:
    """A pipeline that holds a pipeline ``width`` times, and so on, ``levels`` deep."""
    spec = copy.deepcopy(pipeline.spec)
    for level in range(levels):
        task = {"componentRef": {"name": f"comp-{level + 1}"}}
        spec["components"][f"comp-{level}"] = {"dag": {"tasks": {f"t{each}": task for each in range(width)}}}
    spec["components"][f"comp-{levels}"] = {"executorLabel": "exec-note"}
    spec["root"] = {"dag": {"tasks": {"t": {"componentRef": {"name": "comp-0"}}}}}
    return Pipeline(spec, None, pipeline.name, "")


def test_nesting_that_explodes_or_never_ends_is_refused_before_it_is_written_out(pipeline_named: Named) -> None:
    linear = pipeline_named("linear")
    assert read(nesting(linear, 9, 2)).root.dag
    assert f"{2**31 - 1} tasks with all nesting written out" in refused(nesting(linear, 30, 2))
    assert "nested deeper than 32 levels" in refused(nesting(linear, 40, 1))
    itself = nesting(linear, 3, 1)
    itself.spec["components"]["comp-2"]["dag"]["tasks"]["t0"]["componentRef"]["name"] = "comp-0"
    assert "comp-0 contains itself: root > comp-0 > comp-1 > comp-2 > comp-0" in refused(itself)


def test_the_betas_spelling_is_understood(pipeline_named: Named) -> None:
    old = changed(pipeline_named("linear"), "components.comp-note.inputDefinitions.parameters.text", {"type": "STRING"})
    old = changed(
        old, "root.dag.tasks.note.inputs.parameters.text", {"runtimeValue": {"constantValue": {"stringValue": "x"}}}
    )
    specification = read(old)
    dag = specification.root.dag
    assert dag
    assert dag.tasks["note"].parameters["text"] == Source("constant", constant="x")
    assert specification.components["comp-note"].inputs.parameters["text"].type == "STRING"
