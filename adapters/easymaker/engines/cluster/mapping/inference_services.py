"""A stage resource as a KServe InferenceService. Pure.

What is the same for all models of a format (image, command, probes, security) is in its ClusterServingRuntime; what
differs is here.
"""

import re
from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue, Flavor
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import INFERENCE_SERVICE
from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping.backends import service_name
from adapters.easymaker.engines.cluster.mapping.runtimes import Runtime, runtime_of
from adapters.easymaker.engines.cluster.mapping.stage_routes import path_problem
from adapters.easymaker.engines.cluster.names import ENDPOINT_ID, STAGE_ID, metadata, object_name
from adapters.easymaker.engines.cluster.secret_keys import secret_key
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Family, Json, Record
from kserve_runtimes.models.mlserver_command import screaming_snake
from kserve_runtimes.storage.uri import InvalidStorageUri, NasUri, ObsUri, parse

# The gateway of the endpoints is the way to a model from outside; KServe makes no way of its own.
VISIBILITY = {"networking.kserve.io/visibility": "cluster-local"}
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER = "serving.kserve.io/autoscalerClass"
KNATIVE_CLASS = "autoscaling.knative.dev/class"
METRICS = {"CPU_UTILIZATION": "cpu", "MEMORY_UTILIZATION": "memory"}
DEFAULT_TARGET = 80
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_CLAIM_ID = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class ServingSite:
    """What a stage resource is rendered with besides its records."""

    catalogue: Catalogue
    cluster: ClusterSettings


def inference_service(family: Family, site: ServingSite) -> Bundle:
    """All that a stage resource consists of.

    Raises:
        PermanentEngineError: its model or flavor cannot be served here; the message says why.
    """
    record, stage, model = family.record, family.ref("stage"), family.ref("model")
    if stage is None or model is None:
        raise PermanentEngineError("the stage resource's stage or model is gone")
    runtime = runtime_of(record.spec["modelFormatCode"])
    if problem := path_problem(stage, record):
        raise PermanentEngineError(problem)
    flavor = _flavor(stage, site.catalogue)
    labels = {ENDPOINT_ID: str(record.spec["endpointId"]), STAGE_ID: stage.id} | VISIBILITY
    meta: Json = metadata(record, service_name(record.id), labels)
    predictor = _scaling(record, stage, flavor) | _placement(flavor, site.cluster)
    predictor["model"] = {
        "modelFormat": {"name": runtime.model_format},
        "runtime": f"{site.cluster.serving_runtime_prefix}{runtime.name}",
        "protocolVersion": "v2",
        "storageUri": storage_uri(model),
        "resources": _resources(record, flavor),
        **_parameters(record, model, runtime),
    }
    return Bundle(
        {
            "apiVersion": INFERENCE_SERVICE.api_version,
            "kind": INFERENCE_SERVICE.kind,
            "metadata": meta | {"annotations": meta["annotations"] | _modes(record, site.cluster)},
            "spec": {"predictor": predictor},
        }
    )


def storage_uri(model: Record) -> str:
    """Where KServe has the artifact from: ``obs://`` through our storage container, a NAS as the claim that it is.

    Raises:
        PermanentEngineError: there is no artifact, or it lies where a pod cannot get at it.
    """
    given = model.spec.get("modelUploadUri")
    if not given:
        raise PermanentEngineError(f"model {model.name} has no artifact that could be served")
    try:
        uri = parse(given)
    except InvalidStorageUri as error:
        raise PermanentEngineError(str(error)) from error
    if isinstance(uri, ObsUri):
        # It becomes a container's argument, in which Kubernetes takes $ for its own; the escape is decoded again.
        return str(given).replace("$", "%24")
    if isinstance(uri, NasUri):
        if not _CLAIM_ID.fullmatch(uri.id):
            raise PermanentEngineError(f"nas://{uri.id} cannot be a volume claim: its id must be a DNS label")
        return f"pvc://nas-{uri.id}/{uri.path}"
    raise PermanentEngineError(f"{given} cannot be served from: a model lies at obs:// or nas://")


