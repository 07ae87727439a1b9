"""A tuning's journal as the adapter reads it, and its trials in the words of both engines."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.easymaker.engines.local.tuning import series, trials
from adapters.easymaker.engines.local.tuning.journal import Event
from adapters.easymaker.engines.local.tuning.ledger import Ledger, Reduced, Trial
from adapters.easymaker.engines.tunings import MetricSeries, MetricValue, MetricView, TrialView, trials_detail
from adapters.easymaker.kinds.record import Json, Record

# Of tunings that somebody has looked at lately; any other is read again.
MOST_REMEMBERED = 200


@dataclass
class _Reading:
    ledger: Ledger = field(default_factory=Ledger)
    offset: int = 0
    inode: int = 0


class Journals:
    """Ledgers by journal. Of a journal that grows, only what is new is read."""

    def __init__(self) -> None:
        self._readings: dict[Path, _Reading] = {}

    def ledger(self, path: Path) -> Ledger | None:
        """None as long as there is no journal."""
        try:
            with path.open("rb") as file:
                inode = _inode(path)
                reading = self._readings.pop(path, None)
                if reading is None or reading.inode != inode:
                    reading = _Reading(inode=inode)
                file.seek(reading.offset)
                for line in file:
                    if not line.endswith(b"\n") or (event := _event(line)) is None:
                        break
                    reading.ledger.apply(event)
                    reading.offset += len(line)
        except FileNotFoundError:
            return None
        self._readings[path] = reading
        if len(self._readings) > MOST_REMEMBERED:
            self._readings.pop(next(iter(self._readings)), None)
        return reading.ledger


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _event(line: bytes) -> Event | None:
    """None for what a power cut has left of one; the controller cuts it away when it starts."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def trial_views(record: Record, ledger: Ledger, directory: Path | None = None) -> list[TrialView]:
    """``directory`` is the tuning's: with it, running trials have the metrics that they have had so far."""
    return [_view(record, trial, directory) for trial in ledger.ordered]


def series_views(record: Record, directory: Path, chosen: Sequence[Trial]) -> list[MetricSeries]:
    return [each for trial in chosen for each in _series(record, directory, trial)]


def _view(record: Record, trial: Trial, directory: Path | None) -> TrialView:
    return TrialView(
        id=trial.id,
        name=_name(record, trial),
        condition=trial.condition,
        assignments=trial.assignments,
        metrics=tuple(_metrics(trial, directory)),
        reason=trial.reason,
        created_at=trial.created_at,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
    )


def _metrics(trial: Trial, directory: Path | None) -> Iterator[MetricView]:
    known: dict[str, Reduced] = dict(trial.metrics)
    if trial.active and directory is not None:
        known = series.reduced(trials.series_path(directory, trial))
    for name, reduced in known.items():
        yield MetricView(name, reduced.min, reduced.max, reduced.latest)


def _series(record: Record, directory: Path, trial: Trial) -> Iterator[MetricSeries]:
    values: dict[str, list[MetricValue]] = {}
    for at, metric, text in series.read(trials.series_path(directory, trial)):
        values.setdefault(metric, []).append(MetricValue(at, text))
    for metric, logged in values.items():
        yield MetricSeries(trial.id, _name(record, trial), metric, logged)


class Details:
    """What an observation tells about a tuning's trials, made anew only when its journal has grown."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str, Json]] = {}

    def detail(self, record: Record, ledger: Ledger) -> Json:
        version, name, detail = self._known.pop(record.id, (-1, "", {}))
        if (version, name) != (ledger.version, record.name):
            version, name = ledger.version, record.name
            detail = trials_detail(record, trial_views(record, ledger), time.time())
            detail |= {"startedAt": ledger.begun_at, "finishedAt": ledger.finished_at}
        self._known[record.id] = (version, name, detail)
        if len(self._known) > MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        return detail


def _name(record: Record, trial: Trial) -> str:
    return f"{record.name}-{trial.number:04d}"
