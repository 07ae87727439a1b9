"""The four Swift processes: started, watched and stopped, over one directory that keeps the data."""

import fcntl
import os
import pwd
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.engines.local.object_storage.configuration import Inputs, configuration_files, ring_arguments
from adapters.easymaker.engines.local.object_storage.layout import (
    Layout,
    Ports,
    free_ports,
    secret_file,
    write_atomically,
)
from adapters.easymaker.engines.local.object_storage.tokens import mint
from adapters.easymaker.engines.local.ports import is_free
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner, ProcessSpec
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError

ENVIRONMENT = EnvironmentSpec(
    name="object-storage",
    requirements=("swift==2.38.3",),
    overlays=(Path(__file__).parent / "easymaker_swift",),
)
# Started in this order: a server is there before the one that calls it.
SERVERS = ("account-server", "container-server", "object-server", "proxy-server")
UPDATER = "object-updater"
_PREFIX = "object-storage-"
_PROBE_SECONDS = 2.0
_GRACE_SECONDS = 5.0


class ObjectStorage:
    """A real OpenStack Swift; ``home`` holds its data, ports, rings and keys and outlives any process."""

    def __init__(
        self, home: Path, runner: ProcessRunner, environments: Environments, token_key: Path | None = None
    ) -> None:
        self._layout = Layout(home)
        self._runner = runner
        self._environments = environments
        self._token_key = token_key or home / "token.key"

    @property
    def token_key(self) -> bytes:
        """What ``tokens.mint`` signs with; made at first use, in a file of mode 0600."""
        return secret_file(self._token_key)

    @property
    def token_key_file(self) -> Path:
        """Where that is, once the storage has been started."""
        return self._token_key

    @property
    def proxy_port(self) -> int:
        """Plain-HTTP port of the proxy; raises TemporaryEngineError before the first start."""
        return self._ports().proxy

    def start(self) -> None:
        """Start what does not run; returns before the servers answer (see ``ready``)."""
        python = self._environments.ensure(ENVIRONMENT)
        with self._locked():
            running = self._running()
            if running == set(SERVERS):
                return
            self._layout.create()
            self._write_configuration(python, self._choose_ports())
            for server in SERVERS:
                if server not in running:
                    self._launch(server, python)

    def ready(self) -> bool:
        """All four answer."""
        ports = self._layout.ports()
        return ports is not None and all(_healthy(port) for port in ports.all())

    def restart_dead(self) -> list[str]:
        """Start again whatever died; returns the names of those. For a supervisor to call now and then."""
        python = self._environments.python(ENVIRONMENT)
        if python is None or self._layout.ports() is None:
            return []
        with self._locked():
            running = self._running()
            dead = [server for server in SERVERS if server not in running]
            for server in dead:
                self._launch(server, python)
            self._deliver_pending(python)
        return dead

    def stop(self) -> None:
        """Ask all of them to end; returns at once."""
        for program in (*SERVERS[::-1], UPDATER):
            self._runner.stop(_PREFIX + program)

    def ensure_container(self, tenant: str, container: str) -> None:
        """Create the container (and its account) if it is not there."""
        token = mint(self.token_key, tenant, "adapter", time.time() + 60)
        path = urllib.parse.quote(f"/v1/AUTH_{tenant}/{container}")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.proxy_port}{path}", method="PUT", headers={"X-Auth-Token": token}
        )
        try:
            with _opener().open(request, timeout=30):
                pass
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                raise TemporaryEngineError(f"The object storage answered {error.code} to a new container.") from error
            raise PermanentEngineError(f"Container {container!r} cannot be created: {error.code}.") from error
        except OSError as error:
            raise TemporaryEngineError(f"The object storage does not answer: {error}.") from error

    def _ports(self) -> Ports:
        ports = self._layout.ports()
        if ports is None:
            raise TemporaryEngineError("The object storage has not been started yet.")
        return ports

    def _running(self) -> set[str]:
        alive = (Phase.STARTING, Phase.RUNNING)
        return {server for server in SERVERS if self._runner.observe(_PREFIX + server).phase in alive}

    def _choose_ports(self) -> Ports:
        """The ports of last time, unless another program took one of them in between."""
        ports = self._layout.ports()
        if ports is None or (not self._running() and not all(is_free(port) for port in ports.all())):
            ports = free_ports()
            self._layout.save_ports(ports)
        return ports

    def _write_configuration(self, python: Path, ports: Ports) -> None:
        secret_file(self._token_key)
        inputs = Inputs(self._layout, ports, _user_name(), self._token_key)
        for name, text in configuration_files(inputs, self._layout.hash_suffix.read_text()).items():
            write_atomically(self._layout.conf / name, text)
        argv = [str(python), "-m", "easymaker_swift.rings", *ring_arguments(self._layout, ports)]
        done = subprocess.run(argv, capture_output=True, text=True, env=self._environ(), timeout=60, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise PermanentEngineError(f"The object storage's rings cannot be written: {last}")

    def _launch(self, program: str, python: Path) -> None:
        name = _PREFIX + program
        spec = self._spec(program, python)
        if self._runner.observe(name).phase is Phase.MISSING:
            self._runner.start(name, spec)
        else:
            self._runner.restart(name, spec)

    def _spec(self, program: str, python: Path) -> ProcessSpec:
        conf = self._layout.conf / ("object-server.conf" if program == UPDATER else f"{program}.conf")
        argv = (str(python), "-m", "easymaker_swift.serve", program, str(conf), str(self._layout.backend_key))
        if program == UPDATER:
            argv += ("once",)
        return ProcessSpec(argv=argv, env=self._environ(), cwd=self._layout.home, grace_seconds=_GRACE_SECONDS)

    def _environ(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self._layout.home), "LANG": "C.UTF-8"}

    def _deliver_pending(self, python: Path) -> None:
        """An upload that the container server was not there for is stored, but listed only after its update ran."""
        name = _PREFIX + UPDATER
        if not _holds_files(self._layout.async_pending):
            return
        if self._runner.observe(name).phase not in (Phase.STARTING, Phase.RUNNING):
            self._launch(UPDATER, python)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two adapters over one home take turns."""
        self._layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._layout.lock_file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _user_name() -> str:
    """Swift changes to the user of its configuration, so that one must exist."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise PermanentEngineError(
            f"The object storage needs a named user, and user id {os.getuid()} has no entry in /etc/passwd."
        ) from None


def _healthy(port: int) -> bool:
    try:
        with _opener().open(f"http://127.0.0.1:{port}/healthcheck", timeout=_PROBE_SECONDS) as answer:
            return answer.status == 200
    except OSError:
        return False


def _opener() -> urllib.request.OpenerDirector:
    """Without the proxies of the environment: these calls never leave the machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _holds_files(directory: Path) -> bool:
    return any(files for _, _, files in os.walk(directory))
