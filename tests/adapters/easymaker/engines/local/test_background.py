"""Work beside the loop: once per key, a failure told once, memory that does not grow, an end that waits for nobody."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from adapters.easymaker.engines.local.background import Background
from adapters.easymaker.errors import PermanentEngineError
from tests.conftest import PATIENCE


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_work_runs_once_per_key_at_a_time() -> None:
    background, gate, runs = Background(workers=3), threading.Event(), list[str]()

    def work() -> None:
        runs.append("run")
        gate.wait(PATIENCE)

    for _ in range(5):
        background.ensure("key", work)
    assert background.working("key")
    assert not background.finished("key")
    gate.set()
    until(lambda: not background.working("key"))
    assert background.finished("key")
    assert runs == ["run"]
    background.ensure("key", work)
    until(lambda: len(runs) == 2)


def test_a_failure_is_told_once_and_then_the_key_is_free() -> None:
    background = Background()

    def fail() -> None:
        raise PermanentEngineError("there is no file")

    background.ensure("key", fail)
    with pytest.raises(PermanentEngineError, match="there is no file"):
        until(lambda: not background.working("key"))
    assert not background.working("key")
    assert not background.finished("key")
    background.ensure("key", lambda: None)
    until(lambda: background.finished("key"))


def test_a_bug_is_told_apart_from_an_engine_error() -> None:
    background = Background()
    background.ensure("key", lambda: {}["missing"])
    with pytest.raises(RuntimeError, match="background work key failed"):
        until(lambda: not background.working("key"))


def test_long_work_of_one_does_not_hold_up_the_others() -> None:
    background, gate = Background(), threading.Event()
    for number in range(3):
        background.ensure(f"environment {number}", lambda: gate.wait(PATIENCE))
    background.ensure("look-up", lambda: None)
    until(lambda: background.finished("look-up"))
    gate.set()


def test_only_so_many_ended_runs_are_remembered() -> None:
    background, gate = Background(keep=10), threading.Event()
    background.ensure("first, still working", lambda: gate.wait(PATIENCE))
    for number in range(50):
        background.ensure(str(number), lambda: None)
        until(lambda number=number: background.finished(str(number)))
    assert background.working("first, still working")
    assert not background.finished("0")
    assert background.finished("49")
    gate.set()


def test_the_adapter_ends_while_work_goes_on() -> None:
    """An environment that takes minutes to install must not keep a process alive that was told to end."""
    script = (
        "import threading, time\n"
        "from adapters.easymaker.engines.local.background import Background\n"
        "background, begun = Background(), threading.Event()\n"
        "background.ensure('key', lambda: (begun.set(), time.sleep(3600)))\n"
        "begun.wait()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=PATIENCE).returncode == 0
