"""The one rule for outgoing connections: public addresses, and the hosts that the operator named.

A host that a user put into a URI is resolved here, each address is checked, and the connection goes to the address
that was checked, so that a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from .errors import StorageDenied, StorageUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Azure's platform address, reachable only from inside it although public, and what Python calls global although it is
# reserved for protocols (Oracle's metadata address is in there).
_REFUSED = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_RESOLVED_SECONDS = 30.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class EgressPolicy:
    """``allowed_hosts``: ``host`` or ``host:port`` (443 if none), reached whatever their address is."""

    allowed_hosts: tuple[str, ...] = ()

    def names(self, host: str, port: int) -> bool:
        """Whether the operator named this very host and port."""
        wanted = f"{host.lower()}:{port}"
        return any(wanted == _with_port(allowed) for allowed in self.allowed_hosts)

    def check(self, host: str, port: int, addresses: Sequence[Address]) -> tuple[Address, ...]:
        """The addresses that may be connected to; raises StorageDenied when one of them may not."""
        if not self.names(host, port) and not all(is_public(address) for address in addresses):
            raise StorageDenied(f"The host {host} may not be reached: its address is not a public one.")
        return tuple(addresses)


def is_public(address: Address) -> bool:
    """Looks through the ways to write an IPv4 address as an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host, by the system's resolver."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise StorageUnavailable(f"The host {host} cannot be resolved: {error}.") from error
    return list(dict.fromkeys(ipaddress.ip_address(info[4][0]) for info in found))


class GuardedTransport(httpx.BaseTransport):
    """An HTTPS transport that connects only to addresses which its policy let through.

    The certificate is still checked against the host's name.
    """

    def __init__(self, policy: EgressPolicy, context: ssl.SSLContext, max_connections: int) -> None:
        self._policy = policy
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        self._inner = httpx.HTTPTransport(verify=context, limits=limits, trust_env=False)
        self._resolved: dict[tuple[str, int], tuple[float, tuple[Address, ...]]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or 443
        if request.url.scheme != "https":
            raise StorageDenied(f"The host {host} may only be reached over HTTPS.")
        last: httpx.ConnectError | httpx.ConnectTimeout | None = None
        for address in self._addresses(host, port):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return self._inner.handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last = error
        raise last or httpx.ConnectError(f"{host} has no address")

    def _addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """Checked addresses, kept for a while: a download asks thousands of times."""
        until, addresses = self._resolved.get((host, port), (0.0, ()))
        if time.monotonic() >= until:
            addresses = self._policy.check(_bracketed(host), port, resolve(host, port))
            self._resolved[host, port] = (time.monotonic() + _RESOLVED_SECONDS, addresses)
        return addresses

    def close(self) -> None:
        self._inner.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _with_port(allowed: str) -> str:
    allowed = allowed.lower()
    has_port = allowed.rsplit("]", 1)[-1].count(":") == 1
    return allowed if has_port else f"{allowed}:443"
