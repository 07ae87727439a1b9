"""Optional parameters, dsl.OneOf of artifacts and values with placeholders' signs inside kfp.local, mended.

kfp.local 2.17 fails on an optional parameter that has no default and is not given, takes one that a nested pipeline was
not given from a parameter of the same name around it, refuses dsl.OneOf of artifacts, and fails on a value that holds
``{{$.…}}`` around something that is no placeholder. On a cluster all four work.
"""

import copy
import re
from collections.abc import Callable
from typing import Any

from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.kfp_modules import kfp

_PLACEHOLDER = re.compile(r"\{\{\$\..*?\}\}")


def install() -> None:
    """Patch kfp.local in this process."""
    values = kfp(kfp_modules.VALUES).OrchestratorUtils
    values.join_user_inputs_and_defaults = staticmethod(_with_defaults)
    values.make_task_arguments = staticmethod(_without_absent(values.make_task_arguments))
    values.get_dag_output_artifacts = staticmethod(_output_artifacts)
    placeholders = kfp(kfp_modules.PLACEHOLDERS)
    placeholders.resolve_io_placeholders = _text_otherwise(placeholders.resolve_io_placeholders)
    task_spec_utils = kfp(kfp_modules.TASK_SPECS)
    task_spec_utils.build_nested_dag_arguments = _given_only(task_spec_utils.build_nested_dag_arguments)


def _with_defaults(dag_arguments: dict[str, Any], dag_inputs_spec: Any) -> dict[str, Any]:
    """Absent parameters are None in here, so that a name is never looked up further outside."""
    to_python = kfp(kfp_modules.OUTPUTS).pb2_value_to_python
    joined = copy.deepcopy(dag_arguments)
    for name, spec in dag_inputs_spec.parameters.items():
        if name not in joined:
            joined[name] = to_python(spec.default_value) if spec.HasField("default_value") else None
    return joined


def _without_absent(make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """An absent value is not passed on, so that the component's own default counts."""

    def make_task_arguments(task_inputs_spec: Any, io_store: Any) -> dict[str, Any]:
        made = make(task_inputs_spec, io_store)
        return {name: value for name, value in made.items() if value is not None}

    return make_task_arguments


def _given_only(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build_nested_dag_arguments(
        task_name: str, task_spec: Any, component_spec: Any, io_store: Any
    ) -> dict[str, Any]:
        built = build(task_name, task_spec, component_spec, io_store)
        omitted = set(component_spec.input_definitions.parameters) - set(task_spec.inputs.parameters)
        return {name: value for name, value in built.items() if name not in omitted}

    return build_nested_dag_arguments


def _text_otherwise(resolve: Callable[..., str]) -> Callable[..., str]:
    """What kfp.local cannot resolve is text that somebody wrote."""

    def resolve_io_placeholders(executor_input: dict[str, Any], command: str) -> str:
        def resolved(found: re.Match[str]) -> str:
            try:
                return resolve(executor_input, found.group())
            except (LookupError, TypeError, ValueError):
                return found.group()

        return _PLACEHOLDER.sub(resolved, command)

    return resolve_io_placeholders


def _output_artifacts(dag_outputs_spec: Any, io_store: Any) -> dict[str, Any]:
    return {key: _chosen(key, spec.artifact_selectors, io_store) for key, spec in dag_outputs_spec.artifacts.items()}


def _chosen(key: str, selectors: Any, io_store: Any) -> Any:
    """The artifact of the one branch that ran."""
    found: list[Any] = []
    for selector in selectors:
        try:
            found.append(io_store.get_task_output(selector.producer_subtask, selector.output_artifact_key))
        except ValueError:
            continue
    if len(found) != 1:
        raise ValueError(f"output {key}: {len(found)} of {len(selectors)} tasks have made it, one should have")
    return found[0]
