"""The settings of early stopping, which are texts in Katib: read, with every problem at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from katib_suggestions.search_space import InvalidExperiment

MEDIAN_STOP = "medianstop"
# A rule is an int32 on the wire.
_MOST = 2**31 - 1


@dataclass(frozen=True)
class MedianStopSettings:
    min_trials_required: int = 3
    """How many trials must have ended, with values, before there is a rule."""
    start_step: int = 4
    """How many values of a trial are averaged, and after how many a running trial is compared."""


def median_stop_settings(algorithm: str, settings: Mapping[str, str]) -> MedianStopSettings:
    """Raises InvalidExperiment."""
    known = MedianStopSettings.__dataclass_fields__
    problems = []
    if algorithm != MEDIAN_STOP:
        problems.append(f"early-stopping algorithm {algorithm!r} is not served here, but {MEDIAN_STOP}")
    problems += [
        f"early-stopping setting {name!r} is unknown; {MEDIAN_STOP} has {' and '.join(known)}"
        for name in settings
        if name not in known
    ]
    numbers = {name: _whole_number(text) for name, text in settings.items() if name in known}
    problems += [
        f"early-stopping setting {name!r} is {settings[name]!r}: a whole number from 1 to {_MOST} is needed"
        for name, number in numbers.items()
        if number is None
    ]
    if problems:
        raise InvalidExperiment(problems)
    return MedianStopSettings(**{name: number for name, number in numbers.items() if number is not None})


def _whole_number(text: str) -> int | None:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(_MOST))):
        return None
    return int(digits) if 1 <= int(digits) <= _MOST else None
