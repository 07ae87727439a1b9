"""Environments: built once, by whoever comes first, and never half. All packages here are local: no network."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from adapters.easymaker.engines.local import environments as module
from adapters.easymaker.engines.local.environments import EnvironmentBuildError, Environments, EnvironmentSpec
from tests.conftest import PATIENCE

# A build backend of its own: it needs nothing from any registry, and can be made to wait.
BACKEND = """
import os, time, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    gate = {gate!r}
    if gate:
        open(gate + ".reached", "w").close()
        while not os.path.exists(gate): time.sleep(0.01)
    open({seen!r}, "a").write(repr(sorted(os.environ)) + "\\n")
    name = "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("parcel.py", "WORD = 'delivered'\\n")
        wheel.writestr("parcel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: parcel\\nVersion: 1.0\\n")
        wheel.writestr("parcel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("parcel-1.0.dist-info/RECORD", "")
    return name
"""


@pytest.fixture(autouse=True)
def fresh_uv_cache(tmp_path, monkeypatch):
    """A wheel built in one test must not spare another one its build."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


@pytest.fixture
def cache(tmp_path) -> Environments:
    return Environments(tmp_path / "cache")


@pytest.fixture
def parcel(tmp_path):
    """Makes a source package and returns its requirement line; with a gate its build waits until that file is there."""

    def make(gate: Path | None = None) -> str:
        source = tmp_path / "parcel"
        source.mkdir(exist_ok=True)
        (source / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "parcel"\nversion = "1.0"\n'
        )
        backend = BACKEND.format(gate=str(gate) if gate else "", seen=str(tmp_path / "builds"))
        (source / "backend.py").write_text(backend)
        return f"parcel @ file://{source}"

    return make


def run(python: Path, code: str) -> str:
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"waited in vain for {path}"
        time.sleep(0.01)


def test_an_environment_is_built_once_and_then_found(cache, parcel, tmp_path):
    spec = EnvironmentSpec("parcels", (parcel(),))
    assert cache.python(spec) is None
    said: list[str] = []
    python = cache.ensure(spec, said.append)
    assert any("parcel" in line for line in said)
    assert run(python, "import parcel; print(parcel.WORD)") == "delivered"
    assert cache.python(spec) == python == cache.ensure(spec)
    assert "parcel @ file" in cache.lock_file(spec).read_text()
    assert (tmp_path / "builds").read_text().count("\n") == 1


def test_an_environment_of_nothing_is_one_too(cache):
    python = cache.ensure(EnvironmentSpec("empty", ()))
    assert run(python, "import sys; print(sys.version_info[:2])") == "(3, 11)"
    assert cache.lock_file(EnvironmentSpec("empty", ())).read_text() == ""


def test_overlays_are_copied_in_and_a_change_of_them_is_another_environment(cache, tmp_path):
    package = tmp_path / "ours"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("WORD = 'one'")
    (package / "inner" / "__init__.py").write_text("")
    spec = EnvironmentSpec("overlaid", (), (package,))
    first = cache.ensure(spec)
    code = "import ours, ours.inner; print(ours.WORD, ours.__file__)"
    assert run(first, code).startswith("one ")
    assert str(package) not in run(first, code), "an overlay is a copy: a change of ours must not reach running jobs"
    (package / "__init__.py").write_text("WORD = 'two'")
    assert cache.python(spec) is None
    second = cache.ensure(spec)
    assert first != second
    assert (run(first, code).split()[0], run(second, code).split()[0]) == ("one", "two")


@pytest.mark.parametrize(
    "other",
    [
        EnvironmentSpec("name", ("a==2",)),
        EnvironmentSpec("name", ("a==1", "b")),
        EnvironmentSpec("name", ("a==1",), python="3.12"),
    ],
)
def test_the_key_follows_the_content(other):
    spec = EnvironmentSpec("name", ("a==1",))
    assert module.key(spec) == module.key(EnvironmentSpec("other-name", ("a==1",)))
    assert module.key(spec) != module.key(other)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "x" * 65, "a\n"])
def test_names_cannot_leave_the_cache(cache, name):
    with pytest.raises(ValueError, match="no environment name"):
        cache.python(EnvironmentSpec(name, ()))


def test_a_failed_build_says_why_in_a_sentence_leaves_nothing_and_can_be_retried(cache, parcel, tmp_path):
    spec = EnvironmentSpec("broken", (parcel(),))
    hidden = (tmp_path / "parcel").rename(tmp_path / "away")
    with pytest.raises(EnvironmentBuildError) as caught:
        cache.ensure(spec)
    message = str(caught.value)
    assert message.startswith("the environment broken could not be built: ")
    assert "parcel" in message
    assert "\n" not in message
    assert len(message) < 700
    assert cache.python(spec) is None
    assert [path.name for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()] == []
    hidden.rename(tmp_path / "parcel")
    assert cache.ensure(spec).exists()


