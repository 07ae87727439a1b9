"""What an operator decides about storage; nothing in here is a secret, only where secrets lie."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .egress import EgressPolicy

MEBIBYTE = 1024 * 1024
_PREFIX = "EASYMAKER_"


@dataclass(frozen=True)
class Identity:
    """Where tokens are had for a user name and a password (the Keystone v2 request that the official SDK makes)."""

    url: str
    tenant_id: str
    username: str
    password_file: Path


@dataclass(frozen=True)
class StorageOptions:
    """``allowed_hosts`` are reached whatever their address is, and they alone are sent credentials; any other public
    host is asked anonymously. The token file is read again when it has changed.
    """

    obs_token_file: Path | None = None
    obs_identity: Identity | None = None
    ca_bundle: Path | None = None
    nas_root: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_schemes: tuple[str, ...] = ("obs", "nas")
    large_object_size: int = 2048 * MEBIBYTE
    segment_size: int = 512 * MEBIBYTE
    chunk_size: int = MEBIBYTE
    threads: int = 8
    attempts: int = 5

    @property
    def egress(self) -> EgressPolicy:
        return EgressPolicy(self.allowed_hosts)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "StorageOptions":
        """EASYMAKER_OBS_TOKEN_FILE, EASYMAKER_OBS_CA_FILE (else REQUESTS_CA_BUNDLE, SSL_CERT_FILE), EASYMAKER_NAS_ROOT,
        EASYMAKER_OBS_HOSTS and EASYMAKER_STORAGE_SCHEMES (separated by commas), and for an identity service
        EASYMAKER_OBS_IDENTITY_URL, EASYMAKER_OBS_TENANT_ID, EASYMAKER_OBS_USERNAME and EASYMAKER_OBS_PASSWORD_FILE.
        """
        environ = os.environ if environ is None else environ

        def value(name: str) -> str | None:
            return environ.get(_PREFIX + name) or None

        def path(name: str) -> Path | None:
            text = value(name)
            return Path(text) if text else None

        ca_bundle = value("OBS_CA_FILE") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
        return cls(
            obs_token_file=path("OBS_TOKEN_FILE"),
            obs_identity=_identity(value),
            ca_bundle=Path(ca_bundle) if ca_bundle else None,
            nas_root=path("NAS_ROOT"),
            allowed_hosts=_listed(value("OBS_HOSTS")),
            allowed_schemes=_listed(value("STORAGE_SCHEMES")) or cls.allowed_schemes,
        )


def _identity(value) -> Identity | None:
    url, tenant, user = value("OBS_IDENTITY_URL"), value("OBS_TENANT_ID"), value("OBS_USERNAME")
    password_file = value("OBS_PASSWORD_FILE")
    if url and tenant and user and password_file:
        return Identity(url, tenant, user, Path(password_file))
    return None


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(item.strip() for item in (text or "").split(",") if item.strip())
