"""A run's own log: what has happened to it and its steps, a line each. Logs of steps are those of their pods."""

from typing import Any

from adapters.easymaker.engines.cluster.mapping.pipeline_times import moment
from adapters.easymaker.engines.cluster.mapping.pods import one_line
from adapters.easymaker.kinds.record import Json


def story(run: Json | None) -> bytes:
    """The states of the run and of its tasks, in the order in which they came."""
    if run is None:
        return b""
    events = _events("run", run)
    for task in (run.get("run_details") or {}).get("task_details") or []:
        events += _events(one_line(task.get("display_name") or ""), task)
    events.sort(key=lambda event: event[0])
    return "".join(f"{time} {what}\n" for time, what in events).encode()


def _events(name: str, told: Json) -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []
    for entry in told.get("state_history") or []:
        time = moment(entry.get("update_time"))
        if time is not None:
            events.append((time, f"{name}: {entry.get('state', '')}{_message(entry)}"))
    return events


def _message(entry: Any) -> str:
    told = one_line(str((entry.get("error") or {}).get("message") or ""))
    return f" ({told})" if told else ""
