"""The algorithms by the names that experiments use. Each is loaded when an experiment first asks for it.

Lazily, because a service that only ever does random or grid shall not hold numpy in memory.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from katib_suggestions.algorithms.base import Algorithm, Request

__all__ = ["ALGORITHMS", "Algorithm", "Request", "algorithm_names"]

# A module with a name `ALGORITHM`.
_MODULES = {
    "random": "katib_suggestions.algorithms.random",
    "grid": "katib_suggestions.algorithms.grid",
    "bayesianoptimization": "katib_suggestions.algorithms.bayesian",
}
ALIASES = {"bayesian": "bayesianoptimization"}


class _Algorithms(Mapping[str, Algorithm]):
    """By canonical name; an alias is found too, but not listed."""

    def __getitem__(self, name: str) -> Algorithm:
        return import_module(_MODULES[ALIASES.get(name, name)]).ALGORITHM

    def __contains__(self, name: object) -> bool:
        return name in _MODULES or name in ALIASES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


ALGORITHMS: Mapping[str, Algorithm] = _Algorithms()


def algorithm_names() -> tuple[str, ...]:
    """Every name that an experiment may use, aliases included, without loading any."""
    return (*_MODULES, *ALIASES)
