"""How servers are reached: addresses as people write them, and messages as large as experiments are."""

import ipaddress
import re

from katib_suggestions.rpc.errors import BadAddress

# 10,000 trials with 50 parameters are 25 MB; gRPC's own limit for what is received is 4 MB.
MESSAGE_BYTES = 256 * 2**20
UNLIMITED_MESSAGES = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
)
_HIGHEST_PORT = 65535
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def target(address: str, default_port: int) -> str:
    """What gRPC understands, of ``host:port``, ``host`` (also IPv6, bare or in brackets) or ``unix:/path``."""
    if address.startswith("unix:"):
        return address
    host, port = _split(address)
    if not _is_host(host) or (port and not (port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT)):
        raise BadAddress(f"{address!r} is no address: it takes host:port, host or unix:/path")
    return f"[{host}]:{port or default_port}" if ":" in host else f"{host}:{port or default_port}"


def _split(address: str) -> tuple[str, str]:
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") > 1:
        return address, ""
    host, _, port = address.partition(":")
    return host, port


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True
