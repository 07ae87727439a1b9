"""A URI may name any host; connections go to public addresses and to hosts the operator named, and nowhere else."""

import ipaddress
import socket
import ssl
from typing import Any

import httpx
import pytest

from kserve_runtimes.storage import egress
from kserve_runtimes.storage.egress import EgressPolicy, GuardedTransport, is_public
from kserve_runtimes.storage.errors import StorageDenied

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert not is_public(parsed)
    with pytest.raises(StorageDenied, match="not a public one"):
        EgressPolicy().check("host.example", 443, [parsed])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "133.186.132.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert EgressPolicy().check("host.example", 443, [parsed]) == (parsed,)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(StorageDenied):
        EgressPolicy().check("host.example", 443, [ipaddress.ip_address(each) for each in ("8.8.8.8", "10.0.0.1")])


def test_a_named_host_is_meant_with_its_port() -> None:
    policy = EgressPolicy(("127.0.0.1:10444", "Storage.Internal", "[::1]:5"))
    assert policy.names("127.0.0.1", 10444)
    assert policy.names("storage.internal", 443)
    assert policy.names("[::1]", 5)
    assert not policy.names("127.0.0.1", 443)
    assert not policy.names("127.0.0.1", 10443)
    assert not policy.names("storage.internal", 10444)
    assert not policy.names("evil.storage.internal", 443)


def _transport(policy: EgressPolicy) -> httpx.Client:
    return httpx.Client(transport=GuardedTransport(policy, ssl.create_default_context(), 2), trust_env=False)


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        yield server


def test_no_connection_is_even_opened_to_a_private_address(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with _transport(EgressPolicy()) as client, pytest.raises(StorageDenied):
        client.get(f"https://127.0.0.1:{port}/")
    with pytest.raises(TimeoutError):
        listener.accept()


def test_plain_http_is_refused(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with _transport(EgressPolicy((f"127.0.0.1:{port}",))) as client, pytest.raises(StorageDenied, match="HTTPS"):
        client.get(f"http://127.0.0.1:{port}/")


def test_a_name_that_resolves_differently_the_second_time_gains_nothing(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    answers = iter(["203.0.114.1", "127.0.0.1", "127.0.0.1"])
    asked: list[str] = []
    connected: list[str] = []

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        connected.append(request.url.host)
        assert request.extensions["sni_hostname"] == "rebind.example"
        assert request.headers["host"] == f"rebind.example:{listener.getsockname()[1]}"
        return httpx.Response(204)

    monkeypatch.setattr(egress.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    with _transport(EgressPolicy()) as client:
        client.get(f"https://rebind.example:{listener.getsockname()[1]}/")
    assert asked == ["rebind.example"]
    assert connected == ["203.0.114.1"]
