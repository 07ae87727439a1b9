"""The functions that Kubernetes adds to CEL, for rules in CRDs; a rule that uses a missing one does not compile."""

import ipaddress
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import re2
from cel_expr_python import cel

from tests.strict_schema.quantities import amount

Type = cel.Type
# A URL or an address stands for itself, as its text: only the functions here look into it.
TEXT, BOOL, INT, ANY = Type.STRING, Type.BOOL, Type.INT, Type.DYN


def is_url(text: str) -> bool:
    """An absolute URI or an absolute path, as Go's url.ParseRequestURI has it."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return text.startswith("/") or (bool(parts.scheme) and bool(parts.netloc or parts.path.startswith("/")))


def url(text: str) -> str:
    if not is_url(text):
        raise ValueError(f"{text!r} is no URL")
    return text


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def is_quantity(text: str) -> bool:
    return amount(text) is not None


def compared(left: str, right: str) -> int:
    first, second = amount(left), amount(right)
    if first is None or second is None:
        raise ValueError(f"{left!r} or {right!r} is no quantity")
    return (first > second) - (first < second)


def quantity(text: str) -> str:
    compared(text, text)
    return text


def find(text: str, pattern: str) -> str:
    found = re2.search(pattern, text)
    return str(found.group(0)) if found else ""


def is_sorted(values: list[Any]) -> bool:
    plain: list[Any] = [each.plain_value() if isinstance(each, cel.Value) else each for each in values]
    return all(first <= second for first, second in itertools.pairwise(plain))


def function(name: str, implementation: Callable[..., Any], returns: Any, *parameters: Any) -> Any:
    return _declared(name, implementation, returns, parameters, member=False)


def method(name: str, implementation: Callable[..., Any], returns: Any, *parameters: Any) -> Any:
    return _declared(name, implementation, returns, parameters, member=True)


def _declared(name: str, implementation: Callable[..., Any], returns: Any, parameters: Any, *, member: bool) -> Any:
    overload = cel.Overload(f"kubernetes_{name}", returns, list(parameters), member, implementation)
    return cel.FunctionDecl(name, [overload])


def kubernetes_functions() -> list[Any]:
    return [
        function("isURL", is_url, BOOL, TEXT),
        function("url", url, TEXT, TEXT),
        method("getScheme", lambda text: urlsplit(text).scheme, TEXT, TEXT),
        method("getHost", lambda text: urlsplit(text).netloc.rpartition("@")[2], TEXT, TEXT),
        method("getHostname", lambda text: urlsplit(text).hostname or "", TEXT, TEXT),
        method("getPort", lambda text: str(urlsplit(text).port or ""), TEXT, TEXT),
        method("getEscapedPath", lambda text: urlsplit(text).path, TEXT, TEXT),
        function("isIP", is_ip, BOOL, TEXT),
        function("isCIDR", is_cidr, BOOL, TEXT),
        function("isQuantity", is_quantity, BOOL, TEXT),
        function("quantity", quantity, TEXT, TEXT),
        method("isGreaterThan", lambda left, right: compared(left, right) > 0, BOOL, TEXT, TEXT),
        method("isLessThan", lambda left, right: compared(left, right) < 0, BOOL, TEXT, TEXT),
        method("compareTo", compared, INT, TEXT, TEXT),
        method("find", find, TEXT, TEXT, TEXT),
        method("isSorted", is_sorted, BOOL, Type.List(ANY)),
    ]
