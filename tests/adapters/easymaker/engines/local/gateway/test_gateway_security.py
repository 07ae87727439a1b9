"""What a client cannot get past the gateway: path tricks, forged headers, Envoy's admin interface, a foreign CA."""

import http.client
import socket
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE


def raw(running: Any, request: bytes) -> bytes:
    """The answer to bytes as they are, which no HTTP library would send."""
    context = ssl.create_default_context(cafile=str(running.gateway.ca_file))
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def get(running: Any, path: str) -> bytes:
    return raw(running, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())


@pytest.mark.parametrize("escaped", ["%2f", "%2F", "%5c", "%5C"])
def test_escaped_slashes_are_rejected(running: Any, upstreams: Any, make: Any, escaped: str) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    assert b" 400 " in get(running, f"/e1/stages/blue/iris{escaped}v2").splitlines()[0]
    assert b" 400 " in get(
        running, f"/e1/stages/blue/iris/v2/models/iris/versions/..{escaped}..{escaped}repository/ready"
    )


def test_paths_are_normalised_before_they_are_matched(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    for path in ("//e1//stages/blue///iris/v2", "/e1/x/../stages/./blue/iris/v2", "/e1/stages/blue/iris/x/%2e%2e/v2"):
        assert b'"path": "/v2"' in get(running, path)
    escaped = get(running, "/e1/stages/blue/iris/v2/models/iris/versions/%2e%2e/ready")
    assert b'"path": "/v2/models/iris/ready"' in escaped
    for path in (
        "/e1/stages/blue/iris/v2/models/iris/versions/../../../repository/index",
        "/e1/stages/blue/iris/v2/../../../../../v2/repository/index",
        "/e1/stages/blue/iris/v2/models/iris/versions/%252e%252e/../../x",
    ):
        assert b" 404 " in get(running, path).splitlines()[0]


def test_a_version_cannot_smuggle_a_path(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    answer = get(running, "/e1/stages/blue/iris/v2/models/iris/versions/1%00%0d%0a/ready")
    assert b" 400 " in answer.splitlines()[0] or b'"path": "/v2/models/iris/versions/1%00%0d%0a/ready"' in answer


def test_tokens_cookies_and_identity_headers_do_not_reach_users_code(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    private = {
        "Authorization": "Bearer s3cret",
        "Cookie": "session=s3cret",
        "X-EasyMaker-Token": "s3cret",
        "x-nhn-authorization": "Bearer s3cret",
        "X-Auth-Token": "s3cret",
        "kubeflow-userid": "s3cret@example.com",
        "Kubeflow_UserId": "s3cret",
        "X-Forwarded-For": "s3cret",
        "X-Forwarded-User": "s3cret",
        "x-envoy-retry-on": "s3cret",
        "X-Envoy-Upstream-Rq-Timeout-Ms": "1",
        "X-Envoy-Original-Path": "/s3cret",
        "CE-Source": "s3cret",
    }
    headers = {**private, "x-sleep": "0.2", "x-mine": "kept"}
    answer = running.session().get(running.url("/e1/stages/blue/iris/v2"), headers=headers)
    assert answer.status_code == 200, "a client's timeout header is not obeyed"
    assert "s3cret" not in answer.text
    assert answer.json()["headers"]["x-mine"] == "kept"
    assert not [name for name in answer.json()["headers"] if name.startswith("x-envoy")]


def test_answers_do_not_say_what_runs(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    session = running.session()
    for path in ("/e1/stages/blue/iris/v2", "/nothing", "/e1/stages/blue/iris%2fv2"):
        answer = session.get(running.url(path))
        assert "server" not in answer.headers
        assert not [name for name in answer.headers if name.lower().startswith("x-envoy")]
        assert "envoy" not in answer.text


def test_large_headers_are_refused_and_the_gateway_lives_on(running: Any) -> None:
    session = running.session()
    answer = session.get(running.url("/"), headers={"x-large": "a" * 40_000})
    assert (answer.status_code, list(answer.json())) == (431, ["error"])
    many = {f"x-{i}": "1" for i in range(200)}
    assert session.get(running.url("/"), headers=many).status_code == 431
    assert session.get(running.url("/")).status_code == 404


def test_nonsense_on_the_wire_is_a_400(running: Any) -> None:
    for request in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET nowhere HTTP/1.1\r\nhost: x\r\n\r\n"):
        answer = raw(running, request)
        assert not answer or b" 4" in answer.splitlines()[0]
    smuggled = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b" 400 " in raw(running, smuggled).splitlines()[0]


def test_the_admin_interface_is_a_socket_of_the_owner_only(running: Any) -> None:
    sockets = [path for path in (running.directory / "gateway").rglob("*") if stat.S_ISSOCK(path.stat().st_mode)]
    assert len(sockets) == 1
    assert stat.S_IMODE(sockets[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(sockets[0].parent.stat().st_mode) == 0o700
    pid = running.runner.observe("gateway").pid
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.add(fields[1])
    assert listening == {f"0100007F:{running.port:04X}", f"0100007F:{running.storage_port:04X}"}


def test_tls_is_required_and_modern(running: Any) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
    with pytest.raises((OSError, http.client.HTTPException)):
        plain.request("GET", "/")
        plain.getresponse()
    plain.close()
    with (
        pytest.raises(ssl.SSLError),
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as connection,
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")
    for host in ("127.0.0.1", "localhost", "::1"):
        context = ssl.create_default_context(cafile=str(running.gateway.ca_file))
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            assert secured.version() == "TLSv1.3"


def test_a_second_gateway_on_the_same_port_fails_instead_of_sharing_it(running: Any, tmp_path: Path) -> None:
    """With SO_REUSEPORT both would listen and each get some of the connections."""
    from adapters.easymaker.engines.local.gateway import Gateway
    from adapters.easymaker.engines.local.processes import Phase, ProcessRunner

    runner = ProcessRunner(tmp_path / "second")
    second = Gateway(tmp_path / "second-gateway", runner, running.port)
    second.start()
    try:
        while runner.observe("gateway").phase in (Phase.STARTING, Phase.RUNNING):
            assert not second.ready()
    finally:
        while not runner.remove("gateway"):
            pass
