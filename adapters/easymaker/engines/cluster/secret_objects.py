"""Secret values on a cluster: a Kubernetes Secret per resource, written and deleted by name and never read.

Beside each lies a ConfigMap of the same name with the names of its keys. It owns the Secret, and it is what is listed
to find Secrets that nobody needs, so that no right to list or read Secrets is needed anywhere.
"""

import base64
import hashlib
import hmac
import time
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
from adapters.easymaker.errors import (
    EngineError,
    InvalidRequest,
    PermanentEngineError,
    TemporaryEngineError,
    Unavailable,
)
from adapters.easymaker.kinds.record import Json

log = structlog.get_logger("easymaker.cluster")

PART = "secret"
# Which of a resource's ConfigMaps it is, and whose: two installations on one cluster leave each other's alone.
HOLDS = f"{DOMAIN}/holds"
INSTALLATION = f"{DOMAIN}/installation"
# A younger one can belong to a request whose transaction is not committed yet.
ORPHAN_AGE = timedelta(hours=1)
# The search is made while an adapter starts, which must not take longer because a namespace does not answer.
LONGEST_SEARCH_SECONDS = 20.0


def _now() -> datetime:
    return datetime.now(UTC)


class SecretObjects:
    """``key`` is this installation's own, for fingerprints; ``installation`` its name on the cluster, such as the
    namespace it runs in.
    """

    def __init__(
        self,
        server: ApiServer,
        key: bytes,
        installation: str = "kubeflow",
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._server = server
        self._key = key
        self._installation = installation
        self._now = now

    def put(self, appkey: str, resource_id: str, values: Mapping[str, str]) -> None:
        try:
            names = names_manifest(appkey, resource_id, values, self._installation)
            owner = self._apply(names)
            self._apply(secret_manifest(names, owner["metadata"]["uid"], values))
        except TemporaryEngineError as error:
            self._take_back(appkey, resource_id)
            raise Unavailable(f"the secret parameters cannot be stored now: {error}") from error
        except PermanentEngineError:
            self._take_back(appkey, resource_id)
            # What is found wrong with a Secret might show a part of it.
            log.warning("secret refused", resource=resource_id)
            raise InvalidRequest("the cluster does not take the secret parameters") from None

    def delete(self, appkey: str, resource_id: str) -> None:
        delete_secret(self._server, appkey, resource_id)

    def _take_back(self, appkey: str, resource_id: str) -> None:
        """The request fails, and nobody will ever name its resource. A write whose answer was lost may have been done.
        What cannot be deleted now is found as an orphan later.
        """
        try:
            delete_secret(self._server, appkey, resource_id)
        except EngineError as error:
            log.warning("a secret that was not stored whole is left for later", resource=resource_id, reason=str(error))

    def delete_orphans(self, known: Callable[[Collection[str]], Collection[str]], appkeys: Collection[str]) -> int:
        """Namespaces that cannot be looked at are left out: they may be closed to us by now, or the API server away."""
        began = time.monotonic()
        count = 0
        for appkey in sorted(appkeys):
            if time.monotonic() - began > LONGEST_SEARCH_SECONDS:
                log.warning("not all namespaces were searched for secrets without a resource")
                break
            try:
                count += self._delete_orphans_of(appkey, known)
            except EngineError as error:
                log.warning("no search for secrets without a resource", appkey=appkey, reason=str(error))
        return count

    def _delete_orphans_of(self, appkey: str, known: Callable[[Collection[str]], Collection[str]]) -> int:
        before = self._now() - ORPHAN_AGE
        selector = f"{MANAGED_BY}={MANAGER},{HOLDS}={PART},{INSTALLATION}={self._installation}"
        found = [each["metadata"] for each in self._server.list(CONFIG_MAP, namespace_of(appkey), selector)]
        old = {
            meta["labels"][RESOURCE_ID] for meta in found if datetime.fromisoformat(meta["creationTimestamp"]) < before
        }
        orphans = old - set(known(old)) if old else old
        for resource_id in orphans:
            delete_secret(self._server, appkey, resource_id)
        return len(orphans)

    def fingerprint(self, content: bytes) -> str:
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def _apply(self, manifest: Json) -> Json:
        require_allowed(manifest)
        crash_point("cluster.before_apply")
        applied = self._server.apply(manifest)
        crash_point("cluster.after_apply")
        return applied


def delete_secret(server: ApiServer, appkey: str, resource_id: str) -> None:
    """The ConfigMap last: as long as something is left it can be found. Missing is success.

    Raises:
        TemporaryEngineError: the API server is away.
    """
    for resource in (SECRET, CONFIG_MAP):
        crash_point("cluster.before_delete")
        server.delete(resource, namespace_of(appkey), object_name(resource_id, PART))
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
