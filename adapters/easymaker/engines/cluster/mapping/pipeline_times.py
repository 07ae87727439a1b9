"""Times in the answers of Kubeflow Pipelines, where 1970 means: not yet."""

from datetime import UTC, datetime


def seconds(time: str | None) -> float | None:
    """Since 1970."""
    found = datetime.fromisoformat(time).timestamp() if time else 0
    return found if found > 0 else None


def moment(time: str | None) -> str | None:
    """As answers of ours have times."""
    found = seconds(time)
    return None if found is None else datetime.fromtimestamp(found, UTC).isoformat()


def timestamp(moment: datetime) -> str:
    """As requests have times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
