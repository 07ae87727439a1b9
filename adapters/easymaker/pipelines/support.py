"""What the local engine (kfp.local 2.17, tasks as processes) cannot run, found at upload and named with its task.

Each rule stands for a refusal, or for a silently wrong result, that was seen in kfp.local; where it can be mended from
outside, it is, in the ``kfp_local_*`` modules, and there is no rule.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from adapters.easymaker.pipelines import conditions
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.graph import tasks
from adapters.easymaker.pipelines.reading import read
from adapters.easymaker.pipelines.specification import Executor, Specification, Task

Json = Any

_EXECUTOR = "kfp.dsl.executor_main"
_CONTAINERIZED = ("python3", "-m", _EXECUTOR)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_PLATFORM = "kubernetes"
# Settings of kfp-kubernetes without which a task does something else, not merely somewhere else.
_NEEDED = {
    "secretAsVolume": "a secret as files",
    "secretAsEnv": "a secret as environment variables",
    "configMapAsVolume": "a config map as files",
    "configMapAsEnv": "a config map as environment variables",
    "pvcMount": "a persistent volume claim",
    "emptyDirMounts": "an empty directory of the pod",
    "genericEphemeralVolume": "an ephemeral volume",
    "fieldPathAsEnv": "a field of the pod as an environment variable",
}


# What the local engine has of these in another way: the variables of every step, and each NAS at its nas:// path.
GIVEN_VARIABLES = frozenset(
    {
        "EM_API_URL",
        "EM_APPKEY",
        "EM_EXPERIMENT_ID",
        "EM_GROUP_ID",
        "EM_PIPELINE_RUN_ID",
        "EM_REGION",
        "EM_TOKEN",
        "EASYMAKER_OBS_URI",
    }
)
_NAS_CLAIM, _NAS_MOUNT = "nas-", "/mnt/easymaker/nas/"


def unsupported(pipeline: Pipeline, values: Mapping[str, Json] | None = None) -> list[str]:
    """Why the local engine cannot run ``pipeline``, a line per construct and task; may raise InvalidPipeline.

    At upload there are no ``values``; before a run they are those of all parameters, and may rule out more.
    """
    specification = read(pipeline)
    found: list[str] = []
    for path, around, task in tasks(specification):
        known = (values or {}) if around is specification.root else {}
        found += [f"task {path}: {reason}" for reason in _task_reasons(specification, known, task)]
    found += _platform_reasons(pipeline)
    # A component used twice has the same reasons twice; its two tasks are both named, its executor is not.
    return list(dict.fromkeys(found))


def _task_reasons(specification: Specification, known: Mapping[str, Json], task: Task) -> Iterator[str]:
    if task.condition:
        yield from _condition_reasons(task)
    executor = specification.executor_of(task)
    if executor is None:
        return
    if task.loop or task.condition:
        # The compiler always wraps what it repeats or guards into a group.
        yield "a loop or condition on a single task instead of a group is not run locally"
    if executor.kind == "container":
        yield from _container_reasons(executor)
    elif executor.kind == "importer":
        yield from _importer_reasons(known, task, executor)
    else:
        yield f"an executor of kind {executor.kind} is not run locally: use a Python component"


def _condition_reasons(task: Task) -> Iterator[str]:
    try:
        condition = conditions.parse(task.condition)
    except conditions.InvalidCondition as error:
        yield f"its condition {task.condition[:200]!r} is not understood: {error}"
        return
    for name in sorted(condition.references - set(task.parameters)):
        yield f"its condition reads {name}, which is none of its inputs"


def _container_reasons(executor: Executor) -> Iterator[str]:
    command = (*executor.command, *executor.args)
    if command[: len(_CONTAINERIZED)] == _CONTAINERIZED:
        yield f"a containerized Python component (image {executor.image}) is not run locally: leave target_image out"
    elif not any(_EXECUTOR in part for part in command):
        yield f"a container component (image {executor.image}) is not run locally: use a Python component"
    if any("json_escape" in part for part in command):
        yield "a json_escape placeholder is not understood"


def _importer_reasons(known: Mapping[str, Json], task: Task, executor: Executor) -> Iterator[str]:
    for address in _addresses(known, task, executor):
        scheme = _SCHEME.match(address)
        if scheme:
            yield (
                f"imports {address[:200]}: artifacts at {scheme.group(1)}:// addresses cannot be read locally, "
                "only paths: use the download component"
            )


def _addresses(known: Mapping[str, Json], task: Task, executor: Executor) -> Iterator[str]:
    """What is known before a run of the address to import: constants, and values given to the pipeline."""
    for source in task.parameters.values():
        value = known.get(source.key) if source.kind == "component_input" else source.constant
        if isinstance(value, str):
            yield value
    constant = _mapping(executor.body, "artifactUri").get("constant")
    if isinstance(constant, str):
        yield constant


def _platform_reasons(pipeline: Pipeline) -> Iterator[str]:
    settings = _mapping(_mapping(pipeline.platforms, "platforms"), _PLATFORM)
    executors = _mapping(_mapping(settings, "deploymentSpec"), "executors")
    for label in executors:
        for key, told in _NEEDED.items():
            if not all(map(_is_given, _entries(_mapping(executors, label).get(key)))):
                yield f"executor {label}: {told} ({key}) is not there locally"


def _is_given(entry: Mapping[str, Json]) -> bool:
    """Whether a step has what this setting of kfp-kubernetes adds, also without it."""
    variables = [each.get("envVar") for each in _entries(entry.get("keyToEnv"))] or [entry.get("name")]
    if variables != [None]:
        return GIVEN_VARIABLES.issuperset(map(str, variables))
    claim, mount = str(entry.get("constant", "")), str(entry.get("mountPath", ""))
    return claim.startswith(_NAS_CLAIM) and mount == _NAS_MOUNT + claim.removeprefix(_NAS_CLAIM)


def _entries(value: Json) -> list[Mapping[str, Json]]:
    """The settings in a list of them; what is no list counts as one that is not understood."""
    if isinstance(value, list):
        several = cast("list[Json]", value)
        return [cast("dict[str, Json]", each) if isinstance(each, dict) else {} for each in several]
    return [{}] if value else []


def _mapping(value: Mapping[str, Json] | None, key: str) -> Mapping[str, Json]:
    found = (value or {}).get(key)
    return cast("dict[str, Json]", found) if isinstance(found, dict) else {}
