"""Requests that are no requests: bodies, headers, methods and paths as no client of good will sends them."""

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import PATIENCE

MIB = 1024**2
LIMIT = 8 * MIB
PATH = "/v1.0/appkeys/local/experiments"


@pytest.fixture
def send(installation: Any) -> Any:
    """Send a raw body; the answer has to be a refusal in the usual envelope."""

    def sent(content: Any, status: int = 400, **headers: str) -> str:
        answer = httpx.post(
            f"{installation.url}{PATH}", content=content, headers=installation.headers() | headers, timeout=PATIENCE
        )
        assert answer.status_code == status, answer.text[:500]
        header = answer.json()["header"]
        assert header["isSuccessful"] is False
        assert header["resultCode"] == status * 100
        return header["resultMessage"]

    return sent


def raw(installation: Any, request: bytes, *, hang_up: bool = False) -> bytes:
    """What the server answers to these very bytes; empty when it just closes the connection."""
    answer = b""
    address = ("127.0.0.1", installation.port)
    with socket.create_connection(address, timeout=PATIENCE) as connection, contextlib.suppress(OSError):
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'["experimentName"]',
        b"null",
        b"true",
        b'"text"',
        b"1",
        b"",
        b"   ",
        b"{}",
        b'{"experimentName": NaN}',
        b'{"experimentName": Infinity}',
        b'{"experimentName": null}',
        b'{"experimentName": ["a"]}',
        b'{"experimentName": {"a": "b"}}',
        b'{"experimentName": 1e400}',
        b'{"experimentName": ' + b"9" * 5000 + b"}",
        b'{"experimentName": "\xff\xfe"}',
        b'{"experimentName": "\\ud800"}',
        b'{"experimentName": "a\\u0000b"}',
        b'{"experimentName": "a\x00b"}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf" + b'{"experimentName": "with a byte order mark"}',
        b'{"experimentName": "a",}',
        b"{'experimentName': 'a'}",
        b'{"experimentName": "a"} {"experimentName": "b"}',
        b'{"a\\u0000": 1, "experimentName": "a"}',
        b'{"__proto__": {}, "experimentName": "a"}',
        b"experimentName=a",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>",
    ],
)
def test_bodies_that_are_no_create_request(send: Any, body: bytes) -> None:
    assert "passwd" not in send(body)


