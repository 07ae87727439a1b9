"""Tables in Markdown. What is in them comes from users: none of it may become markup or break a row."""

from collections.abc import Iterable, Sequence

_SPECIAL = frozenset("\\`*_[]<>|#~")


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [_row(heads), "|" + " --- |" * len(heads), *map(_row, rows)]
    return "\n".join(lines)


def escaped(value: object) -> str:
    text = " ".join(str(value).split())
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
