"""Hyperparameter tunings on a cluster: refused, with a sentence that says so."""

from collections.abc import Mapping
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.errors import NotFound, PermanentEngineError
from adapters.easymaker.kinds.record import Family

REFUSAL = "hyperparameter tunings are carried out on one machine only so far, not on a cluster"


class TuningDriver:
    def observe(self, family: Family) -> Observation:
        return Observation(Phase.MISSING)

    def start(self, family: Family) -> None:
        raise PermanentEngineError(REFUSAL)

    def stop(self, family: Family) -> None:
        """Nothing runs."""

    def remove(self, family: Family) -> bool:
        return True

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        return b"", False

    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        raise NotFound(f"there is no training {part} of hyperparameter tuning {family.record.name}")

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return []
