"""Experiments on one machine: directories of TensorBoard logs."""

import shutil
from collections.abc import Mapping
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.tensorboard import TensorBoards
from adapters.easymaker.kinds.record import Family


class ExperimentDriver:
    def __init__(self, home: LocalHome, boards: TensorBoards) -> None:
        self._home = home
        self._boards = boards

    def observe(self, family: Family) -> Observation:
        there = (self._home.tensorboard / family.record.id).is_dir()
        return Observation(Phase.RUNNING if there else Phase.MISSING)

    def start(self, family: Family) -> None:
        (self._home.tensorboard / family.record.id).mkdir(parents=True, exist_ok=True)

    def stop(self, family: Family) -> None:
        """An experiment has nothing that could be stopped."""

    def remove(self, family: Family) -> bool:
        if not self._boards.remove(family.record.id):
            return False
        shutil.rmtree(self._home.tensorboard / family.record.id, ignore_errors=True)
        return True

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return self._boards.open(family.record.id)
