"""`preflight` over a real API server: what a platform team learns before anything is installed, and afterwards."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines.cluster.permissions import Scope, required
from tests.adapters.easymaker.cli.in_process import run_here
from tests.conftest import PATIENCE, wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.crds import crd_directory
from tests.kubernetes.fixtures import namespace, required_assets
from tests.ports import free_port

__all__ = ["namespace"]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KINDS = {
    "trainer.kubeflow.org": {"trainjobs": "TrainJob", "clustertrainingruntimes": "ClusterTrainingRuntime"},
    "serving.kserve.io": {
        "inferenceservices": "InferenceService",
        "clusterservingruntimes": "ClusterServingRuntime",
        "clusterstoragecontainers": "ClusterStorageContainer",
    },
    "kubeflow.org": {"experiments": "Experiment", "trials": "Trial"},
    "tensorboard.kubeflow.org": {"tensorboards": "Tensorboard"},
    "gateway.networking.k8s.io": {"httproutes": "HTTPRoute", "gateways": "Gateway"},
}
VERSIONS = {
    "experiments": "v1beta1",
    "trials": "v1beta1",
    "inferenceservices": "v1beta1",
    "httproutes": "v1",
    "gateways": "v1",
}
ROOT = Path(__file__).parents[4]
ADAPTER = "kubeflow/easymaker-adapter"
TRAINER, KATIB_RIGHTS = "trainer.kubeflow.org", "katib-controller"


@pytest.fixture(scope="module")
def api_server() -> Iterator[ApiServerProcess]:
    """One of this module's own: what is installed on it changes from test to test."""
    assets = required_assets()
    with ApiServerProcess(assets) as server:
        yield server


@pytest.fixture
def install(api_server: ApiServerProcess) -> Iterator[Callable[..., None]]:
    """Custom kinds without a schema of their own, in one version each; they go again at the end of the test."""
    made: list[str] = []

    def install(*plurals: str, **otherwise: tuple[str, bool]) -> None:
        for group, kinds in KINDS.items():
            for plural in kinds.keys() & set(plurals):
                manifest = definition(group, plural, *otherwise.get(plural, (VERSIONS.get(plural, "v1alpha1"), True)))
                api_server.request("POST", CRDS, manifest).raise_for_status()
                made.append(manifest["metadata"]["name"])
                document = f"/apis/{group}/{manifest['spec']['versions'][0]['name']}"
                wait_for(lambda: served(api_server, document, plural), PATIENCE, f"{plural} are served")  # noqa: B023

    yield install
    uninstall(api_server, *made)


def served(server: ApiServerProcess, document: str, plural: str) -> bool:
    answer = server.request("GET", document)
    return answer.status_code == 200 and plural in {each["name"] for each in answer.json()["resources"]}


def uninstall(server: ApiServerProcess, *names: str) -> None:
    """Gone for good: another test installs the same names."""
    for name in names:
        server.request("DELETE", f"{CRDS}/{name}").raise_for_status()
    for name in names:
        wait_for(lambda: server.request("GET", f"{CRDS}/{name}").status_code == 404, PATIENCE, f"{name} is gone")  # noqa: B023


