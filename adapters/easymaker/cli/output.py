"""What commands print: results on stdout (text or one JSON object), everything else on stderr."""

import json
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from adapters.easymaker.errors import EasyMakerError

EXIT_USAGE = 2
PROGRAM = "kubeflow-easymaker"
FILE_WIDTH = 240
Report = Callable[[str], None]
"""Takes one line about what is being done."""


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class ManifestFormat(StrEnum):
    YAML = "yaml"
    JSON = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="Output format; json prints one object on stdout.")]


class CliError(EasyMakerError):
    """A command cannot do its work; ``str(error)`` is the one line that the user sees."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


STATE_COLOURS = {
    "RUNNING": "green",
    "ACTIVE": "green",
    "COMPLETE": "green",
    "ok": "green",
    "STARTING": "yellow",
    "advice": "yellow",
    "unknown": "yellow",
    "DOWN": "red",
    "missing": "red",
    "too old": "red",
}


def out() -> Console:
    """Made anew per use, so that a redirected stream is found; never wraps what a program may read."""
    return _console(Console(highlight=False, soft_wrap=True))


def err() -> Console:
    return _console(Console(stderr=True, highlight=False, soft_wrap=True))


def _console(console: Console) -> Console:
    """A file or a pipe has no width that an address should be broken at."""
    if not console.is_terminal:
        console.width = FILE_WIDTH
    return console


def print_json(value: Any) -> None:
    write(json_line(value))


def json_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) + "\n"


def write(text: str) -> None:
    """As it is, for programs to read."""
    sys.stdout.write(text)
    sys.stdout.flush()


def hint(output: Format, text: str) -> None:
    """The next useful command, where a person reads along."""
    if output is Format.TEXT:
        err().print(f"[dim]Next: {text}[/dim]")


def coloured(state: str) -> str:
    colour = STATE_COLOURS.get(state) or ("red" if "FAIL" in state else "")
    return f"[{colour}]{state}[/{colour}]" if colour else state


def table(columns: Mapping[str, str], rows: list[dict[str, Any]]) -> Table:
    """``columns`` maps a row's keys to headings."""
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in columns.values():
        shown.add_column(heading, overflow="fold")
    for row in rows:
        cells = [str(row.get(key, "")) for key in columns]
        shown.add_row(
            *(
                coloured(cell) if key in ("state", "status") else _plain(cell)
                for key, cell in zip(columns, cells, strict=True)
            )
        )
    return shown


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
