"""Settings as Katib carries them, texts by name: those an algorithm knows, those it leaves aside, and unknown ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Parse = Callable[[str], Any]


def whole(least: int, most: int = 2**63 - 1) -> Parse:
    """For an integer within bounds; the ValueError's text completes a sentence that begins with the setting's name."""

    def parse(text: str) -> int:
        stripped = text.strip()
        try:
            value = int(stripped) if len(stripped) <= 20 else None
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            bounds = f"at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
            raise ValueError(f"must be an integer, {bounds}, but is {text!r}")
        return value

    return parse


def one_of(*choices: str) -> Parse:
    def parse(text: str) -> str:
        if text.strip() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, but is {text!r}")
        return text.strip()

    return parse


@dataclass(frozen=True)
class SettingsTable:
    """`known`: name to parser. `aliases`: further names of known ones, to the name that is parsed.

    `no_effect`: those of the known ones that are only checked, with the reason: settings of Katib's own services that
    mean nothing here, so that an experiment written for those runs unchanged.
    """

    known: Mapping[str, Parse]
    aliases: Mapping[str, str] = field(default_factory=dict)
    no_effect: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadSettings:
    """`parsed` by the name in `SettingsTable.known`; `ignored`: name to reason, of those given that have no effect."""

    parsed: Mapping[str, Any]
    ignored: Mapping[str, str]
    problems: tuple[str, ...]


def read_settings(table: SettingsTable, given: Mapping[str, str]) -> ReadSettings:
    parsed: dict[str, Any] = {}
    problems: list[str] = []
    for name, text in sorted(given.items()):
        target = table.aliases.get(name, name)
        if target not in table.known:
            known = ", ".join(sorted({*table.known, *table.aliases})) or "none"
            problems.append(f"setting {name!r} is unknown; known are: {known}")
            continue
        try:
            value = table.known[target](text)
        except ValueError as reason:
            problems.append(f"setting {name!r} {reason}")
            continue
        if parsed.setdefault(target, value) != value:
            problems.append(f"settings {name!r} and {target!r} are the same, but their values differ")
    ignored = {name: table.no_effect[name] for name in parsed if name in table.no_effect}
    return ReadSettings(parsed, ignored, tuple(problems))
