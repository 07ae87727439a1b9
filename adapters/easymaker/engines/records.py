"""Resources that are nothing but their record, on any engine."""

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.kinds.record import Family, Goal


class RecordDriver:
    """For training templates and the like: there is nothing to carry out."""

    def observe(self, family: Family) -> Observation:
        return Observation(Phase.RUNNING if family.record.goal is Goal.PRESENT else Phase.MISSING)

    def start(self, family: Family) -> None:
        """Nothing to do."""

    def stop(self, family: Family) -> None:
        """Nothing to do."""

    def remove(self, family: Family) -> bool:
        return True