def literal(text: str) -> str:
    """The text as a container's argument or variable, past KServe's templates and Kubernetes' references."""
    return text.replace("{{", "{{`{{`}}").replace("$", "$$")


def most_pods(share: Json, stage: Record, flavor: Flavor) -> int:
    """How many pods of this share fit in the stage's instances, at their largest number."""
    nodes = int(stage.spec.get("caMaxNodeCount", 10) if stage.spec.get("caEnable") else stage.spec.get("nodeCount", 1))
    wanted_and_there = (
        (int(share["cpuMilli"]), flavor.usable_cpu_milli),
        (int(share["memoryMib"]), flavor.usable_memory_mib),
        (int(share["gpu"]), flavor.gpu_count),
    )
    return nodes * min(there // wanted for wanted, there in wanted_and_there if wanted)


def _modes(record: Record, cluster: ClusterSettings) -> Json:
    scales = bool(record.spec.get("podAutoScaleEnable"))
    modes = {DEPLOYMENT_MODE: cluster.serving_mode, AUTOSCALER: "hpa" if scales else "none"}
    if scales and cluster.serving_mode == "Serverless":
        # Knative's own autoscaler knows requests only, neither CPU nor memory.
        modes[KNATIVE_CLASS] = "hpa.autoscaling.knative.dev"
    return modes


def _scaling(record: Record, stage: Record, flavor: Flavor) -> Json:
    pods = int(record.spec["podCount"])
    if not record.spec.get("podAutoScaleEnable"):
        return {"minReplicas": pods, "maxReplicas": pods}
    return {
        "minReplicas": pods,
        "maxReplicas": max(pods, most_pods(record.spec["share"], stage, flavor)),
        "scaleMetric": METRICS[record.spec.get("scaleMetricCode") or "CPU_UTILIZATION"],
        "scaleTarget": int(record.spec.get("scaleMetricTarget") or DEFAULT_TARGET),
    }


def _placement(flavor: Flavor, cluster: ClusterSettings) -> Json:
    place: Json = {"serviceAccountName": cluster.model_service_account, "automountServiceAccountToken": False}
    if flavor.node_selector:
        place["nodeSelector"] = dict(flavor.node_selector)
    if flavor.tolerations:
        place["tolerations"] = [dict(toleration) for toleration in flavor.tolerations]
    return place


def _resources(record: Record, flavor: Flavor) -> Json:
    share: Json = record.spec["share"]
    amounts = {"cpu": f"{share['cpuMilli']}m", "memory": f"{share['memoryMib']}Mi"}
    if share["gpu"]:
        amounts[flavor.gpu_resource] = str(share["gpu"])
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _parameters(record: Record, model: Record, runtime: Runtime) -> Json:
    """The model's parameters as arguments and variables; secret ones as variables only, by reference."""
    given: list[Json] = model.spec.get("parameterList", [])
    plain = {str(p["parameterName"]): str(p["parameterValue"]) for p in given if not p.get("isSecret")}
    variables: dict[str, Json] = {}
    for name in (str(p["parameterName"]) for p in given if p.get("isSecret")):
        reference = {"name": object_name(model.id, "secret"), "key": secret_key(name)}
        variables[screaming_snake(name)] = {"valueFrom": {"secretKeyRef": reference}}
    for name, value in plain.items():
        variables[screaming_snake(name)] = {"value": literal(value)}
    taken = {name: each for name, each in variables.items() if _can_be_set(name, runtime)}
    taken[runtime.name_variable] = {"value": literal(record.spec["modelName"])}
    rendered: Json = {"env": [{"name": name} | taken[name] for name in sorted(taken)]}
    if plain:
        rendered["args"] = [literal(text) for name, value in plain.items() for text in (f"--{name}", value)]
    return rendered


def _can_be_set(variable: str, runtime: Runtime) -> bool:
    return variable not in runtime.variables and _VARIABLE.fullmatch(variable) is not None


def _flavor(stage: Record, catalogue: Catalogue) -> Flavor:
    flavor = catalogue.flavors_by_id.get(stage.spec["flavorId"])
    if flavor is None:
        raise PermanentEngineError("the stage's flavor is no longer in the catalogue")
    return flavor
