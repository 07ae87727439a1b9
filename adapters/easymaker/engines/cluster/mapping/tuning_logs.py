"""The log of a tuning itself: what has happened to it and its trials, in the order of time. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from adapters.easymaker.engines.cluster.mapping import pods as pod_states
from adapters.easymaker.engines.cluster.mapping.trial_states import ACTIVE
from adapters.easymaker.engines.tunings import TrialView
from adapters.easymaker.kinds.record import Json


def story(experiment: Json | None, trials: Sequence[TrialView]) -> bytes:
    """A line for each event, the oldest first, so that the log grows at its end."""
    events = [*_of_experiment(experiment or {}), *(event for trial in trials for event in _of_trial(trial))]
    lines = [f"{_moment(at)} {pod_states.one_line(text)}\n" for at, text in sorted(events)]
    return "".join(lines).encode()


def _of_experiment(experiment: Json) -> Iterator[tuple[float, str]]:
    for kind in ("Created", "Succeeded", "Failed"):
        condition = pod_states.condition_of(experiment, kind)
        at = pod_states.seconds((condition or {}).get("lastTransitionTime"))
        if condition is not None and at is not None and condition.get("status") == "True":
            yield at, f"{condition.get('message') or kind} ({condition.get('reason') or kind})"


def _of_trial(trial: TrialView) -> Iterator[tuple[float, str]]:
    if trial.created_at is not None:
        values = " ".join(f"{name}={value}" for name, value in trial.assignments.items())
        yield trial.created_at, f"{trial.id} CREATED {values}"
    if trial.finished_at is not None and trial.condition not in ACTIVE:
        metrics = " ".join(f"{metric.name}={metric.latest}" for metric in trial.metrics)
        yield trial.finished_at, f"{trial.id} {trial.condition} {metrics or trial.reason}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
