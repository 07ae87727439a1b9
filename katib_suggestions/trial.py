"""One run of an experiment, as the controller shows it: its parameters, how far it is, and its reduced metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TrialCondition(StrEnum):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    KILLED = "KILLED"
    FAILED = "FAILED"
    METRICS_UNAVAILABLE = "METRICS_UNAVAILABLE"
    EARLY_STOPPED = "EARLY_STOPPED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Trial:
    """`metrics` has one value per metric, reduced to min, max or latest already; it may say "unavailable" or "nan"."""

    name: str
    assignments: Mapping[str, str]
    condition: TrialCondition
    metrics: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
