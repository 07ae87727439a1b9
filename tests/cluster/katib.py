"""A stand-in for Katib's controllers: what they make of an Experiment, which are Trials and their TrainJobs.

Values come from no suggestion service: they are spread over the ranges. A trial's metrics are what a test says.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes.api_server import ApiServerProcess

Json = dict[str, Any]
EXPERIMENTS = "/apis/kubeflow.org/v1beta1", "experiments"
TRIALS = "/apis/kubeflow.org/v1beta1", "trials"
SUGGESTIONS = "/apis/kubeflow.org/v1beta1", "suggestions"
TRAIN_JOBS = "/apis/trainer.kubeflow.org/v1alpha1", "trainjobs"
MERGE = {"Content-Type": "application/merge-patch+json"}
EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
# In this order Katib's summary asks a trial what it is.
SUMMARY = {
    "Killed": "trialsKilled",
    "Failed": "trialsFailed",
    "Succeeded": "trialsSucceeded",
    "EarlyStopped": "trialsEarlyStopped",
    "Running": "trialsRunning",
    "MetricsUnavailable": "trialMetricsUnavailable",
}
ENDED = [kind for kind in SUMMARY if kind != "Running"]
Objects = Callable[[tuple[str, str]], Iterator[Json]]


class Katib:
    """``objects`` lists those that are ours.

    ``values`` of the objective, by the Experiment's name; None: its trials have logged none. ``refused``: what the
    suggestion service has against an experiment, by the name that its user gave.
    """

    def __init__(self, server: ApiServerProcess, objects: Objects) -> None:
        self._server = server
        self._objects = objects
        self.values: dict[str, str | None] = {}
        self.refused: dict[str, str] = {}

    def run(self) -> None:
        trials: dict[str, list[Json]] = {}
        for trial in self._objects(TRIALS):
            trials.setdefault(trial["metadata"]["labels"][EXPERIMENT_LABEL], []).append(trial)
        jobs = {job["metadata"]["name"]: job for job in self._objects(TRAIN_JOBS)}
        experiments = list(self._objects(EXPERIMENTS))
        for experiment in experiments:
            mine = trials.get(_name(experiment), [])
            self._experiment(experiment, mine)
            for trial in mine:
                self._trial(trial, jobs.get(_name(trial)))

        known = {experiment["metadata"]["uid"] for experiment in experiments}
        for suggestion in self._objects(SUGGESTIONS):
            # The garbage collector's part; none runs here.
            if suggestion["metadata"]["ownerReferences"][0]["uid"] not in known:
                self._server.request("DELETE", _path(SUGGESTIONS, suggestion))

    def _experiment(self, experiment: Json, trials: list[Json]) -> None:
        if not _holds(experiment, "Created"):
            now = _now()
            conditions = _with(experiment, "Created", "ExperimentCreated", "Experiment is created")
            self._write(EXPERIMENTS, experiment, {"startTime": now, "conditions": conditions})
            return
        status = _summary(trials)
        over = _holds(experiment, "Succeeded") or _holds(experiment, "Failed")
        refusal = self.refused.get(experiment["metadata"]["annotations"]["easymaker.kubeflow.org/name"])
        if refusal is not None and not over:
            self._refuse(experiment, refusal)
            return
        end = None if over else _end(experiment, trials, status)
        if end is not None:
            status |= {"conditions": _with(experiment, *end), "completionTime": _now()}
        elif not over and not _holds(experiment, "Running") and trials:
            status |= {"conditions": _with(experiment, "Running", "ExperimentRunning", "Experiment is running")}
        if not self._write(EXPERIMENTS, experiment, status) or over or end is not None:
            return
        for number in range(len(trials), len(trials) + _missing(experiment, status)):
            self._create_trial(experiment, number)

    def _refuse(self, experiment: Json, refusal: str) -> None:
        """As when the suggestion service finds the experiment invalid."""
        meta = experiment["metadata"]
        body = {
            "apiVersion": "kubeflow.org/v1beta1",
            "kind": "Suggestion",
            "metadata": {"name": meta["name"], "labels": meta["labels"], "ownerReferences": [_owner(experiment)]},
            "spec": {"algorithm": experiment["spec"]["algorithm"], "requests": 1},
        }
        made = self._create(SUGGESTIONS, meta["namespace"], body)
        if made is not None:
            failed = _with(made, "Failed", "SuggestionFailed", refusal)
            self._write(SUGGESTIONS, made, {"conditions": failed})
        conditions = _with(experiment, "Failed", "ExperimentFailed", "Suggestion has failed")
        self._write(EXPERIMENTS, experiment, {"conditions": conditions, "completionTime": _now()})

    def _create_trial(self, experiment: Json, number: int) -> None:
        spec, meta = experiment["spec"], experiment["metadata"]
        template, name = spec["trialTemplate"], f"{meta['name']}-{secrets.token_hex(4)}"
        values = {parameter["name"]: _value(parameter["feasibleSpace"], number) for parameter in spec["parameters"]}
        body = {
            "apiVersion": "kubeflow.org/v1beta1",
            "kind": "Trial",
            "metadata": {
                "name": name,
                "labels": meta["labels"] | {EXPERIMENT_LABEL: meta["name"]},
                "ownerReferences": [_owner(experiment)],
            },
            "spec": {
                "objective": spec["objective"],
                "parameterAssignments": [{"name": key, "value": value} for key, value in values.items()],
                "runSpec": filled_in(template, name, values),
                "retainRun": template["retain"],
                "metricsCollector": spec["metricsCollectorSpec"],
                "primaryPodLabels": template["primaryPodLabels"],
                "primaryContainerName": template["primaryContainerName"],
                "successCondition": template["successCondition"],
                "failureCondition": template["failureCondition"],
            },
        }
        self._create(TRIALS, meta["namespace"], body)

    def _trial(self, trial: Json, job: Json | None) -> None:
        if any(_holds(trial, kind) for kind in ENDED):
            return
        if not _holds(trial, "Created"):
            conditions = _with(trial, "Created", "TrialCreated", "Trial is created")
            self._write(TRIALS, trial, {"startTime": _now(), "conditions": conditions})
        elif job is None:
            self._create_job(trial)
        elif _holds(job, "Failed"):
            self._end_trial(trial, "Failed", "Trial has failed")
        elif _holds(job, "Complete"):
            self._succeed(trial)
        elif not _holds(trial, "Running"):
            self._write(TRIALS, trial, {"conditions": _with(trial, "Running", "TrialRunning", "Trial is running")})

    def _create_job(self, trial: Json) -> None:
        job, meta = trial["spec"]["runSpec"], trial["metadata"]
        body = job | {"metadata": job["metadata"] | {"name": meta["name"], "ownerReferences": [_owner(trial)]}}
        self._create(TRAIN_JOBS, meta["namespace"], body)
        # What the garbage collector does for a trial that was deleted meanwhile; none runs here.
        if self._server.request("GET", _path(TRIALS, trial)).status_code == 404:
            self._server.request("DELETE", _path(TRAIN_JOBS, trial))

    def _succeed(self, trial: Json) -> None:
        objective = trial["spec"]["objective"]["objectiveMetricName"]
        value = self.values.get(trial["metadata"]["labels"][EXPERIMENT_LABEL], "0.5")
        if value is None:
            self._end_trial(trial, "MetricsUnavailable", "Metrics are not available")
            return
        metric = {"name": objective, "min": value, "max": value, "latest": value}
        self._end_trial(trial, "Succeeded", "Trial has succeeded", {"observation": {"metrics": [metric]}})

    def _end_trial(self, trial: Json, kind: str, message: str, more: Json | None = None) -> None:
        status = {"conditions": _with(trial, kind, f"Trial{kind}", message), "completionTime": _now()}
        self._write(TRIALS, trial, status | (more or {}))

    def _create(self, kind: tuple[str, str], namespace: str, body: Json) -> Json | None:
        answer = self._server.request("POST", f"{kind[0]}/namespaces/{namespace}/{kind[1]}", body)
        if answer.status_code not in (201, 404, 409):
            raise RuntimeError(answer.text)
        return answer.json() if answer.status_code == 201 else None

    def _write(self, kind: tuple[str, str], obj: Json, status: Json) -> bool:
        """False when somebody else has written: the controllers, too, then begin with what is there now."""
        if {**obj.get("status", {}), **status} == obj.get("status", {}):
            return True
        body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "status": status}
        answer = self._server.request("PATCH", f"{_path(kind, obj)}/status", body, headers=MERGE)
        if answer.status_code not in (200, 404, 409):
            raise RuntimeError(f"{_name(obj)}: {answer.text}")
        return answer.status_code == 200


def filled_in(template: Json, trial: str, values: dict[str, str]) -> Json:
    """The trial's own object: texts take the place of texts, and then it is read."""
    text = json.dumps(template["trialSpec"])
    for parameter in template["trialParameters"]:
        reference = parameter["reference"]
        value = trial if reference == "${trialSpec.Name}" else values[reference]
        text = text.replace(f"${{trialParameters.{parameter['name']}}}", value)
    return json.loads(text)


