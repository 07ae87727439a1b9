"""The servers' command line: where they listen, what they say about mistakes, and what others may reach."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from katib_suggestions.rpc.client import SuggestionClient
from katib_suggestions.search_space import InvalidExperiment
from tests.conftest import PATIENCE
from tests.katib_suggestions.rpc.experiments import experiment
from tests.katib_suggestions.rpc.server_process import ROOT, SERVING, ServerProcess, probe
from tests.ports import free_port


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "katib_suggestions", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "'70000' is no port"),
        (["--port", "http"], "'http' is no port"),
        (["--workers", "0"], "no number from 1"),
        (["--alias", "mine"], "there is no algorithm"),
        (["--alias", "=grid"], "no NAME=ALGORITHM"),
        (["--algorithms", "random,tpe"], "there is no algorithm 'tpe'"),
        (["--log-level", "loud"], "invalid choice"),
        (["--host", "no host"], "is no address"),
        (["--listen", "unix:/" + "x" * 120], "at most 107 bytes"),
        (["--listen", "unix:/proc/version/socket"], "cannot listen"),
        (["--listen", "127.0.0.1:1"], "is no unix:PATH"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: list[str], words: str) -> None:
    ended = run("suggestion", *arguments)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("option", ["--port", "--metrics-port"])
def test_a_port_that_another_program_has_is_told_in_a_line(option: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("suggestion", option, port, "--listen", f"unix:{tmp_path}/private/socket")
    assert ended.returncode == 2
    assert "cannot listen on" in ended.stderr
    assert port in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_socket_that_others_could_reach_is_refused(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir(mode=0o755)
    ended = run("suggestion", "--listen", f"unix:{public}/socket")
    assert ended.returncode == 2
    assert "others than its owner" in ended.stderr


def test_the_directory_of_a_socket_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with ServerProcess("suggestion", tmp_path) as server:
        directory = Path(server.address.removeprefix("unix:")).parent
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert probe(server.address, "") == SERVING
        # And no port is open besides.
        assert server.events("serving")[0]["addresses"] == [server.address]


def test_ports_and_sockets_go_together(tmp_path: Path) -> None:
    port = free_port()
    with ServerProcess("suggestion", tmp_path, ("--port", str(port))) as server:
        for address in (server.address, f"127.0.0.1:{port}"):
            with SuggestionClient(address, PATIENCE) as client:
                assert len(client.suggest(experiment(), [], 2)) == 2


def test_only_chosen_algorithms_are_served(tmp_path: Path) -> None:
    with (
        ServerProcess("suggestion", tmp_path, ("--algorithms", "grid")) as server,
        SuggestionClient(server.address, PATIENCE) as client,
        pytest.raises(InvalidExperiment, match="not served here, but grid"),
    ):
        client.validate(experiment(algorithm="random"))


def test_commands_tell_what_they_are_for() -> None:
    listed = run("--help").stdout
    for name in ("suggestion", "early-stopping"):
        assert name in listed
        shown = run(name, "--help")
        assert shown.returncode == 0
        assert "--listen" in shown.stdout


def test_logs_are_json_and_hold_no_credentials(tmp_path: Path) -> None:
    code = (
        "from katib_suggestions.rpc import logs; import logging, structlog; logs.configure('info');"
        "structlog.get_logger('x').info('said', token='abc', text='Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30');"
        "logging.getLogger('y').warning('password=%s', 'correct-horse-battery')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, env=os.environ
    )
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert first["token"] == "[redacted]"
    assert "eyJ" not in first["text"]
    assert "horse" not in second["event"]
