"""A whole life through the loop's own decisions: look, decide, act, write, until something is so."""

import itertools
from collections.abc import Callable, Iterator, Sequence

from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.reconcile.look import look
from tests.conformance.world import Drivers, World, until


class Life:
    """Looks at some resources, again and again, as the loop would without its pauses.

    ``drivers`` are those of each look, the world's own by default.
    """

    def __init__(self, world: World, *ids: str, drivers: Iterator[Drivers] | None = None) -> None:
        self.world = world
        self.ids = ids
        self.drivers = drivers or itertools.repeat(world.drivers)

    def step(self) -> None:
        rows, drivers = self.world.rows, next(self.drivers)
        for resource_id in self.ids:
            if resource_id in rows.records:
                family = rows.family(resource_id)
                driver = self.world.driver(resource_id, drivers)
                rows.write(resource_id, look(KIND_BY_NAME[family.record.kind], driver, family))

    def until(self, condition: Callable[[], bool], what: str = "") -> None:
        def held() -> bool:
            if condition():
                return True
            self.step()
            return condition()

        until(held, lambda: f"{what} {self.shown()}")

    def reach(self, *statuses: str) -> None:
        """Until the first resource has one of these statuses."""
        self.until(lambda: self.status() in statuses, f"{statuses}:")

    def all_reach(self, *statuses: str) -> None:
        rows = self.world.rows.records
        self.until(lambda: all(rows[each].status in statuses for each in self.ids if each in rows), f"{statuses}:")

    def end(self) -> None:
        """Delete the first with its parts, as a user does, until no row is left of any."""
        self.world.rows.delete(self.ids[0])
        self.gone()

    def gone(self) -> None:
        self.until(lambda: not set(self.ids) & set(self.world.rows.records), "all rows are gone:")

    def status(self) -> str:
        record = self.world.rows.records.get(self.ids[0])
        return record.status if record else "GONE"

    def history(self) -> Sequence[str]:
        """Every status that the first resource has had."""
        return self.world.rows.history[self.ids[0]]

    def shown(self) -> str:
        rows = self.world.rows.records
        return ", ".join(
            f"{rows[each].kind} is {rows[each].status} ({rows[each].reason})" for each in self.ids if each in rows
        )
