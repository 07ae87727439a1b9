"""One real Swift behind the real TLS gateway, for all tests of this directory."""

import http.client
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.gateway import Gateway
from adapters.easymaker.engines.local.object_storage.server import ObjectStorage
from adapters.easymaker.engines.local.object_storage.tokens import mint
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.settings import Settings
from kserve_runtimes.storage import ObsFileSystem, StorageOptions
from tests.conftest import PATIENCE
from tests.ports import free_ports

TENANT = "a" * 32


@dataclass(frozen=True)
class StorageServer:
    storage: ObjectStorage
    tls_port: int
    ca_file: Path
    directory: Path

    def token(self, tenant: str = TENANT, lifetime: float = 3600) -> str:
        return mint(self.storage.token_key, tenant, "tests", time.time() + lifetime)

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """A request whose path nothing on the way makes neat."""
        connection = http.client.HTTPConnection("127.0.0.1", self.storage.proxy_port, timeout=PATIENCE)
        try:
            everything = {
                "X-Auth-Token": self.token(),
                **{key.replace("_", "-"): value for key, value in headers.items()},
            }
            connection.request(method, path, body=body, headers=everything)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


@dataclass(frozen=True)
class Container:
    """A fresh container of the tests' tenant."""

    server: StorageServer
    name: str

    @property
    def uri(self) -> str:
        return f"obs://127.0.0.1:{self.server.tls_port}/v1/AUTH_{TENANT}/{self.name}"

    def put(self, object_name: str, body: bytes = b"", **headers: str) -> None:
        """Store an object under exactly this name, whatever it is."""
        path = f"/v1/AUTH_{TENANT}/{self.name}/{quote(object_name, safe='/')}"
        assert self.server.raw("PUT", path, body, **headers) == 201


def _wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    directory = tmp_path_factory.mktemp("object-storage")
    runner = ProcessRunner(directory / "processes")
    storage = ObjectStorage(directory / "home", runner, Environments(Settings().cache_dir))
    storage.start()
    tls_port, https_port = free_ports(2)
    gateway = Gateway(directory / "gateway", runner, https_port, (tls_port, storage.proxy_port))
    gateway.start()
    try:
        _wait_until(lambda: storage.ready() and gateway.ready())
        yield StorageServer(storage, tls_port, gateway.ca_file, directory)
    finally:
        gateway.stop()
        storage.stop()
        _wait_until(lambda: all(runner.remove(name) for name in runner.names()))


@pytest.fixture
def container(storage_server: StorageServer) -> Container:
    name = f"c-{uuid.uuid4().hex[:12]}"
    storage_server.storage.ensure_container(TENANT, name)
    return Container(storage_server, name)


@pytest.fixture
def options(storage_server: StorageServer, tmp_path: Path) -> StorageOptions:
    token_file = tmp_path / "token"
    token_file.write_text(storage_server.token())
    return StorageOptions(
        obs_token_file=token_file,
        ca_bundle=storage_server.ca_file,
        nas_root=tmp_path / "nas",
        allowed_hosts=(f"127.0.0.1:{storage_server.tls_port}",),
    )


@pytest.fixture
def segmented(options: StorageOptions) -> StorageOptions:
    """Sizes at which a test's file is a large object."""
    return replace(options, large_object_size=100_000, segment_size=30_000)


@pytest.fixture
def fs(options: StorageOptions) -> ObsFileSystem:
    return ObsFileSystem(options, skip_instance_cache=True)
