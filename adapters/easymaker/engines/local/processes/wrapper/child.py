"""Starts the job itself: fork, put every limit in force on the way, exec."""

# No pathlib: it would double the wrapper's start time.
# ruff: noqa: PTH123
from __future__ import annotations

import ctypes
import os
import resource
import signal

from .cgroup import Cgroup

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# All of them: a shell that started the adapter in the background has left some ignored.
_RESET_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
# Under pressure the kernel should rather end a job than the adapter or its database.
_OOM_SCORE = "300"

_libc = ctypes.CDLL(None, use_errno=True)


class CannotStartError(Exception):
    """The job's program could not be executed; the message is fit for its owner."""


def become_subreaper() -> None:
    """Have orphans below us re-parented to us instead of to init, so that none gets lost."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def launch(plan: dict, output: int, cgroup: Cgroup | None, umask: int) -> int:
    """Start the program of ``plan`` and return its pid, once it really runs; raises CannotStartError."""
    error_source, error_sink = os.pipe2(os.O_CLOEXEC)
    wrapper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(plan, output, cgroup, umask, wrapper)
        except BaseException as error:  # nothing may escape into the wrapper's code in the child
            os.write(error_sink, _sentence(plan, error).encode("utf-8", "replace"))
        finally:
            os._exit(127)
    os.close(error_sink)
    with os.fdopen(error_source, "rb") as source:
        message = source.read().decode("utf-8", "replace")
    if message:
        os.waitpid(pid, 0)
        raise CannotStartError(message)
    return pid


def _sentence(plan: dict, error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{plan['argv'][0]} could not be started: {error.strerror}" + (
            f" ({error.filename})" if error.filename else ""
        )
    return f"{plan['argv'][0]} could not be started: {error}"


def _become(plan: dict, output: int, cgroup: Cgroup | None, umask: int, wrapper: int) -> None:
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != wrapper:
        os._exit(127)  # the wrapper died before the line above took effect
    if cgroup is not None:
        cgroup.join()
    environment = dict(plan["env"])
    _restrict(plan["limits"], environment)
    _set_oom_score()
    os.umask(umask)
    signal.set_wakeup_fd(-1)
    for number in _RESET_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir(plan["cwd"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execvpe(plan["argv"][0], plan["argv"], environment)  # noqa: S606 (this is the job)


def _restrict(limits: dict, environment: dict) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    file_bytes = limits.get("file_bytes") or limits.get("disk_bytes")
    if file_bytes:
        _lower(resource.RLIMIT_FSIZE, file_bytes)
    cpus = limits.get("cpus")
    if cpus:
        available = sorted(os.sched_getaffinity(0))
        if cpus < len(available):
            # Begin somewhere else for every job, or all the small ones would share the first CPU.
            first = os.getpid() % len(available)
            os.sched_setaffinity(0, {available[(first + i) % len(available)] for i in range(cpus)})
        environment.setdefault("OMP_NUM_THREADS", str(min(cpus, len(available))))


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _set_oom_score() -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(_OOM_SCORE)
    except OSError:
        return  # a preference only, and some containers forbid it
