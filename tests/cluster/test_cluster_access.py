"""Who may do what on a cluster: every route for every kind of caller, by the roles of the manifests."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from adapters.easymaker.access import Verb
from adapters.easymaker.api import docs, lookups, routes, system
from adapters.easymaker.api.rules import Rule, rule_of
from adapters.easymaker.kinds import KINDS
from tests.cluster.controllers import Controllers
from tests.cluster.installation import GROUP, ClusterInstallation
from tests.cluster.overlay import RBAC, TENANT, apply_all, bind
from tests.cluster.pipelines_double import PipelinesDouble
from tests.conftest import wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.namespaces import create_namespace, delete_namespace
from tests.security.conftest import Population

pytestmark = pytest.mark.slow

CALLERS = ("anonymous", "wrong token", "without a role", "other tenant", "reader", "owner")
KNOWN = CALLERS[2:]
NOBODY = "00000000-0000-4000-8000-000000000000"
Json = dict[str, Any]


def all_routes() -> list[tuple[str, APIRoute]]:
    found = [r for router in (routes.build(), lookups.router, system.router, docs.router) for r in router.routes]
    return [(method, route) for route in found if isinstance(route, APIRoute) for method in sorted(route.methods or ())]


ROUTES = all_routes()


def allowed(rule: Rule, caller: str) -> bool:
    """Deny is the default; this table is the whole policy."""
    if rule in (Rule.PUBLIC, Rule.TICKET):
        return True
    if rule is Rule.SIGNED_IN:
        return caller in KNOWN
    return caller == "owner" or (caller == "reader" and rule is Rule.READ)


def path_of(route: APIRoute, ids: dict[str, str], appkey: str) -> str:
    plural = route.path.removeprefix("/v1.0/appkeys/{appkey}/").split("/")[0]
    kind = next((k.name for k in KINDS if k.plural == plural), "experiment")
    values = {"appkey": appkey, "group": "g", "asset": "start.js", "experiment_id": ids["experiment"]}
    values["resource_id"] = ids[kind]
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], route.path)


@pytest.fixture
def other_profile(kubeflow: ApiServerProcess) -> Iterator[str]:
    name = f"team-{uuid.uuid4().hex[:8]}"
    create_namespace(kubeflow, name)
    apply_all(kubeflow, TENANT, name)
    yield name
    delete_namespace(kubeflow, name)


@pytest.fixture
def running(
    cluster: ClusterInstallation, controllers: Controllers, other_profile: str
) -> Iterator[ClusterInstallation]:
    """With callers' tokens by who they are; ``both`` owns both profiles."""
    server = cluster.server
    assert server is not None
    cluster.tokens["without a role"] = server.service_account_token(cluster.profile, "nobody")
    cluster.tokens["other tenant"] = server.service_account_token(other_profile, "owner")
    cluster.tokens["both"] = server.service_account_token(cluster.profile, "both")
    bind(server, other_profile, "easymaker-edit", "owner")
    for namespace in (cluster.profile, other_profile):
        subject = {"kind": "ServiceAccount", "name": "both", "namespace": cluster.profile}
        grant(server, namespace, "both", "easymaker-edit", subject)
    with PipelinesDouble() as pipelines:
        cluster.start(cluster_pipelines_url=pipelines.url)
        yield cluster
        cluster.kill()


def grant(server: ApiServerProcess, namespace: str, name: str, role: str, subject: Json) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"of-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
    server.apply(f"{RBAC}/namespaces/{namespace}/rolebindings/of-{name}", binding)


def populated(installation: ClusterInstallation, appkey: str, mark: str) -> Population:
    made = Population(appkey, mark, installation.api(appkey, "both"))
    made.create()
    return made


def headers_of(installation: ClusterInstallation, caller: str) -> dict[str, str]:
    if caller in KNOWN:
        return installation.headers(caller)
    return {"Authorization": "Bearer not.a.token"} if caller == "wrong token" else {}


