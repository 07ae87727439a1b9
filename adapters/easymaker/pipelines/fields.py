"""Reading a message of the IR out of JSON: typed accessors that note what is wrong, and where, and go on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Json = Any

# Names become directories, files and parts of Kubernetes names: no slash, dot, quote or space.
_PORT = re.compile(r"\w[\w-]{0,199}")
_TASK = re.compile(r"[a-z0-9]([a-z0-9-]{0,198}[a-z0-9])?", re.ASCII)


@dataclass
class Problems:
    """What was found so far. Reading stops at the end, not at the first problem, so that authors see all of them."""

    found: list[str] = field(default_factory=list[str])

    def add(self, place: str, what: str) -> None:
        self.found.append(f"{place}: {what}")


@dataclass(frozen=True)
class Fields:
    """One message: a JSON object, the place it lies at, and who is told of problems."""

    data: Mapping[str, Json]
    place: str
    problems: Problems

    def only(self, known: Iterable[str]) -> "Fields":
        """Tell of every field that is not among ``known``: a misspelt condition must not count as none."""
        for key in sorted(set(self.data) - set(known)):
            self.problems.add(self.place, f"unknown field {key[:100]!r}")
        return self

    def message(self, name: str) -> "Fields":
        return self._object(self.data.get(name), f"{self.place}.{name}")

    def optional(self, name: str) -> "Fields | None":
        return self.message(name) if self.data.get(name) is not None else None

    def messages(self, name: str) -> list["Fields"]:
        """The messages of a repeated field."""
        value = self.data.get(name)
        items = cast("list[Json]", value) if isinstance(value, list) else [] if value is None else [0]
        return [self._object(item, f"{self.place}.{name}[{index}]") for index, item in enumerate(items)]

    def entries(self, name: str, what: str = "port") -> dict[str, "Fields"]:
        """The messages of a map field by their keys, which must be good names."""
        pattern = _TASK if what == "task" else _PORT
        found: dict[str, Fields] = {}
        for key, value in self.message(name).data.items():
            if pattern.fullmatch(key):
                found[key] = self._object(value, f"{self.place}.{name}.{key}")
            else:
                self.problems.add(f"{self.place}.{name}", f"the name {key[:100]!r} is not allowed")
        return found

    def text(self, name: str, default: str = "") -> str:
        return self._typed(name, str, "text", default)

    def flag(self, name: str) -> bool:
        return self._typed(name, bool, "true or false", False)

    def number(self, name: str) -> float:
        value = self.data.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.add(f"{self.place}.{name}", "must be a number")
            return 0
        return value

    def count(self, name: str) -> int:
        value = self.number(name)
        if value != int(value) or not 0 <= value < 2**31:
            self.problems.add(f"{self.place}.{name}", "must be a whole number, 0 or more")
            return 0
        return int(value)

    def values(self, name: str) -> tuple[Json, ...]:
        """A list of anything."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, list):
            self.problems.add(f"{self.place}.{name}", "must be a list")
        return tuple(cast("list[Json]", value)) if isinstance(value, list) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.data.get(name)
        items = cast("list[Json]", value) if isinstance(value, list) else [] if value is None else [None]
        if not all(isinstance(item, str) for item in items):
            self.problems.add(f"{self.place}.{name}", "must be a list of texts")
            return ()
        return tuple(cast("list[str]", items))

    def one_of(self, names: tuple[str, ...]) -> str | None:
        """Which of ``names`` is there; two at once are a problem, as in a protobuf oneof."""
        present = [name for name in names if self.data.get(name) is not None]
        if len(present) > 1:
            self.problems.add(self.place, f"only one of {', '.join(present)} may be there")
        return present[0] if present else None

    def _typed(self, name: str, kind: type, told: str, default: Any) -> Any:
        value = self.data.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            self.problems.add(f"{self.place}.{name}", f"must be {told}")
            return default
        return value

    def _object(self, value: Json, place: str) -> "Fields":
        if value is not None and not isinstance(value, dict):
            self.problems.add(place, "must be a mapping")
        return Fields(cast("dict[str, Json]", value) if isinstance(value, dict) else {}, place, self.problems)