@pytest.mark.parametrize("depth", [40, 1000, 100_000, 2_000_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"1}")])
def test_deeply_nested_bodies(send: Any, depth: int, pair: tuple[bytes, bytes]) -> None:
    """Whatever the parser thinks of it: no recursion error, no crash, and the server goes on."""
    depth = min(depth, (LIMIT - 100) // (len(pair[0]) + len(pair[1])))
    send(b'{"experimentName": ' + pair[0] * depth + pair[1] * depth + b"}")


def test_a_key_given_twice_counts_once(installation: Any) -> None:
    """The last one wins, as for every JSON reader here; a check can not see another value than the store."""
    body = b'{"experimentName": "' + b"x" * 60 + b'", "experimentName": "twice"}'
    answer = httpx.post(f"{installation.url}{PATH}", content=body, headers=installation.headers(), timeout=PATIENCE)
    assert answer.json()["experiment"]["experimentName"] == "twice"
    body = b'{"experimentName": "twice", "experimentName": "' + b"x" * 60 + b'"}'
    assert (
        httpx.post(
            f"{installation.url}{PATH}", content=body, headers=installation.headers(), timeout=PATIENCE
        ).status_code
        == 400
    )


def test_a_body_over_the_limit_with_its_length(send: Any) -> None:
    send(b" " * (LIMIT + 1), 413)
    send(b" " * LIMIT)


def test_a_body_over_the_limit_in_chunks(installation: Any) -> None:
    """Without Content-Length the bytes are counted, and what is too much is not kept."""

    def chunks() -> Iterator[bytes]:
        for _ in range(LIMIT // 65536 + 1):
            yield b" " * 65536

    url, headers = f"{installation.url}{PATH}", installation.headers()
    try:
        answer = httpx.post(url, content=chunks(), headers=headers, timeout=PATIENCE)
    except httpx.TransportError:
        # The server may close before all is sent; that refuses it as well.
        pass
    else:
        assert answer.status_code == 413, answer.text
        assert answer.json()["header"]["errorCode"] == "PAYLOAD_TOO_LARGE"
    assert httpx.get(url, headers=headers, timeout=PATIENCE).status_code == 200


def test_a_long_list_of_small_things(send: Any) -> None:
    """Under the limit in bytes, but too many: refused by the field's own limit, and quickly."""
    items = ",".join('{"parameterName":"a","parameterValue":"b"}' for _ in range(150_000))
    send(b'{"experimentName": "a", "x": [' + items.encode() + b"]}")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense", ""])
def test_the_content_type_is_not_trusted(installation: Any, kind: str) -> None:
    """A body is JSON whatever it is called. A page cannot use that: its Origin is refused, and it has no token."""
    headers = installation.headers() | {"Content-Type": kind}
    body = json.dumps({"experimentName": "typed"})
    assert httpx.post(f"{installation.url}{PATH}", content=body, headers=headers, timeout=PATIENCE).status_code == 200
    boundary = b'--x\r\nContent-Disposition: form-data; name="experimentName"\r\n\r\na\r\n--x--\r\n'
    assert (
        httpx.post(f"{installation.url}{PATH}", content=boundary, headers=headers, timeout=PATIENCE).status_code == 400
    )


def test_compressed_bodies_are_not_unpacked(send: Any) -> None:
    """A gzip bomb stays a few bytes that are no JSON."""
    send(gzip.compress(b" " * 50 * MIB), **{"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "169.254.169.254", "", "127.0.0.1:80:80", "[::]"],
)
def test_a_foreign_host_is_refused(installation: Any, host: str) -> None:
    """DNS rebinding: the browser believes to talk to evil.example, and says so."""
    for path in (PATH, "/healthz", "/docs", "/openapi.json", "/metrics"):
        answer = httpx.get(
            f"{installation.url}{path}", headers=installation.headers() | {"Host": host}, timeout=PATIENCE
        )
        assert answer.status_code == 400, path
        assert "experimentList" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:10090", "127.0.0.1:10090"])
def test_our_own_hosts(installation: Any, host: str) -> None:
    assert httpx.get(f"{installation.url}/healthz", headers={"Host": host}, timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://", ""])
def test_a_foreign_origin_is_refused(installation: Any, origin: str) -> None:
    """Also with a token: a page that got hold of one still cannot use it from its own origin."""
    headers = installation.headers() | {"Origin": origin}
    body = {"experimentName": "cross-site"}
    assert httpx.post(f"{installation.url}{PATH}", json=body, headers=headers, timeout=PATIENCE).status_code == 403
    answer = httpx.options(
        f"{installation.url}{PATH}", headers=headers | {"Access-Control-Request-Method": "POST"}, timeout=PATIENCE
    )
    assert answer.status_code in (403, 405)
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_origin_passes(installation: Any) -> None:
    headers = installation.headers() | {"Origin": installation.url}
    assert httpx.get(f"{installation.url}{PATH}", headers=headers, timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "POST ", "GETT"])
def test_other_verbs_do_nothing(installation: Any, method: str) -> None:
    before = httpx.get(f"{installation.url}{PATH}", headers=installation.headers(), timeout=PATIENCE).json()[
        "totalCount"
    ]
    token = installation.token("owner")
    request = f"{method} {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-EasyMaker-Token: {token}\r\nConnection: close\r\n\r\n"
    assert status_of(raw(installation, request.encode())) in (400, 404, 405)
    after = httpx.get(f"{installation.url}{PATH}", headers=installation.headers(), timeout=PATIENCE).json()[
        "totalCount"
    ]
    assert before == after


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_reader_cannot_turn_a_get_into_a_delete(installation: Any, ours: Any, header: str) -> None:
    url = f"{installation.url}/v1.0/appkeys/local/training-templates/{ours.ids['training-template']}"
    for method in ("DELETE", "PUT"):
        httpx.get(
            url, headers=installation.headers("reader") | {header: method}, params={"_method": method}, timeout=PATIENCE
        )
    assert httpx.get(url, headers=installation.headers("reader"), timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//v1.0/appkeys/local/experiments",
        "/v1.0//appkeys/local/experiments",
        "/v1.0/appkeys/local/experiments/",
        "/v1.0/appkeys/local%2Fexperiments",
        "/v1.0/appkeys/other%2F..%2Flocal/experiments",
        "/v1.0/appkeys/other/../local/experiments",
        "/v1.0/appkeys/local/./experiments",
        "/v1.0/appkeys/other/%2e%2e/local/experiments",
        "/v1.0/appkeys/local/experiments/%2e%2e/models",
        "/v1.0/appkeys/local/experiments;x=1",
        "/v1.0/appkeys/local/experiments%00",
        "/V1.0/appkeys/local/experiments",
        "/v1.0/appkeys/local/experiments%20",
        "/healthz/../metrics",
        "/docs/../openapi.json",
        "/docs/..%2f..%2f..%2fetc%2fpasswd",
        "/docs/%2e%2e%2f%2e%2e%2fsystem.py",
        "/docs/....//swagger-ui.css",
        "/static/x",
        "/tensorboard/../metrics",
        "/" + "a/" * 2000,
        "/" + "%2e%2e%2f" * 100,
    ],
)
def test_paths_have_one_spelling(installation: Any, path: str) -> None:
    """No second way to a resource that a check in front could miss. Nothing here is an answer with data."""
    token = installation.token("owner")
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-EasyMaker-Token: {token}\r\nConnection: close\r\n\r\n"
    answer = raw(installation, request.encode())
    assert status_of(answer) in (400, 403, 404), answer[:300]
    for secret in (b"experimentList", b"modelList", b"root:", b"import "):
        assert secret not in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1e3\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5, 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1000,
        b"GET /healthz\r\n HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=range(12),
)
def test_malformed_http_is_refused_and_the_server_goes_on(installation: Any, request_bytes: bytes) -> None:
    answer = raw(installation, request_bytes, hang_up=True)
    assert status_of(answer) in (0, 400, 401, 404, 405, 413, 431), answer[:200]
    assert httpx.get(f"{installation.url}/healthz", timeout=PATIENCE).status_code == 200


def test_log_lines_cannot_be_forged(installation: Any) -> None:
    """One JSON object a line, whatever a path or header holds."""
    for path in ("/%0a%7b%22level%22:%22forged%22%7d", "/%1b%5b31mred", "/%e2%80%a8x"):
        httpx.get(
            f"{installation.url}{path}", headers={"User-Agent": '"}\x1b[31m', "X-Request-Id": "mine"}, timeout=PATIENCE
        )
    lines = installation.log.read_bytes().splitlines()
    parsed = [json.loads(line) for line in lines if line.startswith(b"{")]
    assert parsed
    assert not any(entry.get("level") == "forged" or entry.get("id") == "mine" for entry in parsed)
    assert b"\x1b[31m" not in b"".join(lines)


@pytest.mark.parametrize("path", [PATH, "/healthz", "/docs", "/openapi.json", "/metrics", "/nowhere", "/docs/start.js"])
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_every_answer_is_kept_from_being_a_page_of_somebody_else(installation: Any, path: str, host: str) -> None:
    """No sniffing of what a user's text might be, no frame, no cache, no foreign script, no name of the server."""
    headers = httpx.get(
        f"{installation.url}{path}", headers=installation.headers() | {"Host": host}, timeout=PATIENCE
    ).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not {"server", "set-cookie", "access-control-allow-origin", "x-powered-by"} & set(headers)
