"""Volumes: the claims that the engine makes, and those that an operator has made for NAS ids (``nas-{id}``)."""

import re
from collections.abc import Iterable

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import VOLUME_CLAIM
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json
from kserve_runtimes.storage.uri import NasUri, parse

_CLAIM_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


def claim_spec(size: str, access_mode: str, cluster: ClusterSettings) -> Json:
    """The spec of a PersistentVolumeClaim; without a class of its own, the cluster's default one."""
    spec: Json = {"accessModes": [access_mode], "resources": {"requests": {"storage": size}}}
    if cluster.storage_class is not None:
        spec["storageClassName"] = cluster.storage_class
    return spec


def volume_claim(metadata: Json, spec: Json) -> Json:
    return {"apiVersion": VOLUME_CLAIM.api_version, "kind": VOLUME_CLAIM.kind, "metadata": metadata, "spec": spec}


def nas_claim(nas_id: str) -> str:
    """The claim behind a NAS id, in the namespace of the profile.

    Raises:
        PermanentEngineError: no claim can have that name.
    """
    name = f"nas-{nas_id}"
    if not _CLAIM_NAME.match(name):
        raise PermanentEngineError(
            f"nas://{nas_id}: a NAS is the volume claim nas-ID on the cluster, so its id is of small letters, digits, -"
        )
    return name


def nas_ids(uris: Iterable[str | None]) -> list[str]:
    """The NAS ids among these storage URIs, each once, in the order of their names."""
    parsed = (parse(uri) for uri in uris if uri)
    return sorted({uri.id for uri in parsed if isinstance(uri, NasUri)})
