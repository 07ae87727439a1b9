"""nas:// paths in a step: on a cluster a NAS id is the volume claim ``nas-{id}`` of the namespace."""

import re
from collections.abc import Iterable

from kfp import kubernetes
from kfp.dsl import PipelineTask

from kfp_components.easymaker.easymaker_api.storage_access import NAS_MOUNT
from kserve_runtimes.storage.uri import NasUri, parse

_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9]{0,246}[a-z0-9])?")


def mount_nas(task: PipelineTask, *nas: str) -> PipelineTask:
    """Mount what these ids, or the nas:// URIs with them, lie on; each NAS once.

    Raises:
        ValueError: neither an id nor a nas:// URI, or one that cannot be the name of a volume claim.
    """
    for nas_id in sorted(set(_ids(nas))):
        kubernetes.mount_pvc(task, pvc_name=f"nas-{nas_id}", mount_path=f"{NAS_MOUNT}/{nas_id}")
    return task


def _ids(given: Iterable[str]) -> Iterable[str]:
    for text in given:
        found = parse(text) if "://" in text else None
        if found is not None and not isinstance(found, NasUri):
            raise ValueError(f"{text} is no nas:// URI")
        nas_id = found.id if found is not None else text
        if not _CLAIM.fullmatch(nas_id):
            raise ValueError(f"{nas_id!r} cannot be part of a volume claim's name: small letters, digits and - can")
        yield nas_id
