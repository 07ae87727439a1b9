"""What our code uses of kfp's artifacts, so that it needs no kfp to be tested."""

from typing import Any, Protocol


class Artifact(Protocol):
    metadata: dict[str, Any]

    @property
    def path(self) -> str: ...
