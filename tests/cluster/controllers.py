"""Stand-ins for the controllers of Trainer, Katib, KServe, Tensorboards and a Gateway: they write statuses.

The objects and the API server are real. Pods are objects whose status is played as well: nothing runs in them. What a
test wants to happen to an object it says by name; without a word everything goes well and jobs run until told to end.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.cluster.katib import Katib
from tests.kubernetes.api_server import ApiServerProcess

MANAGED = "app.kubernetes.io/managed-by=kubeflow-easymaker"
MERGE = {"Content-Type": "application/merge-patch+json"}
TRAIN_JOBS = "/apis/trainer.kubeflow.org/v1alpha1", "trainjobs"
SERVICES = "/apis/serving.kserve.io/v1beta1", "inferenceservices"
ROUTES = "/apis/gateway.networking.k8s.io/v1", "httproutes"
BOARDS = "/apis/tensorboard.kubeflow.org/v1alpha1", "tensorboards"
PODS = "/api/v1", "pods"
JOB_KINDS = ("training", "hyperparameter-tuning")
PAUSE = 0.05
Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a job is to end: ``exit_code`` of its containers and their last words."""

    exit_code: int = 0
    message: str = ""


@dataclass
class Wishes:
    """What a test wants, by the object's name. ``pods`` maps to a function from a pod to its status."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    pods: dict[str, Callable[[Json], Json]] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    refused_routes: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)


class Controllers:
    """``with Controllers(api_server) as controllers: ...``"""

    def __init__(self, server: ApiServerProcess, kinds: tuple[str, ...] = ()) -> None:
        self._server = server
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._wishes = Wishes()
        self.katib = Katib(server, self._objects)
        self._loops = {
            "experiments": self.katib.run,
            "trainjobs": self._train_jobs,
            "inferenceservices": self._services,
            "httproutes": self._routes,
            "tensorboards": self._boards,
        }
        self._kinds = kinds or tuple(self._loops)
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        self.troubles: list[str] = []

    def __enter__(self) -> "Controllers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def end(self, name: str, exit_code: int = 0, message: str = "") -> None:
        """Let a TrainJob come to its end, or all of a tuning, by the name of its Experiment."""
        with self._lock:
            self._wishes.outcomes[name] = Outcome(exit_code, message)

    def cannot_schedule(self, name: str, message: str) -> None:
        """Pods of this job or service stay unscheduled; ``can_schedule`` ends that."""
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        with self._lock:
            self._wishes.pods[name] = lambda pod: {"phase": "Pending", "conditions": [condition]}

    def cannot_pull(self, name: str, reason: str, message: str) -> None:
        """The image of this job's or service's pods cannot be had: ImagePullBackOff, InvalidImageName …"""
        waiting = {"waiting": {"reason": reason, "message": message}}
        with self._lock:
            self._wishes.pods[name] = lambda pod: {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "True"}],
                "containerStatuses": [_container_status(pod, waiting, ready=False)],
            }

    def can_run(self, name: str) -> None:
        """Whatever kept its pods from running is over."""
        with self._lock:
            self._wishes.pods.pop(name, None)

    def fail_model(self, name: str, reason: str, message: str) -> None:
        """The model of this service cannot be loaded."""
        with self._lock:
            self._wishes.models[name] = {"reason": reason, "message": message}

    def refuse_route(self, name: str) -> None:
        with self._lock:
            self._wishes.refused_routes.add(name)

    def hold(self, name: str) -> None:
        """Do nothing for this object, as a controller that is away."""
        with self._lock:
            self._wishes.held.add(name)

    def let_go(self, name: str) -> None:
        with self._lock:
            self._wishes.held.discard(name)

    def _run(self) -> None:
        while not self._stop.is_set():
            for kind in self._kinds:
                try:
                    self._loops[kind]()
                except Exception as error:
                    # An object that vanished under us, or a server that is being ended.
                    self.troubles.append(f"{kind}: {error!r}")
            self._stop.wait(PAUSE)

    def _objects(self, kind: tuple[str, str]) -> Iterator[Json]:
        prefix, plural = kind
        answer = self._server.request("GET", f"{prefix}/{plural}", params={"labelSelector": MANAGED})
        for obj in answer.json().get("items", []) if answer.status_code == 200 else ():
            if obj["metadata"]["name"] not in self._wishes.held:
                yield obj

    def _path(self, kind: tuple[str, str], obj: Json, subresource: str = "") -> str:
        meta = obj["metadata"]
        tail = f"/{subresource}" if subresource else ""
        return f"{kind[0]}/namespaces/{meta['namespace']}/{kind[1]}/{meta['name']}{tail}"

    def _write_status(self, kind: tuple[str, str], obj: Json, status: Json) -> None:
        if {**obj.get("status", {}), **status} == obj.get("status", {}):
            return
        answer = self._server.request("PATCH", self._path(kind, obj, "status"), {"status": status}, headers=MERGE)
        if answer.status_code not in (200, 404):
            raise RuntimeError(f"{obj['metadata']['name']}: {answer.text}")

    def _pods(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for pod in self._objects(PODS):
            found.setdefault(pod["metadata"]["labels"].get("easymaker-test/owner", ""), []).append(pod)
        return found

    def _delete_pods(self, pods: list[Json]) -> None:
        for pod in pods:
            self._server.request("DELETE", self._path(PODS, pod), {"gracePeriodSeconds": 0})

    def _create_pod(self, owner: Json, name: str, labels: Json, container: Json) -> None:
        body = {
            "metadata": {"name": name, "labels": {**labels, "easymaker-test/owner": owner["metadata"]["name"]}},
            "spec": {"containers": [container]},
        }
        path = f"/api/v1/namespaces/{owner['metadata']['namespace']}/pods"
        answer = self._server.request("POST", path, body)
        if answer.status_code not in (201, 409):
            raise RuntimeError(answer.text)

    def _run_pods(self, owner: Json, pods: list[Json], outcome: Outcome | None) -> None:
        """Bring the pods to where they are meant to be."""
        wish = self._wishes.pods.get(owner["metadata"]["name"], _running)
        for pod in pods:
            status = _ended(pod, outcome) if outcome is not None else wish(pod)
            if pod["status"].get("phase") != status["phase"] or _differs(pod, status):
                self._server.request("PATCH", self._path(PODS, pod, "status"), {"status": status}, headers=MERGE)

    def _train_jobs(self) -> None:
        pods = self._pods()
        jobs = list(self._objects(TRAIN_JOBS))
        for job in jobs:
            name = job["metadata"]["name"]
            mine = pods.get(name, [])
            count = job["spec"].get("trainer", {}).get("numNodes", 1)
            if _condition(job, "Complete") or _condition(job, "Failed"):
                continue
            if job["spec"].get("suspend"):
                self._delete_pods(mine)
                if not mine:
                    self._write_status(TRAIN_JOBS, job, _job_status(job, "Suspended", "the TrainJob is suspended", {}))
                continue
            outcome = self._outcome(job)
            if len(mine) < count:
                trainer = job["spec"]["trainer"]
                for rank in range(count):
                    container = {"name": "node", "image": trainer.get("image", "image")}
                    labels = _job_pod_labels(job) | {"batch.kubernetes.io/job-completion-index": str(rank)}
                    self._create_pod(job, f"{name}-node-0-{rank}", labels, container)
                continue
            self._run_pods(job, mine, outcome)
            running = all(pod["status"].get("phase") == "Running" for pod in mine)
            counts = {"name": "node", "ready": int(running), "active": 1, "succeeded": 0, "failed": 0, "suspended": 0}
            if outcome is None:
                self._write_status(TRAIN_JOBS, job, _job_status(job, "", "", counts))
                continue
            good = outcome.exit_code == 0
            counts |= {"active": 0, "ready": 0, "succeeded": int(good), "failed": int(not good)}
            kind, said = ("Complete", "all jobs completed") if good else ("Failed", "jobset failed due to failed jobs")
            self._write_status(TRAIN_JOBS, job, _job_status(job, kind, said, counts))
        names = {job["metadata"]["name"] for job in jobs} | self._wishes.held
        for owner, mine in pods.items():
            if owner not in names and mine[0]["metadata"]["labels"].get("easymaker.kubeflow.org/kind") in JOB_KINDS:
                self._delete_pods(mine)

    def _outcome(self, job: Json) -> Outcome | None:
        meta = job["metadata"]
        tuning = f"em-{meta['labels'].get('easymaker.kubeflow.org/resource-id', '')}"
        return self._wishes.outcomes.get(meta["name"]) or self._wishes.outcomes.get(tuning)

    def _services(self) -> None:
        pods = self._pods()
        services = list(self._objects(SERVICES))
        for service in services:
            name = service["metadata"]["name"]
            mine = pods.get(name, [])
            count = service["spec"]["predictor"].get("minReplicas", 1)
            for number in range(len(mine), count):
                labels = {**service["metadata"]["labels"], "serving.kserve.io/inferenceservice": name}
                container = {"name": "kserve-container", "image": "runtime"}
                self._create_pod(service, f"{name}-predictor-{number}", labels, container)
            self._delete_pods(sorted(mine, key=lambda pod: pod["metadata"]["name"])[count:])
            self._run_pods(service, mine[:count], None)
            ready = len(mine) >= count and all(_is_ready(pod) for pod in mine[:count])
            self._write_status(SERVICES, service, self._service_status(service, ready))
        names = {service["metadata"]["name"] for service in services} | self._wishes.held
        for owner, mine in pods.items():
            labels = mine[0]["metadata"]["labels"]
            if owner not in names and labels.get("easymaker.kubeflow.org/kind") == "endpoint-model":
                self._delete_pods(mine)

    def _service_status(self, service: Json, ready: bool) -> Json:
        name = service["metadata"]["name"]
        failed = self._wishes.models.get(name)
        good = "True" if ready and not failed else "False"
        status: Json = {
            "observedGeneration": service["metadata"]["generation"],
            "conditions": [
                _timed(service, {"type": kind, "status": good, "reason": "" if good == "True" else "NotReady"})
                for kind in ("IngressReady", "PredictorReady", "Ready")
            ],
            "modelStatus": {
                "transitionStatus": "UpToDate" if good == "True" else "InProgress",
                "states": {
                    "activeModelState": "Loaded" if good == "True" else "Pending",
                    "targetModelState": "Loaded" if good == "True" else "Loading",
                },
            },
        }
        if failed:
            now = "2026-01-01T00:00:00Z"
            status["modelStatus"] = {
                "transitionStatus": "BlockedByFailedLoad",
                "states": {"activeModelState": "Pending", "targetModelState": "FailedToLoad"},
                "lastFailureInfo": {**failed, "time": now, "exitCode": 1},
            }
        return status

    def _routes(self) -> None:
        for route in self._objects(ROUTES):
            accepted = "False" if route["metadata"]["name"] in self._wishes.refused_routes else "True"
            reason = "Accepted" if accepted == "True" else "NoMatchingListenerHostname"
            parents = [
                {
                    "parentRef": parent,
                    "controllerName": "easymaker.test/gateway",
                    "conditions": [
                        _timed(route, {"type": kind, "status": accepted, "reason": why, "message": "played"})
                        for kind, why in (("Accepted", reason), ("ResolvedRefs", "ResolvedRefs"))
                    ],
                }
                for parent in route["spec"]["parentRefs"]
            ]
            seen = [
                c["observedGeneration"] for p in route.get("status", {}).get("parents", []) for c in p["conditions"]
            ]
            if seen[:1] != [route["metadata"]["generation"]]:
                self._write_status(ROUTES, route, {"parents": parents})

    def _boards(self) -> None:
        for board in self._objects(BOARDS):
            conditions = [{"deploymentState": "Available", "lastProbeTime": board["metadata"]["creationTimestamp"]}]
            self._write_status(BOARDS, board, {"conditions": conditions, "readyReplicas": 1})


def _timed(obj: Json, condition: Json) -> Json:
    """With a time that does not change as long as the condition does not, so that no write is repeated."""
    known = obj.get("status", {}).get("conditions", [])
    same = next(
        (each for each in known if (each["type"], each["status"]) == (condition["type"], condition["status"])), None
    )
    at = same["lastTransitionTime"] if same else _now()
    condition = {key: value for key, value in condition.items() if value != ""}
    if "message" in condition:
        condition["observedGeneration"] = obj["metadata"]["generation"]
    return {"lastTransitionTime": at, **condition}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(obj: Json, kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _job_status(job: Json, kind: str, said: str, counts: Json) -> Json:
    conditions = [
        _timed(job, {"type": "Suspended", "status": "False", "reason": "Resumed", "message": "TrainJob is resumed"})
    ]
    if kind == "Suspended":
        conditions = [_timed(job, {"type": kind, "status": "True", "reason": "Suspended", "message": said})]
    elif kind:
        conditions.append(_timed(job, {"type": kind, "status": "True", "reason": f"Jobs{kind}", "message": said}))
    return {"conditions": conditions} | ({"jobsStatus": [counts]} if counts else {})


def _job_pod_labels(job: Json) -> Json:
    """Those that the runtime patches put on the pods, and JobSet's own."""
    labels: Json = {"jobset.sigs.k8s.io/jobset-name": job["metadata"]["name"]}
    for patch in job["spec"].get("runtimePatches", []):
        template = patch["trainingRuntimeSpec"]["template"]
        for replicated in template.get("spec", {}).get("replicatedJobs", []):
            pod = replicated["template"]["spec"]["template"]
            labels |= pod.get("metadata", {}).get("labels", {})
    return labels


