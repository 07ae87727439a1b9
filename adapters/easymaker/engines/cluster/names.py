"""Names and labels of what a resource consists of on the cluster. They derive from its id, so that doing a thing twice
does it once, and ``kubectl get -l easymaker.kubeflow.org/resource-id=ID`` shows all of it.
"""

import re
from collections.abc import Mapping

from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Record

MANAGER = "kubeflow-easymaker"
DOMAIN = "easymaker.kubeflow.org"

MANAGED_BY = "app.kubernetes.io/managed-by"
RESOURCE_ID = f"{DOMAIN}/resource-id"
KIND = f"{DOMAIN}/kind"
EXPERIMENT_ID = f"{DOMAIN}/experiment-id"
ENDPOINT_ID = f"{DOMAIN}/endpoint-id"
STAGE_ID = f"{DOMAIN}/stage-id"
# Annotations: what was applied last (a digest of the manifest), and the name that the user gave.
APPLIED = f"{DOMAIN}/applied"
DISPLAY_NAME = f"{DOMAIN}/name"

MANAGED = f"{MANAGED_BY}={MANAGER}"
LONGEST = 63
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?")


def object_name(resource_id: str, part: str = "") -> str:
    """``em-{id}`` or ``em-{id}-{part}``: a DNS label of at most 63 characters.

    Raises:
        PermanentEngineError: the id does not make one.
    """
    name = f"em-{resource_id}-{part}" if part else f"em-{resource_id}"
    if len(name) > LONGEST or not _LABEL.fullmatch(name):
        raise PermanentEngineError(f"{name!r:.100} cannot be the name of an object on the cluster")
    return name


def namespace_of(appkey: str) -> str:
    """An appkey is a Kubeflow profile, whose namespace has its name.

    Raises:
        PermanentEngineError: the appkey is no DNS label.
    """
    if len(appkey) > LONGEST or not _LABEL.fullmatch(appkey):
        raise PermanentEngineError(f"appkey {appkey!r:.100} is not the name of a namespace")
    return appkey


def labels(record: Record, **more: str) -> dict[str, str]:
    """The labels of every object of a resource. ``more`` holds values for ENDPOINT_ID and its like, by label name."""
    found = {MANAGED_BY: MANAGER, KIND: record.kind, RESOURCE_ID: record.id} | more
    for name, value in found.items():
        if len(value) > LONGEST or not _LABEL_VALUE.fullmatch(value):
            raise PermanentEngineError(f"{value!r:.100} cannot be the value of the label {name}")
    return found


def metadata(record: Record, name: str, extra_labels: Mapping[str, str] | None = None) -> dict[str, object]:
    """The metadata of one object of a resource."""
    return {
        "name": name,
        "namespace": namespace_of(record.appkey),
        "labels": labels(record, **(extra_labels or {})),
        "annotations": {DISPLAY_NAME: record.name},
    }
