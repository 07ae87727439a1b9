"""One suite over every engine: a test asks for ``world`` and says over which ones it runs."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from adapters.easymaker.catalogue import Catalogue, load
from tests.conformance.cluster_world import CRDS, SERVING_CRDS, Platform, cluster_world
from tests.conformance.local_world import local_world
from tests.conformance.world import World
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds, api_server, crds

__all__ = ["api_server", "crds"]

SERVING: dict[str, dict[str, str]] = {
    "cluster-raw": {},
    "cluster-istio": {"routes": "istio"},
    "cluster-serverless": {"serving_mode": "Serverless"},
}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load(None)


# What looks at the API server all the time ends with its module: other tests want the machine.
@pytest.fixture(scope="module")
def controllers(api_server: ApiServerProcess) -> Iterator[Platform]:
    running = Platform(api_server)
    with running:
        yield running


@pytest.fixture(scope="module")
def local(catalogue: Catalogue) -> Iterator[World]:
    with local_world(catalogue) as made:
        yield made


@pytest.fixture(scope="module")
def clusters(
    api_server: ApiServerProcess, crds: LoadCrds, controllers: Platform, catalogue: Catalogue
) -> Iterator[Callable[[str], World]]:
    """Each with other settings of the engine, made at first use; they share the API server."""
    made: dict[str, World] = {}
    load_once = functools.cache(crds)
    with ExitStack() as stack:

        def of(name: str) -> World:
            if name not in made:
                load_once(CRDS | SERVING_CRDS if name in SERVING else CRDS)
                settings = SERVING.get(name, {})
                made[name] = stack.enter_context(cluster_world(api_server, controllers, catalogue, settings))
            return made[name]

        yield of


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One engine, by its name. Whatever resources a test leaves are removed after it."""
    name: str = request.param
    found: World = request.getfixturevalue("local") if name == "local" else request.getfixturevalue("clusters")(name)
    yield found
    found.tidy()
