"""Trials as Katib, their TrainJobs and their pods tell of them, in the words of both engines. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.mapping import pods as pod_states
from adapters.easymaker.engines.cluster.mapping import training_states
from adapters.easymaker.engines.cluster.mapping.training_states import TrainingView
from adapters.easymaker.engines.cluster.mapping.trial_commands import decoded
from adapters.easymaker.engines.tunings import MetricSeries, MetricValue, MetricView, TrialView
from adapters.easymaker.kinds.record import Json
from katib_suggestions.trial import TrialCondition

# On every pod of a TrainJob; its value is the job's name, which is the trial's.
JOB_NAME = "jobset.sigs.k8s.io/jobset-name"
UNAVAILABLE = "unavailable"
# As Katib's own summary asks for them. One that has none of them has been created.
_CONDITIONS = {
    "Killed": TrialCondition.KILLED,
    "Failed": TrialCondition.FAILED,
    "Succeeded": TrialCondition.SUCCEEDED,
    "EarlyStopped": TrialCondition.EARLY_STOPPED,
    "Running": TrialCondition.RUNNING,
    "MetricsUnavailable": TrialCondition.METRICS_UNAVAILABLE,
}
ACTIVE = frozenset({TrialCondition.CREATED, TrialCondition.RUNNING})
_REASONS = {
    TrialCondition.KILLED: "it was ended with its tuning",
    TrialCondition.EARLY_STOPPED: "it was stopped early: others had come further with as many values",
    TrialCondition.METRICS_UNAVAILABLE: "metricRegex has found no value of the objective metric in its log",
}


@dataclass(frozen=True)
class SeenTrial:
    """``over``: the tuning is, so that a suspended TrainJob does not go on. ``nodes`` are those of one trial."""

    trial: Json
    job: Json | None
    pods: Sequence[Json]
    nodes: int
    over: bool

    @property
    def name(self) -> str:
        return self.trial["metadata"]["name"]

    @property
    def condition(self) -> TrialCondition:
        found = next((mine for theirs, mine in _CONDITIONS.items() if pod_states.holds(self.trial, theirs)), None)
        condition = found or TrialCondition.CREATED
        return TrialCondition.KILLED if condition in ACTIVE and self._ended_by_us() else condition

    def _ended_by_us(self) -> bool:
        job = self.job
        if not self.over or job is None or not training_states.suspended(job):
            return False
        going = any(not pod_states.ended(pod) for pod in self.pods)
        return pod_states.holds(job, "Suspended") and not going


def seen_trials(
    trials: Iterable[Json], jobs: Iterable[Json], pods: Iterable[Json], nodes: int, over: bool
) -> list[SeenTrial]:
    """In the order of their creation."""
    by_name = {job["metadata"]["name"]: job for job in jobs}
    of_job: dict[str, list[Json]] = {}
    for pod in pods:
        of_job.setdefault((pod["metadata"].get("labels") or {}).get(JOB_NAME, ""), []).append(pod)
    ordered = sorted(trials, key=lambda each: (each["metadata"].get("creationTimestamp") or "", _name(each)))
    return [SeenTrial(each, by_name.get(_name(each)), of_job.get(_name(each), []), nodes, over) for each in ordered]


def trial_view(seen: SeenTrial) -> TrialView:
    status = seen.trial.get("status") or {}
    condition = seen.condition
    view = TrainingView(seen.job, seen.pods, seen.nodes, wanted=not seen.over)
    told = training_states.follow(view, seen.job or _NO_JOB)
    started = told.detail.get("startedAt")
    finished = pod_states.seconds(status.get("completionTime")) or told.detail.get("finishedAt")
    return TrialView(
        id=seen.name,
        name=seen.name,
        condition=condition,
        assignments=_assignments(seen.trial),
        metrics=tuple(_metrics(status)),
        reason=_reason(condition, told),
        created_at=pod_states.seconds(seen.trial["metadata"].get("creationTimestamp")),
        started_at=started if isinstance(started, float) else pod_states.seconds(status.get("startTime")),
        finished_at=finished if isinstance(finished, float) and condition not in ACTIVE else None,
    )


def last_values(view: TrialView) -> list[MetricSeries]:
    """What is known of a trial's series without Katib's DB manager."""
    return [
        MetricSeries(view.id, view.name, metric.name, (MetricValue(view.finished_at, metric.latest),))
        for metric in view.metrics
    ]


_NO_JOB: Json = {"metadata": {}, "status": {}}


def _name(obj: Json) -> str:
    return obj["metadata"]["name"]


def _assignments(trial: Json) -> dict[str, str]:
    given = (trial.get("spec") or {}).get("parameterAssignments") or []
    return {each["name"]: decoded(str(each["value"])) for each in given}


def _metrics(status: Json) -> Iterable[MetricView]:
    for metric in (status.get("observation") or {}).get("metrics") or []:
        values = [str(metric.get(name) or UNAVAILABLE) for name in ("min", "max", "latest")]
        if values != [UNAVAILABLE] * 3:
            yield MetricView(metric["name"], *values)


def _reason(condition: TrialCondition, told: Observation) -> str:
    if condition is TrialCondition.FAILED:
        return told.reason or "its TrainJob failed"
    if condition not in ACTIVE:
        return _REASONS.get(condition, "")
    return "its metrics are being collected" if told.phase is Phase.SUCCEEDED else told.reason
