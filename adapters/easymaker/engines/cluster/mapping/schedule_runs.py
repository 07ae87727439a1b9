"""Which runs of a schedule have not been told of yet, and the slots that its state shows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.easymaker.engines.cluster.mapping.pipeline_times import moment, seconds
from adapters.easymaker.kinds.record import Json, Offspring, Record
from adapters.easymaker.kinds.schedule_settings import schedule_of
from adapters.easymaker.schedules.slots import decide

# A run is listed some time after the moment that it says it was made at.
OVERLAP = timedelta(minutes=10)
SEEN = "runsSeen"
"""Of a schedule's state: until when, and the ids of those that are listed again because of the overlap."""


@dataclass(frozen=True)
class SeenRuns:
    offspring: tuple[Offspring, ...]
    detail: Json


def since(state: Json) -> datetime | None:
    """From when on runs have to be listed."""
    until = state.get(SEEN, {}).get("until")
    return datetime.fromisoformat(until) - OVERLAP if until else None


def new_runs(state: Json, runs: Iterable[Json], given: str) -> SeenRuns:
    """``given`` is the field of a run's specification with the id that Kubeflow Pipelines gave it."""
    listed = [run for run in runs if run.get("run_id") and seconds(run.get("created_at")) is not None]
    if not listed:
        return SeenRuns((), {})
    known = set(state.get(SEEN, {}).get("ids", ()))
    made = {run["run_id"]: datetime.fromisoformat(run["created_at"]) for run in listed}
    until = max(made.values())
    slots = {run["run_id"]: moment(run.get("scheduled_at")) or moment(run["created_at"]) or "" for run in listed}
    new = (run_id for run_id in made if run_id not in known)
    offspring = tuple(Offspring(run_id, {"scheduledDatetime": slots[run_id], given: run_id}) for run_id in new)
    kept = sorted(run_id for run_id, at in made.items() if at >= until - OVERLAP)
    last = max([*slots.values(), *filter(None, [state.get("lastSlot")])])
    return SeenRuns(offspring, {SEEN: {"until": until.astimezone(UTC).isoformat(), "ids": kept}, "lastSlot": last})


def next_slot(record: Record, last_slot: str | None, now: datetime) -> str | None:
    """Kubeflow Pipelines does not tell: as the schedule says."""
    last = datetime.fromisoformat(last_slot) if last_slot else None
    found = decide(schedule_of(record, enabled=True), last, now, running=0).next_at
    return found.isoformat() if found else None


def is_over(record: Record, now: datetime) -> bool:
    end = schedule_of(record, enabled=True).end
    return end is not None and now > end
