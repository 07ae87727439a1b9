"""The gateway's counts as the API shows them."""

from collections.abc import Iterable

from adapters.easymaker.engines.local.gateway import ResourceStatistics
from adapters.easymaker.kinds.record import Json


def shown(counts: ResourceStatistics) -> Json:
    return {
        "total": counts.total,
        "status2xx": counts.status_2xx,
        "status4xx": counts.status_4xx,
        "status5xx": counts.status_5xx,
    }


def total(counts: Iterable[ResourceStatistics]) -> ResourceStatistics:
    result = ResourceStatistics()
    for each in counts:
        result += each
    return result
