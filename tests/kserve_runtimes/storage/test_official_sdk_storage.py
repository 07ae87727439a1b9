"""The official SDK, unmodified and in an environment of its own, and our file system on the same real Swift."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from kserve_runtimes.storage import ObsFileSystem, StorageOptions, download, listing, upload
from tests.conftest import PATIENCE

SDK = EnvironmentSpec(name="official-sdk", requirements=("easymaker==2.1.5",))

RunSdk = Callable[[str], str]


@pytest.fixture
def token_api(storage_server: Any) -> Iterator[str]:
    """The one answer of the adapter's API that the SDK needs for storage."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/token/v1.0/appkeys/local/groups/group/iaas-token"
            assert self.headers["X-EasyMaker-Token"] == "api-token"
            token = {"id": storage_server.token(), "expires": "2999-01-01T00:00:00.000+09:00"}
            body = json.dumps({"header": {"isSuccessful": True}, "access": {"token": token}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run_sdk(token_api: str, storage_server: Any, tmp_path: Path) -> RunSdk:
    """Run a script that a user could have written."""
    python = Environments(Settings().cache_dir).ensure(SDK)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "EM_PROFILE": "local",
        "EM_API_URL": token_api,
        "EM_APPKEY": "local",
        "EM_REGION": "kr1",
        "EM_TOKEN": "api-token",
        "EM_GROUP_ID": "group",
        "REQUESTS_CA_BUNDLE": str(storage_server.ca_file),
    }

    def run(script: str) -> str:
        done = subprocess.run(
            [python, "-c", f"import easymaker\n{script}"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _write(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_what_the_sdk_uploads_we_download(
    run_sdk: RunSdk, container: Any, options: StorageOptions, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    _write(source, train=b"print()", data__a=b"1,2", 한국어__모델=b"weights", empty=b"")
    (source / "with blank.csv").write_bytes(b"x")
    run_sdk(f"easymaker.upload({container.uri + '/in'!r}, {str(source)!r})")
    download(f"{container.uri}/in", tmp_path / "out", options)
    assert _contents(tmp_path / "out") == _contents(source)


def test_what_we_upload_the_sdk_downloads(
    run_sdk: RunSdk, container: Any, segmented: StorageOptions, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    _write(source, model__weights=os.urandom(250_000), model__한국어=b"x", metrics=b"{}")
    upload(source, f"{container.uri}/out", segmented)
    run_sdk(f"easymaker.download({container.uri + '/out'!r}, {str(tmp_path / 'out')!r})")
    assert _contents(tmp_path / "out") == _contents(source)


def test_the_sdks_own_large_objects(run_sdk: RunSdk, container: Any, options: StorageOptions, tmp_path: Path) -> None:
    """The SDK's code for files of 2 GiB and more, with its thresholds lowered so that the test is quick."""
    source = tmp_path / "source"
    content = os.urandom(1_000_000)
    _write(source, weights=content)
    run_sdk(
        "from easymaker.storage import objectstorage\n"
        "objectstorage.ObjectStorage.MULTIPART_UPLOAD_FILE_SIZE_THRESHOLD = 500_000\n"
        "objectstorage.ObjectStorage.MULTIPART_UPLOAD_CHUNK_SIZE = 300_000\n"
        f"easymaker.upload({container.uri + '/m'!r}, {str(source)!r})"
    )
    assert [(entry.name, entry.size) for entry in listing(container.uri, options)] == [("m/weights", 1_000_000)]
    download(f"{container.uri}/m", tmp_path / "out", options)
    assert _contents(tmp_path / "out") == {"weights": content}
    fs = ObsFileSystem(options, skip_instance_cache=True)
    fs.rm(container.uri + "/m/weights")
    assert fs.find(container.uri) == []
