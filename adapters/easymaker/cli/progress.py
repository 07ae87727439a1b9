"""A line per part while an installation starts: redrawn on a terminal, one line per change elsewhere."""

import time
from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from adapters.easymaker.cli import output
from adapters.easymaker.engines.base import Part

MARKS = {"RUNNING": "[green]✓[/green]", "DOWN": "[red]✗[/red]"}


class Progress:
    """Everything goes to stderr: stdout is for results."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = output.err()
        self._quiet = quiet
        self._began = time.monotonic()
        self._seen: dict[str, str] = {}
        self._since: dict[str, float] = {}
        terminal = self._console.is_terminal and not quiet
        self._live = Live(console=self._console, transient=True, refresh_per_second=8) if terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, parts: list[Part]) -> None:
        for part in parts:
            if self._seen.get(part.name) == part.state:
                continue
            self._seen[part.name] = part.state
            self._since[part.name] = time.monotonic() - self._began
            if self._live is None and not self._quiet and part.state == "RUNNING":
                self._console.print(f"{part.name}: running after {self._since[part.name]:.1f} s")
        if self._live:
            self._live.update(self._drawn(parts))

    def note(self, line: str) -> None:
        if not self._quiet:
            self._console.print(f"[dim]{line}[/dim]")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def _drawn(self, parts: list[Part]) -> RenderableType:
        shown = Table.grid(padding=(0, 2))
        for part in parts:
            mark = Text.from_markup(MARKS[part.state]) if part.state in MARKS else Spinner("dots")
            took = f"{self._since[part.name]:.1f} s" if part.state == "RUNNING" else ""
            shown.add_row(mark, part.name, Text(part.state.lower(), style="dim"), took)
        note = Text("The first start installs what is missing, which takes a minute or two.", style="dim")
        return Group(shown, note) if self.seconds > 8 else shown
