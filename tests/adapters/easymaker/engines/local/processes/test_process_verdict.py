"""The sentences that owners read."""

import signal

import pytest

from adapters.easymaker.engines.local.processes.wrapper import verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1 bytes"), (1536 << 20, "1.5 GiB"), (2 << 30, "2 GiB"), (3 << 40, "3 TiB"), (5000 << 40, "5000 TiB")],
)
def test_sizes(value, text):
    assert verdict.size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (60, "60 s"), (90, "90 s"), (120, "2 min"), (3600, "60 min"), (7200, "2 h")]
)
def test_durations(seconds, text):
    assert verdict.duration(seconds) == text


def test_a_wait_status_is_an_exit_code_or_a_signal():
    assert verdict.split_status(3 << 8, sandboxed=False) == (3, None)
    assert verdict.split_status(signal.SIGKILL, sandboxed=False) == (None, 9)
    assert verdict.split_status(137 << 8, sandboxed=False) == (137, None)
    assert verdict.split_status(137 << 8, sandboxed=True) == (None, 9)


def test_an_unknown_signal_still_has_a_name():
    assert verdict.natural_end(None, 40) == ("signalled", "killed by signal 40 (signal 40)")