def definition(group: str, plural: str, version: str, patches: bool) -> dict[str, Any]:
    kind = KINDS[group][plural]
    spec: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if plural == "trainjobs" and patches:
        spec["properties"] = {"runtimePatches": {"type": "array", "items": {"type": "object"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    served = {"name": version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "https://example.com/a-test"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster" if plural.startswith("cluster") else "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [served | {"schema": {"openAPIV3Schema": schema}}],
        },
    }


def look(cli: Any, kubeconfig: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = run_here(cli.env, "preflight", "--kubeconfig", str(kubeconfig), *more, "-o", "json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def states(seen: dict[str, Any]) -> dict[str, str]:
    return {check["needs"]: check["state"] for check in seen["checks"]}


def kinds(seen: dict[str, Any]) -> dict[str, str]:
    return {row["kind"]: row["state"] for row in seen["kinds"]}


def grant(server: ApiServerProcess, account: str, place: str | None, scopes: set[Scope], less: str = "") -> None:
    """Exactly what permissions.py names, in one namespace or in all, but for one resource."""
    number = next(NUMBERS)
    rules = [
        {"apiGroups": [each.group], "resources": [each.resource], "verbs": list(each.verbs)}
        for each in required("gateway-api")
        if each.scope in scopes and each.resource != less
    ]
    role, home = f"test-role-{number}", f"{RBAC}/namespaces/{place}" if place else RBAC
    server.request("POST", f"{RBAC}/clusterroles", {"metadata": {"name": role}, "rules": rules}).raise_for_status()
    where, _, name = account.partition("/")
    binding = {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "namespace": where, "name": name}],
    }
    path = f"{home}/{'rolebindings' if place else 'clusterrolebindings'}"
    server.request("POST", path, binding).raise_for_status()


NUMBERS = itertools.count()


def test_bare_cluster_lacks_everything_but_what_needs_nothing(cli: Any, api_server: ApiServerProcess) -> None:
    code, seen = look(cli, api_server.admin_kubeconfig)
    assert (code, seen["ok"]) == (1, False)
    assert seen["kubernetes"].startswith("v1.")
    lacking = {"experiment", "training", "hyperparameter-tuning", "endpoint", "endpoint-stage", "endpoint-model"}
    pipelines = dict.fromkeys(("pipeline", "pipeline-run", "pipeline-recurring-run"), "absent")
    assert kinds(seen) == dict.fromkeys(lacking, "missing") | pipelines | {"training-template": "ok", "model": "ok"}
    for check in seen["checks"]:
        if check["state"] == "missing":
            assert check["kinds"], check
            assert "kubectl apply" in check["remedy"], check
    assert states(seen)["notebooks.kubeflow.org v1"] == "absent", "Notebooks are for kinds to come"


def test_without_their_address_pipelines_are_left_out(cli: Any, api_server: ApiServerProcess) -> None:
    _, seen = look(cli, api_server.admin_kubeconfig)
    (check,) = [each for each in seen["checks"] if each["part"] == "Kubeflow Pipelines"]
    assert (check["state"], check["found"]) == ("absent", "not set")
    assert "EASYMAKER_CLUSTER_PIPELINES_URL" in check["remedy"]


def test_manifests_that_remedies_name_are_there(cli: Any, api_server: ApiServerProcess) -> None:
    _, seen = look(cli, api_server.admin_kubeconfig, "--namespace", "default")
    named = {path for check in seen["checks"] for path in re.findall(r" (manifests/\S+?)(?:,| |$)", check["remedy"])}
    assert named >= {"manifests/overlays/kubeflow", "manifests/components/tenant"}
    assert [path for path in named if not (ROOT / path / "kustomization.yaml").is_file()] == []


def test_text_is_a_table_with_what_to_run(cli: Any, api_server: ApiServerProcess) -> None:
    done = run_here(cli.env, "preflight", "--kubeconfig", str(api_server.admin_kubeconfig))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.split()[:1] == ["PART"] for line in lines)
    assert any(line.split()[:2] == ["training-template", "ok"] for line in lines)
    assert any(line.startswith("KServe: kubectl apply") for line in lines)


def test_version_that_is_not_ours_is_too_old(
    cli: Any, api_server: ApiServerProcess, install: Callable[..., None]
) -> None:
    install("inferenceservices", "tensorboards", inferenceservices=("v1alpha2", True))
    code, seen = look(cli, api_server.admin_kubeconfig)
    assert code == 1
    check = next(each for each in seen["checks"] if each["part"] == "KServe")
    assert (check["state"], check["found"]) == ("too old", "served: v1alpha2")
    assert kinds(seen)["endpoint-model"] == "missing"
    assert kinds(seen)["experiment"] == "ok"


def test_trainer_without_the_fields_that_we_set_is_too_old(
    cli: Any, api_server: ApiServerProcess, install: Callable[..., None]
) -> None:
    """Trainer 2.1 and 2.3 both serve v1alpha1."""
    install("trainjobs", "clustertrainingruntimes", trainjobs=("v1alpha1", False))
    _, seen = look(cli, api_server.admin_kubeconfig)
    check = next(each for each in seen["checks"] if each["part"] == "Kubeflow Trainer")
    assert check["state"] == "too old"
    assert "spec.runtimePatches" in check["found"]


def test_the_real_trainer_has_those_fields(cli: Any, api_server: ApiServerProcess) -> None:
    if crd_directory() is None:
        pytest.skip("no CRDs: set EASYMAKER_CRDS, or have shared/crds beside the checkout")
    (name,) = api_server.load_crds(names=["trainjobs.trainer.kubeflow.org"])
    try:
        _, seen = look(cli, api_server.admin_kubeconfig)
        assert states(seen)["trainjobs.trainer.kubeflow.org v1alpha1"] == "ok"
    finally:
        uninstall(api_server, name)


def test_everything_there_is_well(
    cli: Any, api_server: ApiServerProcess, install: Callable[..., None], namespace: str
) -> None:
    """As the platform team sees it after the installation, for the adapter's own account."""
    install(*itertools.chain.from_iterable(KINDS.values()))
    make_ours(api_server, namespace)
    make_katibs(api_server, f"- TrainJob.v1alpha1.{TRAINER}")
    let_katib_make_train_jobs(api_server)
    grant(api_server, ADAPTER, None, {Scope.CLUSTER, Scope.WATCHED})
    grant(api_server, ADAPTER, namespace, {Scope.PROFILE})
    code, seen = look(cli, api_server.admin_kubeconfig, "--namespace", namespace, "--service-account", ADAPTER)
    assert [check for check in seen["checks"] if check["state"] not in ("ok", "absent")] == []
    assert (code, seen["ok"]) == (0, True)
    left_out = {kind for kind, state in kinds(seen).items() if state == "absent"}
    assert left_out == {"pipeline", "pipeline-run", "pipeline-recurring-run"}
    assert set(kinds(seen).values()) == {"ok", "absent"}


def make_katibs(server: ApiServerProcess, kinds: str) -> None:
    """Its configuration, in which ``kinds`` are those that trials may be."""
    data = {"katib-config.yaml": f"init:\n  controller:\n    trialResources:\n      {kinds}\n"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "katib-config"}, "data": data}
    server.apply("/api/v1/namespaces/kubeflow/configmaps/katib-config", config)


