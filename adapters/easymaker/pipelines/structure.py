"""Whether a specification holds together: references lead somewhere, no circles, no nesting that explodes."""

from collections.abc import Iterator, Mapping

from adapters.easymaker.pipelines.fields import Problems
from adapters.easymaker.pipelines.specification import Component, Dag, Ports, Source, Specification, Task

# A sub-pipeline may be used many times, each use nesting more: a small file could ask for billions of tasks.
NODE_LIMIT = 2_000
NESTING_LIMIT = 32


def check(specification: Specification, problems: Problems) -> None:
    """Add to ``problems`` what does not hold together."""
    for component in (specification.root, *specification.components.values()):
        place = component.name if component is specification.root else f"components.{component.name}"
        _check_component(specification, component, place, problems)
    if not problems.found:
        _check_expansion(specification, problems)


def _check_component(specification: Specification, component: Component, place: str, problems: Problems) -> None:
    if component.dag is None:
        if component is specification.root:
            problems.add(place, "must be a pipeline (dag), not a single component")
        elif component.executor not in specification.executors:
            problems.add(place, f"there is no executor {component.executor[:100]!r}")
        return
    for task in component.dag.tasks.values():
        task_place = f"{place}.dag.tasks.{task.name}"
        for problem in _task_problems(specification, component, task):
            problems.add(task_place, problem)
    for problem in _output_problems(specification, component.dag):
        problems.add(f"{place}.dag.outputs", problem)
    if (circle := _circle(component.dag)) and not problems.found:
        problems.add(f"{place}.dag", f"these tasks wait for each other: {', '.join(circle[:10])}")


def _task_problems(specification: Specification, around: Component, task: Task) -> Iterator[str]:
    tasks: Mapping[str, Task] = around.dag.tasks if around.dag else {}
    if task.component not in specification.components:
        yield f"there is no component {task.component[:100]!r}"
    for name in task.depends_on:
        if name not in tasks:
            yield f"depends on {name[:100]!r}, which is no task beside it"
    outputs = {name: _outputs(specification, tasks[name]) for name in task.depends_on if name in tasks}
    for ports, sources in (("parameters", task.parameters), ("artifacts", task.artifacts)):
        for key, source in sources.items():
            if problem := _source_problem(source, ports, around, outputs):
                yield f"input {key}: {problem}"
    yield from _loop_problems(task)


def _source_problem(source: Source, ports: str, around: Component, outputs: Mapping[str, Ports]) -> str | None:
    if source.kind == "component_input":
        known = getattr(around.inputs, ports)
        return (
            None if source.key in known else f"the pipeline around it has no input {source.key[:100]!r}{_hint(source)}"
        )
    if source.kind not in ("task_output", "task_final_status"):
        return None
    if source.task not in outputs:
        return f"comes from {source.task[:100]!r}, which the task does not depend on"
    if source.kind == "task_output" and source.key not in getattr(outputs[source.task], ports):
        return f"{source.task} has no output {source.key[:100]!r}{_hint(source)}"
    return None


def _hint(source: Source) -> str:
    """kfp 2.17 compiles f"{outer}-{inner}" of two loops' items to references that exist nowhere."""
    lost = " (kfp loses a loop's item in a text inside another loop: give it to the step as an input of its own)"
    return lost if "loop-item" in source.key else ""


def _loop_problems(task: Task) -> Iterator[str]:
    loop = task.loop
    if loop is None or not loop.over:
        return
    inputs = task.artifacts if loop.artifacts else task.parameters
    if loop.over not in inputs:
        yield f"loops over {loop.over[:100]!r}, which is none of its inputs"


def _outputs(specification: Specification, task: Task) -> Ports:
    component = specification.components.get(task.component)
    return component.outputs if component else Ports()


def _output_problems(specification: Specification, dag: Dag) -> Iterator[str]:
    for ports, outputs in (("parameters", dag.parameters), ("artifacts", dag.artifacts)):
        for key, sources in outputs.items():
            if not sources:
                yield f"{key}: comes from nowhere"
            for source in sources:
                if source.task not in dag.tasks:
                    yield f"{key}: there is no task {source.task[:100]!r}"
                elif source.key not in getattr(_outputs(specification, dag.tasks[source.task]), ports):
                    yield f"{key}: {source.task} has no output {source.key[:100]!r}"


def _circle(dag: Dag) -> list[str]:
    """The tasks that can never begin, because each waits for another of them."""
    waiting = {name: set(task.depends_on) & set(dag.tasks) for name, task in dag.tasks.items()}
    after: dict[str, list[str]] = {name: [] for name in waiting}
    for name, needs in waiting.items():
        for need in needs:
            after[need].append(name)
    ready = [name for name, needs in waiting.items() if not needs]
    while ready:
        done = ready.pop()
        del waiting[done]
        for name in after[done]:
            waiting[name].discard(done)
            if not waiting[name]:
                ready.append(name)
    return sorted(waiting)


def _check_expansion(specification: Specification, problems: Problems) -> None:
    """Count the tasks with all nesting written out, without writing it out."""
    sizes: dict[str, tuple[int, int]] = {}

    def size(component: Component, above: tuple[str, ...]) -> tuple[int, int]:
        """How many tasks ``component`` holds and how many levels."""
        if component.dag is None:
            return 0, 0
        if component.name in above:
            raise _Nesting(f"{component.name} contains itself: {' > '.join((*above, component.name))}")
        if component.name not in sizes and len(above) <= NESTING_LIMIT:
            inner = (*above, component.name)
            tasks = component.dag.tasks.values()
            nested = [size(specification.component_of(task), inner) for task in tasks]
            sizes[component.name] = (
                sum(1 + nodes for nodes, _ in nested),
                1 + max((deep for _, deep in nested), default=0),
            )
        if component.name not in sizes or len(above) + sizes[component.name][1] > NESTING_LIMIT:
            raise _Nesting(f"pipelines are nested deeper than {NESTING_LIMIT} levels")
        return sizes[component.name]

    try:
        nodes, _ = size(specification.root, ())
    except _Nesting as error:
        problems.add("components", str(error))
        return
    if nodes > NODE_LIMIT:
        problems.add(specification.root.name, f"{nodes} tasks with all nesting written out, more than {NODE_LIMIT}")


class _Nesting(Exception):
    pass
