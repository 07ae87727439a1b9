"""How the demo's steps look: a line per step with its duration, a table at the end."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.status import Status
from rich.table import Table

from adapters.easymaker.cli import output

SHORT = 90


@dataclass(frozen=True)
class Step:
    title: str
    good: bool
    seconds: float
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 2)}


class Screen:
    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._console = output.out()
        self._title = ""
        self._status: Status | None = None

    def begin(self, title: str) -> None:
        self._title = title
        if self._console.is_terminal and not self._quiet:
            self._status = self._console.status(escape(title))
            self._status.start()

    def progress(self, line: str) -> None:
        """What is being done within the step, for as long as it lasts."""
        if self._status:
            self._status.update(f"{escape(self._title)} [dim]{escape(line[:SHORT])}[/dim]")

    def end(self, step: Step) -> None:
        if self._status:
            self._status.stop()
            self._status = None
        if self._quiet:
            return
        mark = "[green]✓[/green]" if step.good else "[red]✗[/red]"
        title = escape(f"{step.title:<34}")
        self._console.print(f"{mark} {title}{step.seconds:6.1f} s  [dim]{escape(step.detail)}[/dim]")

    def summary(self, steps: list[Step], seconds: float) -> None:
        if self._status:
            self._status.stop()
        if self._quiet:
            return
        shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        shown.add_column("STEP")
        shown.add_column("SECONDS", justify="right")
        shown.add_column("RESULT")
        for step in steps:
            result = "[green]ok[/green]" if step.good else "[red]failed[/red]"
            shown.add_row(escape(step.title), f"{step.seconds:.1f}", result)
        good = sum(step.good for step in steps)
        shown.add_row("[bold]Total[/bold]", f"[bold]{seconds:.1f}[/bold]", f"[bold]{good} of {len(steps)} ok[/bold]")
        self._console.print()
        self._console.print(shown)
