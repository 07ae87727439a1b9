"""The second listener: TLS before object storage, for bodies of any size and any duration."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHUNK = 1 << 20
CHUNKS = 256


def test_a_large_streamed_upload_passes_without_being_held(running: Any) -> None:
    """256 MiB of unknown length; Envoy must not keep it in memory."""
    block = os.urandom(CHUNK)

    def body() -> Iterator[bytes]:
        for _ in range(CHUNKS):
            yield block

    url = f"https://127.0.0.1:{running.storage_port}/v1/AUTH_t/c/large"
    answer = running.session().put(url, data=body(), headers={"x-auth-token": "t"})
    assert (answer.status_code, answer.json()["size"]) == (200, CHUNK * CHUNKS)
    assert answer.json()["headers"]["x-auth-token"] == "t"
    pid = running.runner.observe("gateway").pid
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 200 * 1024


def test_a_slow_upload_is_not_cut_short(running: Any) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(4):
            yield b"x"
            time.sleep(0.5)

    url = f"https://localhost:{running.storage_port}/v1/AUTH_t/c/slow"
    assert running.session().put(url, data=body()).json()["size"] == 4


def test_object_names_keep_their_slashes_and_escapes(running: Any) -> None:
    session = running.session()
    base = f"https://127.0.0.1:{running.storage_port}"
    for path in ("/v1/AUTH_t/c/a//b", "/v1/AUTH_t/c/%ED%95%9C", "/v1/AUTH_t/c/a%20b+c"):
        assert session.get(base + path).json()["path"] == path
    assert session.get(base + "/v1/AUTH_t/c%2Fx").status_code == 400


def test_internal_headers_do_not_reach_the_storage(running: Any) -> None:
    headers = {"X-Backend-Storage-Policy-Index": "1", "X-Forwarded-Host": "evil", "x-object-meta-a": "b"}
    answer = running.session().get(f"https://127.0.0.1:{running.storage_port}/v1/AUTH_t", headers=headers)
    seen = answer.json()["headers"]
    assert "x-backend-storage-policy-index" not in seen
    assert "x-forwarded-host" not in seen
    assert seen["x-object-meta-a"] == "b"


def test_stages_are_not_served_on_the_storage_port(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    answer = running.session().get(f"https://127.0.0.1:{running.storage_port}/e1/stages/blue/iris/v2")
    assert answer.json()["port"] == running.storage.server_port
