"""`logs`: the adapter's log file, or the log of one resource through the API."""

import time
from collections.abc import Iterator

from adapters.easymaker.cli import adapter_log, output
from adapters.easymaker.cli.client import ApiClient
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import EXIT_USAGE, CliError, Format
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind

POLL_SECONDS = 0.2


def of_adapter(installation: Installation, form: Format, lines: int, follow: bool) -> None:
    path = installation.adapter_log
    if not path.exists():
        raise CliError(f"there is no log yet in {installation.root}: run `kubeflow-easymaker up` first")
    size = adapter_log.size(path)
    last = adapter_log.tail(path, lines)
    if form is Format.JSON and not follow:
        output.print_json({"log": str(path), "lines": last})
        return
    for line in last:
        _emit(line, form)
    if follow:
        for line in adapter_log.follow(path, size, lambda: time.sleep(POLL_SECONDS)):
            _emit(line, form)


def of_resource(installation: Installation, form: Format, named: tuple[str, str], follow: bool) -> None:
    """``named`` is a kind and an id."""
    kind, resource_id = _kind(named[0]), named[1]
    client = ApiClient(installation)
    path = f"/{kind.plural}/{_segment(resource_id)}/logs"
    if follow:
        for line in _lines(client.stream_resource(path, {"follow": "true"})):
            _emit(line, form)
        return
    content = "".join(_chunks(client, path))
    if form is Format.JSON:
        output.print_json({"kind": kind.name, "id": resource_id, "content": content})
    else:
        output.out().file.write(content)


def _kind(name: str) -> Kind:
    with_logs = {word: kind for kind in KINDS if kind.has_logs for word in (kind.name, kind.plural)}
    found = with_logs.get(name.lower())
    if found is None:
        names = ", ".join(kind.name for kind in KINDS if kind.has_logs)
        raise CliError(f"{name!r} is no kind of resource with a log; those are: {names}", EXIT_USAGE)
    return found


def _segment(resource_id: str) -> str:
    if not resource_id or len(resource_id) > 36 or not all(c.isalnum() or c in "-_" for c in resource_id):
        raise CliError(f"{resource_id!r} is no id", EXIT_USAGE)
    return resource_id


def _chunks(client: ApiClient, path: str) -> Iterator[str]:
    """All that is there now."""
    offset = 0
    while True:
        log = client.get_resource(path, {"offset": offset})["log"]
        if log["nextOffset"] == offset:
            return
        yield log["content"]
        offset = log["nextOffset"]


def _lines(chunks: Iterator[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from whole
    if rest:
        yield rest


def _emit(line: str, form: Format) -> None:
    if form is Format.JSON:
        output.print_json({"line": line})
    else:
        stream = output.out().file
        stream.write(line + "\n")
        stream.flush()
