"""Values of a run as its state file shows them: valid JSON, and no more of it than a console has use for."""

import json
import math
from dataclasses import dataclass
from typing import Any, cast

Json = Any

VALUE_BYTES = 16 * 1024
RUN_BYTES = 8 * 1024 * 1024
PREVIEW = 200


@dataclass
class Room:
    """How much the values of one run may still take up together."""

    left: int = RUN_BYTES

    def show(self, value: Json) -> tuple[Json, bool]:
        """The value, or the beginning of its text, and whether it is whole."""
        clean = strict(value)
        text = json.dumps(clean)
        if len(text) <= min(VALUE_BYTES, self.left):
            self.left -= len(text)
            return clean, True
        beginning = clean if isinstance(clean, str) else text
        return beginning[: PREVIEW if self.left < VALUE_BYTES else VALUE_BYTES // 4], False


def strict(value: Json) -> Json:
    """``value`` without what JSON or UTF-8 cannot hold; anything that is not a value of JSON becomes its text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {strict(str(key)): strict(each) for key, each in cast("dict[Json, Json]", value).items()}
    if isinstance(value, list):
        return [strict(each) for each in cast("list[Json]", value)]
    return value if value is None or isinstance(value, bool | int) else strict(str(value))
