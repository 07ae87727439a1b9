"""Where an object may be written below a destination directory. Pure code.

Object names come from the server and may have been chosen by anybody who can write to the container.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from .errors import InvalidStorageUri

MAX_COMPONENT_BYTES = 255
MAX_DEPTH = 64


@dataclass(frozen=True)
class Entry:
    """One file or object: ``name`` is relative to what was listed."""

    name: str
    size: int
    etag: str = ""
    modified: str = ""
    is_marker: bool = False
    """A 0-byte object that only says that a directory is there."""


@dataclass(frozen=True)
class Target:
    entry: Entry
    path: PurePosixPath


def is_safe(name: str) -> bool:
    """Whether an object name reads as a path below a directory."""
    try:
        relative_path(name)
    except InvalidStorageUri:
        return False
    return True


def relative_path(name: str) -> PurePosixPath:
    """The path below the destination for an object name; a leading or doubled slash has no meaning there."""
    components = [component for component in name.split("/") if component]
    if not components:
        raise InvalidStorageUri(f"The object name {name!r} cannot be a file name.")
    if len(components) > MAX_DEPTH:
        raise InvalidStorageUri(f"The object name {name[:80]!r}... has more than {MAX_DEPTH} directories.")
    for component in components:
        _check_component(name, component)
    return PurePosixPath(*components)


def _check_component(name: str, component: str) -> None:
    if component in (".", ".."):
        raise InvalidStorageUri(f"The object name {name!r} has a '.' or '..' in it and is refused.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in component):
        raise InvalidStorageUri(f"The object name {name!r} has control characters in it and is refused.")
    if len(component.encode()) > MAX_COMPONENT_BYTES:
        raise InvalidStorageUri(f"The object name {name[:80]!r}... is too long for a file name.")


def plan(entries: Iterable[Entry]) -> list[Target]:
    """The file for each entry; refuses the whole lot when two would overwrite each other or one would escape."""
    entries = list(entries)
    targets: dict[PurePosixPath, Target] = {}
    directories: dict[PurePosixPath, str] = {}
    for entry in entries:
        path = relative_path(entry.name)
        for parent in path.parents[:-1]:
            directories.setdefault(parent, entry.name)
        if entry.is_marker or (entry.name.endswith("/") and entry.size == 0):
            continue
        if entry.name.endswith("/"):
            raise InvalidStorageUri(f"The object {entry.name!r} has content but the name of a directory.")
        if path in targets:
            raise InvalidStorageUri(
                f"The objects {targets[path].entry.name!r} and {entry.name!r} would be the same file."
            )
        targets[path] = Target(entry, path)
    for path in targets.keys() & directories.keys():
        # Several tools mark a directory by an empty object of its name.
        if targets[path].entry.size:
            raise InvalidStorageUri(
                f"The object {targets[path].entry.name!r} is also the directory of {directories[path]!r}."
            )
        del targets[path]
    return list(targets.values())
