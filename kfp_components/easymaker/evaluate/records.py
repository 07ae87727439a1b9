"""Records of a data set as an artifact: CSV, JSON lines or JSON, a file or a directory of files."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
# Python refuses longer fields, to which a row with an unclosed quote leads.
csv.field_size_limit(16 * 1024 * 1024)


class DataInvalid(ValueError):
    """The text names the file and the line."""


def records(path: Path) -> Iterator[Record]:
    """Of all files, in the order of their names. A file without an ending is taken by its first character."""
    if not path.exists():
        raise DataInvalid(f"{path.name}: there is no such file")
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not files:
        raise DataInvalid(f"{path.name}: there is no file in it")
    for file in files:
        yield from _of_file(file)


def field_of(record: Record, name: str) -> Any:
    """``a.b`` is b of a, unless there is a field ``a.b``. Raises DataInvalid."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise DataInvalid(f"there is no field {name!r} in a record with {', '.join(sorted(record)) or 'no fields'}")
        value = value[part]
    return value


def _of_file(file: Path) -> Iterator[Record]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        kind = file.suffix.lower() or _guess(text.read(1))
        text.seek(0)
        if kind == ".csv":
            yield from csv.DictReader(text)
        elif kind == ".json":
            yield from _of_list(file, text.read())
        else:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield _object(file, number, line)


def _guess(first: str) -> str:
    return {"{": ".jsonl", "[": ".json"}.get(first, ".csv")


def _of_list(file: Path, text: str) -> Iterator[Record]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataInvalid(f"{file.name} is not JSON: {error}") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise DataInvalid(f"{file.name} must be a JSON list of objects")
    yield from found


def _object(file: Path, number: int, line: str) -> Record:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataInvalid(f"{file.name}, line {number}, is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataInvalid(f"{file.name}, line {number}, is not a JSON object")
    return found
