"""Which tasks of one (sub-)pipeline may begin now: decisions only, the tasks themselves are run elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto


class End(Enum):
    DONE = auto()
    FAILED = auto()
    SKIPPED = auto()


@dataclass(frozen=True)
class Waiting:
    """``takes`` are the tasks whose outputs it reads. ``last``: it runs after all others, as exit tasks do."""

    name: str
    after: frozenset[str]
    takes: frozenset[str] = frozenset()
    after_failure: bool = False
    last: bool = False


@dataclass(frozen=True)
class Step:
    """A task whose time has come; with ``blocked`` it is not to be run, for that reason."""

    name: str
    blocked: str = ""
    failed: bool = False


class Schedule:
    def __init__(self, tasks: Iterable[Waiting]) -> None:
        self._waiting = {task.name: task for task in tasks}
        self._ends: dict[str, End] = {}
        self._running: set[str] = set()

    @property
    def over(self) -> bool:
        return not self._waiting and not self._running

    @property
    def failed(self) -> bool:
        return End.FAILED in self._ends.values()

    def ended(self, name: str, end: End) -> None:
        self._running.discard(name)
        self._ends[name] = end

    def ready(self) -> list[Step]:
        """Each task once. Those to be run count as running from here on; the blocked ones have ended."""
        steps: list[Step] = []
        while found := [self._step(task) for task in self._waiting.values() if self._may_begin(task)]:
            for step in found:
                del self._waiting[step.name]
                if step.blocked:
                    self._ends[step.name] = End.FAILED if step.failed else End.SKIPPED
                else:
                    self._running.add(step.name)
            steps += found
        return steps

    def _may_begin(self, task: Waiting) -> bool:
        if task.last:
            return not self._running and all(each.last for each in self._waiting.values())
        return task.after <= self._ends.keys()

    def _step(self, task: Waiting) -> Step:
        failed = [name for name in sorted(task.after) if self._ends.get(name) is End.FAILED]
        if failed and not task.after_failure:
            return Step(task.name, f"{', '.join(failed)} before it failed", failed=True)
        skipped = [name for name in sorted(task.takes) if self._ends.get(name) is End.SKIPPED]
        if skipped:
            return Step(task.name, f"it takes what {', '.join(skipped)} would have made, which did not run")
        return Step(task.name)
