"""What the engine asks the API server for, and nothing else: the roles in manifests/ grant exactly this."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.easymaker.engines.cluster.api_resources import (
    ACCESS_REVIEW,
    CONFIG_MAP,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KATIB_EXPERIMENT,
    KATIB_SUGGESTION,
    KATIB_TRIAL,
    POD,
    SECRET,
    TENSORBOARD,
    TOKEN_REVIEW,
    TRAIN_JOB,
    VIRTUAL_SERVICE,
    VOLUME_CLAIM,
    ApiResource,
)


class Scope(StrEnum):
    """CLUSTER: objects that have no namespace. WATCHED: all namespaces, or those of EASYMAKER_CLUSTER_NAMESPACES.
    PROFILE: each namespace that is an appkey.
    """

    CLUSTER = "cluster"
    WATCHED = "watched"
    PROFILE = "profile"


@dataclass(frozen=True)
class Permission:
    """``resource`` is written as in a Role: ``pods/log`` is a subresource."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    scope: Scope

    @property
    def full_name(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


def _of(resource: ApiResource, verbs: str, scope: Scope, subresource: str = "") -> Permission:
    name = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return Permission(resource.group, name, tuple(verbs.split()), scope)


# A server-side apply is a patch, and a create where there is nothing yet.
WRITE = "create patch delete"
ROUTES = {"gateway-api": HTTP_ROUTE, "istio": VIRTUAL_SERVICE}
LOOKED_UP = (TRAIN_JOB, KATIB_EXPERIMENT, TENSORBOARD, INFERENCE_SERVICE)
CUSTOM = (*LOOKED_UP, *ROUTES.values())

REQUIRED: tuple[Permission, ...] = (
    # Who calls, and what he may do.
    _of(TOKEN_REVIEW, "create", Scope.CLUSTER),
    _of(ACCESS_REVIEW, "create", Scope.CLUSTER),
    # What became of our objects. Routes, trials and pods are found by their labels, never by name.
    *(_of(resource, "get list watch", Scope.WATCHED) for resource in LOOKED_UP),
    *(_of(resource, "list watch", Scope.WATCHED) for resource in (*ROUTES.values(), KATIB_TRIAL, POD)),
    # Why a tuning has failed before its first trial.
    _of(KATIB_SUGGESTION, "get", Scope.WATCHED),
    # Making it so. What has no watch is listed by its labels. Secrets are written and deleted by name, never read.
    *(_of(resource, WRITE, Scope.PROFILE) for resource in CUSTOM),
    # Katib has no way to stop an experiment: its status says that it is over. Trials are Katib's own; they go with it.
    _of(KATIB_EXPERIMENT, "patch", Scope.PROFILE, "status"),
    _of(KATIB_TRIAL, "delete", Scope.PROFILE),
    _of(VOLUME_CLAIM, f"get list {WRITE}", Scope.PROFILE),
    _of(CONFIG_MAP, f"list {WRITE}", Scope.PROFILE),
    _of(SECRET, WRITE, Scope.PROFILE),
    _of(POD, "get", Scope.PROFILE, "log"),
)
# What Kubeflow Pipelines asks the API server about whoever calls it, with several users; none of it is an object there.
PIPELINES = tuple(
    Permission("pipelines.kubeflow.org", resource, tuple(verbs.split()), Scope.PROFILE)
    for resource, verbs in (
        ("experiments", "create list delete"),
        ("pipelines", "create get list delete"),
        ("runs", "create get list terminate delete"),
        ("jobs", "create list enable disable delete"),
    )
)


def required(routes: str) -> tuple[Permission, ...]:
    """Of REQUIRED what an installation uses that publishes stages this way: the setting of that name."""
    others = {(resource.group, resource.plural) for way, resource in ROUTES.items() if way != routes}
    return tuple(permission for permission in REQUIRED if (permission.group, permission.resource) not in others)
