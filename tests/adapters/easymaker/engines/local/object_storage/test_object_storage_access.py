"""Who gets in: every way past the token that Swift has, tried against the real thing."""

import http.client
from typing import Any

import pytest

from adapters.easymaker.engines.local.object_storage.tokens import mint
from tests.conftest import PATIENCE

OTHER = "b" * 32
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "COPY"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", ["account", "container", "object"])
def test_nothing_without_a_token_of_that_tenant(swift: Any, container: str, method: str, level: str) -> None:
    swift.request("PUT", f"{container}/secret", body=b"secret")
    path = {"account": container.rpartition("/")[0], "container": container, "object": f"{container}/secret"}[level]
    forged = mint(b"x" * 32, "a" * 32, "p", 9e9)
    expected = {None: 401, "garbage": 401, forged: 401, swift.token(lifetime=-1): 401, swift.token(OTHER): 403}
    for token, status in expected.items():
        answer = swift.request(method, path, token)
        # No account is made or removed by anybody (405), and a copy without a target is none (412).
        assert answer.status in (status, 405, 412) or (method, answer.status) == ("OPTIONS", 200), (token, answer)
        assert b"secret" not in answer.body
    assert swift.request("GET", f"{container}/secret").body == b"secret"


@pytest.mark.parametrize("method", METHODS)
def test_a_read_token_only_reads(swift: Any, container: str, method: str) -> None:
    swift.request("PUT", f"{container}/a", body=b"x")
    answer = swift.request(method, f"{container}/a", swift.token(scope="read"), Destination="c/b")
    assert (answer.status < 300) == (method in ("GET", "HEAD"))
    assert swift.request("GET", f"{container}/a").body == b"x"


@pytest.mark.parametrize("header", ["X-Storage-Token", "X-Auth-Token"])
def test_both_names_of_the_token_header_work(swift: Any, container: str, header: str) -> None:
    assert swift.request("HEAD", container, None, **{header: swift.token()}).status == 204


@pytest.mark.parametrize(
    "path", ["/info", "/", "/v1", "/v1/", "/auth/v1.0", "/v1/AUTH_", "/v1.0/AUTH_x", "/v1/.expiring_objects"]
)
def test_there_is_nothing_else_to_talk_to(swift: Any, path: str) -> None:
    for token in (None, ""):
        assert swift.request("GET", path, token).status in (400, 401, 403, 404, 412)


def test_a_container_cannot_be_opened_to_others(swift: Any, container: str) -> None:
    swift.request("PUT", f"{container}/a", body=b"secret")
    for name in ("X_Container_Read", "X_Container_Write"):
        swift.request("POST", container, **{name: ".r:*,.rlistings"})
    swift.request("POST", container, X_Container_Meta_Temp_URL_Key="key", X_Container_Sync_Key="key")
    swift.request(
        "POST", container.rpartition("/")[0], X_Account_Meta_Temp_URL_Key="key", X_Account_Access_Control="{}"
    )
    for token in (None, swift.token(OTHER)):
        assert swift.request("GET", f"{container}/a", token).status in (401, 403)
        assert swift.request("GET", f"{container}/a?temp_url_sig=x&temp_url_expires=9999999999", token).status in (
            401,
            403,
        )


def test_a_large_object_does_not_reach_into_another_account(swift: Any, container: str) -> None:
    """A manifest, a copy or a static large object that names foreign objects reads nothing of theirs."""
    swift.storage.ensure_container(OTHER, "theirs")
    theirs = f"/v1/AUTH_{OTHER}/theirs/secret"
    swift.request("PUT", theirs, swift.token(OTHER), body=b"secret")
    for manifest in ("theirs/secret", f"../AUTH_{OTHER}/theirs/secret", f"AUTH_{OTHER}/theirs/secret"):
        swift.request("PUT", f"{container}/dlo", X_Object_Manifest=manifest)
        assert b"secret" not in swift.request("GET", f"{container}/dlo").body
    copied = swift.request(
        "PUT", f"{container}/copy", X_Copy_From="/theirs/secret", X_Copy_From_Account=f"AUTH_{OTHER}"
    )
    assert copied.status == 403
    pushed = swift.request("COPY", f"{container}/x", Destination="theirs/x", Destination_Account=f"AUTH_{OTHER}")
    assert pushed.status in (403, 404)
    segments = b'[{"path": "/theirs/secret"}]'
    assert swift.request("PUT", f"{container}/slo?multipart-manifest=put", body=segments).status >= 400


def test_large_objects_work_for_their_owner(swift: Any, container: str) -> None:
    """The segments are fetched by sub-requests, which carry the user but not the token."""
    name = container.rpartition("/")[2]
    for number in (1, 2):
        swift.request("PUT", f"{container}/parts/{number}", body=b"%d" % number)
    swift.request("PUT", f"{container}/whole", X_Object_Manifest=f"{name}/parts/")
    for scope in ("read", "write"):
        assert swift.request("GET", f"{container}/whole", swift.token(scope=scope)).body == b"12"
    copied = swift.request("PUT", f"{container}/copy", X_Copy_From=f"/{name}/whole")
    assert copied.status == 201
    assert swift.request("GET", f"{container}/copy").body == b"12"


def test_the_servers_behind_the_proxy_talk_to_nobody_else(swift: Any, container: str) -> None:
    """A user's job runs on the same machine and can reach their ports."""
    ports = swift.storage._layout.ports()
    for port in (ports.account, ports.container, ports.object):
        for key in ({}, {"X-Easymaker-Backend-Key": "guess"}):
            for method, path in (
                ("GET", "/disk/0/AUTH_" + "a" * 32),
                ("REPLICATE", "/disk/0/x"),
                ("DELETE", "/disk/0/a"),
            ):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                connection.request(method, path, headers=key)
                assert connection.getresponse().status == 403
                connection.close()


def test_no_secret_in_a_log_and_no_file_for_others(swift: Any, container: str) -> None:
    token = swift.token()
    swift.request("PUT", f"{container}/a", token, body=b"canary-content")
    swift.request("GET", f"{container}/none", token)
    secrets = [
        token.encode(),
        swift.storage.token_key,
        swift.storage._layout.backend_key.read_bytes().strip(),
        b"canary",
    ]
    for name in swift.runner.names():
        log = swift.runner.log_path(name).read_bytes()
        assert not any(secret in log for secret in secrets)
    for path in (swift.home, swift.home / "devices", swift.home / "token.key", swift.home / "backend.key"):
        assert path.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (swift.home / "devices").rglob("*.data"))
