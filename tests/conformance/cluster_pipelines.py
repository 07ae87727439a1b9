"""What becomes of runs in Kubeflow Pipelines, as the conformance tests decide it, over the double of its API."""

from tests.cluster.pipelines_backend import Json
from tests.cluster.pipelines_double import PipelinesDouble
from tests.kubernetes.api_server import ApiServerProcess

MERGE = {"Content-Type": "application/merge-patch+json"}
# Of the pipeline in bodies.py.
STEP = "work"


class PipelineRuns:
    """By the ids of ours, which are in the names there. Runs begin by themselves; their one step is ``work``."""

    def __init__(self, server: ApiServerProcess) -> None:
        self.double = PipelinesDouble()
        self.double.backend.steps = (STEP,)
        self.double.__enter__()
        self._server = server

    def close(self) -> None:
        self.double.__exit__()

    def succeed(self, resource_id: str) -> None:
        self.double.backend.move(self._run(resource_id)["run_id"], "SUCCEEDED")

    def fail(self, resource_id: str, exit_code: int) -> None:
        """Why, only the step's pod tells."""
        run_id = self._run(resource_id)["run_id"]
        self._pod(run_id, exit_code)
        self.double.backend.move(run_id, "FAILED")

    def begun(self, resource_id: str) -> int:
        """Runs whose step has been started; those of a second request that came too late are gone by then."""
        return len([run for run in self._found(self.double.backend.runs, resource_id) if run["state"] != "PENDING"])

    def remains(self, resource_id: str) -> list[str]:
        backend = self.double.backend
        kept = {
            "experiment": backend.experiments,
            "pipeline": backend.pipelines,
            "pipeline version": backend.versions,
            "run": backend.runs,
            "recurring run": backend.recurring,
        }
        return [f"{what} {each['display_name']}" for what, of in kept.items() for each in self._found(of, resource_id)]

    def _run(self, resource_id: str) -> Json:
        (run,) = self._found(self.double.backend.runs, resource_id)
        return run

    def _found(self, kept: dict[str, Json], resource_id: str) -> list[Json]:
        with self.double.backend.lock:
            return [each for each in kept.values() if resource_id in f"{each['display_name']} {each.get('name')}"]

    def _pod(self, run_id: str, exit_code: int) -> None:
        """As Argo leaves it of a step that failed."""
        namespace, name = self.double.backend.namespaces[run_id], f"work-x7k-{run_id[:8]}"
        path = f"/api/v1/namespaces/{namespace}/pods"
        meta = {
            "name": name,
            "labels": {"pipeline/runid": run_id},
            "annotations": {"workflows.argoproj.io/node-name": f"work-x7k.root.{STEP}.executor"},
        }
        spec = {"containers": [{"name": "main", "image": "python:3.11"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        self._server.request("POST", path, body).raise_for_status()
        ended = {"exitCode": exit_code, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}
        container = {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 0}
        status = {"phase": "Failed", "containerStatuses": [container | {"state": {"terminated": ended}}]}
        patched = self._server.request("PATCH", f"{path}/{name}/status", {"status": status}, headers=MERGE)
        patched.raise_for_status()
