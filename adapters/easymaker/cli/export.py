"""`export`: the manifests that the cluster engine would apply for a resource, from the database alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from adapters.easymaker import catalogue
from adapters.easymaker.cli import database, output
from adapters.easymaker.cli.cluster import cluster_settings
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import EXIT_USAGE, CliError, ManifestFormat
from adapters.easymaker.cli.yaml_documents import documents
from adapters.easymaker.engines.cluster.rendering import WITHOUT_MANIFESTS, manifests
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.store import families, pages, resources

# What is part of something else, and goes with it: stages and stage resources.
OWNED_KINDS = tuple(kind.name for kind in KINDS if any(link.owner for link in kind.links))


@dataclass(frozen=True)
class Target:
    """``kind`` None: everything of the appkey; ``resource_id`` None: everything of the kind."""

    appkey: str
    kind: Kind | None = None
    resource_id: str | None = None


@dataclass(frozen=True)
class Exported:
    """``note`` says why there are no manifests, or what they need besides; ``failed``: they cannot be made."""

    record: Record
    manifests: Sequence[Json] = ()
    note: str = ""
    failed: bool = False

    @property
    def title(self) -> str:
        return f"{self.record.kind} {self.record.name!r} ({self.record.id}), {self.record.status}"


def target_of(text: str | None, everything: bool, appkey: str) -> Target:
    """From ``KIND``, ``KIND/ID`` or --all.

    Raises:
        CliError: it is none of these.
    """
    if (text is None) is not everything:
        raise CliError("name a KIND or KIND/ID, or say --all", EXIT_USAGE)
    if text is None:
        return Target(appkey)
    name, _, resource_id = text.partition("/")
    kind = next((kind for kind in KINDS if name in (kind.name, kind.plural)), None)
    if kind is None:
        raise CliError(f"there is no kind {name!r}: {', '.join(KIND_BY_NAME)}", EXIT_USAGE)
    return Target(appkey, kind, resource_id or None)


def export(installation: Installation, target: Target, form: ManifestFormat) -> None:
    """Print them.

    Raises:
        CliError: there is no such resource, or its manifests cannot be made.
    """
    settings, cluster = installation.settings, cluster_settings()
    entries = catalogue.load(settings.catalogue)
    with database.opened(database.url_of(installation)) as opened, opened.transaction() as connection:
        found = list(_with_owned(connection, _roots(connection, target)))

    def rendered(family: Family) -> Exported:
        left_out = _left_out(family.record, named=target.resource_id is not None)
        return left_out or _rendered(family, lambda: manifests(family, entries, settings, cluster))

    exported = [rendered(family) for family in found]
    output.write(_yaml(exported) if form is ManifestFormat.YAML else _json(exported))
    failed = [each for each in exported if each.failed]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise CliError(f"{failed[0].title}: {failed[0].note}{more}")


def _roots(connection: Connection, target: Target) -> list[Record]:
    records: list[Record] = []
    for kind in (target.kind,) if target.kind else KINDS:
        ids = (target.resource_id,) if target.resource_id else ()
        records += pages.page(connection, target.appkey, kind.name, pages.Page(ids=ids, descending=False))[0]
    if records:
        return records
    others = sorted(resources.appkeys(connection) - {target.appkey})
    hint = f" (--appkey names another: {', '.join(others[:5])})" if others else ""
    what = f"no {target.kind.name}" if target.kind else "nothing"
    raise CliError(
        f"there is {what}{f' {target.resource_id}' if target.resource_id else ''} in appkey {target.appkey}{hint}"
    )


def _with_owned(connection: Connection, roots: Sequence[Record]) -> Iterator[Family]:
    """Each with what is part of it, directly behind it; nothing twice."""
    seen: set[str] = set()

    def walk(records: Sequence[Record]) -> Iterator[Family]:
        new = [record for record in records if record.id not in seen]
        seen.update(record.id for record in new)
        for family in families.load(connection, new, refs=True, source_kinds=OWNED_KINDS):
            yield family
            for kind, sources in family.sources.items():
                if any(link.owner and link.kind == family.record.kind for link in KIND_BY_NAME[kind].links):
                    yield from walk(sources)

    return walk(roots)


def _left_out(record: Record, named: bool) -> Exported | None:
    lifecycle = KIND_BY_NAME[record.kind].lifecycle
    ended = (lifecycle.complete, lifecycle.failed, lifecycle.stopped)
    if record.goal is Goal.ABSENT:
        return Exported(record, note="left out: it is being deleted")
    if not named and lifecycle.is_job and record.status in ended:
        return Exported(record, note=f"left out: it has ended; {record.kind}/{record.id} exports it all the same")
    return None


def _rendered(family: Family, render: Callable[[], list[Json]]) -> Exported:
    record = family.record
    try:
        made = render()
    except PermanentEngineError as error:
        return Exported(record, note=str(error), failed=True)
    if not made:
        return Exported(record, note=WITHOUT_MANIFESTS.get(record.kind, "its parts are what the cluster has of it"))
    secrets = sorted({name for manifest in made for name in _secrets(manifest)})
    return Exported(record, made, f"needs Secret {', '.join(secrets)}, which is not exported" if secrets else "")


def _secrets(value: Any) -> Iterator[str]:
    """The names of the Secrets that a manifest refers to."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("secretKeyRef"), dict):
            yield reference["name"]
        for below in value.values():
            yield from _secrets(below)
    elif isinstance(value, list):
        for below in value:
            yield from _secrets(below)


def _yaml(exported: Sequence[Exported]) -> str:
    parts: list[str] = []
    for each in exported:
        parts.append(_comment(each.title) + (_comment(each.note) if each.note else ""))
        parts.append(documents(each.manifests))
    return "".join(parts)


def _json(exported: Sequence[Exported]) -> str:
    for each in exported:
        if each.note and not each.failed:
            output.err().print(f"{each.title}: {each.note}", markup=False)
    items = [manifest for each in exported for manifest in each.manifests]
    return output.json_line({"apiVersion": "v1", "kind": "List", "items": items})


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}\n"
