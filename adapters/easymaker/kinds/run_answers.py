"""What answers about runs of all kinds have in common: times, where TensorBoard is, the models made of them."""

from datetime import UTC, datetime

from adapters.easymaker.kinds.kind import Presenting
from adapters.easymaker.kinds.record import Family, Json, Record


def elapsed_seconds(state: Json) -> int:
    """Whole seconds from the start of the work to its end, or to now."""
    started = state.get("startedAt")
    if started is None:
        return 0
    finished = state.get("finishedAt") or datetime.now(UTC).timestamp()
    return max(0, int(finished - started))


def moment(seconds: float | None) -> str | None:
    """A time of the engine's, as answers have times."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def board_of(record: Record, presenting: Presenting) -> Json:
    experiment_id = record.spec["experimentId"]
    return {
        "tensorboardAccessUri": presenting.site.tensorboard_uri(record.appkey, experiment_id),
        "tensorboardAccessPath": f"/tensorboard/{experiment_id}",
    }


def models_made(family: Family) -> list[Json]:
    """With their statuses: without them the SDK fetches each model again."""
    return [
        {
            "modelId": model.id,
            "modelName": model.name,
            "modelStatusCode": model.status,
            "modelFormatCode": model.spec.get("modelFormatCode"),
            "modelUploadUri": model.spec.get("modelUploadUri"),
        }
        for model in family.sources.get("model", ())
    ]
