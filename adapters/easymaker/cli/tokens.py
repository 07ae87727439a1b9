"""The access tokens of a local installation: kept as digests, shown once, the first one kept for `env`."""

import contextlib
import fcntl
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from adapters.easymaker.api.authentication import Role
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import EXIT_USAGE, CliError
from adapters.easymaker.engines.local.home import write_secret

FIRST = "local"
TOKEN_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_APPKEY = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
Entry = dict[str, Any]


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def first_token(installation: Installation) -> str:
    """The token that `env` prints; made, or made valid again, when need be. It owns the installation's appkey."""
    path, appkey = installation.token_file, installation.settings.appkey
    with _entries(installation) as entries:
        try:
            token = path.read_text(encoding="ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            token = ""
        entry = next((e for e in entries if e["sha256"] == digest(token)), None)
        if not token or entry is None:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            write_secret(path, token.encode())
            entries[:] = [e for e in entries if e["name"] != FIRST]
            entry = {"name": FIRST, "sha256": digest(token), "roles": {}}
            entries.append(entry)
        entry["roles"].setdefault(appkey, Role.OWNER.value)
    return token


def known_token(installation: Installation) -> str:
    """The token of `env`, without making one.

    Raises:
        CliError: this home was never started, or its token was removed.
    """
    try:
        token = installation.token_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise CliError(f"nothing was ever started in {installation.root}: run `kubeflow-easymaker up` first") from None
    except OSError as error:
        raise CliError(f"{installation.token_file}: {error.strerror}") from error
    if all(entry["sha256"] != digest(token) for entry in listing(installation)):
        raise CliError("the installation's own token was removed; `kubeflow-easymaker up` makes a new one")
    return token


def listing(installation: Installation) -> list[Entry]:
    path = installation.settings.secrets_dir / "tokens.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}") from error


def add(installation: Installation, name: str, appkeys: list[str], role: Role) -> str:
    """A new token; only its digest is kept.

    Raises:
        CliError: the name is malformed or taken, or an appkey is malformed.
    """
    if not _NAME.fullmatch(name):
        raise CliError(f"{name!r}: a token's name has 1 to 63 letters, digits, '.', '_', '@', '-'", EXIT_USAGE)
    for appkey in appkeys:
        if not _APPKEY.fullmatch(appkey):
            raise CliError(f"{appkey!r}: an appkey has 1 to 63 lower-case letters, digits and '-'", EXIT_USAGE)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with _entries(installation) as entries:
        if any(entry["name"] == name for entry in entries):
            raise CliError(f"there is a token {name} already; `kubeflow-easymaker token remove {name}` removes it")
        roles = dict.fromkeys(appkeys, role.value)
        entries.append({"name": name, "sha256": digest(token), "roles": roles})
    return token


def remove(installation: Installation, name: str) -> None:
    """It is refused from the next request on."""
    with _entries(installation) as entries:
        kept = [entry for entry in entries if entry["name"] != name]
        if len(kept) == len(entries):
            raise CliError(f"there is no token {name}; `kubeflow-easymaker token list` shows all")
        entries[:] = kept


@contextlib.contextmanager
def _entries(installation: Installation) -> Iterator[list[Entry]]:
    """All entries, to be changed in place; written back in one step, one changer at a time."""
    installation.create()
    directory = installation.settings.secrets_dir
    with (directory / ".tokens.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = listing(installation)
        before = json.dumps(entries)
        yield entries
        if json.dumps(entries) != before:
            write_secret(directory / "tokens.json", json.dumps(entries, indent=1).encode())
