"""Questions to Envoy's admin interface, over its unix socket: it can shut Envoy down, so it has no port."""

import contextlib
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote


class AdminUnreachableError(Exception):
    """Envoy is not there, or does not answer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        # A socket address holds about 100 bytes: a long directory is reached through a descriptor of it.
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


class Admin:
    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout

    def ready(self) -> bool:
        """Whether Envoy is up with its whole configuration."""
        try:
            return self._get("/ready")[0] == http.client.OK
        except AdminUnreachableError:
            return False

    def texts(self, pattern: str) -> dict[str, str]:
        """Text statistics whose name matches, for one the versions of the documents in use."""
        return {name: str(value) for name, value in self._stats(pattern, "TextReadouts").items()}

    def counters(self, pattern: str) -> dict[str, int]:
        """Counters whose name matches. One that never moved may be absent."""
        return {name: int(value) for name, value in self._stats(pattern, "Counters").items()}

    def _stats(self, pattern: str, kind: str) -> dict[str, Any]:
        status, body = self._get(f"/stats?format=json&type={kind}&filter={quote(pattern, safe='')}")
        if status != http.client.OK:
            raise AdminUnreachableError(f"/stats answered {status}")
        return {entry["name"]: entry["value"] for entry in json.loads(body)["stats"] if "name" in entry}

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = _UnixConnection(self._path, self._timeout)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise AdminUnreachableError(str(error)) from error
