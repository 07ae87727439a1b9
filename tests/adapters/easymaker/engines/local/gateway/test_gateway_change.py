"""Publishing, withdrawing and switching lose no request; statistics go on over restarts; a killed Envoy comes back."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import pytest

from tests.conftest import PATIENCE

CHANGES = 50
CLIENTS = 4


class Load:
    """Clients with keep-alive connections that ask without a pause and count what they got."""

    def __init__(self, running: Any, path: str) -> None:
        self._running, self._path = running, path
        self._end = threading.Event()
        self.seen: Counter[Any] = Counter()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        session, url = self._running.session(), self._running.url(self._path)
        seen: Counter[Any] = Counter()
        while not self._end.is_set():
            try:
                seen[session.post(url, data=b"{}", timeout=PATIENCE).status_code] += 1
            except Exception as error:
                seen[type(error).__name__] += 1
        self.seen.update(seen)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_changes_under_load_lose_no_request(running: Any, upstreams: Any, make: Any) -> None:
    """Another stage comes and goes, the default changes sides, pods are added and taken away: 0 errors."""
    blue, green, other = upstreams(), upstreams(), upstreams()
    gateway = running.gateway
    gateway.publish(make.stage(make.resource("b", blue), name="blue", default=True))
    gateway.publish(make.stage(make.resource("g", green), name="green"))
    passing = make.stage(make.resource("o", other), name="other")
    with Load(running, "/e1/default/v1/models/iris/predict") as load:
        for turn in range(CHANGES):
            gateway.publish(passing)
            gateway.set_default("e1", "e1-green" if turn % 2 else "e1-blue")
            pods = (blue, other) if turn % 2 else (blue,)
            gateway.publish(make.stage(make.resource("b", *pods), make.resource("b2", *pods[1:]), name="blue"))
            gateway.withdraw(passing.stage_id)
    assert set(load.seen) == {200}
    assert load.seen[200] > CHANGES
    counts = gateway.statistics(["b", "b2", "g"])
    assert sum(count.status_2xx for count in counts.values()) == load.seen[200]


def test_the_default_follows_and_ends_with_its_stage(running: Any, upstreams: Any, make: Any) -> None:
    blue, green = upstreams(), upstreams()
    gateway, session, url = running.gateway, running.session(), running.url("/e1/default/iris/v2")
    gateway.publish(make.stage(make.resource("b", blue), name="blue", default=True))
    gateway.publish(make.stage(make.resource("g", green), name="green"))
    assert session.get(url).json()["port"] == blue.server_port
    gateway.set_default("e1", "e1-green")
    assert session.get(url).json()["port"] == green.server_port
    assert not gateway.published("e1-blue").is_default
    assert gateway.published("e1-green").is_default
    gateway.publish(make.stage(make.resource("b", blue), name="blue"))
    assert session.get(url).json()["port"] == green.server_port, "publishing another stage leaves the default alone"
    gateway.withdraw("e1-green")
    assert session.get(url).status_code == 404
    assert gateway.published("e1-green") is None
    gateway.withdraw("e1-green")


def test_publishing_again_changes_nothing(running: Any, upstreams: Any, make: Any) -> None:
    routes = make.stage(make.resource("r1", upstreams(), path="/inference"), default=True)
    running.gateway.publish(routes)
    files = sorted((running.directory / "gateway" / "envoy").glob("*.json"))
    before = [path.stat().st_ino for path in files]
    running.gateway.publish(routes)
    assert [path.stat().st_ino for path in files] == before
    assert running.gateway.published(routes.stage_id) == routes


def test_two_adapters_publish_at_once(running: Any, upstreams: Any, make: Any) -> None:
    """Neither overwrites what the other published."""
    upstream, failures = upstreams(), []

    def publish(gateway: Any, name: str) -> None:
        try:
            for turn in range(10):
                gateway.publish(make.stage(make.resource(f"{name}{turn}", upstream), name=f"{name}{turn}"))
                if turn % 2:
                    gateway.withdraw(f"e1-{name}{turn}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(running.again(), name)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    session = running.session()
    for name in ("a", "b", "c"):
        for turn in range(10):
            status = session.get(running.url(f"/e1/stages/{name}{turn}/iris/v2")).status_code
            assert status == (404 if turn % 2 else 200)


def test_statistics_by_status_and_monotonic_over_kills(running: Any, upstreams: Any, make: Any) -> None:
    gateway, upstream = running.gateway, upstreams()
    gateway.publish(make.stage(make.resource("r1", upstream), make.resource("r2", upstreams(), model="wine")))
    url = running.url("/e1/stages/blue/iris/v2")
    total = 0
    for restarts in range(3):
        session = running.session()
        for status in (200, 201, 404, 422, 500, 503, 302):
            answer = session.get(url, headers={"x-status": str(status)}, allow_redirects=False)
            assert answer.status_code == status
        total += 7
        seen = gateway.statistics(["r1", "r2", "unknown"])
        assert (seen["r1"].total, seen["r1"].status_2xx) == (total, 2 * (restarts + 1))
        assert (seen["r1"].status_4xx, seen["r1"].status_5xx) == (2 * (restarts + 1), 2 * (restarts + 1))
        assert (seen["r2"].total, seen["unknown"].total) == (0, 0)
        _kill(running, make)
        assert gateway.statistics(["r1"])["r1"].total == total, "known while Envoy is away"
        assert gateway.restart_dead()
        make.wait_for(gateway.ready, "Envoy is back")


def test_statistics_go_on_while_a_model_changes_between_one_and_two_resources(
    running: Any, upstreams: Any, make: Any
) -> None:
    one, two, session = upstreams(), upstreams(), running.session()
    total = 0
    for turn in range(6):
        second = [make.resource("r2", two)] if turn % 2 else []
        running.gateway.publish(make.stage(make.resource("r1", one), *second, make.resource("r3", one, model="wine")))
        for _ in range(10):
            assert session.get(running.url("/e1/stages/blue/iris/v2")).status_code == 200
        total += 10
        shared = running.gateway.statistics(["r1", "r2"])
        assert shared["r1"].total + shared["r2"].total == total


def _kill(running: Any, make: Any) -> None:
    from adapters.easymaker.engines.local.processes import Phase

    os.kill(running.runner.observe("gateway").pid, signal.SIGKILL)
    gone = (Phase.EXITED, Phase.LOST)
    make.wait_for(lambda: running.runner.observe("gateway").phase in gone, "the kill is seen")


def test_a_killed_envoy_comes_back_with_the_same_routes(running: Any, upstreams: Any, make: Any) -> None:
    gateway = running.gateway
    gateway.publish(make.stage(make.resource("r1", upstreams()), default=True))
    assert not gateway.restart_dead(), "it is alive"
    _kill(running, make)
    assert not gateway.ready()
    gateway.publish(make.stage(make.resource("r9", upstreams()), name="meanwhile"))
    assert running.again().restart_dead()
    make.wait_for(gateway.ready, "Envoy is back")
    session = running.session()
    for path in ("/e1/default/iris/v2", "/e1/stages/blue/iris/v2", "/e1/stages/meanwhile/iris/v2"):
        assert session.get(running.url(path)).status_code == 200


def test_stop_and_start_keep_what_is_published(running: Any, upstreams: Any, make: Any) -> None:
    from adapters.easymaker.engines.local.processes import Phase

    gateway = running.gateway
    gateway.publish(make.stage(make.resource("r1", upstreams())))
    gateway.stop()
    make.wait_for(lambda: running.runner.observe("gateway").phase is Phase.EXITED, "Envoy ends")
    assert running.again().restart_dead()
    make.wait_for(gateway.ready, "Envoy is back")
    assert running.session().get(running.url("/e1/stages/blue/iris/v2")).status_code == 200


CRASH = """
import sys
from pathlib import Path
from adapters.easymaker.engines.local.gateway import Gateway, ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.processes import ProcessRunner

