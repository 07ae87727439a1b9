"""The launcher's own command line: what differs between runs that read one and the same spec. Pure."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError

USAGE = (
    "usage: python -m kfp_components.easymaker.launcher SPEC.json "
    "[--node-rank N] [--run-name NAME] [--hyperparameter NAME=VALUE]..."
)
_NODE_RANK, _RUN_NAME, _HYPERPARAMETER = "--node-rank", "--run-name", "--hyperparameter"
_OPTIONS = {_NODE_RANK: "a number", _RUN_NAME: "a name", _HYPERPARAMETER: "NAME=VALUE"}
_REPEATABLE = (_HYPERPARAMETER,)
# The end of an address, a directory, and part of a host's name.
_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,252}")
# In node_addresses: what the run's name takes the place of.
RUN = "{run}"


@dataclass(frozen=True)
class Arguments:
    """``node_rank`` replaces that of the spec, which all pods of a training read: only each itself knows its own.

    ``run_name`` and ``hyperparameters`` are those of one of many runs, such as a trial of a tuning.
    """

    spec: Path
    node_rank: int | None = None
    run_name: str | None = None
    hyperparameters: tuple[tuple[str, str], ...] = ()


def parse_arguments(arguments: list[str]) -> Arguments:
    """Raise SpecError, with the usage, for anything else than the usage says."""
    files: list[str] = []
    given: defaultdict[str, list[str]] = defaultdict(list)
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in _OPTIONS:
            if not equals and not rest:
                raise SpecError(f"{name} needs {_OPTIONS[name]}; {USAGE}")
            given[name].append(value if equals else rest.pop(0))
        elif name.startswith("-"):
            raise SpecError(f"there is no option {name!r}; {USAGE}")
        else:
            files.append(name + equals + value)
    if len(files) != 1:
        raise SpecError(f"{'no' if not files else 'more than one'} spec file is given; {USAGE}")
    for name, values in given.items():
        if len(values) > 1 and name not in _REPEATABLE:
            raise SpecError(f"{name} is given {len(values)} times; {USAGE}")
    return Arguments(
        Path(files[0]),
        _rank(given[_NODE_RANK][0]) if given[_NODE_RANK] else None,
        _run_name(given[_RUN_NAME][0]) if given[_RUN_NAME] else None,
        _hyperparameters(given[_HYPERPARAMETER]),
    )


def applied(given: Arguments, spec: LauncherSpec) -> LauncherSpec:
    """The spec of this very run.

    Raises:
        SpecError: the spec and the command line do not go together.
    """
    if given.node_rank is not None:
        spec = replace(spec, node_rank=given.node_rank)
    if given.hyperparameters:
        spec = replace(spec, hyperparameters=tuple((dict(spec.hyperparameters) | dict(given.hyperparameters)).items()))
    return _named(spec, given.run_name) if given.run_name is not None else spec


def _named(spec: LauncherSpec, run: str) -> LauncherSpec:
    """Results of runs may not lie in each other's way: each gets a directory of its own wherever it writes to."""

    def below(uri: str | None) -> str | None:
        return f"{uri.rstrip('/')}/{run}" if uri else uri

    return replace(
        spec,
        id=run,
        name=f"{spec.name} {run}",
        model_upload_uri=below(spec.model_upload_uri),
        checkpoint_upload_uri=below(spec.checkpoint_upload_uri),
        tensorboard_upload_uri=below(spec.tensorboard_upload_uri),
        tensorboard_dir=spec.tensorboard_dir / run if spec.tensorboard_dir else None,
        node_addresses=tuple(address.replace(RUN, run) for address in spec.node_addresses),
    )


def _rank(text: str) -> int:
    if text.startswith("$("):
        raise SpecError(f"{_NODE_RANK}: {text} was not expanded: the pod has no such variable (is its Job indexed?)")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise SpecError(f"{_NODE_RANK}: {text!r} is no number from 0; {USAGE}")
    return int(text)


def _run_name(text: str) -> str:
    if not _NAME.fullmatch(text) or ".." in text:
        raise SpecError(f"{_RUN_NAME}: {text!r} is no name of letters, digits, '-', '_' and '.'; {USAGE}")
    return text


def _hyperparameters(given: list[str]) -> tuple[tuple[str, str], ...]:
    """Percent-encoded on both sides, so that no shell and no template on the way takes a part of it for its own."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            key, meant = unquote(name, errors="strict"), unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise SpecError(f"{_HYPERPARAMETER}: {text!r} is not percent-encoded UTF-8; {USAGE}") from None
        if not equals or not key:
            raise SpecError(f"{_HYPERPARAMETER}: {text!r} is not NAME=VALUE; {USAGE}")
        if key in found:
            raise SpecError(f"{_HYPERPARAMETER}: {key} is given twice; {USAGE}")
        found[key] = meant
    return tuple(found.items())
