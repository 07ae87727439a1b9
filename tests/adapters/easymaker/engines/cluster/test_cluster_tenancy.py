"""Callers and their rights as a real API server sees them, and how long an answer is believed."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.easymaker.access import Access, Principal, Verb
from adapters.easymaker.engines.cluster import tenancy
from adapters.easymaker.engines.cluster.api_resources import ACCESS_REVIEW, TOKEN_REVIEW, ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.tenancy import AccessReviewPolicy, TokenReviewAuthenticator
from adapters.easymaker.errors import (
    Forbidden,
    PermanentEngineError,
    TemporaryEngineError,
    Unauthenticated,
    Unavailable,
)
from tests.kubernetes.api_server import ApiServerProcess

RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """The real API server, counted."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.asked = 0

    def create(self, resource: ApiResource, body: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        return self._server.create(resource, body)


class Saying:
    """An API server's answers that a healthy one does not give."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    def create(self, resource: ApiResource, body: dict[str, Any]) -> dict[str, Any]:
        assert resource in (TOKEN_REVIEW, ACCESS_REVIEW)
        self.bodies.append(body)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"status": answer}


def jwt(**claims: Any) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))


def grant(
    api_server: ApiServerProcess, namespace: str, user: str, verbs: list[str], resource: str = "trainings"
) -> None:
    rule = {"apiGroups": ["easymaker.kubeflow.org"], "resources": [resource], "verbs": verbs}
    base = f"{RBAC}/namespaces/{namespace}"
    api_server.request("POST", f"{base}/roles", {"metadata": {"name": user}, "rules": [rule]}).raise_for_status()
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
        "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": namespace}],
    }
    api_server.request("POST", f"{base}/rolebindings", binding).raise_for_status()


def revoke(api_server: ApiServerProcess, namespace: str, user: str) -> None:
    path = f"{RBAC}/namespaces/{namespace}/rolebindings/{user}"
    api_server.request("DELETE", path).raise_for_status()


def settled(condition: Callable[[], bool]) -> None:
    """The API server's own caches of roles and accounts lag behind a little."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the API server has not noticed the change"
        time.sleep(0.05)


def allows(policy: AccessReviewPolicy, principal: Principal, access: Access) -> bool:
    try:
        policy.authorize(principal, access)
    except Forbidden:
        return False
    return True


def test_a_service_account_is_known_by_its_token(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    token = api_server.service_account_token(namespace, "alice")
    caller = TokenReviewAuthenticator(server).authenticate(token)
    assert caller.name == f"system:serviceaccount:{namespace}:alice"
    assert {"system:serviceaccounts", f"system:serviceaccounts:{namespace}"} <= set(caller.groups)
    assert caller.uid
    assert caller.roles == {}


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "ü" * 10, "x" * 16_000, jwt(sub="admin", exp=9e9), "\ud800"])
def test_tokens_that_nobody_issued(server: ApiServer, token: str) -> None:
    with pytest.raises(Unauthenticated):
        TokenReviewAuthenticator(server).authenticate(token)


