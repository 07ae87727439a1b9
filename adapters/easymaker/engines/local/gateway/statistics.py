"""Requests per stage resource, adding up over Envoy's restarts. Pure but for the two functions at the end.

Envoy counts from zero in each run. For each cluster we keep what earlier runs counted and what this run showed last; a
run is told by its process. Requests between the last reading and Envoy's violent end are lost: read often.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from adapters.easymaker.engines.local.gateway.envoy_routes import counted_for
from adapters.easymaker.engines.local.json_files import read_json, write_json

PATTERN = r"^cluster\.[^.]+\.upstream_rq_(completed|[245]xx)$"


@dataclass(frozen=True)
class ResourceStatistics:
    """``total`` is every answered request; 3xx is in it and in none of the others."""

    total: int = 0
    status_2xx: int = 0
    status_4xx: int = 0
    status_5xx: int = 0

    def __add__(self, other: "ResourceStatistics") -> "ResourceStatistics":
        return ResourceStatistics(
            self.total + other.total,
            self.status_2xx + other.status_2xx,
            self.status_4xx + other.status_4xx,
            self.status_5xx + other.status_5xx,
        )


@dataclass(frozen=True)
class Tally:
    """``before``: earlier runs. ``run`` and ``seen``: the run read last, and what it showed."""

    run: str = ""
    before: ResourceStatistics = ResourceStatistics()
    seen: ResourceStatistics = ResourceStatistics()

    @property
    def sum(self) -> ResourceStatistics:
        return self.before + self.seen


_FIELDS = {"completed": "total", "2xx": "status_2xx", "4xx": "status_4xx", "5xx": "status_5xx"}


def from_counters(counters: Mapping[str, int]) -> dict[str, ResourceStatistics]:
    """Envoy's counters by cluster, for the clusters that count."""
    sums: dict[str, dict[str, int]] = {}
    for name, value in counters.items():
        cluster, _, counter = name.removeprefix("cluster.").rpartition(".upstream_rq_")
        if counter in _FIELDS and counted_for(cluster):
            sums.setdefault(cluster, {})[_FIELDS[counter]] = value
    return {cluster: ResourceStatistics(**values) for cluster, values in sums.items()}


def advance(tally: Tally, run: str, seen: ResourceStatistics) -> Tally:
    """The tally after a reading. A smaller count within a run means that Envoy dropped the cluster in between."""
    if tally.run == run and seen.total >= tally.seen.total:
        return replace(tally, seen=seen)
    return Tally(run, tally.sum, seen)


def advance_all(
    tallies: Mapping[str, Tally], run: str, seen: Mapping[str, ResourceStatistics], resource_ids: Collection[str | None]
) -> dict[str, Tally]:
    """A tally per cluster of these resources; those of others are forgotten."""
    return {
        cluster: advance(tallies.get(cluster, Tally()), run, seen.get(cluster, ResourceStatistics()))
        for cluster in {*tallies, *seen}
        if counted_for(cluster) in resource_ids
    }


def of_resources(tallies: Mapping[str, Tally], resource_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
    """The sums of all clusters that a resource ever had."""
    sums = {resource: ResourceStatistics() for resource in resource_ids}
    for cluster, tally in tallies.items():
        resource = counted_for(cluster)
        if resource in sums:
            sums[resource] += tally.sum
    return sums


def load(path: Path) -> dict[str, Tally]:
    return {
        resource: Tally(value["run"], ResourceStatistics(**value["before"]), ResourceStatistics(**value["seen"]))
        for resource, value in read_json(path, {}).items()
    }


def save(path: Path, tallies: Mapping[str, Tally]) -> None:
    write_json(path, {resource: asdict(tally) for resource, tally in tallies.items()})
