"""What a storage URI may look like. Pure code: the API checks with it before anything is stored.

    obs://{host[:port]}/v1/AUTH_{tenant}/{container}[/{path}]
    nas://{id}:/{path}

A valid percent escape in an obs path is decoded, once, because that is what the URI means to the official SDK (its HTTP
library passes escapes through); an escape that hides a separator, a dot segment or a control character is refused.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from .errors import InvalidStorageUri

MAX_LENGTH = 255
DEFAULT_PORT = 443

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Control characters, lone surrogates, line and paragraph separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class ObsUri:
    """``path`` is decoded, without slashes at its ends; empty for the container itself."""

    host: str
    port: int
    tenant: str
    container: str
    path: str
    is_directory: bool = False

    @property
    def authority(self) -> str:
        return self.host if self.port == DEFAULT_PORT else f"{self.host}:{self.port}"

    @property
    def fs_path(self) -> str:
        """The path by which ObsFileSystem knows it."""
        base = f"{self.authority}/v1/AUTH_{self.tenant}/{self.container}"
        return f"{base}/{self.path}" if self.path else base

    def __str__(self) -> str:
        return f"obs://{self.fs_path}"


@dataclass(frozen=True)
class NasUri:
    """``path`` has no slash at its ends; empty for the whole NAS."""

    id: str
    path: str
    is_directory: bool = False

    @property
    def fs_path(self) -> str:
        """The path by which NasFileSystem knows it."""
        return f"{self.id}:/{self.path}"

    def __str__(self) -> str:
        return f"nas://{self.fs_path}"


@dataclass(frozen=True)
class OtherUri:
    """A URI of another fsspec file system; whether it may be used is for the operator to say."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.rest}"


def parse(uri: str) -> ObsUri | NasUri | OtherUri:
    """The parts of a storage URI; raises InvalidStorageUri with a sentence that says what is wrong."""
    if not isinstance(uri, str) or not uri:
        raise InvalidStorageUri("A storage URI must not be empty.")
    if len(uri) > MAX_LENGTH:
        raise InvalidStorageUri(f"A storage URI has at most {MAX_LENGTH} characters; this one has {len(uri)}.")
    check_characters(uri, uri, refused="#?\\")
    match = _SCHEME.fullmatch(uri)
    if match is None:
        raise _invalid(uri, "it does not start with a scheme such as obs:// or nas://")
    scheme, rest = match[1].lower(), match[2]
    if "::" in rest and scheme != "obs":
        raise _invalid(uri, "chained URIs ('::') are not allowed")
    _check_segments(uri, rest)
    if scheme == "obs":
        return _parse_obs(uri, rest)
    if scheme == "nas":
        return _parse_nas(uri, rest)
    if not rest.strip("/"):
        raise _invalid(uri, "nothing follows the scheme")
    return OtherUri(scheme, rest)


def check_characters(text: str, shown: str, refused: str = "") -> None:
    """Refuse what can split a log line, a header or a name, and ``refused`` besides."""
    for character in text:
        if character in refused:
            raise _invalid(shown, f"the character {character!r} is not allowed")
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BIDI_CONTROLS:
            raise _invalid(shown, "control characters, line breaks and unpaired surrogates are not allowed")


def _parse_obs(uri: str, rest: str) -> ObsUri:
    parts = rest.split("/", 4)
    if len(parts) < 4 or not all(parts[:4]):
        raise _invalid(uri, "it must look like obs://{host}/v1/AUTH_{tenant}/{container}/{path}")
    authority, version, account, container = parts[:4]
    host, port = _split_authority(uri, authority)
    if version != "v1":
        raise _invalid(uri, "the part after the host must be v1")
    tenant = account.removeprefix("AUTH_")
    if tenant == account or not _TENANT.fullmatch(tenant):
        raise _invalid(uri, "the part before the container must be AUTH_ and a tenant id")
    raw_path = parts[4] if len(parts) > 4 else ""
    is_directory = raw_path.endswith("/")
    raw_path = raw_path.removesuffix("/")
    if raw_path and "" in raw_path.split("/"):
        raise _invalid(uri, "it has an empty path segment ('//')")
    container = _decode(uri, container)
    if len(container.encode()) > 256:
        raise _invalid(uri, "a container name has at most 256 bytes")
    path = _decode(uri, raw_path)
    return ObsUri(host, port, tenant, container, path, is_directory or not path)


def _parse_nas(uri: str, rest: str) -> NasUri:
    nas_id, colon, path = rest.partition(":")
    if not colon or not path.startswith("/") or not _NAS_ID.fullmatch(nas_id):
        raise _invalid(uri, "it must look like nas://{id}:/{path}")
    path = path[1:]
    is_directory = path.endswith("/") or not path
    path = path.removesuffix("/")
    if path and "" in path.split("/"):
        raise _invalid(uri, "it has an empty path segment ('//')")
    return NasUri(nas_id, path, is_directory)


def _split_authority(uri: str, authority: str) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@%/]+)(?::([0-9]{1,5}))?", authority, re.ASCII)
    if match is None:
        raise _invalid(uri, "the host is malformed")
    host, port = match[1].lower(), int(match[2] or DEFAULT_PORT)
    if not 1 <= port <= 65535:
        raise _invalid(uri, "the port is not between 1 and 65535")
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]", port
        except ValueError:
            raise _invalid(uri, "the host is malformed") from None
    if len(host) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")):
        raise _invalid(uri, "the host is malformed")
    # 127.1, 0x7f000001 and the like: resolvers read them as addresses, readers do not.
    if re.fullmatch(r"[0-9.]+|.*\.(?:0x[0-9a-f]*|[0-9]+)|0x[0-9a-f]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise _invalid(uri, "the host is malformed") from None
    return host, port


def _check_segments(uri: str, rest: str) -> None:
    """No dot segment, however deep it is escaped, and no escaped separator."""
    text = rest
    while True:
        if any(segment in (".", "..") for segment in text.split("/")):
            raise _invalid(uri, "'.' and '..' are not allowed in a path")
        decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if decoded == text:
            return
        for escape in _ESCAPE.findall(text):
            if chr(int(escape, 16)) in "/\\#?" or int(escape, 16) < 0x20 or int(escape, 16) == 0x7F:
                raise _invalid(uri, f"the escape %{escape} is not allowed")
        text = decoded


def _decode(uri: str, text: str) -> str:
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _invalid(uri, "its escapes are not UTF-8") from None
    check_characters(decoded, uri, refused="#?\\")
    return decoded


def _invalid(uri: str, reason: str) -> InvalidStorageUri:
    return InvalidStorageUri(f"{uri[:MAX_LENGTH]!r} is not a usable storage URI: {reason}.")
