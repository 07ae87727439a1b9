"""Swift's processes may die at any moment; what was stored stays, and is found again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.object_storage import layout
from adapters.easymaker.engines.local.object_storage.server import SERVERS, ObjectStorage
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.settings import Settings
from tests.conftest import PATIENCE

CONTAINER = "/v1/AUTH_" + "a" * 32 + "/kept"


def _kill(swift: Any, server: str) -> None:
    pid = swift.runner.observe(f"object-storage-{server}").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def _store(swift: Any, count: int = 20) -> None:
    swift.storage.ensure_container("a" * 32, "kept")
    for number in range(count):
        assert swift.request("PUT", f"{CONTAINER}/{number}", body=b"%d" % number * 1000).status == 201


def _assert_all_there(swift: Any, count: int = 20) -> None:
    names = swift.request("GET", CONTAINER).body.decode().split()
    assert sorted(names) == sorted(str(number) for number in range(count))
    for number in range(count):
        assert swift.request("GET", f"{CONTAINER}/{number}").body == b"%d" % number * 1000


def test_each_server_killed_in_turn_and_all_at_once(own_swift: Any, waiting: Any) -> None:
    _store(own_swift)
    for victims in (*[(server,) for server in SERVERS], SERVERS):
        for server in victims:
            _kill(own_swift, server)
        restarted: list[str] = []

        def supervised(victims: tuple[str, ...] = victims, restarted: list[str] = restarted) -> bool:
            restarted += own_swift.storage.restart_dead()
            return len(restarted) >= len(victims) and own_swift.storage.ready()

        waiting(supervised)
        assert sorted(restarted) == sorted(victims)
        _assert_all_there(own_swift)


def test_an_upload_while_the_container_server_was_away_is_listed_later(own_swift: Any, waiting: Any) -> None:
    """Swift then keeps the listing's update on disk; somebody must deliver it."""
    own_swift.storage.ensure_container("a" * 32, "kept")
    assert own_swift.request("PUT", f"{CONTAINER}/warm", body=b"x").status == 201
    _kill(own_swift, "container-server")
    assert own_swift.request("PUT", f"{CONTAINER}/late", body=b"x").status in (201, 202)

    def listed() -> bool:
        own_swift.storage.restart_dead()
        return own_swift.storage.ready() and b"late" in own_swift.request("GET", CONTAINER).body

    waiting(listed)


def test_stopped_and_started_by_another_adapter(own_swift: Any, waiting: Any) -> None:
    _store(own_swift)
    port = own_swift.storage.proxy_port
    own_swift.storage.stop()
    waiting(lambda: all(own_swift.runner.observe(f"object-storage-{server}").over for server in SERVERS))
    assert not own_swift.storage.ready()
    second = ObjectStorage(own_swift.home, own_swift.runner, Environments(Settings().cache_dir))
    second.start()
    second.start()
    waiting(second.ready)
    assert second.proxy_port == port
    _assert_all_there(own_swift)


def test_ports_that_somebody_else_took_are_given_up(own_swift: Any, waiting: Any) -> None:
    _store(own_swift, 3)
    own_swift.storage.stop()
    waiting(lambda: all(own_swift.runner.observe(f"object-storage-{server}").over for server in SERVERS))
    taken = own_swift.storage._layout.ports().object
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        own_swift.storage.start()
        waiting(own_swift.storage.ready)
    assert taken not in own_swift.storage._layout.ports().all()
    _assert_all_there(own_swift, 3)


def test_before_the_first_start(tmp_path: Path) -> None:
    storage = ObjectStorage(tmp_path / "home", ProcessRunner(tmp_path / "p"), Environments(Settings().cache_dir))
    assert not storage.ready()
    assert storage.restart_dead() == []
    storage.stop()
    with pytest.raises(TemporaryEngineError, match="not been started"):
        _ = storage.proxy_port
    assert not (tmp_path / "home/devices").exists()


def test_two_adapters_start_one_swift(own_swift: Any) -> None:
    pids = {server: own_swift.runner.observe(f"object-storage-{server}").pid for server in SERVERS}
    script = (
        "import sys; from pathlib import Path\n"
        "from adapters.easymaker.engines.local.environments import Environments\n"
        "from adapters.easymaker.engines.local.object_storage.server import ObjectStorage\n"
        "from adapters.easymaker.engines.local.processes import ProcessRunner\n"
        "home, processes, cache = map(Path, sys.argv[1:])\n"
        "ObjectStorage(home, ProcessRunner(processes), Environments(cache)).start()\n"
    )
    arguments = [str(own_swift.home), str(own_swift.home.parent / "processes"), str(Settings().cache_dir)]
    others = [subprocess.Popen([sys.executable, "-c", script, *arguments]) for _ in range(3)]
    assert [other.wait(PATIENCE) for other in others] == [0, 0, 0]
    assert pids == {server: own_swift.runner.observe(f"object-storage-{server}").pid for server in SERVERS}


def test_a_file_system_without_attributes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def setxattr(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(layout.os, "setxattr", setxattr)
    with pytest.raises(PermanentEngineError, match=r"no extended attributes.*EASYMAKER_HOME"):
        layout.Layout(tmp_path / "home").create()
    assert list((tmp_path / "home/devices/disk").iterdir()) == []