@pytest.mark.parametrize("kinds_of_trials", ["- Job.v1.batch", f"- TrainJob.v1alpha1.{TRAINER}"])
def test_a_katib_that_makes_no_train_jobs_runs_no_tunings(
    cli: Any, api_server: ApiServerProcess, install: Callable[..., None], namespace: str, kinds_of_trials: str
) -> None:
    """By its configuration, or because nobody lets it."""
    install(*itertools.chain.from_iterable(KINDS.values()))
    make_ours(api_server, namespace)
    make_katibs(api_server, kinds_of_trials)
    answer = api_server.request("DELETE", f"{RBAC}/clusterrolebindings/{KATIB_RIGHTS}")
    assert answer.status_code in (200, 404)
    _, seen = look(cli, api_server.admin_kubeconfig, "--namespace", namespace)
    assert kinds(seen)["hyperparameter-tuning"] == "missing"
    assert kinds(seen)["training"] == "ok"
    found = {check["needs"]: check["found"] for check in seen["checks"] if check["part"] == "Katib's trials"}
    told = "without it" if "batch" in kinds_of_trials else "there"
    assert found[f"TrainJob.v1alpha1.{TRAINER} in ConfigMap kubeflow/katib-config"] == told
    assert found["kubeflow/katib-controller may create, get, watch trainjobs"] == "not granted: create, get, watch"


def let_katib_make_train_jobs(server: ApiServerProcess) -> None:
    rules = [{"apiGroups": [TRAINER], "resources": ["trainjobs"], "verbs": ["create", "get", "watch"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": KATIB_RIGHTS}}
    server.apply(f"{RBAC}/clusterroles/{KATIB_RIGHTS}", role | {"rules": rules})
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": KATIB_RIGHTS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": KATIB_RIGHTS},
        "subjects": [{"kind": "ServiceAccount", "namespace": "kubeflow", "name": "katib-controller"}],
    }
    server.apply(f"{RBAC}/clusterrolebindings/{KATIB_RIGHTS}", binding)


def make_ours(server: ApiServerProcess, namespace: str) -> None:
    """What manifests/ bring along, as far as preflight looks at it."""
    runtimes = ("ClusterTrainingRuntime", "trainer.kubeflow.org/v1alpha1", "clustertrainingruntimes")
    for (kind, version, plural), name, spec in [
        (runtimes, "easymaker-plain", {}),
        (runtimes, "easymaker-torch", {}),
        (("ClusterServingRuntime", "serving.kserve.io/v1alpha1", "clusterservingruntimes"), "easymaker-mlserver", {}),
        (
            ("ClusterStorageContainer", "serving.kserve.io/v1alpha1", "clusterstoragecontainers"),
            "any-name",
            {"supportedUriFormats": [{"prefix": "obs://"}]},
        ),
    ]:
        manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        server.apply(f"/apis/{version}/{plural}/{name}", manifest)
    home = "/api/v1/namespaces/kubeflow"
    server.apply(home, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    listener = {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"routes": "yes"}}}}}
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "easymaker-gateway", "namespace": "kubeflow"},
        "spec": {"listeners": [listener]},
    }
    server.apply("/apis/gateway.networking.k8s.io/v1/namespaces/kubeflow/gateways/easymaker-gateway", gateway)
    labels = {"routes": "yes", "katib.kubeflow.org/metrics-collector-injection": "enabled"}
    label = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    server.apply(f"/api/v1/namespaces/{namespace}", label)
    for name in ("easymaker-jobs", "easymaker-models"):
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        server.apply(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}", account)


