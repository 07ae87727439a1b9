"""What one resource consists of on the cluster, and putting it there and away.

An object that others belong to is applied first, without the mark APPLIED and held (a TrainJob: suspended), then what
belongs to it, with an owner reference, and then the owner whole. An owner without the mark is thus known to be
incomplete, whoever died when, and no pod starts before all that it needs is there.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.cluster.allowlist import DEFAULTS, require_allowed
from adapters.easymaker.engines.cluster.api_resources import ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer, object_key
from adapters.easymaker.engines.cluster.names import APPLIED
from adapters.easymaker.kinds.record import Json


@dataclass(frozen=True)
class Bundle:
    """Rendered manifests; ``dependents`` go when ``owner`` goes. ``hold`` is in the owner's specification until they
    are there, and keeps it from beginning its work.
    """

    owner: Json
    dependents: tuple[Json, ...] = ()
    hold: Json = field(default_factory=dict[str, Any])

    def digest(self) -> str:
        """The same for the same manifests."""
        content = orjson.dumps([self.owner, *self.dependents], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()[:32]

    def marked(self) -> Json:
        """The owner as it is applied last."""
        owner = copy.deepcopy(self.owner)
        owner["metadata"].setdefault("annotations", {})[APPLIED] = self.digest()
        return owner

    def held(self) -> Json:
        """The owner as it is applied first."""
        return self.owner | {"spec": self.owner["spec"] | self.hold} if self.hold else self.owner

    def manifests(self) -> list[Json]:
        """All that would be applied, but for owner references, which need the owner's uid."""
        return [self.marked(), *self.dependents]


def applied_digest(obj: Json) -> str | None:
    """What ``Bundle.digest`` was when the object was last applied whole; None for an incomplete one."""
    return (obj["metadata"].get("annotations") or {}).get(APPLIED)


class Applier:
    def __init__(self, server: ApiServer, cluster: ClusterSettings = DEFAULTS) -> None:
        self._server = server
        self._cluster = cluster

    def apply(self, bundle: Bundle, known: Json | None) -> Json:
        """Make it be there as rendered; ``known`` is the owner as last seen. Returns the owner as the server has it."""
        for manifest in bundle.manifests():
            require_allowed(manifest, self._cluster)
        if bundle.dependents:
            owner = known if known is not None else self._send(bundle.held())
            reference = _reference(bundle.owner, owner["metadata"]["uid"])
            for dependent in bundle.dependents:
                self._send(_owned(dependent, reference))
        return self._send(bundle.marked())

    def remove(self, namespace: str, selector: str, kinds: Sequence[ApiResource]) -> bool:
        """Delete everything of these kinds with these labels. True when a look at the API server finds nothing left."""
        clean = True
        for kind in kinds:
            for obj in self._server.list(kind, namespace, selector):
                clean = False
                if "deletionTimestamp" not in obj["metadata"]:
                    crash_point("cluster.before_delete")
                    self._server.delete(kind, *object_key(obj))
                    crash_point("cluster.after_delete")
        return clean

    def _send(self, manifest: Json) -> Json:
        crash_point("cluster.before_apply")
        answer = self._server.apply(manifest)
        crash_point("cluster.after_apply")
        return answer


def _reference(owner: Json, uid: str) -> Json:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": uid,
        "blockOwnerDeletion": False,
    }


def _owned(dependent: Json, reference: Json) -> Json:
    return dependent | {"metadata": dependent["metadata"] | {"ownerReferences": [reference]}}
