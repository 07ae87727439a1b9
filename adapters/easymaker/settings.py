"""What an operator can set, each as ``EASYMAKER_<NAME>`` in the environment.

The defaults start everything on this machine, on loopback, with no further setting.
"""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All settings; raises pydantic's ValidationError with the variable's name when one is malformed."""

    model_config = SettingsConfigDict(env_prefix="EASYMAKER_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("~/.kubeflow-easymaker"), description="Directory for all local state")
    cache: Path = Field(
        default=Path("~/.cache/kubeflow-easymaker"),
        description="Directory for virtual environments; can be shared and deleted",
    )
    host: str = Field(default="127.0.0.1", description="Address the API listens on")
    port: int = Field(default=10090, ge=0, le=65535, description="Port the API listens on")
    gateway_port: int = Field(default=10443, ge=1, le=65535, description="HTTPS port of the endpoint gateway (Envoy)")
    object_storage_port: int = Field(
        default=10444, ge=1, le=65535, description="HTTPS port of the local object storage"
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "[::1]"), description="Host header values that are answered (JSON list)"
    )
    engine: Literal["local", "cluster"] = Field(
        default="local", description="Who carries resources out: processes of this machine, or a Kubeflow"
    )
    database_url: str | None = Field(default=None, description="PostgreSQL URL; unset: an embedded PostgreSQL")
    catalogue: Path | None = Field(
        default=None, description="Catalogue file; unset: the one that ships with the package"
    )
    region: str = Field(default="local", max_length=32, description="Value of EM_REGION in trainings")
    appkey: str = Field(default="local", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="Default appkey")
    nas_root: Path | None = Field(
        default=None, description="Directory with a folder per appkey, in it one per nas:// id; unset: HOME/nas"
    )
    local_disk_limit_mb: int | None = Field(
        default=None, ge=1, description="Upper limit for the disk space of one local job, below what its flavor grants"
    )
    pipeline_artifact_retention_days: float = Field(
        default=120, gt=0, description="Age in days at which the artifacts of an ended pipeline run are removed"
    )
    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, description="Largest request body that is read")
    workers: int = Field(default=4, ge=1, le=64, description="Resources that are reconciled at the same time")
    lease_seconds: float = Field(default=30.0, gt=0, description="How long a claimed resource is held without renewal")
    resync_seconds: float = Field(default=1.0, gt=0, description="Pause between safety-net scans for due resources")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level that is logged"
    )

    @cached_property
    def home_dir(self) -> Path:
        return self.home.expanduser().absolute()

    @cached_property
    def cache_dir(self) -> Path:
        return self.cache.expanduser().absolute()

    @cached_property
    def nas_dir(self) -> Path:
        return self.nas_root.expanduser().absolute() if self.nas_root else self.home_dir / "nas"

    @property
    def secrets_dir(self) -> Path:
        """Mode 0700; one file of mode 0600 per secret."""
        return self.home_dir / "secrets"
