"""The roles grant what the adapter really asks of the API server, nothing less and nothing more: recorded in a life."""

from collections.abc import Iterator

import pytest

from adapters.easymaker.engines.cluster.permissions import Permission, Scope, required
from tests.cluster.controllers import Controllers
from tests.cluster.installation import ADAPTER, HOME, ClusterInstallation
from tests.cluster.lives import WHOLE, Life, Objects
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fault_proxy import FaultProxy, RecordedRequest

pytestmark = pytest.mark.slow

# Granted to everybody who has signed in, by the API server's own roles.
PUBLIC_PATHS = {"/version"}
# (group, resource, verb)
Call = tuple[str, str, str]


@pytest.fixture
def recorded(
    cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess
) -> Iterator[list[RecordedRequest]]:
    """All requests of an adapter from its start to the end of a life."""
    with FaultProxy(kubeflow) as proxy:
        cluster.through(proxy.url)
        cluster.start()
        life, objects = Life(cluster.api(), controllers), Objects(kubeflow, cluster.profile)
        life.begin()
        assert objects.of(life) == WHOLE
        life.end()
        objects.require_none()
        user = f"system:serviceaccount:{HOME}:{ADAPTER}"
        assert {each.user for each in proxy.requests} == {user}
        yield [each for each in proxy.requests if each.attributes.path not in PUBLIC_PATHS]
        cluster.kill()


def test_the_roles_grant_exactly_what_is_asked(recorded: list[RecordedRequest], profile: str) -> None:
    granted = required("gateway-api")
    asked = {call for each in recorded for call in calls(each)}

    assert [each for each in recorded if each.status in (401, 403)] == []
    assert [each for each in recorded for call in calls(each) if not allowed(granted, call, each, profile)] == []
    assert {(each.group, each.resource, verb) for each in granted for verb in each.verbs} - asked == set()
    assert {verb for _, resource, verb in asked if resource == "secrets"} <= {"create", "patch", "delete"}


def calls(request: RecordedRequest) -> list[Call]:
    """An apply that has made something needed the right to create it, too."""
    what = request.attributes
    verbs = [what.verb] + (["create"] if what.verb == "patch" and request.status == 201 else [])
    return [(what.group, what.full_resource, verb) for verb in verbs]


def allowed(granted: tuple[Permission, ...], call: Call, request: RecordedRequest, profile: str) -> bool:
    """Whether there is a permission for it in the place that it was about."""
    places = set(Scope) if request.attributes.namespace == profile else {Scope.CLUSTER, Scope.WATCHED}
    group, resource, verb = call
    return any(
        (each.group, each.resource) == (group, resource) and verb in each.verbs and each.scope in places
        for each in granted
    )
