"""What the local drivers share."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.easymaker.engines.local.access import Access
from adapters.easymaker.engines.local.background import Background
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.gateway import Gateway
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.processes import ProcessRunner

AccessProvider = Callable[[], Access]
"""Raises TemporaryEngineError as long as object storage and gateway are still starting."""

GatewayProvider = Callable[[], Gateway]
"""Likewise."""


@dataclass(frozen=True)
class Tools:
    home: LocalHome
    runner: ProcessRunner
    environments: Environments
    background: Background
    access: AccessProvider
