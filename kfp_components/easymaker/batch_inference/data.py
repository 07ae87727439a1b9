"""Records out of files of JSON or JSON lines, wherever fsspec finds them, one after another."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, Any, cast

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from kserve_runtimes.storage.options import StorageOptions
from kserve_runtimes.storage.transfer import file_system


class DataInvalid(ValueError):
    """The text names the file and the line."""


@dataclass(frozen=True)
class Data:
    """By URI, or as a local path; globs are matched with paths below the directory."""

    uri: str = ""
    path: str = ""
    include: str = ""
    exclude: str = ""


@dataclass(frozen=True)
class Files:
    """``names`` are paths below ``base``, in order."""

    fs: AbstractFileSystem
    base: str
    names: tuple[str, ...]

    def records(self, name: str) -> Iterator[Any]:
        """Those of one file: the elements of a JSON list or of {"instances": [...]}, the lines of JSON lines, CSV."""
        path = f"{self.base}/{name}" if self.base else name
        # Their type says less than fsspec's files can do.
        opened = cast(IO[bytes], self.fs.open(path, "rb"))
        with io.TextIOWrapper(opened, encoding="utf-8-sig", newline="") as text:
            ending = name.rpartition(".")[2].lower()
            if ending == "csv":
                yield from csv.DictReader(text)
            elif ending == "json":
                yield from _listed(name, text.read())
            else:
                yield from _lines(name, text)


def find(data: Data, options: StorageOptions) -> Files:
    """Raises DataInvalid when no file is left, StorageError when nothing can be read."""
    if bool(data.uri) == bool(data.path):
        raise DataInvalid("give either data_uri or dataset")
    fs, root = file_system(data.uri, options) if data.uri else (LocalFileSystem(), data.path)
    root = root.rstrip("/")
    if fs.isfile(root):
        base, _, only = root.rpartition("/")
        return Files(fs, base, (only,))
    found = sorted(path.removeprefix(root).lstrip("/") for path in fs.find(root))
    names = tuple(name for name in found if _wanted(name, data))
    if not names:
        where = data.uri or "the data set"
        raise DataInvalid(f"{where} has {len(found)} file(s), of which the glob patterns leave none")
    return Files(fs, base=root, names=names)


def _wanted(name: str, data: Data) -> bool:
    if data.exclude and _matches(name, data.exclude):
        return False
    return not data.include or _matches(name, data.include)


def _matches(name: str, glob: str) -> bool:
    """A pattern without a slash is one for the file's name, wherever it lies."""
    return fnmatchcase(name if "/" in glob else name.rpartition("/")[2], glob)


def _lines(name: str, text: io.TextIOWrapper) -> Iterator[Any]:
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DataInvalid(f"{name}, line {number}, is not JSON: {error}") from None


def _listed(name: str, text: str) -> Iterator[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataInvalid(f"{name} is not JSON: {error}") from None
    if isinstance(found, dict) and isinstance(found.get("instances"), list):
        found = found["instances"]
    yield from found if isinstance(found, list) else [found]
