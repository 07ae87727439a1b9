"""Series of metrics over real gRPC, from a server with the interface of Katib's DB manager."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from adapters.easymaker.engines.cluster.katib_metrics import KatibMetrics
from adapters.easymaker.engines.tunings import TrialView, series_answer, tuning_experiment
from adapters.easymaker.errors import TemporaryEngineError
from katib_suggestions.rpc import api_pb2
from katib_suggestions.rpc.services import DB_MANAGER, handlers
from katib_suggestions.trial import TrialCondition
from tests.adapters.easymaker.engines.cluster.training_samples import cluster_settings, tuning
from tests.ports import free_port

LOGS = {
    "a": [
        ("2026-01-01T10:00:00Z", "accuracy", "0.5"),
        ("2026-01-01T10:00:01.123456789Z", "loss", "2"),
        ("2026-01-01T10:00:02Z", "accuracy", "0.7"),
        ("2026-01-01T10:00:03Z", "other", "1"),
    ],
    "b": [("0001-01-01T00:00:00Z", "accuracy", "0.1")],
    "c": [("0001-01-01T00:00:00Z", "accuracy", "unavailable")],
}
EXPERIMENT = tuning_experiment(tuning(metricList=[{"name": "accuracy"}, {"name": "loss"}]))


def answer(request: Any, context: grpc.ServicerContext) -> Any:
    if request.trial_name == "broken":
        context.abort(grpc.StatusCode.UNKNOWN, "database is locked")
    if request.trial_name not in LOGS:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such trial")
    logs = [
        api_pb2.MetricLog(time_stamp=at, metric=api_pb2.Metric(name=name, value=value))
        for at, name, value in LOGS[request.trial_name]
    ]
    return api_pb2.GetObservationLogReply(observation_log=api_pb2.ObservationLog(metric_logs=logs))


@pytest.fixture
def metrics() -> Iterator[KatibMetrics]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handlers(DB_MANAGER, {"GetObservationLog": answer})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    made = KatibMetrics.of(cluster_settings(katib_db_manager=f"127.0.0.1:{port}"))
    assert made is not None
    yield made
    made.close()
    server.stop(None).wait()


def trials(*names: str) -> list[TrialView]:
    return [TrialView(name, name, TrialCondition.SUCCEEDED, {}) for name in names]


def test_every_value_with_its_time(metrics: KatibMetrics) -> None:
    found = series_answer(metrics.series(trials("a", "b", "c", "unknown"), EXPERIMENT))
    assert [(each["trialId"], each["trialMetricName"]) for each in found] == [
        ("a", "accuracy"),
        ("a", "loss"),
        ("b", "accuracy"),
    ]
    assert [(each["datetime"], each["value"]) for each in found[0]["valueList"]] == [
        ("2026-01-01T10:00:00+00:00", "0.5"),
        ("2026-01-01T10:00:02+00:00", "0.7"),
    ]
    assert found[1]["valueList"][0]["datetime"].startswith("2026-01-01T10:00:01.123456")
    assert found[2]["valueList"] == [{"datetime": None, "value": "0.1"}]


def test_a_database_in_trouble_is_a_passing_one(metrics: KatibMetrics) -> None:
    with pytest.raises(TemporaryEngineError, match=r"DB manager .*: UNKNOWN"):
        metrics.series(trials("a", "broken"), EXPERIMENT)


def test_one_that_is_away_is_told() -> None:
    away = KatibMetrics(f"127.0.0.1:{free_port()}")
    with pytest.raises(TemporaryEngineError, match="UNAVAILABLE"):
        away.series(trials("a"), EXPERIMENT)
    away.close()


def test_without_the_setting_nobody_is_asked() -> None:
    assert KatibMetrics.of(cluster_settings(katib_db_manager=None)) is None
