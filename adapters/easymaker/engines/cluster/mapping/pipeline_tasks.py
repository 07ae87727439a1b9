"""Executors by task: a pipeline may let several tasks share one, but the variable with a task's name is on it."""

import copy
from collections.abc import Iterator
from typing import Any

from adapters.easymaker.kinds.record import Json

KUBERNETES = "kubernetes"


def containers_by_task(spec: Json, platforms: Json) -> dict[str, str]:
    """The task of each container, by executor. A container that tasks of different names share is copied, in place, so
    that each has its own.
    """
    tasks: dict[str, str] = {}
    copies: dict[tuple[str, str], str] = {}
    for name, task in list(_tasks(spec)):
        component = task["componentRef"]["name"]
        label = spec["components"][component].get("executorLabel")
        if label is None or "container" not in spec["deploymentSpec"]["executors"][label]:
            continue
        if tasks.setdefault(label, name) != name:
            if (component, name) not in copies:
                copies[component, name] = _copied(spec, platforms, component)
            task["componentRef"]["name"] = copies[component, name]
            tasks[spec["components"][copies[component, name]]["executorLabel"]] = name
    return tasks


def kubernetes_settings(platforms: Json) -> Json:
    """What a pipeline says of its executors on Kubernetes, by executor; made where there is nothing yet."""
    platform = platforms.setdefault("platforms", {}).setdefault(KUBERNETES, {})
    return platform.setdefault("deploymentSpec", {}).setdefault("executors", {})


def _tasks(spec: Json) -> Iterator[tuple[str, Json]]:
    for component in (spec["root"], *spec["components"].values()):
        yield from component.get("dag", {}).get("tasks", {}).items()


def _copied(spec: Json, platforms: Json, component: str) -> str:
    executors = spec["deploymentSpec"]["executors"]
    label = spec["components"][component]["executorLabel"]
    name, new_label = _unused(component, spec["components"]), _unused(label, executors)
    spec["components"][name] = copy.deepcopy(spec["components"][component]) | {"executorLabel": new_label}
    executors[new_label] = copy.deepcopy(executors[label])
    settings = kubernetes_settings(platforms)
    if label in settings:
        settings[new_label] = copy.deepcopy(settings[label])
    return name


def _unused(name: str, taken: dict[str, Any]) -> str:
    number = 2
    while f"{name}-em-{number}" in taken:
        number += 1
    return f"{name}-em-{number}"
