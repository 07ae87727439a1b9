"""What a network and a server can do wrong, done by a small HTTPS server that follows a script."""

import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines.local.gateway.certificates import Certificates
from kserve_runtimes.storage import (
    Identity,
    ObsFileSystem,
    StorageDenied,
    StorageError,
    StorageOptions,
    StorageUnavailable,
    download,
    upload,
)

CONTENT = bytes(range(256)) * 1000
ETAG = hashlib.md5(CONTENT).hexdigest()

Script = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class ScriptedServer:
    port: int
    ca_file: Path
    options: StorageOptions
    script: Script | None = None
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"obs://127.0.0.1:{self.port}/v1/AUTH_t/c"

    def file_system(self, **changes: Any) -> ObsFileSystem:
        return ObsFileSystem(replace(self.options, **changes), skip_instance_cache=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    certificates = Certificates(tmp_path / "certificates")
    leaf = certificates.ensure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            scripted.requests.append((self.command, self.path, self.headers.get("x-auth-token")))
            assert scripted.script is not None
            scripted.script(self, body)

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that refuse the certificate or hang up are what is tested."""

    http_server = QuietServer(("127.0.0.1", 0), Handler)
    http_server.socket = context.wrap_socket(http_server.socket, server_side=True, do_handshake_on_connect=False)
    port = http_server.server_address[1]
    token_file = tmp_path / "token"
    token_file.write_text("first")
    options = StorageOptions(
        obs_token_file=token_file, ca_bundle=certificates.ca_file, allowed_hosts=(f"127.0.0.1:{port}",), attempts=3
    )
    scripted = ScriptedServer(port, certificates.ca_file, options)
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield scripted
    finally:
        http_server.shutdown()
        thread.join()
        http_server.server_close()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    headers.setdefault("Content_Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def serve_content(handler: BaseHTTPRequestHandler, cut_after: int | None = None, content: bytes = CONTENT) -> None:
    """HEAD and ranged GET of one object; ``cut_after``: the connection breaks in the middle of the answer."""
    if handler.command == "HEAD":
        answer(handler, 200, Etag=ETAG, Content_Length=str(len(CONTENT)))
        return
    first, last = (int(number) for number in handler.headers["range"].removeprefix("bytes=").split("-"))
    part = content[first : last + 1]
    handler.send_response(206)
    handler.send_header("Content-Length", str(len(part)))
    handler.end_headers()
    handler.wfile.write(part if cut_after is None else part[:cut_after])
    handler.close_connection = cut_after is not None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_retried(server: ScriptedServer, status: int) -> None:
    failures = iter([True, True])

    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if next(failures, False):
            answer(handler, status, Retry_After="0")
        else:
            serve_content(handler)

    server.script = script
    assert server.file_system().cat_file(f"{server.uri}/a") == CONTENT
    assert [method for method, _, _ in server.requests] == ["HEAD"] * 3 + ["GET"]


def test_a_lasting_failure_is_told_with_the_uri(server: ScriptedServer) -> None:
    server.script = lambda handler, body: answer(handler, 503)
    with pytest.raises(StorageUnavailable, match=r"AUTH_t/c/a is not available: the object storage answered 503"):
        server.file_system().cat_file(f"{server.uri}/a")
    assert len(server.requests) == 3


def test_a_download_goes_on_where_the_connection_broke(server: ScriptedServer, tmp_path: Path) -> None:
    cuts = iter([100_000, 50_000])
    server.script = lambda handler, body: serve_content(handler, next(cuts, None) if handler.command == "GET" else None)
    download(f"{server.uri}/a", tmp_path / "out", server.options)
    assert (tmp_path / "out/a").read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_damaged_download_leaves_no_file(server: ScriptedServer, tmp_path: Path) -> None:
    damaged = b"X" + CONTENT[1:]
    server.script = lambda handler, body: serve_content(handler, content=damaged)
    with pytest.raises(StorageUnavailable, match="arrived damaged"):
        download(f"{server.uri}/a", tmp_path / "out", server.options)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_broken_off_download_leaves_no_file_and_no_old_half(server: ScriptedServer, tmp_path: Path) -> None:
    server.script = lambda handler, body: serve_content(handler, 0 if handler.command == "GET" else None)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("old")
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        download(f"{server.uri}/a", tmp_path / "out", server.options)
    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [("a", "old")]


def test_an_object_that_is_replaced_meanwhile_is_not_mixed(server: ScriptedServer) -> None:
    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.command == "HEAD":
            serve_content(handler)
        elif handler.headers["range"].startswith("bytes=0-"):
            serve_content(handler, 1000)
        else:
            assert handler.headers["if-match"] == ETAG
            answer(handler, 412)

    server.script = script
    with pytest.raises(StorageUnavailable, match="was replaced while it was read"):
        server.file_system().cat_file(f"{server.uri}/a")


def test_an_upload_whose_checksum_differs_is_an_error(server: ScriptedServer) -> None:
    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        answer(handler, 404) if handler.command == "HEAD" else answer(handler, 201, Etag="0" * 32)

    server.script = script
    with pytest.raises(StorageUnavailable, match="arrived damaged"):
        server.file_system().pipe_file(f"{server.uri}/a", b"hello")


def test_a_retried_upload_sends_the_whole_file_again(server: ScriptedServer, tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.command == "GET":
            answer(handler, 200, b"[]")
        else:
            bodies.append(body)
            answer(handler, 503 if len(bodies) == 1 else 201, Etag=ETAG)

    server.script = script
    (tmp_path / "a").write_bytes(CONTENT)
    assert upload(tmp_path / "a", server.uri, server.options).bytes == len(CONTENT)
    assert bodies == [CONTENT, CONTENT]


def test_a_token_that_was_replaced_in_its_file_is_used(server: ScriptedServer) -> None:
    """Whoever renews the token only writes the file; a 401 makes the client look at it again."""

    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.headers["x-auth-token"] == "second":
            serve_content(handler)
        else:
            assert server.options.obs_token_file is not None
            server.options.obs_token_file.write_text("second\n")
            answer(handler, 401)

    server.script = script
    assert server.file_system().cat_file(f"{server.uri}/a") == CONTENT
    assert [token for _, _, token in server.requests] == ["first", "second", "second"]


def test_a_refused_token_is_not_tried_for_ever(server: ScriptedServer) -> None:
    server.script = lambda handler, body: answer(handler, 401)
    with pytest.raises(StorageDenied, match="token is missing, expired or not valid"):
        server.file_system().cat_file(f"{server.uri}/a")
    assert len(server.requests) == 1


def test_tokens_come_from_an_identity_service_and_are_renewed(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    identity = Identity(f"https://127.0.0.1:{server.port}/v2.0", "tenant-1", "me@example.com", tmp_path / "password")
    issued: list[dict[str, Any]] = []

    def script(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.path == "/v2.0/tokens":
            issued.append(json.loads(body))
            token = {"id": f"issued-{len(issued)}", "expires": "2999-01-01T00:00:00Z"}
            answer(handler, 200, json.dumps({"access": {"token": token}}).encode())
        elif handler.headers["x-auth-token"] == "issued-2":
            serve_content(handler)
        else:
            answer(handler, 401)

    server.script = script
    fs = server.file_system(obs_token_file=None, obs_identity=identity)
    assert fs.cat_file(f"{server.uri}/a") == CONTENT
    credentials = {"username": "me@example.com", "password": "s3cret"}
    assert issued == [{"auth": {"tenantId": "tenant-1", "passwordCredentials": credentials}}] * 2


@pytest.mark.parametrize(
    ("status", "body", "error", "sentence"),
    [
        (401, b"", StorageDenied, "refused the user name and password"),
        (503, b"", StorageUnavailable, "answered 503"),
        (200, b"<html>", StorageUnavailable, "without a token"),
        (200, b"[]", StorageUnavailable, "without a token"),
    ],
)
def test_an_identity_service_that_gives_no_token(
    server: ScriptedServer, tmp_path: Path, status: int, body: bytes, error: type[StorageError], sentence: str
) -> None:
    (tmp_path / "password").write_text("s3cret")
    identity = Identity(f"https://127.0.0.1:{server.port}/v2.0/tokens", "t", "me", tmp_path / "password")
    server.script = lambda handler, _: answer(handler, status, body)
    with pytest.raises(error, match=sentence) as caught:
        server.file_system(obs_token_file=None, obs_identity=identity).cat_file(f"{server.uri}/a")
    assert "s3cret" not in str(caught.value)


def test_a_password_is_not_sent_in_the_clear(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret")
    identity = Identity("http://identity.example/v2.0", "t", "me", tmp_path / "password")
    with pytest.raises(StorageDenied, match="over HTTPS"):
        server.file_system(obs_token_file=None, obs_identity=identity).cat_file(f"{server.uri}/a")


def test_redirects_are_not_followed(server: ScriptedServer) -> None:
    server.script = lambda handler, body: answer(handler, 302, Location="https://169.254.169.254/latest/meta-data")
    with pytest.raises(StorageError, match="status 302"):
        server.file_system().cat_file(f"{server.uri}/a")
    assert len(server.requests) == 1


def test_an_untrusted_certificate_is_told_as_such(server: ScriptedServer) -> None:
    with pytest.raises(StorageUnavailable, match=r"certificate is not trusted.*EASYMAKER_OBS_CA_FILE"):
        server.file_system(ca_bundle=None).cat_file(f"{server.uri}/a")
    assert server.requests == []


def test_nobody_listening(server: ScriptedServer) -> None:
    fs = server.file_system(allowed_hosts=("127.0.0.1:1",))
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        fs.cat_file("obs://127.0.0.1:1/v1/AUTH_t/c/a")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]", b'[{"name": "x", "bytes": 1}]'])
def test_a_listing_that_is_none_ends(server: ScriptedServer, body: bytes) -> None:
    """Garbage, and a server that gives the same page for ever."""
    server.script = lambda handler, _: answer(handler, 200, body)
    with pytest.raises(StorageUnavailable, match="cannot be listed"):
        server.file_system().find(server.uri)
