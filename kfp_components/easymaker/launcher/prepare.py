"""Everything that must be there before the entry point can start."""

import errno
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kfp_components.easymaker.launcher.child import ChildCommand
from kfp_components.easymaker.launcher.command import entry_point_command
from kfp_components.easymaker.launcher.environment import user_environment
from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.interruption import Interruption
from kfp_components.easymaker.launcher.messages import say
from kfp_components.easymaker.launcher.requirements import install_requirements
from kfp_components.easymaker.launcher.spec import LauncherSpec
from kfp_components.easymaker.launcher.storage import Storage
from kfp_components.easymaker.launcher.work_directory import claim_tensorboard, start_afresh
from kfp_components.easymaker.launcher.work_paths import WorkPaths


@dataclass(frozen=True)
class Run:
    """What every step of a run works with."""

    spec: LauncherSpec
    paths: WorkPaths
    environ: Mapping[str, str]
    interruption: Interruption


def prepare(run: Run, storage: Storage) -> ChildCommand:
    """Download, check, install; the command that is ready to start. Raises LauncherError or Interrupted."""
    try:
        start_afresh(run.paths)
        if run.spec.tensorboard_dir is not None and run.spec.node_rank == 0:
            claim_tensorboard(run.paths.tensorboard, run.spec.id)
        _fetch(run, storage, "the algorithm", run.spec.source_dir_uri, run.paths.source)
        # Before the data sets: a mistyped name should not cost a download of many gigabytes.
        entry_point = find_entry_point(run.paths.source, run.spec.entry_point)
        _fetch_inputs(run, storage)
        python = install_requirements(run.spec, run.paths, run.environ, run.interruption)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LauncherError(ExitCode.WORK_DIR, "The data storage is full.") from error
        raise LauncherError(ExitCode.WORK_DIR, f"The data storage cannot be used: {error}.") from error
    environment = user_environment(run.spec, run.paths, python, run.environ)
    for warning in environment.warnings:
        say(f"warning: {warning}")
    argv = entry_point_command(run.spec, python, entry_point, executable=_make_executable(entry_point))
    return ChildCommand(argv, environment.variables, run.paths.source, run.spec.stop_grace_seconds)


def find_entry_point(source: Path, name: str) -> Path:
    """The file itself; a link that leads out of the source is as wrong as ``..`` in the name."""
    resolved = (source / name).resolve()
    if not resolved.is_relative_to(source.resolve()):
        reason = f"The entry point {name!r} lies outside the algorithm path."
        raise LauncherError(ExitCode.ENTRY_POINT_INVALID, reason)
    if not resolved.is_file():
        reason = f"The entry point {name!r} does not exist in the algorithm path."
        raise LauncherError(ExitCode.ENTRY_POINT_INVALID, reason)
    return source / name


def _make_executable(file: Path) -> bool:
    """Whether the system can start the file by itself. Storage keeps no permissions, so its first bytes have to say."""
    with file.open("rb") as content:
        start = content.read(4)
    if not start.startswith((b"#!", b"\x7fELF")):
        return False
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return True


def _fetch_inputs(run: Run, storage: Storage) -> None:
    if run.spec.checkpoint_input_uri:
        _fetch(run, storage, "the input checkpoint", run.spec.checkpoint_input_uri, run.paths.checkpoint_input)
    for name, uri in run.spec.datasets:
        _fetch(run, storage, f"the data set {name!r}", uri, run.paths.dataset(name))


def _fetch(run: Run, storage: Storage, what: str, uri: str, destination: Path) -> None:
    run.interruption.call(lambda: storage.fetch(what, uri, destination))