def test_a_token_that_is_meant_for_somebody_else(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    """The API server's ordinary tokens, as pods have them, are worth nothing where an audience is asked for."""
    ordinary = api_server.service_account_token(namespace, "alice")
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/alice/token"
    made = api_server.request("POST", path, {"spec": {"audiences": ["easymaker"]}}).raise_for_status()
    ours = made.json()["status"]["token"]
    with_audience = TokenReviewAuthenticator(server, ["easymaker"])
    assert with_audience.authenticate(ours).name.endswith(":alice")
    with pytest.raises(Unauthenticated):
        with_audience.authenticate(ordinary)
    with pytest.raises(Unauthenticated):
        TokenReviewAuthenticator(server).authenticate(ours)


def test_a_revoked_token_is_refused_after_the_cache_time(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    token = api_server.service_account_token(namespace, "alice")
    clock, counting = Clock(), Counting(server)
    authenticator = TokenReviewAuthenticator(counting, clock=clock)
    authenticator.authenticate(token)
    api_server.request("DELETE", f"/api/v1/namespaces/{namespace}/serviceaccounts/alice").raise_for_status()
    clock.now += tenancy.TOKEN_SECONDS - 1
    authenticator.authenticate(token)
    assert counting.asked == 1

    def refused() -> bool:
        clock.now += tenancy.TOKEN_SECONDS
        try:
            authenticator.authenticate(token)
        except Unauthenticated:
            return True
        return False

    settled(refused)


def test_a_token_is_not_believed_beyond_its_own_end() -> None:
    """And no question is spent on one that has ended."""
    clock, wall = Clock(), Clock()
    said = Saying({"authenticated": True, "user": {"username": "alice"}})
    authenticator = TokenReviewAuthenticator(said, clock=clock, wall=wall)
    token = jwt(exp=wall.now + 20)
    authenticator.authenticate(token)
    clock.now, wall.now = clock.now + 19, wall.now + 19
    authenticator.authenticate(token)
    clock.now, wall.now = clock.now + 2, wall.now + 2
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(token)
    assert len(said.bodies) == 1


def test_bad_tokens_are_not_asked_for_again_at_once() -> None:
    clock = Clock()
    said = Saying({"authenticated": False})
    authenticator = TokenReviewAuthenticator(said, clock=clock)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate("bad")
    assert len(said.bodies) == 1
    clock.now += tenancy.BAD_TOKEN_SECONDS
    with pytest.raises(Unauthenticated):
        authenticator.authenticate("bad")
    assert len(said.bodies) == 2


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": False, "user": {"username": "alice"}},
        {"authenticated": "true", "user": {"username": "alice"}},
        {"authenticated": True},
        {"authenticated": True, "user": {"username": ""}},
        {"authenticated": True, "user": {"username": "alice"}},
        {"authenticated": True, "user": {"username": "alice"}, "audiences": ["somebody-else"]},
        {"error": "the webhook is away"},
        PermanentEngineError("malformed"),
    ],
)
def test_only_a_full_yes_to_the_audience_makes_a_caller(status: dict[str, Any] | Exception) -> None:
    with pytest.raises(Unauthenticated):
        TokenReviewAuthenticator(Saying(status), ["easymaker"]).authenticate("token")


def test_an_api_server_that_is_away_is_no_yes_and_no_no() -> None:
    """503, and nothing of it is kept: the next question is asked."""
    away = TemporaryEngineError("the Kubernetes API server cannot be reached: secret detail")
    said = Saying(away, {"authenticated": True, "user": {"username": "alice"}})
    authenticator = TokenReviewAuthenticator(said)
    with pytest.raises(Unavailable) as told:
        authenticator.authenticate("token")
    assert "secret detail" not in str(told.value)
    assert authenticator.authenticate("token").name == "alice"
    said = Saying(away, {"allowed": True})
    policy = AccessReviewPolicy(said)
    access = Access(Verb.GET, "trainings", "team-a")
    with pytest.raises(Unavailable):
        policy.authorize(Principal("alice"), access)
    policy.authorize(Principal("alice"), access)


