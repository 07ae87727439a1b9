"""Pipeline runs on a cluster: one run in Kubeflow Pipelines each, of which it alone decides what runs when."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from adapters.easymaker.engines.base import Content, Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import POD
from adapters.easymaker.engines.cluster.mapping import pipeline_run_graphs, pipeline_run_states
from adapters.easymaker.engines.cluster.mapping.pipeline_logs import story
from adapters.easymaker.engines.cluster.mapping.pipeline_pods import MAIN, RUN_ID, last_words, pods_of_step
from adapters.easymaker.engines.cluster.mapping.pipeline_requests import run_request
from adapters.easymaker.engines.cluster.mapping.pipeline_specs import PipelineSite
from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipelines_api import NOT_SET, PipelinesApi
from adapters.easymaker.engines.cluster.pipelines_objects import RUNS, Begun, PipelinesExperiments, found, shown_name
from adapters.easymaker.engines.cluster.pod_logs import read_pod_log
from adapters.easymaker.engines.pipelines import NodeView, not_begun, run_graph
from adapters.easymaker.errors import EngineError, NotFound, PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds import pipeline_run
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.reading import read

# The id that Kubeflow Pipelines gave: in the state of a run of ours, in the specification of one that a schedule made.
KNOWN, GIVEN = "pipelinesRunId", "kfpRunId"
GONE = "Kubeflow Pipelines does not have this run of the schedule any more"
NO_ARTIFACTS = "Kubeflow Pipelines hands no artifact out over its API: look in its console, or in its object storage"


class PipelineRunDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._api = PipelinesApi.of(parts.cluster)
        self._server = parts.server
        self._poll = parts.cluster.pipelines_poll_seconds
        self._site = PipelineSite(parts.catalogue, parts.cluster, parts.settings.region)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED)
        run = self._run(record)
        if run is None:
            lost = record.status == pipeline_run.LIFECYCLE.up
            return Observation(Phase.MISSING, detail={"finishedAt": time.time()} if lost else {})
        seen = pipeline_run_states.observe(run, self._last_words(record, run))
        return replace(seen, detail=seen.detail | {KNOWN: run["run_id"]}, recheck=self._poll)

    def start(self, family: Family) -> None:
        record = family.record
        api = self._required()
        if GIVEN in record.spec:
            raise PermanentEngineError(GONE)
        if not found(api, RUNS, record):
            begun = Begun.of(family, PipelinesExperiments(api))
            request = run_request(record, shown_name(record), begun.pipeline, self._site)
            api.post(RUNS, request | {"experiment_id": begun.experiment_id})
        # Another replica may have asked for one at the same moment. All leave the oldest.
        for surplus in found(api, RUNS, record)[1:]:
            self._delete(api, surplus)

    def stop(self, family: Family) -> None:
        for run in self._runs(family.record):
            self._terminate(run)

    def release(self, family: Family) -> None:
        """Nothing of it runs any more; what it has left stays with Kubeflow Pipelines."""
        runs = self._runs(family.record)
        for run in runs[:1]:
            self._terminate(run)
        for surplus in runs[1:]:
            self._delete(self._required(), surplus)

    def remove(self, family: Family) -> bool:
        runs = self._runs(family.record)
        for run in runs:
            self._delete(self._required(), run)
        return not runs

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """What has happened, as Kubeflow Pipelines tells."""
        record = family.record
        content = story(self._run(record))
        growing = record.status not in pipeline_run.LIFECYCLE.settled
        return content[offset : offset + limit], growing or len(content) > offset + limit

    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """The log of a step's newest pod: of its last attempt, or of a pass of its loop."""
        record = family.record
        run = self._shown(record)
        run_graph(*_nodes(run), {"nodeId": part})
        pods = pods_of_step(self._pods(record, run), part)
        growing = record.status not in pipeline_run.LIFECYCLE.settled
        return read_pod_log(self._server, pods[-1] if pods else None, (offset, limit), growing, MAIN)

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        run = self._run(family.record)
        pipeline = family.ref("pipeline")
        if run is None and pipeline is not None:
            of_pipeline = graph(read(stored(pipeline.spec)))
            return run_graph(of_pipeline, not_begun(of_pipeline), query)
        return run_graph(*_nodes(run or self._shown(family.record)), query)

    def download(self, path: str, family: Family, query: Mapping[str, str]) -> Content:
        run_graph(*_nodes(self._shown(family.record)), {"nodeId": query["nodeId"]})
        raise NotFound(NO_ARTIFACTS)

    def _required(self) -> PipelinesApi:
        if self._api is None:
            raise PermanentEngineError(NOT_SET)
        return self._api

    def _run(self, record: Record) -> Json | None:
        """None also where there are several, one of which an answer that came too late was about: start() mends it."""
        known = record.spec.get(GIVEN) or record.state.get(KNOWN)
        if self._api is None:
            if known:
                raise TemporaryEngineError(NOT_SET)
            return None
        run = self._api.get(f"{RUNS}/{known}") if known else None
        if run is not None or GIVEN in record.spec:
            return run
        runs = found(self._api, RUNS, record)
        return runs[0] if len(runs) == 1 else None

    def _runs(self, record: Record) -> list[Json]:
        """All that there is of it, the one that it is known by first. None without Kubeflow Pipelines."""
        if self._api is None:
            return []
        known = record.spec.get(GIVEN) or record.state.get(KNOWN)
        run = self._api.get(f"{RUNS}/{known}") if known else None
        others = [] if GIVEN in record.spec else found(self._api, RUNS, record)
        return [*([run] if run else []), *(each for each in others if each["run_id"] != known)]

    def _shown(self, record: Record) -> Json:
        run = self._run(record)
        if run is None:
            raise NotFound(f"Kubeflow Pipelines has no run {record.name}: it is {record.status}")
        return run

    def _terminate(self, run: Json) -> None:
        if pipeline_run_states.state_of(run) not in pipeline_run_states.ACTIVE:
            return
        try:
            self._required().post(f"{RUNS}/{run['run_id']}:terminate")
        except PermanentEngineError as error:
            # It is refused when the run has ended meanwhile.
            raise TemporaryEngineError(str(error)) from error

    def _delete(self, api: PipelinesApi, run: Json) -> None:
        """Its steps are asked to end; where that fails, they are deleted with the run all the same."""
        with suppress(EngineError):
            self._terminate(run)
        api.delete(f"{RUNS}/{run['run_id']}")

    def _pods(self, record: Record, run: Json) -> list[Json]:
        return self._server.list(POD, namespace_of(record.appkey), f"{RUN_ID}={run['run_id']}")

    def _last_words(self, record: Record, run: Json) -> str:
        """A reason is better with them, and there without them."""
        if pipeline_run_states.state_of(run) != "FAILED":
            return ""
        try:
            return last_words(self._pods(record, run))
        except EngineError:
            return ""


def _nodes(run: Json) -> tuple[Json, list[NodeView]]:
    of_pipeline = pipeline_run_graphs.pipeline_graph(run)
    return of_pipeline, pipeline_run_graphs.views(run, of_pipeline)
