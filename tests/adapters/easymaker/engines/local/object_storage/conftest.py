"""A real Swift per session, spoken to in plain HTTP on its loopback port."""

import http.client
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.object_storage.server import ObjectStorage
from adapters.easymaker.engines.local.object_storage.tokens import Scope, mint
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.settings import Settings
from tests.conftest import PATIENCE

TENANT = "a" * 32

Wait = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Swift:
    storage: ObjectStorage
    runner: ProcessRunner
    home: Path

    def token(self, tenant: str = TENANT, lifetime: float = 3600, scope: Scope = "write") -> str:
        return mint(self.storage.token_key, tenant, "tests", time.time() + lifetime, scope)

    def request(self, method: str, path: str, token: str | None = "", body: bytes = b"", **headers: str) -> Answer:
        """``token``: the tests' own by default, None for none at all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.storage.proxy_port, timeout=PATIENCE)
        everything = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            everything["X-Auth-Token"] = token or self.token()
        try:
            connection.request(method, quote(path, safe="/?=&%"), body=body, headers=everything)
            response = connection.getresponse()
            return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.05)


def _run(directory: Path) -> Iterator[Swift]:
    runner = ProcessRunner(directory / "processes")
    storage = ObjectStorage(directory / "home", runner, Environments(Settings().cache_dir))
    storage.start()
    try:
        wait_until(storage.ready)
        yield Swift(storage, runner, directory / "home")
    finally:
        storage.stop()
        wait_until(lambda: all(runner.remove(name) for name in runner.names()))


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    yield from _run(tmp_path_factory.mktemp("swift"))


@pytest.fixture
def own_swift(tmp_path: Path) -> Iterator[Swift]:
    """One that a test may break."""
    yield from _run(tmp_path)


@pytest.fixture
def waiting() -> Wait:
    return wait_until


@pytest.fixture
def container(swift: Swift) -> str:
    """The path of a fresh container of the tests' tenant."""
    name = f"c-{uuid.uuid4().hex[:12]}"
    swift.storage.ensure_container(TENANT, name)
    return f"/v1/AUTH_{TENANT}/{name}"
