"""Every value that trials have logged, from Katib's DB manager over gRPC."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.tunings import MetricSeries, MetricValue, TrialView
from adapters.easymaker.errors import TemporaryEngineError
from katib_suggestions.experiment import Experiment

if TYPE_CHECKING:
    import grpc

PORT = 6789
AT_ONCE = 8
# For all trials of one answer.
SECONDS = 20.0
AWAY_SECONDS = 2.0
NOT_SET = "only the last value: EASYMAKER_CLUSTER_KATIB_DB_MANAGER, which has all of them, is not set"


class KatibMetrics:
    """One connection, made at first use: an adapter that nobody asks for metrics has no gRPC in its memory."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel: grpc.Channel | None = None

    @classmethod
    def of(cls, cluster: ClusterSettings) -> "KatibMetrics | None":
        return cls(cluster.katib_db_manager) if cluster.katib_db_manager else None

    def series(self, trials: Sequence[TrialView], experiment: Experiment) -> list[MetricSeries]:
        """Of each trial, its metrics in the order of the tuning's; those without a value are left out.

        Raises:
            TemporaryEngineError: the DB manager does not answer.
        """
        deadline = time.monotonic() + SECONDS
        names = (experiment.metric, *experiment.additional_metrics)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            logs = pool.map(lambda trial: self._log(trial.id, deadline), trials)
            return [each for trial, log in zip(trials, logs, strict=True) for each in _by_metric(trial, log, names)]

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _log(self, trial: str, deadline: float) -> Sequence[Any]:
        import grpc

        from katib_suggestions.rpc import api_pb2
        from katib_suggestions.rpc.services import DB_MANAGER, methods

        read = methods(DB_MANAGER)["GetObservationLog"].caller(self._connected())
        request = api_pb2.GetObservationLogRequest(trial_name=trial)
        try:
            reply = read(request, timeout=max(deadline - time.monotonic(), 0.1))
        except grpc.RpcError as error:
            code: Any = error.code() if isinstance(error, grpc.Call) else None
            if code is grpc.StatusCode.NOT_FOUND:
                return ()
            told = f"Katib's DB manager at {self._address}: {code.name if code else type(error).__name__}"
            raise TemporaryEngineError(told, AWAY_SECONDS) from error
        return reply.observation_log.metric_logs

    def _connected(self) -> "grpc.Channel":
        if self._channel is None:
            import grpc

            from katib_suggestions.rpc.channel import UNLIMITED_MESSAGES, target

            self._channel = grpc.insecure_channel(target(self._address, PORT), options=UNLIMITED_MESSAGES)
        return self._channel


def _by_metric(trial: TrialView, log: Sequence[Any], names: Sequence[str]) -> Iterator[MetricSeries]:
    values: dict[str, list[MetricValue]] = {name: [] for name in names}
    for each in log:
        if each.metric.name in values and each.metric.value != "unavailable":
            values[each.metric.name].append(MetricValue(_seconds(each.time_stamp), each.metric.value))
    for name, found in values.items():
        if found:
            yield MetricSeries(trial.id, trial.name, name, found)


def _seconds(time_stamp: str) -> float | None:
    """The collector writes the year 1 where a line has no time."""
    try:
        moment = datetime.fromisoformat(time_stamp)
        return moment.timestamp() if moment.year > 1 and moment.tzinfo is not None else None
    except ValueError:
        return None
