"""What a launcher is asked to do: one frozen object, kept as a JSON file beside the run.

It holds no secret: storage credentials come from the launcher's environment, never from here.
"""

import json
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Self

from kfp_components.easymaker.launcher.distributed import split_address

VERSION = 1
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*")


class SpecError(ValueError):
    """The spec cannot be carried out; the text says which field and why."""


@dataclass(frozen=True, kw_only=True)
class LauncherSpec:
    """See README.md for the meaning of each field. Constructing one checks it."""

    id: str
    name: str
    appkey: str
    region: str
    source_dir_uri: str
    entry_point: str
    work_dir: Path
    status_path: Path
    hyperparameters: tuple[tuple[str, str], ...] = ()
    datasets: tuple[tuple[str, str], ...] = ()
    model_upload_uri: str | None = None
    checkpoint_input_uri: str | None = None
    checkpoint_upload_uri: str | None = None
    tensorboard_dir: Path | None = None
    tensorboard_upload_uri: str | None = None
    python: Path = Path(sys.executable)
    requirements_lock: Path | None = None
    uv: Path | None = None
    instance_count: int = 1
    node_rank: int = 0
    node_addresses: tuple[str, ...] = ()
    use_torchrun: bool = False
    nproc_per_node: int = 1
    timeout_seconds: float | None = None
    stop_grace_seconds: float = 30.0
    extra_env: tuple[str, ...] = ()
    metrics_log: Path | None = None
    metrics_log_names: tuple[str, ...] = ()
    metrics_log_times: bool = False

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_paths(self)
        _check_datasets(self)
        _check_nodes(self)
        if self.timeout_seconds is not None:
            _require(self.timeout_seconds > 0, "timeout_seconds", "must be more than 0")
        _require(self.stop_grace_seconds >= 0, "stop_grace_seconds", "must not be negative")
        for key, _ in self.hyperparameters:
            _require(key != "", "hyperparameters", "a key must not be empty")
        for name in self.extra_env:
            _require(bool(_ENV_NAME.fullmatch(name)), "extra_env", f"{name!r} is no variable name or NAME* pattern")

    def to_json(self) -> str:
        """The text that ``from_json`` reads back into an equal spec."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps({"version": VERSION, **values}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raise SpecError for anything but a complete, well-typed spec of this version."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise SpecError(f"the spec is not JSON: {error}") from None
        if not isinstance(data, dict):
            raise SpecError("the spec is not a JSON object")
        version = data.pop("version", None)
        if version != VERSION:
            raise SpecError(f"version: this launcher reads version {VERSION}, not {version!r}")
        unknown = sorted(data.keys() - _READERS.keys())
        if unknown:
            raise SpecError(f"unknown field(s): {', '.join(unknown)}")
        missing = sorted(_REQUIRED - data.keys())
        if missing:
            raise SpecError(f"missing field(s): {', '.join(missing)}")
        return cls(**{name: _READERS[name](name, value) for name, value in data.items()})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _require(holds: bool, field: str, sentence: str) -> None:
    if not holds:
        raise SpecError(f"{field}: {sentence}")


def _check_texts(spec: LauncherSpec) -> None:
    """Neither an argument nor an environment variable can carry a NUL byte or a lone surrogate."""
    for field in fields(spec):
        for text in _texts(getattr(spec, field.name)):
            _require("\0" not in text, field.name, "must not hold a NUL character")
            _require(not any("\ud800" <= char <= "\udfff" for char in text), field.name, "must be valid Unicode")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Path):
        return [str(value)]
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    return []


def _check_paths(spec: LauncherSpec) -> None:
    for field in fields(spec):
        value = getattr(spec, field.name)
        if isinstance(value, Path):
            _require(value.is_absolute(), field.name, "must be an absolute path")
    entry = PurePosixPath(spec.entry_point)
    _require(spec.entry_point != "" and entry.name != "", "entry_point", "must name a file")
    _require(not entry.is_absolute() and ".." not in entry.parts, "entry_point", "must lie inside the algorithm path")


def _check_datasets(spec: LauncherSpec) -> None:
    """A data set's name becomes a directory and a variable, so it must be fit for both and unique as either."""
    seen: set[str] = set()
    for name, _ in spec.datasets:
        fit = name not in ("", ".", "..") and "/" not in name and len(name.encode()) <= 255
        _require(fit, "datasets", f"{name!r} cannot be the name of a directory")
        _require(name.upper() not in seen, "datasets", f"two data sets are named {name.upper()!r} (in capitals)")
        seen.add(name.upper())


