"""TensorBoard on demand: only who was told its address gets in, and a killed one is started again."""

import functools
import os
import signal
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from tests.conftest import PATIENCE

get = functools.partial(httpx.get, timeout=PATIENCE)


def opened(uri: str) -> str:
    """The address that the door leads to once TensorBoard runs."""
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        answer = get(uri)
        if answer.status_code == 302:
            return answer.headers["location"]
        assert answer.status_code == 200, answer.text
        time.sleep(0.2)
    pytest.fail("TensorBoard did not start in time")


def test_tensorboard_opens_by_ticket_only_and_comes_back_after_a_kill(installation: Any) -> None:
    api = installation.api()
    experiment = api.experiment("tensorboard")
    uri = api.get("experiments", "experiment", experiment)["tensorboardAccessUri"]
    other = api.experiment("another")
    assert get(uri.partition("?")[0]).status_code == 404, "without a ticket"
    assert get(uri.replace(experiment, other)).status_code == 404, "with another experiment's ticket"

    board = opened(uri)
    assert get(f"{board}data/environment").json()["data_location"].endswith(experiment)
    root = urlunsplit(urlsplit(board)._replace(path="/"))
    assert get(f"{root}data/environment").status_code == 404, "without its secret path"

    name = f"tensorboard-{experiment}"
    pid = installation.runner().observe(name).pid
    os.kill(pid, signal.SIGKILL)
    assert opened(uri) == board
    assert installation.runner().observe(name).pid != pid

    api.ok("DELETE", f"/experiments/{experiment}")
    api.gone("experiments", experiment)
    assert name not in installation.runner().names()
    assert get(uri).status_code == 404, "of a deleted experiment"
    api.ok("DELETE", f"/experiments/{other}")
