"""Secret values on a cluster: a Kubernetes Secret per resource, written and deleted by name and never read.

Beside each lies a ConfigMap of the same name with the names of its keys. It owns the Secret, and it is what is listed
to find Secrets that nobody needs, so that no right to list or read Secrets is needed anywhere.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.cluster.allowlist import require_allowed
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, SECRET
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.names import (
    DOMAIN,
    MANAGED_BY,
    MANAGER,
    RESOURCE_ID,
    namespace_of,
    object_name,
)
from adapters.easymaker.engines.cluster.secret_keys import secret_key
from adapters.easymaker.errors import InvalidRequest, PermanentEngineError, TemporaryEngineError, Unavailable
from adapters.easymaker.kinds.record import Json

log = structlog.get_logger("easymaker.cluster")

PART = "secret"
# Which of a resource's ConfigMaps it is, and whose: two installations on one cluster leave each other's alone.
HOLDS = f"{DOMAIN}/holds"
INSTALLATION = f"{DOMAIN}/installation"
# A younger one can belong to a request whose transaction is not committed yet.
ORPHAN_AGE = timedelta(hours=1)


def _now() -> datetime:
    return datetime.now(UTC)


class SecretObjects:
    """``key`` is this installation's own, for fingerprints; ``installation`` its name on the cluster.

    ``namespaces`` are those to look for orphans in; empty: all, which takes the right to list ConfigMaps everywhere.
    """

    def __init__(
        self,
        server: ApiServer,
        key: bytes,
        installation: str = "kubeflow",
        namespaces: tuple[str, ...] = (),
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._server = server
        self._key = key
        self._installation = installation
        self._namespaces = namespaces
        self._now = now

    def put(self, appkey: str, resource_id: str, values: Mapping[str, str]) -> None:
        try:
            names = names_manifest(appkey, resource_id, values, self._installation)
            owner = self._apply(names)
            self._apply(secret_manifest(names, owner["metadata"]["uid"], values))
        except TemporaryEngineError as error:
            raise Unavailable(f"the secret parameters cannot be stored now: {error}") from error
        except PermanentEngineError:
            # What is found wrong with a Secret might show a part of it.
            log.warning("secret refused", resource=resource_id)
            raise InvalidRequest("the cluster does not take the secret parameters") from None

    def delete(self, appkey: str, resource_id: str) -> None:
        """The ConfigMap last: as long as something is left it can be found.

        Raises:
            TemporaryEngineError: the API server is away.
        """
        self._delete(namespace_of(appkey), object_name(resource_id, PART))

    def delete_orphans(self, known: Callable[[Collection[str]], Collection[str]]) -> int:
        """See SecretStore.

        Raises:
            TemporaryEngineError: the API server is away, or does not let ConfigMaps be listed.
        """
        before = self._now() - ORPHAN_AGE
        selector = f"{MANAGED_BY}={MANAGER},{HOLDS}={PART},{INSTALLATION}={self._installation}"
        old: dict[str, tuple[str, str]] = {}
        for namespace in self._namespaces or (None,):
            for found in self._server.list(CONFIG_MAP, namespace, selector):
                meta: Json = found["metadata"]
                if datetime.fromisoformat(meta["creationTimestamp"]) < before:
                    old[meta["labels"][RESOURCE_ID]] = (meta["namespace"], meta["name"])
        orphans = old.keys() - set(known(old.keys())) if old else set[str]()
        for resource_id in orphans:
            self._delete(*old[resource_id])
        return len(orphans)

    def fingerprint(self, content: bytes) -> str:
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def _apply(self, manifest: Json) -> Json:
        require_allowed(manifest)
        crash_point("cluster.before_apply")
        applied = self._server.apply(manifest)
        crash_point("cluster.after_apply")
        return applied

    def _delete(self, namespace: str, name: str) -> None:
        for resource in (SECRET, CONFIG_MAP):
            crash_point("cluster.before_delete")
            self._server.delete(resource, namespace, name)
            crash_point("cluster.after_delete")


def names_manifest(appkey: str, resource_id: str, values: Mapping[str, str], installation: str) -> Json:
    """The ConfigMap: which key each parameter lies under, no value of any."""
    labels = {MANAGED_BY: MANAGER, RESOURCE_ID: resource_id, HOLDS: PART, INSTALLATION: installation}
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": {
            "name": object_name(resource_id, PART),
            "namespace": namespace_of(appkey),
            "labels": labels,
        },
        "data": {secret_key(name): name for name in sorted(values)},
    }


def secret_manifest(names: Json, uid: str, values: Mapping[str, str]) -> Json:
    """The Secret, which belongs to the ConfigMap ``names`` with this uid."""
    meta: Json = names["metadata"]
    owner = {
        "apiVersion": names["apiVersion"],
        "kind": names["kind"],
        "name": meta["name"],
        "uid": uid,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "type": "Opaque",
        "metadata": meta | {"ownerReferences": [owner]},
        "data": {secret_key(name): base64.b64encode(value.encode()).decode() for name, value in values.items()},
    }
