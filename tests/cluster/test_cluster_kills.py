"""kill -9 beside every effect on the cluster: nothing is lost, doubled or left behind.

A request that died between its Secret and its commit leaves the Secret to the search for orphans, which looks for what
is older than an hour; the clock of that search is put forward here.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.easymaker import crash_points
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.connection import Credentials
from adapters.easymaker.engines.cluster.secret_objects import SecretObjects
from tests.cluster.controllers import Controllers
from tests.cluster.installation import HOME, ClusterInstallation
from tests.cluster.lives import WHOLE, Life, Objects
from tests.conftest import PATIENCE, Api
from tests.failure.adapters_at_hand import Keeper, Preloaded
from tests.kubernetes.api_server import ApiServerProcess

pytestmark = pytest.mark.slow

POINTS = tuple(point for point in crash_points.POINTS if point.startswith("cluster."))
# The hit at which each adapter in turn dies; the next one is armed to die later.
HITS = (1, 2, 4)


class StubbornApi(Api):
    """Sends what was not answered again, the same: creates carry an Idempotency-Key."""

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                answer = super().call(method, path, headers=headers, **options)
                if answer.status_code != 503:
                    return answer
                told = answer.text
            except httpx.TransportError as error:
                told = repr(error)
            assert time.monotonic() < deadline, f"{method} {path}: {told}"
            time.sleep(0.05)


@pytest.fixture
def preloaded() -> Iterator[Preloaded]:
    made = Preloaded()
    yield made
    made.close()


def forget_orphans(server: ApiServerProcess, profile: str) -> int:
    """What an adapter does that starts two hours later, when no resource is left."""
    client = ApiServer(Credentials(ClusterSettings(kubeconfig=server.admin_kubeconfig)))
    later = datetime.now(UTC) + timedelta(hours=2)
    try:
        return SecretObjects(client, b"key", HOME, now=lambda: later).delete_orphans(lambda ids: [], [profile])
    finally:
        client.close()


@pytest.mark.parametrize(
    "point",
    # The default run has the first two; each takes half a minute.
    [pytest.param(point, marks=[pytest.mark.exhaustive] if number > 1 else []) for number, point in enumerate(POINTS)],
)
def test_a_life_with_the_adapter_killed_at(
    point: str,
    cluster: ClusterInstallation,
    controllers: Controllers,
    kubeflow: ApiServerProcess,
    preloaded: Preloaded,
) -> None:
    plan = [f"{point}:{hit}" for hit in HITS]
    keeper = Keeper(preloaded, cluster, plan, lease_seconds=0.5, resync_seconds=0.2, cluster_resync_seconds=5)
    try:
        life = Life(StubbornApi(cluster.api().client), controllers)
        objects = Objects(kubeflow, cluster.profile)
        life.begin()
        of_nobody = {what: count for what, count in objects.of(life).items() if what.endswith("nobody known")}
        assert objects.of(life) - WHOLE == of_nobody, "something is there twice"
        assert WHOLE - objects.of(life) == {}, "something is missing"
        assert set(of_nobody) <= {"configmaps of nobody known", "secrets of nobody known"}
        keeper.arm(plan)
        life.end()
        keeper.disarm()
        forget_orphans(kubeflow, cluster.profile)
        objects.require_none()
        assert keeper.kills, f"nothing was killed at {point}"
        assert keeper.trouble == []
    finally:
        keeper.close()
