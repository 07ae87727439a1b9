"""`down`: end everything of one home, whoever started it and whatever state it is in."""

from adapters.easymaker.cli import identity, output
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError, Format, Report
from adapters.easymaker.cli.shutdown import end_everything, inventory
from adapters.easymaker.cli.up import stop_supervisor

NOTHING = "nothing was running"


def down(installation: Installation, form: Format) -> None:
    """Print what was ended.

    Raises:
        CliError: something is still there.
    """
    quiet = form is Format.JSON
    ended = bring_down(installation, lambda line: None if quiet else output.err().print(f"[dim]{line}[/dim]"))
    if quiet:
        output.print_json({"home": str(installation.root), "ended": ended})
        return
    for name in ended:
        output.out().print(f"ended {name}")
    output.out().print("nothing of this home runs any more" if ended else NOTHING)


def bring_down(installation: Installation, report: Report) -> list[str]:
    """The names of what was ended."""
    if not installation.root.is_dir() or not installation.run_dir.is_dir():
        return []
    before = inventory(installation)
    if before.supervisor is not None or identity.is_held(installation.supervisor_lock):
        report("asking the supervisor to end")
        stop_supervisor(installation)
    # Also after an orderly end: a supervisor that was killed has left everything to us.
    end_everything(installation, report)
    left = inventory(installation).names()
    if left:
        raise CliError(f"still there: {', '.join(left)}; `kubeflow-easymaker down` tries again")
    return before.names()