def _check_nodes(spec: LauncherSpec) -> None:
    _require(spec.instance_count >= 1, "instance_count", "must be at least 1")
    _require(spec.nproc_per_node >= 1, "nproc_per_node", "must be at least 1")
    _require(0 <= spec.node_rank < spec.instance_count, "node_rank", "must be from 0 to instance_count - 1")
    if spec.instance_count > 1:
        enough = len(spec.node_addresses) == spec.instance_count
        _require(enough, "node_addresses", f"must hold one host:port for each of the {spec.instance_count} nodes")
    for address in spec.node_addresses:
        try:
            split_address(address)
        except ValueError as error:
            raise SpecError(f"node_addresses: {error}") from None


def _text(name: str, value: Any) -> str:
    _require(isinstance(value, str), name, "must be a string")
    return value


def _optional_text(name: str, value: Any) -> str | None:
    return None if value is None else _text(name, value)


def _path(name: str, value: Any) -> Path:
    return Path(_text(name, value))


def _optional_path(name: str, value: Any) -> Path | None:
    return None if value is None else _path(name, value)


def _integer(name: str, value: Any) -> int:
    _require(isinstance(value, int) and not isinstance(value, bool), name, "must be a whole number")
    return value


def _number(name: str, value: Any) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    _require(numeric and abs(value) < 1e9, name, "must be a number below a billion")
    return float(value)


def _optional_number(name: str, value: Any) -> float | None:
    return None if value is None else _number(name, value)


def _boolean(name: str, value: Any) -> bool:
    _require(isinstance(value, bool), name, "must be true or false")
    return value


def _text_list(name: str, value: Any) -> tuple[str, ...]:
    _require(isinstance(value, list), name, "must be a list of strings")
    return tuple(_text(name, item) for item in value)


def _pairs(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    _require(isinstance(value, list), name, "must be a list of pairs of strings")
    for item in value:
        _require(isinstance(item, list) and len(item) == 2, name, "must be a list of pairs of strings")
    return tuple((_text(name, key), _text(name, item)) for key, item in value)


_READERS = {
    "id": _text,
    "name": _text,
    "appkey": _text,
    "region": _text,
    "source_dir_uri": _text,
    "entry_point": _text,
    "work_dir": _path,
    "status_path": _path,
    "hyperparameters": _pairs,
    "datasets": _pairs,
    "model_upload_uri": _optional_text,
    "checkpoint_input_uri": _optional_text,
    "checkpoint_upload_uri": _optional_text,
    "tensorboard_dir": _optional_path,
    "tensorboard_upload_uri": _optional_text,
    "python": _path,
    "requirements_lock": _optional_path,
    "uv": _optional_path,
    "instance_count": _integer,
    "node_rank": _integer,
    "node_addresses": _text_list,
    "use_torchrun": _boolean,
    "nproc_per_node": _integer,
    "timeout_seconds": _optional_number,
    "stop_grace_seconds": _number,
    "extra_env": _text_list,
    "metrics_log": _optional_path,
    "metrics_log_names": _text_list,
    "metrics_log_times": _boolean,
}
_REQUIRED = {"id", "name", "appkey", "region", "source_dir_uri", "entry_point", "work_dir", "status_path"}
