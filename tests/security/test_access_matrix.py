"""Who may do what: every route for every kind of caller, and every reference to another appkey's resource."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from adapters.easymaker.api.rules import GuardedRoute, Rule, rule_of
from adapters.easymaker.app import create_app
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.settings import Settings
from tests.conftest import PATIENCE

CALLERS = ("anonymous", "wrong token", "other tenant", "reader", "owner")
TENANT_RULES = (Rule.READ, Rule.WRITE)
NOBODY = "00000000-0000-4000-8000-000000000000"


def flat(found: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Newer FastAPI versions keep an included router as one route."""
    for route in found:
        router = getattr(route, "original_router", None)
        if router is None:
            yield route
        else:
            yield from flat(router.routes)


def routes() -> list[BaseRoute]:
    front_door = create_app(Settings())
    inner = next(part for part in vars(front_door).values() if isinstance(part, FastAPI))
    return list(flat(inner.routes))


ROUTES = [(method, route) for route in routes() if isinstance(route, APIRoute) for method in sorted(route.methods)]


def allowed(rule: Rule, caller: str) -> bool:
    """Deny is the default; this table is the whole policy."""
    if rule in (Rule.PUBLIC, Rule.TICKET):
        return True
    if rule is Rule.SIGNED_IN:
        return caller in ("other tenant", "reader", "owner")
    return caller == "owner" or (caller == "reader" and rule is Rule.READ)


def headers_of(installation: Any, caller: str) -> dict[str, str]:
    names = {"other tenant": "stranger", "reader": "reader", "owner": "owner"}
    if caller in names:
        return installation.headers(names[caller])
    return {"X-EasyMaker-Token": "somebody-elses-token-0123456789"} if caller == "wrong token" else {}


def path_of(route: APIRoute, ids: dict[str, str], appkey: str) -> str:
    """The route's path with a resource that is there, so that a check that is missing would show."""
    plural = route.path.removeprefix("/v1.0/appkeys/{appkey}/").split("/")[0]
    kind = next((k.name for k in KINDS if k.plural == plural), "experiment")
    values = {"appkey": appkey, "group": "g", "asset": "start.js", "experiment_id": ids["experiment"]}
    values["resource_id"] = ids[kind]
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], route.path)


def test_every_route_is_guarded_and_states_its_rule() -> None:
    """A route that somebody adds without a rule fails here, and is refused at run time."""
    everything = routes()
    assert [route for route in everything if not isinstance(route, GuardedRoute)] == []
    assert [route.path for _, route in ROUTES if rule_of(route.endpoint) is None] == []
    open_to_all = {route.path for _, route in ROUTES if rule_of(route.endpoint) in (Rule.PUBLIC, Rule.TICKET)}
    assert open_to_all == {
        "/healthz",
        "/readyz",
        "/nhn-api-gateway",
        "/openapi.json",
        "/docs",
        "/docs/{asset}",
        "/tensorboard/{experiment_id}",
    }
    for method, route in ROUTES:
        if "{appkey}" in route.path:
            assert rule_of(route.endpoint) is (Rule.READ if method in ("GET", "HEAD") else Rule.WRITE), route.path


