"""Published stages behind one real Envoy with TLS."""

from adapters.easymaker.engines.local.gateway.gateway import Gateway
from adapters.easymaker.engines.local.gateway.stage_routes import ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.gateway.statistics import ResourceStatistics

__all__ = ["Gateway", "ResourceRoute", "ResourceStatistics", "StageRoutes"]
