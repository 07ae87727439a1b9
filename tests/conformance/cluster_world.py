"""The cluster engine over a real API server; what controllers would write, stand-ins write."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import (
    APPLIED_KINDS,
    KATIB_TRIAL,
    POD,
    TRAIN_JOB,
    ApiResource,
)
from adapters.easymaker.engines.cluster.engine import ClusterEngine, build_cluster
from adapters.easymaker.engines.cluster.mapping.backends import service_name
from adapters.easymaker.engines.cluster.mapping.server_states import SERVER
from adapters.easymaker.engines.cluster.names import RESOURCE_ID, object_name
from adapters.easymaker.engines.cluster.secret_objects import SecretObjects
from adapters.easymaker.kinds import pipeline_run
from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.settings import Settings
from kfp_components.easymaker.launcher.child import ChildEnd
from kfp_components.easymaker.launcher.run import judge
from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED
from tests.cluster.controllers import PODS, TRAIN_JOBS, Controllers
from tests.conformance.cluster_pipelines import PipelineRuns
from tests.conformance.rows import Rows
from tests.conformance.world import Drivers, World, until
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.namespaces import create_namespace, delete_namespace

# Those of serving are large: a server needs long to take them in, so that they are only loaded for who serves.
CRDS = frozenset({"trainjobs", "tensorboards", "experiments", "trials", "suggestions"})
SERVING_CRDS = frozenset({"inferenceservices", "httproutes", "virtualservices"})
MERGE = {"Content-Type": "application/merge-patch+json"}


class Platform(Controllers):
    """Controllers that can also lose the node under a training's pods, and whose model servers can crash."""

    def __init__(self, server: ApiServerProcess) -> None:
        super().__init__(server)
        self._disrupted: set[str] = set()

    def disrupt(self, name: str) -> None:
        self._disrupted.add(name)

    def crash_server(self, name: str) -> None:
        """The model server of this InferenceService ends again and again, as it cannot load the model."""
        last: Json = {"exitCode": EXIT_MODEL_NOT_LOADED, "reason": "Error", "message": "there is no model"}
        status: Json = {
            "name": SERVER,
            "image": "runtime",
            "imageID": "",
            "ready": False,
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": last},
        }
        with self._lock:
            self._wishes.pods[name] = lambda pod: {"phase": "Running", "containerStatuses": [status]}

    def _train_jobs(self) -> None:
        # In the controllers' own thread: nothing is written in between.
        for job in self._objects(TRAIN_JOBS):
            if job["metadata"]["name"] in self._disrupted:
                self._lose_node(job)
                self._disrupted.discard(job["metadata"]["name"])
        super()._train_jobs()

    def _lose_node(self, job: Json) -> None:
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
        for pod in self._pods().get(job["metadata"]["name"], []):
            self._write_status(PODS, pod, {"phase": "Failed", "conditions": [condition], "containerStatuses": []})
        ended = {
            "type": "Failed",
            "status": "True",
            "reason": "JobsFailed",
            "message": "jobset failed due to failed jobs",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        self._write_status(TRAIN_JOBS, job, {"conditions": [ended]})


class ClusterWorld(World):
    name = "cluster"

    def __init__(
        self, server: ApiServerProcess, controllers: Platform, catalogue: Catalogue, changes: dict[str, Any]
    ) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._server = server
        self._controllers = controllers
        self._served = {POD.plural, KATIB_TRIAL.plural} | {
            kind.plural for kind in APPLIED_KINDS if self._is_served(kind)
        }
        self._pipelines = PipelineRuns(server)
        self._cluster = ClusterSettings(
            kubeconfig=server.admin_kubeconfig, pipelines_url=self._pipelines.double.url, **changes
        )
        self.rows = Rows(f"conformance-{uuid.uuid4().hex[:8]}", catalogue)
        self._engine = self._build()
        self._engine.engine.platform.start(lambda part: None)
        self._wait_for_watches(self._engine)
        self.drivers = self._engine.engine.drivers
        self.secrets = SecretObjects(self._engine.server, b"key")

    def close(self) -> None:
        self._engine.engine.platform.stop()
        self._pipelines.close()

    def needs(self, kind: str) -> Json:
        return {}

    def succeed(self, training: str) -> None:
        if self.record(training).kind == pipeline_run.KIND.name:
            self._pipelines.succeed(training)
        else:
            self._controllers.end(object_name(training))

    def fail(self, training: str, exit_code: int) -> None:
        """The launcher's container ends; its own last line is what the kubelet gives as its message."""
        if self.record(training).kind == pipeline_run.KIND.name:
            self._pipelines.fail(training, exit_code)
            return
        end = judge(ChildEnd(pid=7, returncode=exit_code, interrupted=False))
        self._controllers.end(object_name(training), int(end.code), f"last words: all is lost\n{end.reason}")

    def interrupt(self, training: str) -> None:
        self._controllers.disrupt(object_name(training))

    def make_stubborn(self, training: str) -> None:
        self._controllers.hold(object_name(training))

    def spoil(self, stage_resource: str) -> None:
        self._controllers.crash_server(service_name(stage_resource))

    def remains(self, record: Record) -> list[str]:
        found: list[str] = []
        for kind in (*APPLIED_KINDS, KATIB_TRIAL, POD):
            answer = self._server.request("GET", kind.path(self.rows.appkey))
            # 404: its CRD has not been loaded, so there is none.
            for obj in answer.json()["items"] if answer.status_code != 404 else ():
                meta = obj["metadata"]
                if record.id in meta["name"] or meta.get("labels", {}).get(RESOURCE_ID) == record.id:
                    found.append(f"{kind.kind} {meta['name']}")
        return sorted(found + self._pipelines.remains(record.id))

    def runs(self, training: str) -> int:
        if self.record(training).kind == pipeline_run.KIND.name:
            return self._pipelines.begun(training)
        selector = {"labelSelector": f"{RESOURCE_ID}={training}"}
        found = self._server.request("GET", TRAIN_JOB.path(self.rows.appkey), params=selector)
        return len(found.json()["items"])

    @contextmanager
    def replica(self) -> Iterator[Drivers]:
        other = self._build()
        other.engine.platform.start(lambda part: None)
        self._wait_for_watches(other)
        yield other.engine.drivers
        other.engine.platform.stop()

    @contextmanager
    def unprepared(self) -> Iterator[Drivers]:
        other = self._build()
        yield other.engine.drivers
        other.server.close()

    def _is_served(self, kind: ApiResource) -> bool:
        return self._server.request("GET", kind.path(), params={"limit": 1}).status_code == 200

    def _build(self) -> ClusterEngine:
        return build_cluster(Settings(), self._cluster, self._catalogue)

    def _wait_for_watches(self, engine: ClusterEngine) -> None:
        states = engine.platform.cache.states

        def follow() -> bool:
            return all(state.synced for state in states() if state.resource in self._served)

        until(follow, lambda: f"all watches follow: {states()}")


@contextmanager
def cluster_world(
    server: ApiServerProcess, controllers: Platform, catalogue: Catalogue, changes: dict[str, Any]
) -> Iterator[ClusterWorld]:
    """``changes`` are settings of the cluster engine."""
    world = ClusterWorld(server, controllers, catalogue, changes)
    create_namespace(server, world.rows.appkey)
    try:
        yield world
    finally:
        world.close()
        delete_namespace(server, world.rows.appkey)
