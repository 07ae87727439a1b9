"""What cannot work is told in one line, with the right exit code, and leaves nothing half-started."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.easymaker.cli.conftest import PROGRAM, START_SECONDS


@pytest.fixture
def taken(cli: Any) -> Iterator[Any]:
    """Takes one of the ports before anything starts."""
    sockets: list[socket.socket] = []

    def take(number: int) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", cli.ports[number]))
        listener.listen()
        sockets.append(listener)

    yield take
    for listener in sockets:
        listener.close()


def one_line(stderr: str) -> str:
    """The error: the last line, and no traceback before it."""
    assert "Traceback" not in stderr
    return stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "setting"),
    [(0, "EASYMAKER_PORT"), (1, "EASYMAKER_GATEWAY_PORT"), (2, "EASYMAKER_OBJECT_STORAGE_PORT")],
)
@pytest.mark.parametrize("how", [[], ["--detach"]])
def test_taken_port(cli: Any, taken: Any, number: int, setting: str, how: list[str]) -> None:
    taken(number)
    done = cli.run("up", *how)
    assert (done.returncode, done.stdout) == (1, "")
    line = one_line(done.stderr)
    assert str(cli.ports[number]) in line
    assert f"set {setting} " in line
    cli.assert_nothing_runs()


@pytest.mark.parametrize(
    ("name", "value"),
    [("EASYMAKER_PORT", "http"), ("EASYMAKER_APPKEY", "Not An Appkey"), ("EASYMAKER_LEASE_SECONDS", "-1")],
)
def test_malformed_setting(cli: Any, name: str, value: str) -> None:
    cli.more[name] = value
    for command in (["up", "--detach"], ["env"]):
        done = cli.run(*command)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert one_line(done.stderr).startswith(f"kubeflow-easymaker: {name}: ")


def test_two_settings_name_one_port(cli: Any) -> None:
    cli.ports[1] = cli.ports[2]
    done = cli.run("up", "--detach")
    assert done.returncode == 2
    assert "EASYMAKER_GATEWAY_PORT and EASYMAKER_OBJECT_STORAGE_PORT" in one_line(done.stderr)
    assert not cli.home.exists()


@pytest.mark.parametrize("how", [[], ["--detach"]])
def test_adapter_that_cannot_start_is_given_up(cli: Any, tmp_path: Path, how: list[str]) -> None:
    """A broken catalogue: the adapter says why, and nobody tries for ever."""
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text("flavors: 3\n")
    cli.more["EASYMAKER_CATALOGUE"] = str(catalogue)
    done = cli.run("up", *how)
    assert done.returncode == 2
    assert "catalogue.yaml" in one_line(done.stderr)
    cli.assert_nothing_runs()


def test_home_that_cannot_be_made(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cli.home = tmp_path / "file" / "home"
    done = cli.run("up", "--detach")
    assert done.returncode == 1
    assert one_line(done.stderr).startswith(f"kubeflow-easymaker: EASYMAKER_HOME={cli.home}")


def test_wrong_usage(cli: Any) -> None:
    for arguments in (["upp"], ["up", "--sideways"], ["status", "-o", "xml"], ["token", "add"]):
        assert cli.run(*arguments).returncode == 2


def test_doctor_of_a_good_machine(cli: Any) -> None:
    checks = {check["name"]: check for check in cli.json("doctor")["checks"]}
    assert checks["Python"]["state"] == "ok"
    assert checks["extended attributes"]["state"] == "ok"
    assert checks[f"port {cli.ports[0]}"]["state"] == "ok"
    assert {check["state"] for check in checks.values()} <= {"ok", "advice"}
    assert not cli.home.exists()


def test_doctor_names_what_is_missing(cli: Any, taken: Any) -> None:
    """A taken port and a home without extended attributes, each with its remedy; nothing is left behind."""
    taken(1)
    cli.home = Path("/proc/home")
    done = cli.run("doctor", "-o", "json")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    missing = {check["name"]: check["remedy"] for check in shown["checks"] if check["state"] == "missing"}
    assert shown["ok"] is False
    assert "EASYMAKER_GATEWAY_PORT" in missing[f"port {cli.ports[1]}"]
    assert "EASYMAKER_HOME" in missing["extended attributes"]
    text = cli.run("doctor")
    assert text.returncode == 1
    assert all(remedy in text.stdout for remedy in missing.values())


def test_completion_can_be_had(cli: Any) -> None:
    """It is for the shell that it is called from, of which the tests themselves may have none."""
    script = f"'{PROGRAM}' --show-completion; exit $?"
    done = subprocess.run(["bash", "-c", script], env=cli.env, capture_output=True, text=True, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "kubeflow-easymaker" in done.stdout


def test_adapter_trouble_is_read_from_its_log(cli: Any) -> None:
    """A database that is not there: the reason, not only that the start failed."""
    cli.more["EASYMAKER_DATABASE_URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    done = cli.run("up", "--detach")
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert "the adapter does not start" in line
    assert "database" in line or "connection" in line
    assert "\n" not in line
    cli.assert_nothing_runs()
