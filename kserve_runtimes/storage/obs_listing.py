"""What lies in a container, as a tree.

A listing shows the manifest of a large object as an empty object; only asking for it tells its size and its segments.
So empty objects are asked for, and segments that lie below their own object are left out.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from .objects import SEGMENTS_SUFFIX, ObjectInfo, Objects
from .swift import Location


@dataclass
class Children:
    """The next level below a path; ``directories`` are full object names without a slash at the end."""

    files: list[ObjectInfo] = field(default_factory=list)
    directories: set[str] = field(default_factory=set)


def containers(objects: Objects, account: Location) -> list[str]:
    """Names of the account's containers, those that hold only segments left out."""
    names = [str(record.get("name", "")) for record in objects.client.listing(account)]
    return [name for name in names if name and not name.endswith(SEGMENTS_SUFFIX)]


def children(objects: Objects, at: Location) -> Children:
    prefix = at.name + "/" if at.name else ""
    found = Children()
    listed = []
    for record in objects.client.listing(replace(at, name=""), prefix=prefix, delimiter="/"):
        if "subdir" in record:
            found.directories.add(str(record["subdir"]).rstrip("/"))
        elif (info := _info(at, record)).is_marker:
            found.directories.add(info.at.name.rstrip("/"))
        else:
            listed.append(info)
    found.directories.discard(at.name)
    found.files = _complete(objects, listed)
    found.directories -= {info.at.name for info in found.files if info.owns_children}
    return found


def below(objects: Objects, at: Location) -> list[ObjectInfo]:
    """Every object below a path (or in the container), directory markers included."""
    prefix = at.name + "/" if at.name else ""
    listed = [_info(at, record) for record in objects.client.listing(replace(at, name=""), prefix=prefix)]
    infos = _complete(objects, listed)
    owners = tuple(info.at.name + "/" for info in infos if info.owns_children)
    return [info for info in infos if not info.at.name.startswith(owners)]


def _info(at: Location, record: dict) -> ObjectInfo:
    modified = str(record.get("last_modified", ""))
    return ObjectInfo(
        at=replace(at, name=str(record.get("name", ""))),
        size=int(record.get("bytes", 0)),
        etag=str(record.get("hash", "")),
        content_type=str(record.get("content_type", "")),
        modified=f"{modified}+00:00" if modified and "+" not in modified else modified,
    )


def _complete(objects: Objects, infos: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    infos = list(infos)
    empty = {info.at: info for info in infos if info.size == 0 and not info.is_marker and info.at.is_usable}
    if empty:
        with ThreadPoolExecutor(objects.options.threads) as pool:
            for at, info in zip(empty, pool.map(objects.existing, empty), strict=True):
                empty[at] = info or empty[at]
    return [empty.get(info.at, info) for info in infos]
