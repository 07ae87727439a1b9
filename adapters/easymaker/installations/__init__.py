"""What an installation is made of beside its database: who carries resources out, who may do what, where secrets lie.

``EASYMAKER_ENGINE`` chooses; what only one of them needs is imported only for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.easymaker.access import AccessPolicy, Authenticator, Principal
from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.base import Engine
from adapters.easymaker.engines.secret_store import SecretStore
from adapters.easymaker.kinds.kind import Site
from adapters.easymaker.settings import Settings


@dataclass(frozen=True)
class Installation:
    """``storage_token`` (appkey, caller, seconds) and ``open_tensorboard`` (experiment id) are None where the platform
    around the adapter has its own. ``ticket_key`` signs the addresses of TensorBoards that the adapter opens itself.
    """

    engine: Engine
    authenticator: Authenticator
    policy: AccessPolicy
    secrets: SecretStore
    site: Site
    storage_token: Callable[[str, Principal, float], str | None] | None = None
    open_tensorboard: Callable[[str], Any] | None = None
    ticket_key: bytes = b""


def require_usable(settings: Settings) -> None:
    """Refuse settings that cannot work before anything is started.

    Raises:
        EasyMakerError: which one, and what would be right.
    """
    if settings.engine == "cluster":
        from adapters.easymaker.installations.cluster import cluster_settings, database_url

        cluster_settings()
        database_url(settings)


def install(settings: Settings, entries: Catalogue) -> Installation:
    """Put together what the settings ask for; starts nothing yet.

    Raises:
        EasyMakerError: a setting is missing or wrong.
    """
    if settings.engine == "cluster":
        from adapters.easymaker.installations.cluster import install_cluster

        return install_cluster(settings, entries)
    from adapters.easymaker.installations.local import install_local

    return install_local(settings, entries)
