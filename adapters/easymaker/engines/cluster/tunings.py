"""Hyperparameter tunings on a cluster: one Katib Experiment each, whose trials are TrainJobs that run the launcher."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.engines import tunings
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import (
    CONFIG_MAP,
    KATIB_EXPERIMENT,
    KATIB_SUGGESTION,
    KATIB_TRIAL,
    POD,
    TRAIN_JOB,
)
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.katib_metrics import NOT_SET, KatibMetrics
from adapters.easymaker.engines.cluster.mapping import training_states, tuning_states
from adapters.easymaker.engines.cluster.mapping.pods import condition_of
from adapters.easymaker.engines.cluster.mapping.training_jobs import TrainingSite
from adapters.easymaker.engines.cluster.mapping.trial_states import SeenTrial, last_values, seen_trials, trial_view
from adapters.easymaker.engines.cluster.mapping.tuning_logs import story
from adapters.easymaker.engines.cluster.mapping.tuning_states import TuningView
from adapters.easymaker.engines.cluster.mapping.tunings import tuning_bundle
from adapters.easymaker.engines.cluster.names import RESOURCE_ID, namespace_of, object_name
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pod_logs import read_pod_log
from adapters.easymaker.engines.cluster.trainings import CLEARING_SECONDS, LIMITS, SUSPEND
from adapters.easymaker.errors import NotFound, TemporaryEngineError
from adapters.easymaker.kinds import hyperparameter_tuning
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

# In this order: a trial whose TrainJob is gone before itself makes another.
KINDS = (KATIB_EXPERIMENT, KATIB_TRIAL, TRAIN_JOB, CONFIG_MAP)
CLEANED_UP = (hyperparameter_tuning.LIFECYCLE.completing, hyperparameter_tuning.LIFECYCLE.failing)
ENDING_SECONDS = 1.0


class TuningDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._server = parts.server
        self._cache = parts.cache
        self._applier = parts.applier
        self._recheck = parts.cluster.resync_seconds
        self._site = TrainingSite(parts.catalogue, parts.cluster, parts.settings.region)
        self._metrics = KatibMetrics.of(parts.cluster)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            # Also when the Experiment is gone, something of it may be left: remove() looks.
            return Observation(Phase.STOPPED)
        seen = tuning_states.observe(self._view(record), time.time())
        return replace(seen, detail=seen.detail | {"limits": LIMITS}, recheck=self._recheck)

    def start(self, family: Family) -> None:
        record = family.record
        known = self._known(record)
        if known is not None and "deletionTimestamp" in known["metadata"]:
            raise TemporaryEngineError("the tuning's earlier Experiment is being removed", CLEARING_SECONDS)
        # Once it is whole it stays as it is: Katib takes no change of what an Experiment is about.
        if known is None or applied_digest(known) is None:
            self._applier.apply(tuning_bundle(record, self._site), known)

    def stop(self, family: Family) -> None:
        """No further trials; those that run are suspended, so that their launchers keep checkpoints."""
        record = family.record
        experiment = self._known(record)
        if experiment is None:
            return
        if not tuning_states.is_over(experiment):
            self._end(record, experiment)
        for trial in tuning_states.active(self._trials(record, over=True)):
            job = trial.job
            if job is not None and not training_states.suspended(job) and not training_states.finished(job):
                self._server.patch(TRAIN_JOB, namespace_of(record.appkey), trial.name, SUSPEND)

    def release(self, family: Family) -> None:
        """Katib lets trials run on that were running when the goal was reached. Ended pods with their logs stay."""
        self.stop(family)
        record = family.record
        if record.status in CLEANED_UP and self._known(record) is not None:
            going = tuning_states.active(self._trials(record, over=True))
            if going:
                raise TemporaryEngineError(f"{len(going)} of its trainings are being ended", ENDING_SECONDS)

    def remove(self, family: Family) -> bool:
        record = family.record
        return self._applier.remove(namespace_of(record.appkey), f"{RESOURCE_ID}={record.id}", KINDS)

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """What has happened, as Katib tells."""
        record = family.record
        content = story(self._known(record), [trial_view(each) for each in self._all_trials(record)])
        growing = record.status not in hyperparameter_tuning.LIFECYCLE.settled
        return content[offset : offset + limit], growing or len(content) > offset + limit

    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """The log of a trial's first node."""
        trial = self._trial(family.record, part)
        pod = training_states.current_pod(trial.pods, 0)
        growing = bool(tuning_states.active([trial]))
        return read_pod_log(self._server, pod, (offset, limit), growing)

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        record = family.record
        if path == "trials":
            now = time.time()
            return [tunings.trial_answer(record, trial_view(each), now) for each in self._all_trials(record)]
        chosen = [self._trial(record, query["trialId"])] if "trialId" in query else self._all_trials(record)
        return self._series(record, chosen)

    def _series(self, record: Record, chosen: Sequence[SeenTrial]) -> list[Json]:
        views = [trial_view(each) for each in chosen]
        if self._metrics is not None:
            return tunings.series_answer(self._metrics.series(views, tunings.tuning_experiment(record)))
        known = tunings.series_answer([series for view in views for series in last_values(view)])
        return [each | {"reason": NOT_SET} for each in known]

    def _known(self, record: Record) -> Json | None:
        return self._cache.get(KATIB_EXPERIMENT, *_key(record))

    def _view(self, record: Record) -> TuningView:
        experiment = self._known(record)
        if experiment is None:
            return TuningView(record, None)
        suggestion = self._suggestion(record) if tuning_states.suggestion_failed(experiment) else {}
        pods = self._cache.of(POD, record.id)
        return TuningView(record, experiment, self._all_trials(record), pods, suggestion)

    def _all_trials(self, record: Record) -> list[SeenTrial]:
        experiment = self._known(record)
        return self._trials(record, over=experiment is None or tuning_states.is_over(experiment))

    def _trials(self, record: Record, over: bool) -> list[SeenTrial]:
        trials, jobs = self._cache.of(KATIB_TRIAL, record.id), self._cache.of(TRAIN_JOB, record.id)
        return seen_trials(trials, jobs, self._cache.of(POD, record.id), tunings.nodes_of_a_trial(record), over)

    def _trial(self, record: Record, trial_id: str) -> SeenTrial:
        found = next((each for each in self._all_trials(record) if each.name == trial_id), None)
        if found is None:
            raise NotFound(f"there is no training {trial_id} of hyperparameter tuning {record.name}")
        return found

    def _end(self, record: Record, experiment: Json) -> None:
        """Refused (409) when the controller has written in the meantime; it is tried again then."""
        version = {"resourceVersion": experiment["metadata"]["resourceVersion"]}
        status = tuning_states.stopped_status(experiment, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self._server.patch(KATIB_EXPERIMENT, *_key(record), {"metadata": version, "status": status}, "status")

    def _suggestion(self, record: Record) -> Mapping[str, str]:
        found = self._server.read(KATIB_SUGGESTION, *_key(record))
        failed = condition_of(found or {}, "Failed") or {}
        return {"Failed": str(failed["message"])} if failed.get("message") else {}


def _key(record: Record) -> tuple[str, str]:
    return namespace_of(record.appkey), object_name(record.id)
