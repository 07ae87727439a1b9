"""Pipelines on a cluster: uploaded to Kubeflow Pipelines, which checks them and shows them in its console.

Runs bring the pipeline along, with what EasyMaker adds to it, and do not refer to the uploaded one.
"""

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.names import namespace_of, object_name
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipelines_api import NOT_SET, ROOT, PipelinesApi
from adapters.easymaker.engines.pipelines import PipelineReports, document_text
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

PIPELINES = f"{ROOT}/pipelines"


class PipelineDriver(PipelineReports):
    def __init__(self, parts: ClusterParts) -> None:
        self._api = PipelinesApi.of(parts.cluster)
        self._poll = parts.cluster.pipelines_poll_seconds

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED)
        if self._api is None or (pipeline := _uploaded(self._api, record)) is None:
            return Observation(Phase.MISSING)
        if not _has_version(self._api, pipeline):
            return Observation(Phase.PENDING, "Kubeflow Pipelines has no version of it yet", recheck=self._poll)
        return Observation(Phase.RUNNING)

    def start(self, family: Family) -> None:
        if self._api is None:
            raise PermanentEngineError(NOT_SET)
        record = family.record
        document = document_text(stored(record.spec))
        shown = {"name": object_name(record.id), "display_name": record.name, "description": record.description}
        pipeline = _uploaded(self._api, record)
        if pipeline is None:
            self._api.upload(f"{PIPELINES}/upload", document, shown | {"namespace": namespace_of(record.appkey)})
        elif not _has_version(self._api, pipeline):
            self._api.upload(f"{PIPELINES}/upload_version", document, shown | {"pipelineid": pipeline["pipeline_id"]})

    def stop(self, family: Family) -> None:
        """Nothing runs."""

    def remove(self, family: Family) -> bool:
        if self._api is None:
            return True
        pipeline = _uploaded(self._api, family.record)
        if pipeline is None:
            return True
        self._api.delete(f"{PIPELINES}/{pipeline['pipeline_id']}", {"cascade": "true"})
        return False


def _uploaded(api: PipelinesApi, record: Record) -> Json | None:
    """By its name, which is unique within the namespace."""
    namespace = {"namespace": namespace_of(record.appkey)}
    return api.get(f"{PIPELINES}/names/{object_name(record.id)}", namespace)


def _has_version(api: PipelinesApi, pipeline: Json) -> bool:
    path = f"{PIPELINES}/{pipeline['pipeline_id']}/versions"
    return next(api.pages(path, "pipeline_versions", {"page_size": "1"}), None) is not None
