"""What a pipeline's IR says, typed: components, tasks, executors, and where each input comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any

SourceKind = Literal["constant", "task_output", "component_input", "task_final_status", "missing"]
ExecutorKind = Literal["container", "importer", "resolver", "customJob", "missing"]


@dataclass(frozen=True)
class Port:
    """A parameter or an artifact that a component takes or gives.

    ``type`` is a parameter type of the IR (``STRING``) or an artifact's schema title (``system.Model``).
    """

    name: str
    type: str
    optional: bool = False
    is_list: bool = False
    has_default: bool = False
    default: Json = None
    description: str = ""
    literals: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Ports:
    parameters: Mapping[str, Port] = field(default_factory=dict[str, Port])
    artifacts: Mapping[str, Port] = field(default_factory=dict[str, Port])


@dataclass(frozen=True)
class Source:
    """Where a value comes from: an output ``key`` of ``task``, an input ``key`` of the component around, a constant."""

    kind: SourceKind
    key: str = ""
    task: str = ""
    constant: Json = None
    selector: str = ""


@dataclass(frozen=True)
class Loop:
    """A task runs once per item of ``items`` (JSON text) or of its own input ``over``; each arrives as ``item``."""

    item: str
    over: str = ""
    items: str | None = None
    artifacts: bool = False
    parallelism: int = 0


@dataclass(frozen=True)
class Retry:
    count: int = 0
    backoff: str = ""
    factor: float = 0
    longest: str = ""


@dataclass(frozen=True)
class Task:
    """``after_failure``: it runs however the tasks before it ended, as exit tasks do and those that ignore failures."""

    name: str
    label: str
    component: str
    depends_on: tuple[str, ...]
    condition: str
    after_failure: bool
    loop: Loop | None
    retry: Retry
    cached: bool
    parameters: Mapping[str, Source]
    artifacts: Mapping[str, Source]

    @property
    def sources(self) -> tuple[Source, ...]:
        return (*self.parameters.values(), *self.artifacts.values())

    @property
    def reads_final_status(self) -> bool:
        return any(source.kind == "task_final_status" for source in self.parameters.values())


@dataclass(frozen=True)
class Dag:
    """``parameters`` and ``artifacts`` are its outputs: several sources where dsl.OneOf chooses among branches."""

    tasks: Mapping[str, Task]
    parameters: Mapping[str, tuple[Source, ...]]
    artifacts: Mapping[str, tuple[Source, ...]]


@dataclass(frozen=True)
class Component:
    """Either a sub-pipeline (``dag``) or a program (``executor``, a key of the executors)."""

    name: str
    inputs: Ports
    outputs: Ports
    dag: Dag | None
    executor: str


@dataclass(frozen=True)
class Executor:
    """``body`` is the container, importer, … as the IR has it."""

    label: str
    kind: ExecutorKind
    body: Mapping[str, Json]
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Specification:
    name: str
    display_name: str
    description: str
    root: Component
    components: Mapping[str, Component]
    executors: Mapping[str, Executor]

    def component_of(self, task: Task) -> Component:
        return self.components[task.component]

    def executor_of(self, task: Task) -> Executor | None:
        """The program that ``task`` runs; None for a sub-pipeline."""
        component = self.component_of(task)
        return None if component.dag is not None else self.executors[component.executor]

    def dags(self) -> Mapping[str, Component]:
        """Every component that is a sub-pipeline, the whole pipeline among them, by name."""
        components = {self.root.name: self.root, **self.components}
        return {name: component for name, component in components.items() if component.dag is not None}