def test_openapi_document_lists_exactly_the_routes(installation: Any) -> None:
    """What is not documented is not tested by the fuzzer, so nothing may be missing."""
    paths = httpx.get(f"{installation.url}/openapi.json", timeout=PATIENCE).json()["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert documented == {(method, route.path) for method, route in ROUTES}


def test_every_route_for_every_caller(installation: Any, ours: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Denied callers get 401 or 403 and no data; allowed ones pass the check (whatever the answer then is)."""
    counted: Counter[str] = Counter()
    leaks: list[str] = []
    # Destructive verbs of the allowed last of all: the refused ones must find everything in place.
    order = sorted(ROUTES, key=lambda pair: (pair[0] == "DELETE", pair[1].path))
    with httpx.Client(base_url=installation.url, timeout=PATIENCE) as client:
        for caller in CALLERS:
            for method, route in order:
                rule = rule_of(route.endpoint)
                assert rule is not None
                # An owner's write goes to a resource that is not there: the check is passed, nothing is changed.
                harmless = caller == "owner" and rule is Rule.WRITE
                ids = dict.fromkeys(ours.ids, NOBODY) if harmless else ours.ids
                path = path_of(route, ids, "local")
                body = {"content": b"{}"} if method in ("POST", "PUT") else {}
                answer = client.request(method, path, headers=headers_of(installation, caller), **body)
                counted[f"{caller}: {'allow' if allowed(rule, caller) else 'deny'}"] += 1
                denied = answer.status_code in (401, 403)
                wanted = 401 if caller in ("anonymous", "wrong token") else 403
                if allowed(rule, caller):
                    assert not denied, f"{caller} {method} {path}: {answer.status_code}"
                    assert answer.status_code < 500, f"{caller} {method} {path}: {answer.text}"
                elif answer.status_code != wanted or ours.mark in answer.text:
                    leaks.append(f"{caller} {method} {path}: {answer.status_code}")
    with capsys.disabled():
        print(f"\naccess matrix: {len(ROUTES)} routes x {len(CALLERS)} callers, leaks {len(leaks)}; {dict(counted)}")
    assert leaks == []


def references_of_tunings(
    foreign: dict[str, str], bodies: dict[str, Any]
) -> list[tuple[str, str, str, dict[str, Any]]]:
    model = {"modelName": "m", "hyperparameterTuningId": foreign["hyperparameter-tuning"]}
    tuning = bodies["hyperparameter-tuning"] | {"experimentId": foreign["experiment"]}
    return [
        ("experimentId of a tuning", "POST", "/hyperparameter-tunings", tuning),
        ("hyperparameterTuningId", "POST", "/models", model),
    ]


def references_of_pipelines(
    foreign: dict[str, str], bodies: dict[str, Any]
) -> list[tuple[str, str, str, dict[str, Any]]]:
    run, schedule = bodies["pipeline-run"], bodies["pipeline-recurring-run"]
    pipeline, experiment = {"pipelineId": foreign["pipeline"]}, {"experimentId": foreign["experiment"]}
    return [
        ("pipelineId of a run", "POST", "/pipeline-runs", run | pipeline),
        ("experimentId of a run", "POST", "/pipeline-runs", run | experiment),
        ("pipelineId of a schedule that is posted as a run", "POST", "/pipeline-runs", schedule | pipeline),
        ("experimentId of a schedule", "POST", "/pipeline-recurring-runs", schedule | experiment),
    ]


def references(theirs: Any, ours: Any) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(what, method, path, body): requests of ours that name a resource of theirs."""
    mine, foreign, bodies = ours.ids, theirs.ids, ours.bodies()
    resources = [{"modelId": foreign["model"], "resourceAllocationPercent": 1}]
    new = {"endpointName": "new"}
    cases = [
        ("experimentId", "POST", "/trainings", bodies["training"] | {"experimentId": foreign["experiment"]}),
        (
            "trainingTemplateId",
            "POST",
            "/trainings",
            {
                "trainingName": "t",
                "experimentId": mine["experiment"],
                "trainingTemplateId": foreign["training-template"],
            },
        ),
        ("trainingId", "POST", "/models", {"modelName": "m", "trainingId": foreign["training"]}),
        ("modelId", "POST", "/endpoints", bodies["endpoint"] | new | {"endpointModelResourceList": resources}),
        ("modelId", "POST", "/endpoint-stages", bodies["endpoint-stage"] | {"endpointModelResourceList": resources}),
        ("endpointId", "POST", "/endpoint-stages", bodies["endpoint-stage"] | {"endpointId": foreign["endpoint"]}),
        (
            "endpointStageId",
            "POST",
            "/endpoint-models",
            bodies["endpoint-model"] | {"endpointStageId": foreign["endpoint-stage"]},
        ),
        ("modelId", "POST", "/endpoint-models", bodies["endpoint-model"] | {"modelId": foreign["model"]}),
        (
            "default stage",
            "PUT",
            f"/endpoints/{mine['endpoint']}/default-stage",
            {"endpointStageId": foreign["endpoint-stage"]},
        ),
        (
            "experimentId of a copy",
            "POST",
            f"/trainings/{mine['training']}/copy",
            {"experimentId": foreign["experiment"]},
        ),
    ]
    cases += references_of_tunings(foreign, bodies) + references_of_pipelines(foreign, bodies)
    for kind in KINDS:
        cases += routes_of(kind, foreign, mine, bodies)
    return cases


def routes_of(
    kind: Kind, foreign: dict[str, str], mine: dict[str, str], bodies: dict[str, Any]
) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Every route of one resource."""
    path = f"/{kind.plural}/{foreign[kind.name]}"
    cases: list[tuple[str, str, str, dict[str, Any]]] = []
    cases += [(f"{kind.name}", "GET", path, {}), (f"{kind.name}", "DELETE", path, {})]
    name = {kind.name_field: "taken over"} if kind.name_field and kind.update_body is not kind.create_body else {}
    full = bodies[kind.name] if kind.update_body is kind.create_body else {"description": "x"} | name
    full = {k: v for k, v in full.items() if k in _fields(kind.update_body)}
    cases.append((f"{kind.name} update", "PUT", path, full))
    cases.append((f"{kind.name} events", "GET", f"{path}/events", {}))
    cases += [(f"{kind.name} {r.path}", "GET", f"{path}/{r.path}", {}) for r in kind.reports]
    for download in kind.downloads:
        query = "&".join(f"{parameter.name}=x" for parameter in download.query)
        cases.append((f"{kind.name} {download.path}", "GET", f"{path}/{download.path}?{query}", {}))
    if kind.is_parent:
        cases.append((f"what was made in a {kind.name}", "GET", f"{path}/resources", {}))
    for action in kind.actions:
        given = {"endpointStageId": mine["endpoint-stage"]} if action.body else {}
        cases.append((f"{kind.name} {action.path}", "PUT", f"{path}/{action.path}", given))
    if kind.copyable:
        cases += [(f"{kind.name} copy", verb, f"{path}/copy", {}) for verb in ("GET", "POST")]
    if kind.has_logs:
        cases += [(f"{kind.name} logs", "GET", f"{path}/logs{query}", {}) for query in ("", "?follow=true")]
    return cases


def _fields(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_references_to_another_appkeys_resources(
    installation: Any, ours: Any, theirs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if it was not there: the answer is that of an id that nobody has, and shows nothing of the resource."""
    leaks: list[str] = []
    cases = references(theirs, ours)
    for who in ("owner", "both"):
        api = installation.api("local", who)
        for what, method, path, body in cases:
            options = {"json": body} if method in ("POST", "PUT") else {}
            answer = api.call(method, path, **options)
            nobody = api.call(method, _swap(path, theirs.ids), **_swapped(options, theirs.ids))
            text = answer.text
            for real in theirs.ids.values():
                text = text.replace(real, NOBODY)
            if answer.status_code not in (400, 404, 409) or theirs.mark in answer.text or text != nobody.text:
                leaks.append(f"{who} {what} {method} {path}: {answer.status_code} {answer.text[:300]}")
    with capsys.disabled():
        print(f"\nforeign references: {len(cases)} x 2 callers, leaks {len(leaks)}")
    assert leaks == []
    for kind in KINDS:
        there = theirs.api.get(kind.plural, kind.key, theirs.ids[kind.name])
        assert there["description"] in (theirs.mark, ""), "a foreign caller has changed it"


def _swap(text: str, ids: dict[str, str]) -> str:
    for real in ids.values():
        text = text.replace(real, NOBODY)
    return text


def _swapped(options: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    if "json" not in options:
        return options
    return {"content": _swap(httpx.Request("POST", "http://x", json=options["json"]).content.decode(), ids)}


def test_lists_and_filters_show_nothing_of_another_appkey(installation: Any, ours: Any, theirs: Any) -> None:
    """Neither whole lists, nor by id, by name, nor through the filters by a foreign parent."""
    api = installation.api("local", "both")
    for kind in KINDS:
        foreign_id = theirs.ids[kind.name]
        required = {f.query: theirs.ids[_target(kind, f.role)] for f in kind.filters if f.required}
        queries: list[dict[str, Any]] = [{f"{kind.key}IdList": foreign_id}, {"name": "theirs"}, {"name": theirs.mark}]
        queries += [{f.query: theirs.ids[_target(kind, f.role)]} for f in kind.filters] + [{}]
        for query in queries:
            answer = api.ok("GET", f"/{kind.plural}", params=required | query)
            assert theirs.mark not in str(answer), (kind.name, query)
            assert foreign_id not in str(answer[kind.list_key]), (kind.name, query)
            if query or required:
                assert answer[kind.list_key] == [], (kind.name, query)
                assert answer["totalCount"] == 0


def _target(kind: Any, role: str) -> str:
    return kind.link(role).kind


@pytest.mark.parametrize("appkey", ["other", "nobody", "local%2f..%2fother", "LOCAL", "local ", "*", "local,other"])
def test_an_appkey_without_a_role_is_closed(installation: Any, theirs: Any, appkey: str) -> None:
    """The role is looked up for exactly the appkey of the path."""
    answer = httpx.get(
        f"{installation.url}/v1.0/appkeys/{appkey}/experiments", headers=installation.headers(), timeout=PATIENCE
    )
    assert answer.status_code in (400, 403, 404)
    assert theirs.mark not in answer.text


def test_identity_never_comes_from_a_plain_header(installation: Any, theirs: Any) -> None:
    """Kubeflow's old mistake: a header that names a user is worth nothing."""
    forged = {"kubeflow-userid": "both", "X-Forwarded-User": "both", "X-Remote-User": "both", "X-Appkey": "other"}
    url = f"{installation.url}/v1.0/appkeys/other/experiments"
    assert httpx.get(url, headers=forged, timeout=PATIENCE).status_code == 401
    assert httpx.get(url, headers=forged | installation.headers("owner"), timeout=PATIENCE).status_code == 403
    assert (
        httpx.get(url, headers=forged | {"Cookie": f"token={installation.token('both')}"}, timeout=PATIENCE).status_code
        == 401
    )
    assert httpx.get(url, params={"token": installation.token("both")}, timeout=PATIENCE).status_code == 401


def test_idempotency_keys_of_two_appkeys_are_apart(installation: Any) -> None:
    """The same key in another appkey makes another resource and shows nothing of the first."""
    key = {"Idempotency-Key": "the same key"}
    body = {"experimentName": "keyed", "description": "mine"}
    first = installation.api("local", "both").ok("POST", "/experiments", json=body, headers=key)["experiment"]
    again = installation.api("local", "both").ok("POST", "/experiments", json=body, headers=key)["experiment"]
    other = installation.api("other", "both").ok("POST", "/experiments", json=body, headers=key)["experiment"]
    assert first["experimentId"] == again["experimentId"]
    assert first["experimentId"] != other["experimentId"]
