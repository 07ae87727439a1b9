"""What a tuning's journal says has become of its trials: a fold over its records. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from adapters.easymaker.engines.local.tuning.journal import Event
from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.trial import TrialCondition

ACTIVE = frozenset({TrialCondition.CREATED, TrialCondition.RUNNING})


@dataclass(frozen=True)
class Reduced:
    """All values of one metric in three, as the trial printed them."""

    min: str
    max: str
    latest: str
    count: int = 1


@dataclass(frozen=True)
class Trial:
    """``attempt`` grows when the platform had ended the trial's processes and they are begun again."""

    number: int
    id: str
    assignments: Mapping[str, str]
    rules: tuple[StoppingRule, ...] = ()
    attempt: int = 1
    condition: TrialCondition = TrialCondition.CREATED
    boot_id: str = ""
    """Of the machine's run in which the attempt was started."""
    ending: TrialCondition | None = None
    """What it becomes when the processes that were asked to end have ended."""
    reason: str = ""
    metrics: Mapping[str, Reduced] = field(default_factory=dict[str, Reduced])
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def active(self) -> bool:
        return self.condition in ACTIVE


@dataclass(frozen=True)
class End:
    """Why there are no further trials. ``detail`` is one word of the guide's or Katib's."""

    detail: str
    succeeded: bool
    reason: str
    stopped: bool = False


@dataclass
class Ledger:
    """The sum of the records so far. ``version`` grows with each of them."""

    trials: dict[int, Trial] = field(default_factory=dict[int, Trial])
    end: End | None = None
    finished_at: float | None = None
    """When the last trial had ended after ``end`` was decided."""
    begun_at: float | None = None
    validated: bool = False
    version: int = 0

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        ledger = cls()
        for event in events:
            ledger.apply(event)
        return ledger

    @property
    def ordered(self) -> list[Trial]:
        """By number, since they are created so."""
        return list(self.trials.values())

    @property
    def active(self) -> list[Trial]:
        return [trial for trial in self.ordered if trial.active]

    @property
    def over(self) -> bool:
        return self.finished_at is not None

    def apply(self, event: Event) -> None:
        """Records of a kind that this version does not know change nothing."""
        self.version += 1
        match event["event"]:
            case "begun":
                self.begun_at = self.begun_at or event["at"]
            case "validated":
                self.validated = True
            case "created":
                self.trials |= {trial.number: trial for trial in map(_created, event["trials"])}
            case "end":
                self.end = End(**event["end"])
            case "finished":
                self.finished_at = event["at"]
            case "started" | "stopping" | "interrupted" | "ended":
                trial = self.trials[event["trial"]]
                self.trials[trial.number] = _CHANGES[event["event"]](trial, event)


def created(trials: Sequence[Trial], at: float) -> Event:
    """The record of new trials; one for all, so that an answer of the suggestion service is kept whole or not."""
    return {
        "event": "created",
        "trials": [
            {
                "number": trial.number,
                "id": trial.id,
                "assignments": dict(trial.assignments),
                "rules": [
                    [rule.metric, repr(rule.value), str(rule.comparison), rule.start_step] for rule in trial.rules
                ],
                "at": at,
            }
            for trial in trials
        ],
    }


def started(trial: Trial, boot_id: str, at: float) -> Event:
    return {"event": "started", "trial": trial.number, "boot_id": boot_id, "at": at}


def stopping(trial: Trial, ending: TrialCondition, reason: str) -> Event:
    return {"event": "stopping", "trial": trial.number, "ending": str(ending), "reason": reason}


def interrupted(trial: Trial, reason: str) -> Event:
    return {"event": "interrupted", "trial": trial.number, "reason": reason}


def ended(trial: Trial) -> Event:
    """From the trial as it is to be from now on."""
    return {
        "event": "ended",
        "trial": trial.number,
        "condition": str(trial.condition),
        "reason": trial.reason,
        "metrics": {name: [m.min, m.max, m.latest, m.count] for name, m in trial.metrics.items()},
        "started_at": trial.started_at,
        "finished_at": trial.finished_at,
    }


def at_attempt(trial: Trial, attempt: int) -> Trial:
    return replace(trial, attempt=attempt)


def ended_as(trial: Trial, condition: TrialCondition, reason: str, at: float) -> Trial:
    return replace(trial, condition=condition, reason=reason, finished_at=at)


def end(end: End) -> Event:
    return {"event": "end", "end": vars(end)}


def _created(told: Mapping[str, Any]) -> Trial:
    return Trial(
        told["number"],
        told["id"],
        told["assignments"],
        tuple(StoppingRule(metric, float(value), Comparison(how), step) for metric, value, how, step in told["rules"]),
        created_at=told["at"],
    )


def _started(trial: Trial, event: Event) -> Trial:
    return replace(trial, condition=TrialCondition.RUNNING, boot_id=event["boot_id"], started_at=event["at"])


def _stopping(trial: Trial, event: Event) -> Trial:
    return replace(trial, ending=TrialCondition(event["ending"]), reason=event["reason"])


def _interrupted(trial: Trial, event: Event) -> Trial:
    return replace(
        trial, condition=TrialCondition.CREATED, attempt=trial.attempt + 1, started_at=None, reason=event["reason"]
    )


def _ended(trial: Trial, event: Event) -> Trial:
    return replace(
        trial,
        condition=TrialCondition(event["condition"]),
        reason=event["reason"],
        metrics={name: Reduced(*values) for name, values in event["metrics"].items()},
        started_at=event["started_at"],
        finished_at=event["finished_at"],
    )


_CHANGES = {"started": _started, "stopping": _stopping, "interrupted": _interrupted, "ended": _ended}