def _end(experiment: Json, trials: list[Json], counts: Json) -> tuple[str, str, str] | None:
    spec = experiment["spec"]
    objective = spec["objective"]
    goal, sign = objective.get("goal"), 1 if objective["type"] == "maximize" else -1
    values = [float(metric["max"]) for trial in trials for metric in _metrics(trial)]
    if goal is not None and any(sign * value >= sign * goal for value in values):
        return "Succeeded", "ExperimentGoalReached", "Experiment has succeeded because Objective goal has reached"
    failed = counts["trialsFailed"] + counts["trialMetricsUnavailable"]
    if failed and failed >= spec.get("maxFailedTrialCount", failed + 1):
        return "Failed", "ExperimentFailed", "Experiment has failed because max failed count has reached"
    if sum(counts[SUMMARY[kind]] for kind in ENDED) >= spec["maxTrialCount"]:
        return "Succeeded", "ExperimentMaxTrialsReached", "Experiment has succeeded because max trial count has reached"
    return None


def _metrics(trial: Json) -> list[Json]:
    objective = trial["spec"]["objective"]["objectiveMetricName"]
    found = trial.get("status", {}).get("observation", {}).get("metrics", [])
    return [metric for metric in found if metric["name"] == objective]


def _missing(experiment: Json, counts: Json) -> int:
    spec = experiment["spec"]
    active = counts["trialsRunning"] + counts["trialsPending"]
    done = sum(counts[SUMMARY[kind]] for kind in ENDED if kind != "MetricsUnavailable")
    return max(0, min(spec["parallelTrialCount"], spec["maxTrialCount"] - done) - active)


