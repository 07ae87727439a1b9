"""Where secret values of resources are kept: never in the database. A record keeps their names only."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol


class SecretStore(Protocol):
    """Written before the resource's row is committed, deleted when nothing is left of the resource.

    Nothing here reads a value back: that is for whoever runs the resource, and on a cluster not even for the adapter.
    """

    def put(self, appkey: str, resource_id: str, values: Mapping[str, str]) -> None:
        """Keep these values; replaces earlier ones.

        Raises:
            Unavailable: the store is away.
        """
        ...

    def delete(self, appkey: str, resource_id: str) -> None:
        """Missing is success."""
        ...

    def delete_orphans(self, known: Callable[[Collection[str]], Collection[str]], appkeys: Collection[str]) -> int:
        """Delete what a crash between put() and the commit of its resource has left; returns how many.

        ``known`` tells which of the given ids are those of resources; ``appkeys`` are those with resources. What is
        younger than the longest request stays.
        """
        ...

    def fingerprint(self, content: bytes) -> str:
        """The same for the same content, and nothing that could be used to guess it without the store's key."""
        ...
