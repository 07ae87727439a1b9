"""Recurring runs on a cluster: one in Kubeflow Pipelines each. It makes the runs; they are found and become ours."""

from datetime import UTC, datetime

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.mapping.pipeline_requests import recurring_run_request
from adapters.easymaker.engines.cluster.mapping.pipeline_specs import PipelineSite
from adapters.easymaker.engines.cluster.mapping.pipeline_times import timestamp
from adapters.easymaker.engines.cluster.mapping.schedule_runs import SeenRuns, is_over, new_runs, next_slot, since
from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipeline_runs import GIVEN
from adapters.easymaker.engines.cluster.pipelines_api import NOT_SET, PipelinesApi, filter_of, filtered
from adapters.easymaker.engines.cluster.pipelines_objects import (
    KEYS,
    OLDEST_FIRST,
    RECURRING_RUNS,
    RUNS,
    Begun,
    PipelinesExperiments,
    found,
    shown_name,
)
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

KNOWN = "pipelinesRecurringRunId"
ENABLED = "ENABLED"
# What the runs have left, their pods' logs among it, outlives the schedule.
KEEP_RUNS = {"propagation_policy": "ORPHAN"}


class ScheduleDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._api = PipelinesApi.of(parts.cluster)
        self._poll = parts.cluster.pipelines_poll_seconds
        self._site = PipelineSite(parts.catalogue, parts.cluster, parts.settings.region)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED)
        if self._api is None:
            if KNOWN in record.state:
                raise TemporaryEngineError(NOT_SET)
            return Observation(Phase.MISSING)
        made = found(self._api, RECURRING_RUNS, record)
        if not made:
            # There is nothing that a stop could be waiting for.
            return Observation(Phase.STOPPED if record.goal is Goal.STOPPED else Phase.MISSING)
        if len(made) > 1:
            return Observation(Phase.PENDING, "a second schedule in Kubeflow Pipelines is being removed", recheck=1.0)
        return self._seen(self._api, record, made[0])

    def start(self, family: Family) -> None:
        """Make it, or enable it again."""
        record = family.record
        if self._api is None:
            raise PermanentEngineError(NOT_SET)
        made = found(self._api, RECURRING_RUNS, record)
        if made:
            self._switch(self._api, made[0], enable=True)
        else:
            begun = Begun.of(family, PipelinesExperiments(self._api))
            request = recurring_run_request(record, shown_name(record), begun.pipeline, self._site)
            self._api.post(RECURRING_RUNS, request | {"experiment_id": begun.experiment_id})
        # Another replica may have asked for one at the same moment. All leave the oldest.
        for surplus in found(self._api, RECURRING_RUNS, record)[1:]:
            self._delete(self._api, surplus)

    def stop(self, family: Family) -> None:
        if self._api is not None:
            for each in found(self._api, RECURRING_RUNS, family.record):
                self._switch(self._api, each, enable=False)

    def remove(self, family: Family) -> bool:
        if self._api is None:
            return True
        made = found(self._api, RECURRING_RUNS, family.record)
        for each in made:
            self._delete(self._api, each)
        return not made

    def _seen(self, api: PipelinesApi, record: Record, recurring: Json) -> Observation:
        now = datetime.now(UTC)
        runs = self._new_runs(api, record, recurring)
        last = runs.detail.get("lastSlot") or record.state.get("lastSlot")
        detail = runs.detail | {KNOWN: recurring["recurring_run_id"], "nextSlot": next_slot(record, last, now)}
        if recurring.get("status") != ENABLED:
            phase = Phase.STOPPED
        else:
            phase = Phase.SUCCEEDED if is_over(record, now) else Phase.RUNNING
        reason = "its end has passed" if phase is Phase.SUCCEEDED else ""
        return Observation(phase, reason, detail, self._poll, runs.offspring)

    def _new_runs(self, api: PipelinesApi, record: Record, recurring: Json) -> SeenRuns:
        predicates = [filtered("EQUALS", "recurring_run_id", stringValue=recurring["recurring_run_id"])]
        begin = since(record.state)
        if begin is not None:
            predicates.append(filtered("GREATER_THAN_EQUALS", "created_at", timestampValue=timestamp(begin)))
        query = {
            "namespace": namespace_of(record.appkey),
            "sort_by": OLDEST_FIRST,
            "filter": filter_of(*predicates),
        }
        return new_runs(record.state, api.pages(RUNS, KEYS[RUNS], query), GIVEN)

    def _switch(self, api: PipelinesApi, recurring: Json, enable: bool) -> None:
        if (recurring.get("status") == ENABLED) is not enable:
            path = f"{RECURRING_RUNS}/{recurring['recurring_run_id']}"
            api.post(f"{path}:{'enable' if enable else 'disable'}")

    def _delete(self, api: PipelinesApi, recurring: Json) -> None:
        api.delete(f"{RECURRING_RUNS}/{recurring['recurring_run_id']}", KEEP_RUNS)
