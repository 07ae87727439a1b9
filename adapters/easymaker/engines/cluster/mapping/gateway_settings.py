"""What a stage has deployed to the gateway, as its report shows it. Pure."""

from collections.abc import Sequence

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping.stage_routes import ALIAS, Publication, RouteRule
from adapters.easymaker.kinds.record import Json


def shown(published: Sequence[Publication], cluster: ClusterSettings) -> Json:
    """The rules below the stage's URL, and below the endpoint's where it is the default stage."""
    return {
        "stageUrl": f"{cluster.gateway_host}{published[0].prefix}",
        "isDefaultStage": any(each.part == ALIAS for each in published),
        "gateway": cluster.gateway,
        "routes": [
            route for each in published for model in each.models for rule in model.rules for route in _routes(rule)
        ],
    }


def _routes(rule: RouteRule) -> list[Json]:
    targets = [{"endpointModelId": target.resource_id, "weight": target.weight} for target in rule.targets]
    return [
        {"method": match.method, "path": match.path, "serverPath": rule.runtime, "endpointModels": targets}
        for match in rule.matches
    ]
