"""Katib's EarlyStopping service: median stopping over the values that a DB manager has.

What it remembers only saves reading: the values of a trial that has ended do not change.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import structlog

from katib_suggestions.early_stopping import median
from katib_suggestions.early_stopping.observation_logs import ObservationLogs
from katib_suggestions.early_stopping.settings import MEDIAN_STOP, median_stop_settings
from katib_suggestions.experiment import Experiment
from katib_suggestions.rpc import api_pb2, conversion
from katib_suggestions.rpc.calls import Call, Workers
from katib_suggestions.rpc.db_manager import db_manager_logs
from katib_suggestions.rpc.errors import LogsUnavailable
from katib_suggestions.rpc.guard import Answer
from katib_suggestions.rpc.service_account import ServiceAccount
from katib_suggestions.rpc.trial_status import EARLY_STOPPED, TrialStatuses
from katib_suggestions.search_space import InvalidExperiment, SearchSpace

log = structlog.get_logger("katib_suggestions")

READERS = 16
REMEMBERED = 50_000
# A collector waits for ever.
STATUS_SECONDS = 60.0

OpenLogs = Callable[[str, Call], AbstractAsyncContextManager[ObservationLogs]]
Key = tuple[str, ...]


class Averages:
    """The averages of trials that have ended, the ones used last."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._values: OrderedDict[Key, float] = OrderedDict()

    def get(self, key: Key) -> float | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Key, value: float) -> None:
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)


@dataclass(frozen=True)
class EarlyStoppingService:
    workers: Workers
    open_logs: OpenLogs = db_manager_logs
    account: Callable[[], ServiceAccount] = ServiceAccount.of_pod
    averages: Averages = field(default_factory=Averages)

    @property
    def answers(self) -> dict[str, Answer]:
        return {
            "GetEarlyStoppingRules": self.get_rules,
            "SetTrialStatus": self.set_trial_status,
            "ValidateEarlyStoppingSettings": self.validate,
        }

    async def validate(
        self, request: api_pb2.ValidateEarlyStoppingSettingsRequest, call: Call
    ) -> api_pb2.ValidateEarlyStoppingSettingsReply:
        call.algorithm = MEDIAN_STOP
        name, settings = conversion.read_early_stopping(request.early_stopping)
        median_stop_settings(name, settings)
        return api_pb2.ValidateEarlyStoppingSettingsReply()

    async def get_rules(
        self, request: api_pb2.GetEarlyStoppingRulesRequest, call: Call
    ) -> api_pb2.GetEarlyStoppingRulesReply:
        call.algorithm = MEDIAN_STOP
        call.notes |= {"trials": len(request.trials), "experiment": request.experiment.name}
        experiment = conversion.read_experiment(request.experiment)
        settings = median_stop_settings(experiment.early_stopping, experiment.early_stopping_settings)
        ended = await self.workers.run(call, lambda: _own_ended(experiment, request.trials))
        call.notes["ended"] = len(ended)
        averages: Sequence[float] = ()
        # Nothing to compare with yet: no need to ask anybody.
        if len(ended) >= settings.min_trials_required:
            averages = await self._averages(experiment, settings.start_step, ended, request.db_manager_address, call)
        rule = median.stopping_rule(experiment, settings, averages)
        rules = [] if rule is None else [conversion.rule_message(rule)]
        return api_pb2.GetEarlyStoppingRulesReply(early_stopping_rules=rules)

    async def _averages(
        self, experiment: Experiment, start_step: int, ended: Iterable[Key], address: str, call: Call
    ) -> list[float]:
        """Of those that have any value."""
        about = (address, experiment.metric, str(start_step))
        found = {key: self.averages.get((*about, *key)) for key in ended}
        missing = iter([key for key, value in found.items() if value is None])

        async def read(logs: ObservationLogs) -> None:
            for key in missing:
                value = median.average(await logs.values(key[0], experiment.metric), start_step)
                if value is not None:
                    found[key] = value
                    self.averages.put((*about, *key), value)

        failure: BaseException | None = None
        async with self.open_logs(address, call) as logs:
            try:
                async with asyncio.TaskGroup() as readers:
                    for _ in range(READERS):
                        readers.create_task(read(logs))
            except* LogsUnavailable as group:
                failure = group.exceptions[0]
        # What is raised within `except*` would be in a group again.
        if failure is not None:
            raise failure
        return [value for value in found.values() if value is not None]

    async def set_trial_status(self, request: api_pb2.SetTrialStatusRequest, call: Call) -> api_pb2.SetTrialStatusReply:
        call.algorithm = MEDIAN_STOP
        name = request.trial_name
        call.notes["trial"] = name
        statuses = TrialStatuses(self.account())
        end = await self.workers.run(call, lambda: statuses.set_early_stopped(name, call.remaining(STATUS_SECONDS)))
        if end != EARLY_STOPPED:
            log.warning("the trial had ended before", trial=name, end=end)
        return api_pb2.SetTrialStatusReply()


def _own_ended(experiment: Experiment, trials: Iterable[api_pb2.Trial]) -> list[Key]:
    """Name and time of the end of those that count, without what Katib's controller takes from other namespaces.

    A space that is not valid says nothing about which trials are the experiment's own.
    """
    try:
        space = SearchSpace.of(experiment.parameters)
    except InvalidExperiment:
        space = None
    found = []
    for message in trials:
        trial = conversion.read_trial(message)
        if median.counts(trial) and (space is None or space.read(trial.assignments) is not None):
            found.append((trial.name, message.status.completion_time))
    return found
