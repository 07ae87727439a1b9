"""The launcher's own command line. Pure."""

from dataclasses import dataclass
from pathlib import Path

from kfp_components.easymaker.launcher.spec import SpecError

USAGE = "usage: python -m kfp_components.easymaker.launcher SPEC.json [--node-rank N]"
_NODE_RANK = "--node-rank"


@dataclass(frozen=True)
class Arguments:
    """``node_rank`` replaces that of the spec, which all pods of a training read: only each itself knows its own."""

    spec: Path
    node_rank: int | None = None


def parse_arguments(arguments: list[str]) -> Arguments:
    """Raise SpecError, with the usage, for anything else than the usage says."""
    files: list[str] = []
    ranks: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == _NODE_RANK:
            if not rest:
                raise SpecError(f"{_NODE_RANK} needs a number; {USAGE}")
            ranks.append(rest.pop(0))
        elif argument.startswith(f"{_NODE_RANK}="):
            ranks.append(argument.removeprefix(f"{_NODE_RANK}="))
        elif argument.startswith("-"):
            raise SpecError(f"there is no option {argument!r}; {USAGE}")
        else:
            files.append(argument)
    if len(files) != 1:
        raise SpecError(f"{'no' if not files else 'more than one'} spec file is given; {USAGE}")
    if len(ranks) > 1:
        raise SpecError(f"{_NODE_RANK} is given {len(ranks)} times; {USAGE}")
    return Arguments(Path(files[0]), _rank(ranks[0]) if ranks else None)


def _rank(text: str) -> int:
    if text.startswith("$("):
        raise SpecError(f"{_NODE_RANK}: {text} was not expanded: the pod has no such variable (is its Job indexed?)")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise SpecError(f"{_NODE_RANK}: {text!r} is no number from 0; {USAGE}")
    return int(text)