def _container_status(pod: Json, state: Json, ready: bool) -> Json:
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }


def _running(pod: Json) -> Json:
    started = pod["status"].get("startTime") or _now()
    return {
        "phase": "Running",
        "startTime": started,
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
        "containerStatuses": [_container_status(pod, {"running": {"startedAt": started}}, ready=True)],
    }


def _ended(pod: Json, outcome: Outcome) -> Json:
    started = pod["status"].get("startTime") or _now()
    ended: Json = {"exitCode": outcome.exit_code, "startedAt": started, "finishedAt": _now()}
    ended["reason"] = "Completed" if outcome.exit_code == 0 else "Error"
    if outcome.message:
        ended["message"] = outcome.message
    return {
        "phase": "Succeeded" if outcome.exit_code == 0 else "Failed",
        "startTime": started,
        "containerStatuses": [_container_status(pod, {"terminated": ended}, ready=False)],
    }


def _differs(pod: Json, status: Json) -> bool:
    def kinds(of: Json) -> list[Any]:
        return [
            {state: why.get("reason") for state, why in each["state"].items()}
            for each in of.get("containerStatuses", [])
        ]

    return kinds(pod["status"]) != kinds(status)


def _is_ready(pod: Json) -> bool:
    return all(each["ready"] for each in pod["status"].get("containerStatuses", [])) and _phase(pod) == "Running"


def _phase(pod: Json) -> str:
    return pod["status"].get("phase", "")