def test_every_route_for_every_caller_and_every_foreign_reference(
    running: ClusterInstallation, other_profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Denied callers get 401 or 403 and no data; a resource of another profile is as if it was not there."""
    ours = populated(running, running.profile, "of-ours")
    theirs = populated(running, other_profile, "of-theirs-a8c1f")
    counted, leaks = matrix(running, ours)
    foreign = foreign_references(running, ours, theirs)
    with capsys.disabled():
        print(f"\ncluster access matrix: {len(ROUTES)} routes x {len(CALLERS)} callers, leaks {len(leaks)}; {counted}")
        print(f"foreign resources and references: {foreign[0]} requests, leaks {len(foreign[1])}")
    assert leaks == []
    assert foreign[1] == []


def matrix(installation: ClusterInstallation, ours: Population) -> tuple[dict[str, int], list[str]]:
    counted: Counter[str] = Counter()
    leaks: list[str] = []
    order = sorted(ROUTES, key=lambda pair: (pair[0] == "DELETE", pair[1].path))
    with httpx.Client(base_url=installation.url, timeout=60) as client:
        for caller in CALLERS:
            for method, route in order:
                rule = rule_of(route.endpoint)
                assert rule is not None
                harmless = caller == "owner" and rule is Rule.WRITE
                ids = dict.fromkeys(ours.ids, NOBODY) if harmless else ours.ids
                path = path_of(route, ids, installation.profile)
                body = b"{}" if method in ("POST", "PUT") else None
                answer = client.request(method, path, headers=headers_of(installation, caller), content=body)
                may = allowed(rule, caller)
                counted[f"{caller}: {'allow' if may else 'deny'}"] += 1
                wanted = 401 if caller in ("anonymous", "wrong token") else 403
                if may and (answer.status_code in (401, 403) or answer.status_code == 500):
                    leaks.append(f"{caller} {method} {path}: {answer.status_code} {answer.text[:300]}")
                if not may and (answer.status_code != wanted or ours.mark in answer.text):
                    leaks.append(f"{caller} {method} {path}: {answer.status_code} {answer.text[:300]}")
    return dict(counted), leaks


def foreign_references(
    installation: ClusterInstallation, ours: Population, theirs: Population
) -> tuple[int, list[str]]:
    """Also by somebody who has rights in both profiles: what belongs to one cannot be used in the other."""
    leaks: list[str] = []
    count = 0
    bodies = ours.bodies()
    for who in ("owner", "both"):
        api = installation.api(installation.profile, who)
        for kind in KINDS:
            for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
                answer = api.call(method, f"/{kind.plural}/{theirs.ids[kind.name]}{path}")
                count += 1
                if answer.status_code != 404 or theirs.mark in answer.text:
                    leaks.append(f"{who} {method} {kind.plural}{path}: {answer.status_code}")
            for body, their_id in foreign_bodies(bodies[kind.name], ours, theirs):
                path = f"/{kind.plural}{kind.create_path}"
                answer = api.call("POST", path, json=json.loads(body))
                nobody = api.call("POST", path, json=json.loads(body.replace(their_id, NOBODY)))
                count += 1
                if answer.status_code != 400 or answer.text.replace(their_id, NOBODY) != nobody.text:
                    leaks.append(f"{who} POST {kind.plural}: {answer.status_code} {answer.text[:300]}")
    return count, leaks


def foreign_bodies(body: Json, ours: Population, theirs: Population) -> Iterator[tuple[str, str]]:
    """The body as JSON once for each id in it, which is replaced by theirs of the same kind; and that one."""
    text = json.dumps(body)
    for kind, mine in ours.ids.items():
        if mine in text:
            yield text.replace(mine, theirs.ids[kind]), theirs.ids[kind]


def needs(ours: Population) -> list[tuple[str, str, Json, set[tuple[str, Verb]]]]:
    """(method, path, body, the rights that it needs beside those to the route itself), for every kind of reference."""
    bodies, ids = ours.bodies(), ours.ids
    get, update = Verb.GET, Verb.UPDATE
    template = {
        "trainingName": "t",
        "experimentId": ids["experiment"],
        "trainingTemplateId": ids["training-template"],
    }
    stage_change = {"endpointStageId": ids["endpoint-stage"]}
    return [
        ("POST", "/trainings", bodies["training"], {("experiments", get)}),
        ("POST", "/trainings", template, {("experiments", get), ("training-templates", get)}),
        (
            "POST",
            f"/trainings/{ids['training']}/copy",
            {"trainingName": "copy"},
            {("experiments", get), ("trainings", get)},
        ),
        ("POST", "/models", {"modelName": "m", "trainingId": ids["training"]}, {("trainings", get)}),
        ("POST", "/hyperparameter-tunings", bodies["hyperparameter-tuning"], {("experiments", get)}),
        (
            "POST",
            "/models",
            {"modelName": "m", "hyperparameterTuningId": ids["hyperparameter-tuning"]},
            {("hyperparameter-tunings", get)},
        ),
        ("POST", "/endpoints", bodies["endpoint"], {("models", get)}),
        ("PUT", f"/endpoints/{ids['endpoint']}/default-stage", stage_change, {("endpoint-stages", get)}),
        (
            "POST",
            "/endpoint-stages",
            bodies["endpoint-stage"],
            {("endpoints", get), ("endpoints", update), ("models", get)},
        ),
        (
            "POST",
            "/endpoint-models",
            bodies["endpoint-model"],
            {("endpoint-stages", get), ("endpoint-stages", update), ("models", get)},
        ),
        *needs_of_pipelines(ours),
    ]


def needs_of_pipelines(ours: Population) -> list[tuple[str, str, Json, set[tuple[str, Verb]]]]:
    """A schedule and a new experiment are posted as a run, and need their own rights."""
    run, schedule = ours.bodies()["pipeline-run"], ours.bodies()["pipeline-recurring-run"]
    named = {name: value for name, value in run.items() if name != "experimentId"} | {"experimentName": "new"}
    referred = {("pipelines", Verb.GET), ("experiments", Verb.GET)}
    return [
        ("POST", "/pipeline-runs", run, referred),
        ("POST", "/pipeline-runs", named, {("pipelines", Verb.GET), ("experiments", Verb.CREATE)}),
        ("POST", "/pipeline-runs", schedule, referred | {("pipeline-recurring-runs", Verb.CREATE)}),
    ]


def test_every_reference_of_a_body_is_asked_for(running: ClusterInstallation) -> None:
    """With all rights but one: the request is refused, with a sentence that names the right; and nothing is made."""
    ours = populated(running, running.profile, "of-ours")
    missing = sorted({each for *_, rights in needs(ours) for each in rights})
    for number, (plural, verb) in enumerate(missing):
        who = without(running, f"caller-{number}", plural, verb)
        api = running.api(running.profile, who)
        for method, path, body, rights in needs(ours):
            if (plural, verb) not in rights:
                continue
            before = totals(running)
            message = api.refused(method, path, 403, json=body)
            assert f"may not {verb} {plural}" in message
            assert f"in appkey {running.profile}" in message
            assert totals(running) == before


def totals(installation: ClusterInstallation) -> list[int]:
    api = installation.api()
    plurals = ("experiments", "trainings", "models", "endpoints", "pipeline-runs", "pipeline-recurring-runs")
    return [api.ok("GET", f"/{plural}")["totalCount"] for plural in plurals]


def without(installation: ClusterInstallation, name: str, plural: str, verb: Verb) -> str:
    """A caller who may do everything in the profile but this."""
    server, namespace = installation.server, installation.profile
    assert server is not None
    installation.tokens[name] = server.service_account_token(namespace, name)
    others = [kind.plural for kind in KINDS if kind.plural != plural]
    rules = [
        {"apiGroups": [GROUP], "resources": others, "verbs": ["*"]},
        {"apiGroups": [GROUP], "resources": [plural], "verbs": [str(each) for each in Verb if each is not verb]},
        {"apiGroups": [GROUP], "resources": ["flavors", "images"], "verbs": ["list"]},
    ]
    role = {"metadata": {"name": name}, "rules": rules}
    server.request("POST", f"{RBAC}/namespaces/{namespace}/roles", role).raise_for_status()
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    server.request("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", binding).raise_for_status()
    api = installation.api(namespace, name)
    other = "experiments" if plural != "experiments" else "models"
    wait_for(lambda: api.call("GET", f"/{other}").status_code == 200, 60, "the role counts")
    return name


def test_identity_and_appkeys_are_as_the_cluster_has_them(running: ClusterInstallation) -> None:
    """One adapter for all of these, as it takes a while to start. The role is taken away last."""
    require_closed_appkeys(running)
    require_no_identity_from_headers(running)
    require_told_what_a_cluster_lacks(running)
    require_revoked_roles_to_end(running)


def require_closed_appkeys(installation: ClusterInstallation) -> None:
    """Whoever has rights in some appkeys has none in another, nor in what is no namespace at all."""
    for appkey in ("kube-system", "default", "no-such-namespace", "LOCAL", "local%20", "*", "a,b", "-"):
        url = f"{installation.url}/v1.0/appkeys/{appkey}/experiments"
        answer = httpx.get(url, headers=installation.headers("both"), timeout=60)
        assert answer.status_code == 403, f"{appkey}: {answer.text}"
        answer = httpx.post(url, headers=installation.headers("both"), content=b"{}", timeout=60)
        assert answer.status_code == 403, f"{appkey}: {answer.text}"


def require_no_identity_from_headers(installation: ClusterInstallation) -> None:
    """Kubeflow's old mistake: a header that names a user is worth nothing, not even a Kubernetes one."""
    forged = {
        "kubeflow-userid": "system:admin",
        "X-Remote-User": "system:admin",
        "X-Remote-Group": "system:masters",
        "Impersonate-User": "system:admin",
        "Impersonate-Group": "system:masters",
    }
    url = f"{installation.url}/v1.0/appkeys/{installation.profile}/experiments"
    assert httpx.get(url, headers=forged, timeout=60).status_code == 401
    assert httpx.get(url, headers=forged | installation.headers("without a role"), timeout=60).status_code == 403


def require_told_what_a_cluster_lacks(installation: ClusterInstallation) -> None:
    """Tokens for an object storage and TensorBoard's door are parts of the local engine."""
    token = f"{installation.url}/token/v1.0/appkeys/{installation.profile}/groups/g/iaas-token"
    answer = httpx.get(token, headers=installation.headers(), timeout=60)
    assert answer.status_code == 404
    assert "no object-storage tokens" in answer.json()["header"]["resultMessage"]
    answer = httpx.get(f"{installation.url}/tensorboard/{NOBODY}", params={"ticket": "x"}, timeout=60)
    assert answer.status_code == 404
    assert "opens no TensorBoard" in answer.json()["header"]["resultMessage"]


def require_revoked_roles_to_end(installation: ClusterInstallation) -> None:
    """Within the time that answers are kept."""
    server, api = installation.server, installation.api()
    assert server is not None
    assert api.call("GET", "/experiments").status_code == 200
    path = f"{RBAC}/namespaces/{installation.profile}/rolebindings/easymaker-edit-owner"
    server.request("DELETE", path).raise_for_status()
    wait_for(lambda: api.call("GET", "/experiments").status_code == 403, 60, "the caller is refused")
    message = api.refused("GET", "/experiments", 403)
    assert f"may not list experiments in appkey {installation.profile}" in message