def test_a_line_that_is_no_requirement_is_named(cache):
    with pytest.raises(EnvironmentBuildError, match=r"could not be built: Couldn't parse .*requirements\.txt.*>>"):
        cache.ensure(EnvironmentSpec("broken", ("idna>>3",)))


def test_an_unknown_python_is_refused_with_a_reason(cache, monkeypatch):
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    with pytest.raises(EnvironmentBuildError, match=r"3\.1"):
        cache.ensure(EnvironmentSpec("ancient", (), python="3.1"))


def test_two_adapters_build_it_once(cache, parcel, tmp_path):
    gate = tmp_path / "gate"
    spec = EnvironmentSpec("shared", (parcel(gate),))
    said: list[str] = []
    pythons: list[Path] = []
    first = threading.Thread(target=lambda: pythons.append(cache.ensure(spec)))
    first.start()
    wait_for(Path(f"{gate}.reached"))
    second = threading.Thread(target=lambda: pythons.append(Environments(tmp_path / "cache").ensure(spec, said.append)))
    second.start()
    deadline = time.monotonic() + PATIENCE
    while not said:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert said == ["waiting for another build of the same environment"]
    assert cache.python(spec) is None, "half built is not ready"
    gate.touch()
    first.join()
    second.join()
    assert len(pythons) == 2
    assert pythons[0] == pythons[1]
    assert (tmp_path / "builds").read_text().count("\n") == 1


def test_a_build_whose_adapter_was_killed_is_done_again(cache, parcel, tmp_path):
    """The orphaned uv still writes into the directory: the next build must wait for it, then begin anew."""
    gate = tmp_path / "gate"
    spec = EnvironmentSpec("killed", (parcel(gate),))
    code = (
        "from pathlib import Path\nfrom adapters.easymaker.engines.local.environments import *\n"
        f"Environments(Path({str(tmp_path / 'cache')!r})).ensure(EnvironmentSpec('killed', {spec.requirements!r}))"
    )
    adapter = subprocess.Popen([sys.executable, "-c", code])
    wait_for(Path(f"{gate}.reached"))
    adapter.send_signal(signal.SIGKILL)
    assert adapter.wait() == -signal.SIGKILL
    assert cache.python(spec) is None
    said: list[str] = []

    def let_the_orphan_end(line: str) -> None:
        said.append(line)
        gate.touch()

    python = cache.ensure(spec, let_the_orphan_end)
    assert said[0] == "waiting for another build of the same environment"
    assert run(python, "import parcel; print(parcel.WORD)") == "delivered"


def test_a_directory_that_a_dead_machine_left_half_built_is_built_again(cache, parcel):
    spec = EnvironmentSpec("half", (parcel(),))
    directory = cache.lock_file(spec).parent
    (directory / "bin").mkdir(parents=True)
    (directory / "bin" / "python").write_text("not a program")
    assert cache.python(spec) is None
    assert run(cache.ensure(spec), "import parcel; print(parcel.WORD)") == "delivered"


def test_build_scripts_do_not_see_the_adapters_secrets(cache, parcel, tmp_path, monkeypatch):
    """A source package runs code of its author while it is built."""
    monkeypatch.setenv("EASYMAKER_DATABASE_URL", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    cache.ensure(EnvironmentSpec("curious", (parcel(),)))
    seen = (tmp_path / "builds").read_text()
    assert "PATH" in seen
    assert "EASYMAKER_DATABASE_URL" not in seen
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_a_directory_of_wheels_set_for_pip_is_meant_for_uv_too():
    assert module.uv_environment({"PIP_FIND_LINKS": "/a /b"}) == {"UV_FIND_LINKS": "/a,/b"}
    assert module.uv_environment({"PIP_FIND_LINKS": "/a", "UV_FIND_LINKS": "/c"}) == {"UV_FIND_LINKS": "/c"}
    assert module.uv_environment({"HTTPS_PROXY": "p", "https_proxy": "q", "SECRET": "s"}) == {
        "HTTPS_PROXY": "p",
        "https_proxy": "q",
    }


def test_the_reason_is_uvs_error_without_its_drawing():
    said = ["Resolved 1 package", "  × Failed to build `x`", "  ├─▶ The backend failed", "  ╰─▶ exit status 1"]
    assert module.reason(said) == "Failed to build `x`: The backend failed: exit status 1"
    assert module.reason([]) == "uv gave no reason"


def test_looking_for_a_ready_environment_starts_nothing(cache, monkeypatch):
    """It is asked on every turn of the reconcile loop."""
    spec = EnvironmentSpec("empty", ())
    cache.ensure(spec)

    def start(*_: object, **__: object) -> None:
        raise AssertionError("a program is started only to build")

    monkeypatch.setattr(module.subprocess, "Popen", start)
    assert cache.python(spec) == cache.ensure(spec)
    assert json.loads((cache.lock_file(spec).parent / "ready.json").read_text()) == {"name": "empty", "python": "3.11"}
    assert os.access(cache.lock_file(spec).parent / "bin" / "python", os.X_OK)
