"""Every pod that we install or that is made from our templates keeps the Pod Security Standard `restricted`."""

from pathlib import Path

import pytest

from tests.manifests.rendered import COMPONENTS, PodSpec, combined, everything, one, pods, rendered

# What `restricted` allows, without what none of our pods should want.
VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
HOST = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
# Who gets a service account's token, by which container: nobody gets one by themselves.
TOKENS = {("apps/v1 Deployment kubeflow/easymaker-adapter", "adapter")}
# Parts of an InferenceService's pod, which says itself that it wants no token.
PARTS = ("ClusterServingRuntime", "ClusterStorageContainer")


@pytest.fixture(scope="module")
def all_pods(tmp_path_factory: pytest.TempPathFactory) -> list[PodSpec]:
    found = pods(everything(tmp_path_factory.mktemp("everything")))
    assert {"apps/v1 Deployment kubeflow/easymaker-adapter"} <= {pod.where for pod in found}
    return found


def test_every_component_with_pods_is_looked_at(tmp_path: Path, all_pods: list[PodSpec]) -> None:
    seen = {pod.where for pod in all_pods}
    for number, component in enumerate(COMPONENTS):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert {pod.where for pod in pods(combined(directory, component))} <= seen


def test_containers_gain_no_privileges(all_pods: list[PodSpec]) -> None:
    for pod in all_pods:
        for container in pod.containers:
            context = container.get("securityContext", {})
            assert context.get("allowPrivilegeEscalation") is False, (pod.where, container["name"])
            assert context.get("readOnlyRootFilesystem") is True, (pod.where, container["name"])
            assert context.get("capabilities") == {"drop": ["ALL"]}, (pod.where, container["name"])
            assert not context.get("privileged"), (pod.where, container["name"])
            assert "hostPort" not in str(container.get("ports")), (pod.where, container["name"])


def test_nobody_runs_as_root_and_all_are_confined_by_seccomp(all_pods: list[PodSpec]) -> None:
    for pod in all_pods:
        for container in pod.containers:
            context = pod.spec.get("securityContext", {}) | container["securityContext"]
            assert context.get("runAsNonRoot") is True, (pod.where, container["name"])
            assert context.get("runAsUser") != 0, (pod.where, container["name"])
            assert context.get("seccompProfile") == {"type": "RuntimeDefault"}, (pod.where, container["name"])
            assert "procMount" not in context, (pod.where, container["name"])


def test_pods_have_nothing_of_their_node(all_pods: list[PodSpec]) -> None:
    for pod in all_pods:
        assert [name for name in HOST if name in pod.spec] == [], pod.where
        for volume in pod.spec.get("volumes", []):
            (kind,) = set(volume) - {"name"}
            assert kind in VOLUMES, (pod.where, volume)


def test_only_the_adapter_has_a_token(all_pods: list[PodSpec]) -> None:
    for pod in all_pods:
        assert pod.spec.get("automountServiceAccountToken") is False or pod.kind in PARTS, pod.where
        tokens = {
            volume["name"]
            for volume in pod.spec.get("volumes", [])
            if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", []))
        }
        for container in pod.containers:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])} & tokens
            assert bool(mounted) == ((pod.where, container["name"]) in TOKENS), (pod.where, container["name"])


def test_no_service_account_hands_out_tokens(tmp_path: Path) -> None:
    accounts = [each for each in everything(tmp_path) if each["kind"] == "ServiceAccount"]
    assert accounts
    assert [
        each["metadata"]["name"] for each in accounts if each.get("automountServiceAccountToken") is not False
    ] == []


def test_scratch_space_and_memory_are_limited(all_pods: list[PodSpec]) -> None:
    for pod in all_pods:
        if " Deployment " not in pod.where and " StatefulSet " not in pod.where:
            continue
        for container in pod.containers:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), (pod.where, container["name"])
            assert {"memory", "ephemeral-storage"} <= set(resources["limits"]), (pod.where, container["name"])
        for volume in pod.spec.get("volumes", []):
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}), (pod.where, volume["name"])


def test_passwords_come_from_secrets_that_the_operator_makes(tmp_path: Path) -> None:
    documents = everything(tmp_path)
    secrets = [each for each in documents if each["kind"] == "Secret"]
    assert [each["metadata"]["name"] for each in secrets if each.get("data") or each.get("stringData")] == []
    for pod in pods(documents):
        for container in pod.containers:
            for variable in container.get("env", []):
                secret = any(word in variable["name"] for word in ("PASSWORD", "TOKEN", "SECRET", "DATABASE_URL"))
                plain = variable.get("value", "")
                assert not secret or not plain or plain.startswith("/"), (pod.where, variable["name"])


def test_the_adapter_is_there_while_nodes_and_versions_change() -> None:
    documents = rendered("base")
    deployment = one(documents, "Deployment", "easymaker-adapter")["spec"]
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    pod = deployment["template"]["spec"]
    assert pod["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "ScheduleAnyway"
    assert "preferredDuringSchedulingIgnoredDuringExecution" in pod["affinity"]["podAntiAffinity"]
    (container,) = pod["containers"]
    assert {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    budget = one(documents, "PodDisruptionBudget", "easymaker-adapter")
    assert budget["spec"]["selector"] == deployment["selector"]