def test_profile_that_was_not_prepared(
    cli: Any, api_server: ApiServerProcess, install: Callable[..., None], namespace: str
) -> None:
    install(*itertools.chain.from_iterable(KINDS.values()))
    make_ours(api_server, "default")
    _, seen = look(cli, api_server.admin_kubeconfig, "--namespace", namespace, "--namespace", "not-there")
    checks = {(check["part"], check["needs"]): check for check in seen["checks"]}
    jobs = checks[(f"namespace {namespace}", "ServiceAccount easymaker-jobs")]
    assert (jobs["state"], jobs["kinds"]) == ("missing", ["training", "hyperparameter-tuning"])
    collected = checks[(f"namespace {namespace}", "label katib.kubeflow.org/metrics-collector-injection=enabled")]
    assert (collected["state"], collected["kinds"]) == ("missing", ["hyperparameter-tuning"])
    assert jobs["remedy"] == f"kubectl apply --server-side --namespace {namespace} -k manifests/components/tenant"
    routes = checks[(f"namespace {namespace}", "routes taken by Gateway kubeflow/easymaker-gateway")]
    assert (routes["state"], routes["remedy"]) == ("missing", f"kubectl label namespace {namespace} routes=yes")
    assert checks[("namespace not-there", "namespace not-there")]["state"] == "missing"


def test_restricted_account_is_told_what_it_may_not(cli: Any, api_server: ApiServerProcess, namespace: str) -> None:
    """Also that it could not look, where it may not look: that is no missing part."""
    account = f"{namespace}/restricted"
    grant(api_server, account, None, {Scope.CLUSTER, Scope.WATCHED}, less="tokenreviews")
    grant(api_server, account, namespace, {Scope.PROFILE}, less="secrets")
    kubeconfig = api_server.kubeconfig_with_token(api_server.service_account_token(namespace, "restricted"))
    code, seen = look(cli, kubeconfig, "--namespace", namespace)
    assert code == 1
    found = {check["part"]: check for check in seen["checks"] if check["needs"] == "permissions of the caller"}
    assert found["cluster"]["found"] == "not granted: create tokenreviews.authentication.k8s.io"
    assert found[f"namespace {namespace}"]["found"] == "not granted: create, patch, delete secrets"
    assert kinds(seen)["model"] == "missing"
    assert states(seen)[f"namespace {namespace}"] == "unknown"


def test_settings_change_what_is_needed(cli: Any, api_server: ApiServerProcess) -> None:
    cli.more |= {
        "EASYMAKER_CLUSTER_ROUTES": "istio",
        "EASYMAKER_CLUSTER_SERVING_MODE": "Serverless",
        "EASYMAKER_CLUSTER_PIPELINES_URL": f"http://127.0.0.1:{free_port()}",
        "EASYMAKER_CLUSTER_TORCH_RUNTIME": "our-torch",
    }
    _, seen = look(cli, api_server.admin_kubeconfig)
    needed = states(seen)
    assert needed["virtualservices.networking.istio.io v1"] == "missing"
    assert needed["services.serving.knative.dev v1"] == "missing"
    assert needed["ClusterTrainingRuntime our-torch"] == "missing"
    assert needed[cli.more["EASYMAKER_CLUSTER_PIPELINES_URL"]] == "missing"
    assert not [name for name in needed if name.startswith("httproutes")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--kubeconfig", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--kubeconfig", "{broken}"], "kubeconfig"),
        (["--kubeconfig", "{away}"], "cannot be reached"),
        (["--kubeconfig", "{away}", "--context", "other"], "other"),
        (["--kubeconfig", "{away}", "--namespace", "Not A Name"], "--namespace"),
        (["--kubeconfig", "{away}", "--service-account", "adapter"], "NAMESPACE/NAME"),
    ],
)
def test_no_cluster_is_one_line_and_exit_code_2(cli: Any, tmp_path: Path, options: list[str], told: str) -> None:
    broken, away = tmp_path / "broken", tmp_path / "away"
    broken.write_text("a: [")
    away.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}],
                "users": [{"name": "a", "user": {"token": "x"}}],
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "current-context": "a",
            }
        )
    )
    done = run_here(cli.env, "preflight", *[option.format(broken=broken, away=away) for option in options])
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
