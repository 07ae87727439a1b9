"""A pipeline as its runs get it: with the run's variables, NAS folders and flavor in every step that runs a container.

What a step says of itself stays: its own variables, resources and node labels come first. Only which run and which task
it is a part of, nobody but the run knows.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue, Flavor
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping.pipeline_tasks import containers_by_task, kubernetes_settings
from adapters.easymaker.engines.cluster.mapping.volume_claims import nas_claim
from adapters.easymaker.engines.pipelines import NAS_DIRECTORY
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.pipelines.documents import Pipeline
from kserve_runtimes.storage.uri import NasUri, parse

RUN_ID, TASK_NAME = "EM_PIPELINE_RUN_ID", "EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"
TOKEN, TOKEN_KEY = "EM_TOKEN", "token"
# A folder per mountDirName. NAS ids that a step mounts by itself are elsewhere: kfp_components/easymaker/authoring.
NAS_ROOT = "/mnt/easymaker/run-nas"
# The backend of Kubeflow Pipelines puts it on every pod of a run.
RUN_ID_LABEL = "metadata.labels['pipeline/runid']"
RESOURCES = {
    "cpu": ("cpuLimit", "cpuRequest", "resourceCpuLimit", "resourceCpuRequest"),
    "memory": ("memoryLimit", "memoryRequest", "resourceMemoryLimit", "resourceMemoryRequest"),
}


@dataclass(frozen=True)
class PipelineSite:
    """What runs of pipelines are rendered with besides their records."""

    catalogue: Catalogue
    cluster: ClusterSettings
    region: str


def run_spec(record: Record, run_id: str | None, pipeline: Pipeline, site: PipelineSite) -> Json:
    """The ``pipeline_spec`` of a run, or of a schedule's runs, whose ids (``run_id`` None) are not known yet.

    Raises:
        PermanentEngineError: the catalogue no longer has its flavor, or a NAS cannot be mounted.
    """
    spec, platforms = copy.deepcopy(pipeline.spec), copy.deepcopy(pipeline.platforms or {})
    flavor, mounts = _flavor(record, site.catalogue), _mounts(record)
    variables = _variables(record, site, bool(mounts))
    for label, task in containers_by_task(spec, platforms).items():
        container: Json = spec["deploymentSpec"]["executors"][label]["container"]
        settings: Json = kubernetes_settings(platforms).setdefault(label, {})
        _name_run(container, settings, run_id, task)
        _add_variables(container, settings, variables, site.cluster.pipelines_token_secret)
        _add_flavor(container, settings, flavor)
        _add_mounts(settings, mounts)
    return {"pipeline_spec": spec, "platform_spec": platforms}


def _variables(record: Record, site: PipelineSite, mounted: bool) -> dict[str, str]:
    known = {
        "EM_APPKEY": record.appkey,
        "EM_REGION": site.region,
        "EM_API_URL": site.cluster.api_url,
        "EM_EXPERIMENT_ID": record.spec["experimentId"],
    }
    return known | {NAS_DIRECTORY: NAS_ROOT} if mounted else known


def _name_run(container: Json, settings: Json, run_id: str | None, task: str) -> None:
    """In place of what the step says: a name for the run that only Kubeflow Pipelines has is not ours."""
    ours = (RUN_ID, TASK_NAME)
    env = [each for each in container.get("env", []) if each["name"] not in ours]
    paths = [each for each in settings.get("fieldPathAsEnv", []) if each["name"] not in ours]
    if run_id is None:
        paths.append({"name": RUN_ID, "fieldPath": RUN_ID_LABEL})
    else:
        env.append({"name": RUN_ID, "value": run_id})
    container["env"] = [*env, {"name": TASK_NAME, "value": task}]
    settings.pop("fieldPathAsEnv", None)
    if paths:
        settings["fieldPathAsEnv"] = paths


def _add_variables(container: Json, settings: Json, variables: Mapping[str, str], token_secret: str) -> None:
    taken = {each["name"] for each in container["env"]} | _names_from(settings)
    container["env"] += [{"name": name, "value": value} for name, value in variables.items() if name not in taken]
    if token_secret and TOKEN not in taken:
        key: Json = {"secretKey": TOKEN_KEY, "envVar": TOKEN}
        secret = {"secretName": token_secret, "keyToEnv": [key], "optional": True}
        settings["secretAsEnv"] = [*settings.get("secretAsEnv", []), secret]


def _names_from(settings: Json) -> set[str]:
    """Variables that a step has from Secrets, ConfigMaps and fields of its pod."""
    sources = [*settings.get("secretAsEnv", []), *settings.get("configMapAsEnv", [])]
    keys = {key["envVar"] for source in sources for key in source.get("keyToEnv", [])}
    return keys | {each["name"] for each in settings.get("fieldPathAsEnv", [])}


def _add_flavor(container: Json, settings: Json, flavor: Flavor) -> None:
    """The whole instance, less its default usage, for a step that asks for nothing. One that asks for some, gets that
    much of the instance, and of its GPUs those that it asks for.
    """
    given: Json = container.get("resources", {})
    resources = dict(given)
    amounts = {"cpu": f"{flavor.usable_cpu_milli}m", "memory": f"{flavor.usable_memory_mib}Mi"}
    for what, fields in RESOURCES.items():
        if not any(field in given for field in fields):
            resources |= dict.fromkeys(fields[2:], amounts[what])
    if flavor.gpu_flavor and not given:
        resources["accelerator"] = {"resourceType": flavor.gpu_resource, "resourceCount": str(flavor.gpu_count)}
    container["resources"] = resources
    if flavor.node_selector and "nodeSelector" not in settings:
        settings["nodeSelector"] = {"labels": dict(flavor.node_selector)}
    if flavor.tolerations and "tolerations" not in settings:
        settings["tolerations"] = [dict(toleration) for toleration in flavor.tolerations]


def _add_mounts(settings: Json, mounts: Mapping[str, Json]) -> None:
    """A pod has a claim once: where the step mounts the same NAS itself, its own place for it is the only one."""
    given = settings.get("pvcMount", [])
    own = {_claim(each) for each in given}
    added = [mount for claim, mount in mounts.items() if claim not in own]
    if added:
        settings["pvcMount"] = [*given, *added]


def _claim(mount: Json) -> str | None:
    constant = mount.get("pvcNameParameter", {}).get("runtimeValue", {}).get("constant")
    return mount.get("constant") or constant


def _mounts(record: Record) -> dict[str, Json]:
    """The record's nasList as mounts, by claim."""
    mounts: dict[str, Json] = {}
    for nas in record.spec.get("nasList", []):
        uri = parse(nas["nasUri"])
        if not isinstance(uri, NasUri):
            raise PermanentEngineError(f"{nas['nasUri']} is no nas:// URI")
        claim = nas_claim(uri.id)
        if claim in mounts:
            raise PermanentEngineError(f"nasList: Kubeflow Pipelines mounts nas://{uri.id} once in a step, not twice")
        mounts[claim] = _mount(claim, nas["mountDirName"], uri.path)
    return mounts


def _mount(claim: str, directory: str, path: str) -> Json:
    mount: Json = {
        "constant": claim,
        "pvcNameParameter": {"runtimeValue": {"constant": claim}},
        "mountPath": f"{NAS_ROOT}/{directory}",
    }
    return mount | {"subPath": path} if path else mount


def _flavor(record: Record, catalogue: Catalogue) -> Flavor:
    flavor = catalogue.flavors_by_id.get(record.spec["flavorId"])
    if flavor is None:
        raise PermanentEngineError("the run's flavor is no longer in the catalogue")
    return flavor
