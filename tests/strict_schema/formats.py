"""The string and integer formats of OpenAPI that the API server checks; an unknown format is no error there either."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
DURATION = re.compile(r"[+-]?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w))+|0")
HOSTNAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*")
UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def is_date_time(text: str) -> bool:
    if not DATE_TIME.fullmatch(text):
        return False
    try:
        # Python reads six digits of a second, Kubernetes writes up to nine.
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and is_date_time(f"{text}T00:00:00Z")


def is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def is_address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


STRINGS: dict[str, Callable[[str], bool]] = {
    "date-time": is_date_time,
    "datetime": is_date_time,
    "date": is_date,
    "duration": lambda text: bool(DURATION.fullmatch(text)),
    "byte": is_base64,
    "ipv4": is_address(4),
    "ipv6": is_address(6),
    "cidr": is_network,
    "hostname": lambda text: len(text) <= 255 and bool(HOSTNAME.fullmatch(text)),
    "uuid": lambda text: bool(UUID.fullmatch(text)),
}


def format_problem(name: str, value: Any) -> str | None:
    if name in RANGES and isinstance(value, int):
        low, high = RANGES[name]
        return None if low <= value <= high else f"{value} does not fit into {name}"
    if name in STRINGS and isinstance(value, str) and not STRINGS[name](value):
        return f"{value!r} is no {name}"
    return None