def _summary(trials: list[Json]) -> Json:
    counts = dict.fromkeys([*SUMMARY.values(), "trialsPending"], 0)
    for trial in trials:
        found = next((field for kind, field in SUMMARY.items() if _holds(trial, kind)), "trialsPending")
        counts[found] += 1
    return counts | {"trials": len(trials)}


def _value(space: Json, number: int) -> str:
    if space.get("list"):
        return space["list"][number % len(space["list"])]
    low, high = float(space["min"]), float(space["max"])
    return f"{low + (high - low) * (number + 1) / (number + 2):.6g}"


def _with(obj: Json, kind: str, reason: str, message: str) -> list[Json]:
    """The conditions with one more, or another; what has come to its end does not run any more."""
    known = [each for each in obj.get("status", {}).get("conditions", []) if each["type"] != kind]
    over = kind not in ("Created", "Running")
    kept = [each | {"status": "False"} if over and each["type"] == "Running" else each for each in known]
    now = _now()
    times = {"lastTransitionTime": now, "lastUpdateTime": now}
    return [*kept, {"type": kind, "status": "True", "reason": reason, "message": message} | times]


def _holds(obj: Json, kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _owner(obj: Json) -> Json:
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _path(kind: tuple[str, str], obj: Json) -> str:
    return f"{kind[0]}/namespaces/{obj['metadata']['namespace']}/{kind[1]}/{_name(obj)}"


def _name(obj: Json) -> str:
    return obj["metadata"]["name"]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
