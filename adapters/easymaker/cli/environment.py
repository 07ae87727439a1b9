"""The variables with which the official SDK, unmodified, reaches this installation."""

import shlex
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from adapters.easymaker.cli import tokens
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError
from adapters.easymaker.engines.local.home import CONTAINER
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of

SDK_PORT = 10090
GROUP = "local"
MARK = "# ---- certificate authority of this kubeflow-easymaker installation ----\n"
LOOPBACK = ("127.0.0.1", "localhost")
CLEARED = ("EM_API_URL", "EM_PROFILE", "EM_ACCESS_TOKEN", "EM_EXPERIMENT_ID", "EM_ENVIRONMENT_TYPE")


def sdk_variables(installation: Installation, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` is the shell that they are for.

    Raises:
        CliError: nothing was started in this home yet.
    """
    settings = installation.settings
    token = tokens.known_token(installation)
    bundle = write_bundle(installation, environ)
    if bundle is None:
        raise CliError(f"nothing was ever started in {installation.root}: run `kubeflow-easymaker up` first")
    # The SDK's profile "local" means this address; EM_API_URL would win over it.
    if settings.port == SDK_PORT and settings.host == "127.0.0.1" and not environ.get("EM_API_URL"):
        where = {"EM_PROFILE": "local"}
    else:
        where = {"EM_API_URL": installation.api_url}
    tenant = tenant_of(settings.appkey)
    storage = f"obs://127.0.0.1:{settings.object_storage_port}/v1/AUTH_{tenant}/{CONTAINER}"
    return (
        where
        | {
            "EM_TOKEN": token,
            "EM_GROUP_ID": GROUP,
            "EM_APPKEY": settings.appkey,
            "EM_REGION": settings.region,
            "REQUESTS_CA_BUNDLE": str(bundle),
            "EASYMAKER_OBS_URI": storage,
        }
        | _past_the_proxy(environ)
    )


def exports(variables: Mapping[str, str]) -> str:
    """Lines for ``eval``; a value may hold anything."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def write_bundle(installation: Installation, environ: Mapping[str, str] | None = None) -> Path | None:
    """A file of the authorities that were trusted before and ours; None before the gateway made its authority.

    A shell has one REQUESTS_CA_BUNDLE, and pip and others in it still have to reach the internet.
    """
    try:
        own = installation.ca_file.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    path = installation.ca_bundle
    text = _trusted(path, environ or {}) + MARK + own
    if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    return path


def _trusted(ours: Path, environ: Mapping[str, str]) -> str:
    """What the shell's programs trust without us."""
    named = next((environ[name] for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if environ.get(name)), None)
    if named and Path(named) == ours and ours.exists():
        return ours.read_text(encoding="utf-8", errors="replace").partition(MARK)[0]
    if named and (text := _certificates(Path(named))):
        return text
    system = environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return _certificates(Path(certifi.where())) + (_certificates(Path(system)) if system else "")


def _certificates(path: Path) -> str:
    """The file, or every file of the directory: both are allowed in REQUESTS_CA_BUNDLE."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    except OSError:
        return ""
    return "".join(f"{text.rstrip()}\n" for text in texts if "BEGIN CERTIFICATE" in text)


def _past_the_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Where a proxy is set, loopback must be named as an exception: the SDK would ask the proxy for it."""
    if not any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value for name, value in environ.items()):
        return {}
    known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    missing = [host for host in LOOPBACK if host not in [part.strip() for part in known.split(",")]]
    joined = ",".join([part for part in (known, *missing) if part])
    return {"NO_PROXY": joined, "no_proxy": joined}
