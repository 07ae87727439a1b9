"""The name and label syntaxes of Kubernetes, as its API machinery checks them."""

import re
from collections.abc import Callable

Check = Callable[[str], str | None]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})*")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
PORT = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
# Since 1.34 any printable ASCII but "=" is let through; older servers want a C identifier with dots and dashes.
VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def by_pattern(pattern: re.Pattern[str], longest: int, what: str) -> Check:
    def check(text: str) -> str | None:
        if len(text) > longest:
            return f"{text!r} has {len(text)} characters, a {what} at most {longest}"
        return None if pattern.fullmatch(text) else f"{text!r} is no {what}"

    return check


dns_label = by_pattern(LABEL, 63, "DNS-1123 label")
dns_1035_label = by_pattern(LABEL_1035, 63, "DNS-1035 label")
dns_subdomain = by_pattern(SUBDOMAIN, 253, "DNS-1123 subdomain")
port_name = by_pattern(PORT, 15, "port name")
variable_name = by_pattern(VARIABLE, 253, "environment variable name")


def path_segment(text: str) -> str | None:
    """RBAC's kinds: anything that can stand between two slashes."""
    wrong = text in ("", ".", "..") or "/" in text or "%" in text
    return f"{text!r} cannot be a path segment" if wrong else None


def label_key(text: str) -> str | None:
    """A qualified name: an optional DNS prefix with a slash, and a name of up to 63 characters."""
    prefix, slash, name = text.rpartition("/")
    if slash and (problem := dns_subdomain(prefix)):
        return f"the prefix of {text!r} is wrong: {problem}"
    if len(name) > 63 or not QUALIFIED.fullmatch(name):
        return f"{text!r} is no qualified name (up to 63 letters, digits, '-', '_', '.')"
    return None


def label_value(text: str) -> str | None:
    if not text or (len(text) <= 63 and QUALIFIED.fullmatch(text)):
        return None
    return f"{text!r} is no label value (up to 63 letters, digits, '-', '_', '.', ends in a letter or digit)"
