"""Experiments on a cluster: a Tensorboard with its volume and, where that is set, one in Kubeflow Pipelines."""

from collections.abc import Mapping
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import POD, TENSORBOARD, VOLUME_CLAIM
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.mapping.pods import first_reason
from adapters.easymaker.engines.cluster.mapping.tensorboards import answers, experiment_bundle, tensorboard_uri
from adapters.easymaker.engines.cluster.names import RESOURCE_ID, namespace_of, object_name
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipelines_api import PipelinesApi
from adapters.easymaker.engines.cluster.pipelines_objects import PIPELINES_ID, PipelinesExperiments
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

KINDS = (TENSORBOARD, VOLUME_CLAIM)


class ExperimentDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._cache = parts.cache
        self._applier = parts.applier
        self._cluster = parts.cluster
        api = PipelinesApi.of(parts.cluster)
        self._pipelines = PipelinesExperiments(api) if api else None

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED)
        board = self._board(record)
        if board is None:
            return Observation(Phase.MISSING)
        detail: Json = {}
        recheck = self._cluster.resync_seconds
        if applied_digest(board) != experiment_bundle(record, self._cluster).digest():
            return Observation(Phase.PENDING, "TensorBoard is being brought up to date", recheck=recheck)
        if self._pipelines is not None:
            pipelines_id = record.state.get(PIPELINES_ID) or self._pipelines.find(record)
            if pipelines_id is None:
                return Observation(Phase.PENDING, "the experiment is being made in Kubeflow Pipelines", recheck=1.0)
            detail = {PIPELINES_ID: pipelines_id}
        if answers(board):
            return Observation(Phase.RUNNING, detail=detail, recheck=recheck)
        trouble = first_reason(self._cache.of(POD, record.id))
        reason = f"TensorBoard: {trouble.reason}" if trouble else "TensorBoard is starting"
        return Observation(Phase.PENDING, reason, detail, recheck)

    def start(self, family: Family) -> None:
        record = family.record
        bundle = experiment_bundle(record, self._cluster)
        board = self._board(record)
        if board is None or applied_digest(board) != bundle.digest():
            self._applier.apply(bundle, board)
        if self._pipelines is not None and not record.state.get(PIPELINES_ID):
            self._pipelines.ensure(record)

    def stop(self, family: Family) -> None:
        """An experiment has nothing that could be stopped."""

    def remove(self, family: Family) -> bool:
        record = family.record
        if self._pipelines is not None:
            self._pipelines.remove(record, record.state.get(PIPELINES_ID))
        return self._applier.remove(namespace_of(record.appkey), f"{RESOURCE_ID}={record.id}", KINDS)

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        record = family.record
        board = self._board(record)
        running = board is not None and answers(board)
        uri = tensorboard_uri(self._cluster, record.appkey, record.id)
        return {"status": "RUNNING" if running else "STARTING", "uri": uri}

    def _board(self, record: Record) -> Json | None:
        return self._cache.get(TENSORBOARD, namespace_of(record.appkey), object_name(record.id))
