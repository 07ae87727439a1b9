"""A source's requirements.txt, installed where no other training sees it.

In a container the image is thrown away after the run, so pip may change it in place. On a shared machine the image's
environment is everybody's: there a copy of it, built from its lock, takes the requirements.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from kfp_components.easymaker.launcher.child import ChildCommand, run_child
from kfp_components.easymaker.launcher.environment import installer_environment
from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.interruption import Interruption
from kfp_components.easymaker.launcher.messages import one_line, say
from kfp_components.easymaker.launcher.spec import LauncherSpec
from kfp_components.easymaker.launcher.work_paths import WorkPaths

_GRACE_SECONDS = 2.0
_PUMP_SECONDS = 5.0
_LONGEST_REASON = 300


def install_requirements(
    spec: LauncherSpec, paths: WorkPaths, environ: Mapping[str, str], interruption: Interruption
) -> Path:
    """The interpreter to run under: the given one, or that of a throw-away environment with the requirements."""
    file = paths.source / "requirements.txt"
    if not file.is_file():
        return spec.python
    say("installing requirements.txt")
    python, commands = installer_commands(spec, paths, file, copied=_can_copy(spec))
    env = _personal_settings(environ) | installer_environment(spec, paths, python, environ)
    env["UV_CACHE_DIR"] = str(_uv_cache(environ, paths))
    for argv in commands:
        interruption.check()
        _install(ChildCommand(argv, env, paths.source, _GRACE_SECONDS), interruption)
    return python


def _can_copy(spec: LauncherSpec) -> bool:
    """Whether the image has what a copy of its environment is made from; a spec may name it for images that do not."""
    return all(file is not None and file.is_file() for file in (spec.uv, spec.requirements_lock))


def installer_commands(
    spec: LauncherSpec, paths: WorkPaths, file: Path, *, copied: bool
) -> tuple[Path, list[list[str]]]:
    """Which interpreter the run will have, and what to run for it, in order."""
    if not copied:
        pip = [str(spec.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        return spec.python, [[*pip, "--root-user-action=ignore", "-r", str(file)]]
    python = paths.venv / "bin" / "python"
    uv = str(spec.uv)
    install = [uv, "pip", "install", "--python", str(python)]
    return python, [
        [uv, "venv", "--quiet", "--no-project", "--python", str(spec.python), str(paths.venv)],
        [*install, "--quiet", "--no-deps", "-r", str(spec.requirements_lock)],
        [*install, "-r", str(file)],
    ]


def _personal_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip and uv would find below the HOME of the launcher's user, since the training's own HOME is empty."""
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = {"UV_CONFIG_FILE": config / "uv" / "uv.toml", "PIP_CONFIG_FILE": config / "pip" / "pip.conf"}
    found = {name: str(file) for name, file in files.items() if file.is_file()}
    # Not uv's hard links: a script that patches a package in its copy would patch it in everybody's cache.
    return found | {"UV_LINK_MODE": "copy"}


def _uv_cache(environ: Mapping[str, str], paths: WorkPaths) -> Path:
    """The user's cache, without which a copy of seconds is a download of minutes; in a sandbox it may be read-only."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/")) / ".cache")
    shared = Path(environ.get("UV_CACHE_DIR") or base / "uv")
    existing = next(path for path in (shared, *shared.parents) if path.exists())
    if os.access(existing, os.W_OK):
        return shared
    say(f"{shared} is not writable: packages are downloaded anew")
    return paths.temporary / "uv-cache"


def _install(command: ChildCommand, interruption: Interruption) -> None:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    tail: deque[str] = deque(maxlen=20)
    pump = threading.Thread(target=_copy_output, args=(os.fdopen(reader, "rb"), tail), daemon=True)
    pump.start()
    try:
        end = run_child(command, interruption, writer)
    except OSError as error:
        reason = f"requirements.txt could not be installed: {error.strerror}: {command.argv[0]}."
        raise LauncherError(ExitCode.REQUIREMENTS, reason) from error
    finally:
        os.close(writer)
        pump.join(_PUMP_SECONDS)
    if end.interrupted:
        interruption.check()
    if end.returncode != 0:
        reason = f"requirements.txt could not be installed: {last_meaningful(tail)}"
        raise LauncherError(ExitCode.REQUIREMENTS, reason)


def _copy_output(output: IO[bytes], tail: deque[str]) -> None:
    with output:
        for line in output:
            with contextlib.suppress(OSError):  # whoever reads the log may be gone
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()
            tail.append(line.decode(errors="replace"))


def last_meaningful(lines: "deque[str] | list[str]") -> str:
    """What went wrong, out of the last lines of pip or uv: their own word for it if there is one."""
    texts = [text for text in (one_line(line).lstrip("╰─▶│×├ ") for line in lines) if text]
    errors = [number for number, text in enumerate(texts) if text.lower().startswith(("error", "because"))]
    if not errors:
        return (texts or ["the installer said nothing"])[-1][:_LONGEST_REASON]
    error, *rest = texts[errors[-1] :]
    causes = [text.removeprefix("cause:").strip() for text in rest if text.startswith("cause:")]
    return ": ".join([error, *causes[-1:]])[:_LONGEST_REASON]
