"""The launcher's own lines in a training's log, told apart from the user's by a prefix."""

import contextlib
import sys


def say(text: str) -> None:
    _write(f"[launcher] {one_line(text)}")


def say_last(text: str) -> None:
    """The last line of a run: the bare sentence that says how it ended."""
    _write(one_line(text))


def _write(line: str) -> None:
    """Whoever reads the log may be gone; the training goes on without it."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the log of a training is its output


def one_line(text: str) -> str:
    """Names and paths come from users: none may forge a log line or send a terminal sequence."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def duration(seconds: float) -> str:
    """``90`` -> ``1 min 30 s``; ``0.5`` -> ``0.5 s``."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
