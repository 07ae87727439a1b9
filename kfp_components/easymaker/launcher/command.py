"""The argument list that starts the entry point. Pure, and never a shell string."""

from pathlib import Path

from kfp_components.easymaker.launcher.distributed import split_address
from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.spec import LauncherSpec


def entry_point_command(spec: LauncherSpec, python: Path, entry_point: Path, *, executable: bool) -> list[str]:
    """``entry_point`` is absolute, so a file named ``-c.py`` is never taken for an option."""
    return [*_starter(spec, python, entry_point, executable), str(entry_point), *hyperparameter_arguments(spec)]


def hyperparameter_arguments(spec: LauncherSpec) -> list[str]:
    return [argument for key, value in spec.hyperparameters for argument in (f"--{key}", value)]


def _starter(spec: LauncherSpec, python: Path, entry_point: Path, executable: bool) -> list[str]:
    suffix = entry_point.suffix.lower()
    if spec.use_torchrun:
        if suffix != ".py":
            raise _unfit(spec, "torchrun runs Python files (.py) only")
        return [str(python), "-m", "torch.distributed.run", *_torchrun_options(spec)]
    if suffix == ".py":
        return [str(python)]
    if suffix == ".sh":
        return ["bash"]
    if executable:
        return []
    raise _unfit(spec, "it must be a Python file (.py), a shell script (.sh) or a program (#! or ELF)")


def _torchrun_options(spec: LauncherSpec) -> list[str]:
    nodes = ["--nnodes", str(spec.instance_count), "--nproc-per-node", str(spec.nproc_per_node)]
    if spec.instance_count == 1:
        # Its own rendezvous on a free port; the address spares a look-up of the host's name, which need not resolve.
        return ["--standalone", "--local-addr", "127.0.0.1", *nodes]
    host, port = split_address(spec.node_addresses[0])
    return [*nodes, "--node-rank", str(spec.node_rank), "--master-addr", host, "--master-port", str(port)]


def _unfit(spec: LauncherSpec, sentence: str) -> LauncherError:
    return LauncherError(ExitCode.ENTRY_POINT_INVALID, f"The entry point {spec.entry_point!r} cannot run: {sentence}.")
