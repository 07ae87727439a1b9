"""Where secret values of resources are kept: never in the database. A record keeps their names only."""

from collections.abc import Mapping
from typing import Protocol


class SecretStore(Protocol):
    """Written before the resource's row is committed, deleted when nothing is left of the resource."""

    def put(self, resource_id: str, values: Mapping[str, str]) -> None:
        """Keep these values; replaces earlier ones."""
        ...

    def get(self, resource_id: str) -> Mapping[str, str]:
        """The values by name; empty when there are none."""
        ...

    def delete(self, resource_id: str) -> None:
        """Missing is success."""
        ...

    def fingerprint(self, content: bytes) -> str:
        """The same for the same content, and nothing that could be used to guess it without the store's key."""
        ...
