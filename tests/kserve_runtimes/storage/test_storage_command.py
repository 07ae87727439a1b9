"""The storage container's program as a process: what it fetches, and how it says what went wrong."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kserve_runtimes.storage.exit_codes import ExitCode

NOBODY = "obs://127.0.0.1:9/v1/AUTH_t/c/model"


def run(*arguments: str | Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """With nothing of this process's environment."""
    command = [sys.executable, "-m", "kserve_runtimes.storage", *map(str, arguments)]
    return subprocess.run(command, env={"PATH": os.defpath, **environ}, capture_output=True, text=True)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    root = tmp_path / "nas"
    (root / "data/iris/more").mkdir(parents=True)
    (root / "data/iris/model.joblib").write_bytes(b"model")
    (root / "data/iris/more/한글.txt").write_bytes(b"text")
    return root


def test_a_directory_of_a_nas_is_fetched_for_any_user_to_read(nas: Path, tmp_path: Path) -> None:
    done = run("nas://data:/iris", tmp_path / "models", environ={"EASYMAKER_NAS_ROOT": str(nas)})
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
    assert done.stdout == "nas://data:/iris: 2 files, 9 bytes\n"
    fetched = {path.relative_to(tmp_path / "models").as_posix(): path for path in (tmp_path / "models").rglob("*")}
    assert sorted(fetched) == ["model.joblib", "more", "more/한글.txt"]
    for path in fetched.values():
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444, path
    assert stat.S_IMODE(fetched["more"].stat().st_mode) & 0o111 == 0o111


def test_several_models_each_to_its_place(nas: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    pairs = ("nas://data:/iris/model.joblib", one, "nas://data:/iris/more", two)
    assert run(*pairs, environ={"EASYMAKER_NAS_ROOT": str(nas)}).returncode == ExitCode.DONE
    assert [path.name for path in (*one.iterdir(), *two.iterdir())] == ["model.joblib", "한글.txt"]


@pytest.mark.parametrize("secret", ["EASYMAKER_OBS_TOKEN", "EASYMAKER_OBS_TOKEN_FILE"])
def test_a_model_of_the_object_storage_with_a_token(
    storage_server: Any, container: Any, tmp_path: Path, secret: str
) -> None:
    """As a variable from a Secret, which wins over the file that a ConfigMap names for other pods; or from a file."""
    container.put("models/iris/model.joblib", b"model")
    token = storage_server.token()
    token_file = tmp_path / "token"
    token_file.write_text(token)
    given = {"EASYMAKER_OBS_TOKEN": token, "EASYMAKER_OBS_TOKEN_FILE": "/easymaker/storage/token"}
    environ = {
        **(given if secret == "EASYMAKER_OBS_TOKEN" else {secret: str(token_file)}),
        "EASYMAKER_OBS_CA_FILE": str(storage_server.ca_file),
        "EASYMAKER_OBS_HOSTS": f"127.0.0.1:{storage_server.tls_port}",
    }
    done = run(f"{container.uri}/models/iris", tmp_path / "models", environ=environ)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert (tmp_path / "models/model.joblib").read_bytes() == b"model"
    missing = run(f"{container.uri}/models/wine", tmp_path / "models", environ=environ)
    assert missing.returncode == ExitCode.NOT_FOUND
    assert "nothing lies there" in last_line(missing)


@pytest.mark.parametrize(
    ("uri", "environ", "code", "told"),
    [
        ("obs://h", {}, ExitCode.INVALID, "not a usable storage URI"),
        ("s3://bucket/model", {}, ExitCode.INVALID, "these can: obs://, nas://"),
        ("nas://data:/none", {}, ExitCode.NOT_FOUND, "nas://data:/none"),
        (NOBODY, {}, ExitCode.DENIED, "127.0.0.1"),
        (NOBODY, {"EASYMAKER_OBS_HOSTS": "127.0.0.1:9"}, ExitCode.UNAVAILABLE, "127.0.0.1"),
        (NOBODY, {"EASYMAKER_OBS_TOKEN_FILE": "/none", "EASYMAKER_OBS_HOSTS": "127.0.0.1:9"}, ExitCode.DENIED, "/none"),
    ],
)
def test_the_last_line_says_what_went_wrong(
    nas: Path, tmp_path: Path, uri: str, environ: dict[str, str], code: ExitCode, told: str
) -> None:
    done = run(uri, tmp_path / "models", environ={"EASYMAKER_NAS_ROOT": str(nas), **environ})
    assert (done.returncode, done.stdout) == (code, "")
    assert told in last_line(done)
    assert "Traceback" not in done.stderr


def test_a_place_that_cannot_be_written_to(nas: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("nas://data:/iris", tmp_path / "file/models", environ={"EASYMAKER_NAS_ROOT": str(nas)})
    assert done.returncode == ExitCode.LOCAL
    assert last_line(done) == f"{tmp_path}/file/models cannot be written to: Not a directory."


@pytest.mark.parametrize("arguments", [[], ["nas://data:/iris"], ["a", "b", "c"]])
def test_how_it_is_used_is_told(arguments: list[str]) -> None:
    done = run(*arguments, environ={})
    assert done.returncode == ExitCode.USAGE
    assert last_line(done).startswith("usage: python -m kserve_runtimes.storage URI DIRECTORY")
