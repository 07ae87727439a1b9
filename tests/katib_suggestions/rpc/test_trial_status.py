"""Trials are marked as stopped early on a real API server: once, whatever fails on the way, never against an end."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from katib_suggestions.rpc.client import EarlyStoppingClient, ServiceFault, ServiceUnavailable
from katib_suggestions.rpc.errors import NotInCluster, TrialNotFound
from katib_suggestions.rpc.service_account import ServiceAccount
from katib_suggestions.rpc.trial_status import TrialStatuses
from tests.conftest import PATIENCE, wait_for
from tests.katib_suggestions.rpc.server_process import ServerProcess
from tests.kubernetes.access import grant
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fault_proxy import FaultProxy
from tests.kubernetes.faults import Fault
from tests.kubernetes.fixtures import LoadCrds

# What Katib's controller grants, as far as it is used.
RULE = {"apiGroups": ["kubeflow.org"], "resources": ["trials", "trials/status"], "verbs": ["get", "patch"]}
TRIALS = "/apis/kubeflow.org/v1beta1/namespaces/{}/trials"
MERGE = {"Content-Type": "application/merge-patch+json"}
CREATED = {"type": "Created", "status": "True", "reason": "TrialCreated", "message": "Trial is created"}
RUNNING = {"type": "Running", "status": "True", "reason": "TrialRunning", "message": "Trial is running"}


@pytest.fixture(scope="module")
def proxy(api_server: ApiServerProcess) -> Iterator[FaultProxy]:
    with FaultProxy(api_server) as proxy:
        yield proxy


@pytest.fixture
def account(proxy: FaultProxy, api_server: ApiServerProcess, namespace: str, tmp_path: Path) -> Path:
    """The files that a pod finds."""
    proxy.faults.clear()
    directory = tmp_path / "account"
    directory.mkdir()
    (directory / "token").write_text(api_server.service_account_token(namespace, "tune-random"))
    (directory / "namespace").write_text(namespace)
    shutil.copy(api_server.ca_file, directory / "ca.crt")
    return directory


@pytest.fixture
def server(proxy: FaultProxy, account: Path, tmp_path: Path, crds: LoadCrds) -> Iterator[ServerProcess]:
    crds({"trials"})
    host, _, port = proxy.url.removeprefix("https://").partition(":")
    pod = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    arguments = ("--service-account", str(account))
    with ServerProcess("early-stopping", tmp_path, arguments, pod) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[EarlyStoppingClient]:
    with EarlyStoppingClient(server.address, PATIENCE) as client:
        yield client


@pytest.fixture
def trial(api_server: ApiServerProcess, namespace: str, crds: LoadCrds) -> Callable[..., str]:
    """Creates a trial with these conditions."""
    crds({"trials"})

    def create(*conditions: dict[str, Any], name: str = "tune-abcd") -> str:
        path = TRIALS.format(namespace)
        objective = {"type": "maximize", "objectiveMetricName": "accuracy"}
        spec = {"objective": objective, "parameterAssignments": [{"name": "lr", "value": "0.1"}], "runSpec": {}}
        kind = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial"}
        body = {**kind, "metadata": {"name": name}, "spec": spec | {"successCondition": "a", "failureCondition": "b"}}
        created = api_server.request("POST", path, body)
        assert created.status_code == 201, created.text
        status = {"status": {"conditions": [stamped(each) for each in conditions]}}
        api_server.request("PATCH", f"{path}/{name}/status", status, headers=MERGE).raise_for_status()
        return name

    return create


def stamped(condition: dict[str, Any]) -> dict[str, Any]:
    time = "2026-01-01T00:00:00Z"
    return condition | {"lastUpdateTime": time, "lastTransitionTime": time}


@pytest.fixture
def conditions(api_server: ApiServerProcess, namespace: str) -> Callable[[str], list[dict[str, Any]]]:
    def read(name: str) -> list[dict[str, Any]]:
        answer = api_server.request("GET", f"{TRIALS.format(namespace)}/{name}").raise_for_status()
        return answer.json()["status"]["conditions"]

    return read


@pytest.fixture
def granted(api_server: ApiServerProcess, namespace: str, account: Path) -> None:
    grant(api_server, namespace, "tune-random", RULE)


@pytest.mark.usefixtures("granted")
def test_the_condition_is_there_when_the_answer_comes_and_the_others_are_kept(
    client: EarlyStoppingClient, trial: Callable[..., str], conditions: Callable[[str], list[dict[str, Any]]]
) -> None:
    name = trial(CREATED, RUNNING)
    client.set_early_stopped(name)
    found = conditions(name)
    assert found[:2] == [stamped(CREATED), stamped(RUNNING)]
    (last,) = found[2:]
    assert (last["type"], last["status"], last["reason"]) == ("EarlyStopped", "True", "TrialEarlyStopped")
    assert last["lastTransitionTime"].endswith("Z")


@pytest.mark.usefixtures("granted")
def test_asked_again_nothing_changes(
    client: EarlyStoppingClient,
    trial: Callable[..., str],
    conditions: Callable[[str], list[dict[str, Any]]],
    proxy: FaultProxy,
) -> None:
    name = trial(CREATED, RUNNING)
    client.set_early_stopped(name)
    before = conditions(name)
    proxy.forget()
    client.set_early_stopped(name)
    assert conditions(name) == before
    assert proxy.count("patch", "trials/status") == 0


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("verb", ["get", "patch"])
@pytest.mark.parametrize("fault", ["409", "429", "500", "503", "expired_token", "cut", "cut_after"])
def test_what_passes_is_passed_over(
    fault: str,
    verb: str,
    client: EarlyStoppingClient,
    trial: Callable[..., str],
    conditions: Callable[[str], list[dict[str, Any]]],
    proxy: FaultProxy,
) -> None:
    name = trial(CREATED, RUNNING)
    proxy.faults.add(Fault(verb, "trials/status" if verb == "patch" else "trials", fault, times=2))
    client.set_early_stopped(name)
    assert [each["type"] for each in conditions(name)] == ["Created", "Running", "EarlyStopped"]


@pytest.mark.usefixtures("granted")
def test_what_the_controller_writes_at_the_same_time_is_kept(
    client: EarlyStoppingClient,
    trial: Callable[..., str],
    conditions: Callable[[str], list[dict[str, Any]]],
    proxy: FaultProxy,
    api_server: ApiServerProcess,
    namespace: str,
) -> None:
    """Between our read and our patch: the server answers with a real conflict."""
    name = trial(CREATED)
    proxy.faults.add(Fault("patch", "trials/status", "pause", seconds=2))
    proxy.forget()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.set_early_stopped, name)
        wait_for(lambda: proxy.count("patch", "trials/status"), PATIENCE, "the patch is on its way")
        status = {"status": {"conditions": [stamped(CREATED), stamped(RUNNING)]}}
        path = f"{TRIALS.format(namespace)}/{name}/status"
        api_server.request("PATCH", path, status, headers=MERGE).raise_for_status()
        call.result(PATIENCE)
    assert [each["type"] for each in conditions(name)] == ["Created", "Running", "EarlyStopped"]
    assert 409 in [each.status for each in proxy.requests]


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("end", ["Succeeded", "Failed", "Killed", "MetricsUnavailable"])
def test_a_trial_that_has_ended_keeps_its_end(
    end: str, client: EarlyStoppingClient, trial: Callable[..., str], conditions: Callable[[str], list[dict[str, Any]]]
) -> None:
    ended = {"type": end, "status": "True", "reason": f"Trial{end}", "message": "It has ended."}
    name = trial(CREATED, RUNNING | {"status": "False"}, ended)
    before = conditions(name)
    client.set_early_stopped(name)
    assert conditions(name) == before


@pytest.mark.usefixtures("granted")
def test_a_trial_that_is_not_there_is_named(client: EarlyStoppingClient, namespace: str) -> None:
    with pytest.raises(ServiceFault, match=f"NOT_FOUND: there is no trial nobody in namespace {namespace}"):
        client.set_early_stopped("nobody")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "..", "a%2fb", "A", "a b", "a?b", "a" * 300])
def test_no_name_leads_to_another_object(name: str) -> None:
    """The API server would decode a slash that is escaped."""
    nobody = ServiceAccount("host.invalid", 1, "team-a", Path("/nowhere"))
    with pytest.raises(TrialNotFound):
        TrialStatuses(nobody).set_early_stopped(name, 60)


def test_missing_rights_are_told_in_the_words_of_the_server(
    client: EarlyStoppingClient, trial: Callable[..., str]
) -> None:
    with pytest.raises(ServiceFault, match=r"PERMISSION_DENIED.*cannot get resource"):
        client.set_early_stopped(trial(CREATED))


@pytest.mark.usefixtures("granted")
def test_a_server_that_stays_away_is_told_before_the_callers_deadline(
    server: ServerProcess, trial: Callable[..., str], proxy: FaultProxy
) -> None:
    name = trial(CREATED)
    proxy.faults.add(Fault("*", "trials", "503", times=None))
    with EarlyStoppingClient(server.address, 5) as client, pytest.raises(ServiceUnavailable):
        client.set_early_stopped(name)


@pytest.mark.parametrize("missing", ["directory", "host", "port"])
def test_outside_of_a_pod_there_is_no_account(missing: str, tmp_path: Path) -> None:
    variables = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    (tmp_path / "namespace").write_text("team-a\n")
    assert ServiceAccount.of_pod(variables, tmp_path).namespace == "team-a"
    variables.pop(f"KUBERNETES_SERVICE_{missing.upper()}", None)
    with pytest.raises(NotInCluster):
        ServiceAccount.of_pod(variables, tmp_path / "none" if missing == "directory" else tmp_path)
