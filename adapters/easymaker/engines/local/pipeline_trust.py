"""Whom a step trusts over https: everybody that it would, and this installation's own gateway and object storage."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from adapters.easymaker.engines.local.json_files import write_text

LOOPBACK = ("127.0.0.1", "localhost")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def write_bundle(path: Path, ca_file: Path) -> None:
    """A bundle for REQUESTS_CA_BUNDLE, which replaces what a program trusts: pip too goes by it."""
    known = [os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("SSL_CERT_FILE"), certifi.where()]
    known.append(ssl.get_default_verify_paths().cafile)
    texts = [_certificates(Path(each)) for each in dict.fromkeys(known) if each]
    text = "".join([*texts, _certificates(ca_file)])
    write_text(path, text)


def past_the_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Where there is a proxy, it is not asked for this machine."""
    if not any(name.lower() in _PROXIES and value for name, value in environ.items()):
        return {}
    known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    joined = ",".join(dict.fromkeys([*filter(None, known.split(",")), *LOOPBACK]))
    return {"NO_PROXY": joined, "no_proxy": joined}


def _certificates(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
    return f"{text.rstrip()}\n" if "BEGIN CERTIFICATE" in text else ""