def test_a_role_counts_in_its_namespace_for_its_verbs_and_kinds_only(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    token = api_server.service_account_token(namespace, "alice")
    alice = TokenReviewAuthenticator(server).authenticate(token)
    grant(api_server, namespace, "alice", ["get", "list"])
    policy = AccessReviewPolicy(server)
    settled(lambda: allows(AccessReviewPolicy(server), alice, Access(Verb.GET, "trainings", namespace, "one")))
    assert allows(policy, alice, Access(Verb.LIST, "trainings", namespace))
    for refused in (
        Access(Verb.CREATE, "trainings", namespace),
        Access(Verb.UPDATE, "trainings", namespace, "one"),
        Access(Verb.DELETE, "trainings", namespace, "one"),
        Access(Verb.GET, "models", namespace, "one"),
        Access(Verb.GET, "trainings", "default", "one"),
        Access(Verb.GET, "trainings", "no-such-namespace", "one"),
    ):
        assert not allows(policy, alice, refused), refused
        assert not allows(policy, Principal("stranger"), refused)
    with pytest.raises(Forbidden, match=f"may not update trainings one in appkey {namespace}"):
        policy.authorize(alice, Access(Verb.UPDATE, "trainings", namespace, "one"))


def test_rights_by_group_and_by_name(server: ApiServer, api_server: ApiServerProcess, namespace: str) -> None:
    """Groups of the token count; a role may name single resources by their ids."""
    base = f"{RBAC}/namespaces/{namespace}"
    rule = {
        "apiGroups": ["easymaker.kubeflow.org"],
        "resources": ["models"],
        "verbs": ["get"],
        "resourceNames": ["one"],
    }
    api_server.request("POST", f"{base}/roles", {"metadata": {"name": "r"}, "rules": [rule]}).raise_for_status()
    group = {"kind": "Group", "name": "team", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    binding = {"metadata": {"name": "r"}, "roleRef": role, "subjects": [group]}
    api_server.request("POST", f"{base}/rolebindings", binding).raise_for_status()
    member, other = Principal("bob", groups=("team",)), Principal("bob", groups=("another",))
    settled(lambda: allows(AccessReviewPolicy(server), member, Access(Verb.GET, "models", namespace, "one")))
    policy = AccessReviewPolicy(server)
    assert not allows(policy, other, Access(Verb.GET, "models", namespace, "one"))
    assert not allows(policy, member, Access(Verb.GET, "models", namespace, "two"))
    assert not allows(policy, member, Access(Verb.GET, "models", namespace))


def test_a_revoked_role_is_denied_after_the_cache_time(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    alice = Principal(f"system:serviceaccount:{namespace}:alice")
    grant(api_server, namespace, "alice", ["get"])
    access = Access(Verb.GET, "trainings", namespace, "one")
    settled(lambda: allows(AccessReviewPolicy(server), alice, access))
    clock, counting = Clock(), Counting(server)
    policy = AccessReviewPolicy(counting, clock)
    assert allows(policy, alice, access)
    revoke(api_server, namespace, "alice")
    clock.now += tenancy.ALLOWED_SECONDS - 1
    assert allows(policy, alice, access)
    assert counting.asked == 1

    def denied() -> bool:
        clock.now += tenancy.ALLOWED_SECONDS
        return not allows(policy, alice, access)

    settled(denied)


def test_a_new_role_counts_soon() -> None:
    clock = Clock()
    policy = AccessReviewPolicy(Saying({"allowed": False}, {"allowed": True}), clock)
    access = Access(Verb.GET, "trainings", "team-a")
    assert not allows(policy, Principal("alice"), access)
    assert not allows(policy, Principal("alice"), access)
    clock.now += tenancy.DENIED_SECONDS
    assert allows(policy, Principal("alice"), access)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"allowed": False},
        {"allowed": "true"},
        {"allowed": 1},
        {"allowed": True, "denied": True},
        {"allowed": False, "evaluationError": "role not found"},
        PermanentEngineError("malformed"),
    ],
)
def test_everything_but_a_plain_yes_is_a_no(status: dict[str, Any] | Exception) -> None:
    assert not allows(AccessReviewPolicy(Saying(status)), Principal("alice"), Access(Verb.GET, "trainings", "team-a"))


@pytest.mark.parametrize(
    "appkey", ["", "*", "Team", "team-a\n", "team a", "../team-a", "team-a,team-b", "a" * 64, "-a", "ä"]
)
def test_an_appkey_that_is_no_namespace_is_refused_before_anything_is_asked(appkey: str) -> None:
    """An empty one above all: that would be a question about the whole cluster."""
    said = Saying({"allowed": True})
    with pytest.raises(Forbidden):
        AccessReviewPolicy(said).authorize(Principal("alice"), Access(Verb.GET, "trainings", appkey))
    assert said.bodies == []


def test_answers_of_different_callers_are_kept_apart() -> None:
    """The same name with other groups, or another uid, is another caller."""
    said = Saying({"allowed": True}, {"allowed": False})
    policy = AccessReviewPolicy(said)
    access = Access(Verb.GET, "trainings", "team-a")
    assert allows(policy, Principal("alice", groups=("team",), uid="1"), access)
    for other in (Principal("alice"), Principal("alice", groups=("team",)), Principal("alice", uid="1")):
        assert not allows(policy, other, access)
    sent = said.bodies[0]["spec"]
    assert (sent["user"], sent["groups"], sent["uid"]) == ("alice", ["team"], "1")


def test_made_up_tokens_neither_fill_the_memory_nor_drive_out_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenancy, "ANSWERS_KEPT", 10)
    yes = {"authenticated": True, "user": {"username": "alice"}}
    said = Saying(yes, {"authenticated": False})
    authenticator = TokenReviewAuthenticator(said)
    authenticator.authenticate("good")
    for number in range(50):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"bad {number}")
    assert authenticator.authenticate("good").name == "alice"
    assert len(said.bodies) == 51
