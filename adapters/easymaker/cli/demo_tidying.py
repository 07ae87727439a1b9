"""After a demo that did not come to its end: what it made is deleted, so that nothing of it runs on."""

import contextlib
import time
from collections.abc import Iterator

from adapters.easymaker.cli.client import ApiClient
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind

SECONDS = 30.0
PAUSE_SECONDS = 0.3


def tidy(installation: Installation, name: str) -> None:
    """Delete all whose name begins with ``name``, as far as that works within half a minute."""
    deadline = time.monotonic() + SECONDS
    client = ApiClient(installation)
    while time.monotonic() < deadline:
        # A single request that fails, or is refused because of what still depends on it, gets its turn again.
        with contextlib.suppress(CliError):
            left = list(_left(client, name))
            if not left:
                return
            for path, verbs in left:
                for method, action in verbs:
                    with contextlib.suppress(CliError):
                        client.send_resource(method, path + action)
        time.sleep(PAUSE_SECONDS)


def _left(client: ApiClient, name: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Paths, what depends on others first, with the requests that end each."""
    ids: dict[str, list[str]] = {}
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for kind in KINDS:
        ids[kind.name] = []
        for query in _queries(kind, ids, name):
            ids[kind.name] += [
                item[kind.id_field] for item in client.get_resource(f"/{kind.plural}", query)[kind.list_key]
            ]
        verbs = [("PUT", f"/{action.path}") for action in kind.actions if action.path == "stop"]
        found += [(f"/{kind.plural}/{resource_id}", [*verbs, ("DELETE", "")]) for resource_id in ids[kind.name]]
    yield from reversed(found)


def _queries(kind: Kind, ids: dict[str, list[str]], name: str) -> list[dict[str, str]]:
    required = next((link for link in kind.filters if link.required), None)
    if required is None:
        return [{"name": name}]
    return [{required.query: parent} for parent in ids[kind.link(required.role).kind]]