directory, port, upstream = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
gateway = Gateway(directory / "gateway", ProcessRunner(directory / "processes"), port)
gateway.publish(StageRoutes("e1", "crashed", "crashed", True, (ResourceRoute("r", "iris", None, (upstream,)),)))
"""


@pytest.mark.parametrize("point", ["gateway.before_publish", "gateway.after_publish"])
def test_a_publisher_killed_in_the_middle_is_completed_by_the_next(
    running: Any, upstreams: Any, make: Any, point: str
) -> None:
    port = upstreams().server_port
    argv = [sys.executable, "-c", CRASH, running.directory, running.port, port]
    done = subprocess.run([*map(str, argv)], env={**os.environ, "EASYMAKER_CRASH_AT": point})
    assert done.returncode == -signal.SIGKILL
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    session = running.session()
    assert session.get(running.url("/e1/default/iris/v2")).json()["port"] == port
    assert session.get(running.url("/e1/stages/blue/iris/v2")).status_code == 200


def test_long_requests_outlive_a_change(running: Any, upstreams: Any, make: Any) -> None:
    """The cluster of a request in flight is replaced, and its stage withdrawn."""
    upstream, answers = upstreams(), []
    running.gateway.publish(make.stage(make.resource("r1", upstream)))

    def ask() -> None:
        answer = running.session().get(running.url("/e1/stages/blue/iris/v2"), headers={"x-hold": "1"})
        answers.append(answer.status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    assert upstream.held.wait(PATIENCE), "the request is with the pod"
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    running.gateway.withdraw("e1-blue")
    assert answers == []
    upstream.go.set()
    thread.join()
    assert answers == [200]


def test_publishing_leaves_the_files_of_many_other_stages_alone(running: Any, upstreams: Any, make: Any) -> None:
    upstream = upstreams()
    for number in range(60):
        running.gateway.publish(make.stage(make.resource(f"r{number}", upstream), name=f"s{number}"))
    files = sorted((running.directory / "gateway" / "stages").glob("*.json"))
    before = [path.stat().st_ino for path in files]
    running.gateway.publish(make.stage(make.resource("last", upstream), name="last"))
    assert [path.stat().st_ino for path in files] == before
    for name in ("s0", "s59", "last"):
        assert running.session().get(running.url(f"/e1/stages/{name}/iris/v2")).status_code == 200


def test_a_damaged_stage_file_does_not_stop_the_others(running: Any, upstreams: Any, make: Any) -> None:
    for content in (b"", b"{", b"[]", b'{"stage_id": 1}', b'{"resources": [{}]}'):
        (running.directory / "gateway" / "stages" / "damaged.json").write_bytes(content)
        running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    assert running.session().get(running.url("/e1/stages/blue/iris/v2")).status_code == 200


def test_what_a_publisher_killed_in_the_middle_of_a_write_left_goes_with_the_next_stage(
    running: Any, upstreams: Any, make: Any
) -> None:
    stages = running.directory / "gateway" / "stages"
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    (stages / ".new-4711").write_bytes(b'{"stage_id": "half')
    running.gateway.withdraw("e1-blue")
    assert list(stages.iterdir()) == []


def test_what_is_not_routed_to_leaves_envoy_after_a_while(
    running: Any, upstreams: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its statistics with it; those of the others stay."""
    gateway, session = running.gateway, running.session()
    gateway.publish(make.stage(make.resource("r1", upstreams())))
    gateway.publish(make.stage(make.resource("r2", upstreams()), name="green"))
    for name in ("blue", "green"):
        assert session.get(running.url(f"/e1/stages/{name}/iris/v2")).status_code == 200
    gateway.withdraw("e1-green")
    assert gateway.statistics(["r2"])["r2"].total == 1
    monkeypatch.setattr("adapters.easymaker.engines.local.gateway.gateway._LINGER_SECONDS", 0)
    gateway.publish(make.stage(make.resource("r3", upstreams()), name="red"))
    assert "r2~" not in (running.directory / "gateway" / "envoy" / "clusters.json").read_text()
    totals = gateway.statistics(["r1", "r2"])
    assert (totals["r1"].total, totals["r2"].total) == (1, 0)
