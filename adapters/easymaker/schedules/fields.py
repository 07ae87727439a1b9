"""One field of a cron expression, read into a bit mask: numbers, names, ranges, steps, lists, ``*`` and ``?``.

Restates robfig/cron v3: ``N/step`` means ``N-max/step``; ``*`` and ``?`` are the same and leave a field
unrestricted, with a step above 1 they restrict it. Stricter in what is surely a slip: empty items, ``*-5``, ``+5``.
"""

from dataclasses import dataclass

from adapters.easymaker.schedules.invalid import InvalidCron, shown

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# No number of a field needs more; a longer one is refused without being computed.
DIGITS = 9


@dataclass(frozen=True)
class FieldKind:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        named = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.least} to {self.most}{named}"


SECOND = FieldKind("second", 0, 59)
MINUTE = FieldKind("minute", 0, 59)
HOUR = FieldKind("hour", 0, 23)
DAY_OF_MONTH = FieldKind("day of month", 1, 31)
MONTH = FieldKind("month", 1, 12, MONTHS)
DAY_OF_WEEK = FieldKind("day of week", 0, 6, DAYS)
KINDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


@dataclass(frozen=True)
class Field:
    """``mask``: bit n is set where value n matches. ``star``: left open with ``*`` or ``?``."""

    mask: int
    star: bool = False


def read(kind: FieldKind, text: str) -> Field:
    mask, star = 0, False
    for item in text.split(","):
        if not item:
            raise InvalidCron(f"{kind.name} {shown(text)}: an item of the list is empty")
        bits, open_ = _read_item(kind, item)
        mask, star = mask | bits, star or open_
    return Field(mask, star)


def _read_item(kind: FieldKind, item: str) -> tuple[int, bool]:
    span, *steps = item.split("/")
    if len(steps) > 1:
        raise InvalidCron(f"{kind.name} {shown(item)}: more than one slash; write FIRST-LAST/STEP")
    step = _read_step(kind, item, steps[0]) if steps else 1
    if span in ("*", "?"):
        return _bits(kind.least, kind.most, step), step == 1
    first, *last = span.split("-")
    if len(last) > 1:
        raise InvalidCron(f"{kind.name} {shown(item)}: more than one hyphen; write FIRST-LAST")
    start = _read_value(kind, item, first)
    end = _read_value(kind, item, last[0]) if last else kind.most if steps else start
    if start > end:
        raise InvalidCron(
            f"{kind.name} {shown(item)}: the range ends before it begins; "
            f"write two items, as in {first}-{kind.most},{kind.least}-{last[0] if last else end}"
        )
    return _bits(start, end, step), False


def _read_step(kind: FieldKind, item: str, text: str) -> int:
    step = _number(text)
    if step is None:
        raise InvalidCron(f"{kind.name} {shown(item)}: the step {shown(text)} is no whole number from 1")
    if step < 1:
        raise InvalidCron(f"{kind.name} {shown(item)}: the step is 0; the least is 1")
    return step


def _read_value(kind: FieldKind, item: str, text: str) -> int:
    upper = text.upper()
    if upper in kind.names:
        return kind.names.index(upper) + kind.least
    value = _number(text)
    if value is None:
        raise InvalidCron(f"{kind.name} {shown(item)}: {shown(text)} is none of {kind.allowed}{_hint(kind, upper)}")
    if not kind.least <= value <= kind.most:
        sunday = "; Sunday is 0" if kind is DAY_OF_WEEK and value == kind.most + 1 else ""
        raise InvalidCron(f"{kind.name} {shown(item)}: {shown(text)} is not within {kind.allowed}{sunday}")
    return value


def _hint(kind: FieldKind, text: str) -> str:
    """Words of other dialects, told apart from typing errors."""
    if kind in (DAY_OF_MONTH, DAY_OF_WEEK) and text and (text[0] in "LW#" or text[-1] in "LW" or "#" in text):
        return " (L, W and # of other cron dialects are not known here)"
    if not text or "*" in text or "?" in text:
        return "; * and ? stand alone or before a step, as in */5"
    return ""


def _number(text: str) -> int | None:
    """ASCII digits only: str.isdigit() also takes other scripts' and superscripts."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= DIGITS else None


def _bits(start: int, end: int, step: int) -> int:
    mask = 0
    for value in range(start, end + 1, step):
        mask |= 1 << value
    return mask
