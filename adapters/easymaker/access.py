"""The question that every request is: may this caller do this, in this appkey? Engines answer it, the API asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Verb(StrEnum):
    """What can be done to a resource. Actions such as stop are updates; logs, events and reports are gets."""

    GET = "get"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


READING = frozenset({Verb.GET, Verb.LIST})


class Role(StrEnum):
    """What a token of a local installation may do in an appkey."""

    READER = "reader"
    OWNER = "owner"


@dataclass(frozen=True)
class Principal:
    """A caller. ``roles`` are those of a local installation; an appkey that is not named is closed to it.

    ``groups``, ``uid`` and ``extra`` are what a cluster knows of its user.
    """

    name: str
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def role(self, appkey: str) -> Role | None:
        return self.roles.get(appkey)


@dataclass(frozen=True)
class Access:
    """``name`` is the id of the one resource that is meant; empty for a list, for a create, and for any."""

    verb: Verb
    kind_plural: str
    appkey: str
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.kind_plural} {self.name}" if self.name else self.kind_plural
        return f"{self.verb} {what} in appkey {self.appkey}"


class Authenticator(Protocol):
    """May block: it is called in a thread."""

    @property
    def longest_token(self) -> int:
        """A longer one is refused unread."""
        ...

    def authenticate(self, token: str) -> Principal:
        """Who holds this token.

        Raises:
            Unauthenticated: nobody issued it.
            Unavailable: whoever knows is away.
        """
        ...


class AccessPolicy(Protocol):
    """May block: it is called in a thread."""

    def authorize(self, principal: Principal, access: Access) -> None:
        """Returns when it is allowed; whatever is not allowed expressly is refused.

        Raises:
            Forbidden: with the verb, the resource and the appkey.
            Unavailable: whoever knows is away.
        """
        ...
