"""The wrapper from its first line to its last: detach, become the only one, run, write down how it ended."""

from __future__ import annotations

import os
import signal
import time
import traceback

from . import child, process_tree, records
from .cgroup import Cgroup
from .supervise import Supervisor

_READY = b"r"
_RETRY_SECONDS = 0.5


def main(directory: str) -> int:
    """Leave a detached process behind that runs the job.

    Returns 0 as soon as the run is on record (by this wrapper or by an earlier one), so whoever started this program
    can wait for it: it takes a moment, leaves no zombie, and afterwards the run can be observed.
    """
    source, sink = os.pipe2(os.O_CLOEXEC)
    if os.fork():
        os.close(sink)
        return 0 if os.read(source, 1) == _READY else 1
    os.close(source)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        _run_once(directory, sink)
    except BaseException:  # the last place where it can be told
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _run_once(directory: str, ready: int) -> None:
    lock = records.acquire(directory)
    if lock is None or records.exists(directory, records.STARTED):
        os.write(ready, _READY)  # another wrapper runs it, or did; or it is being removed
        return
    plan = records.read_json(directory, records.SPEC)
    if plan is None:
        raise FileNotFoundError(f"{directory}/{records.SPEC}")
    umask = os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not plan["outlived"]:
        child.become_subreaper()
    run = os.urandom(8).hex()
    marker = f"{plan['marker']}.{run}"
    plan["env"][records.MARKER_VARIABLE] = marker
    cgroup = _cgroup(plan, marker)
    # The handlers must be in place before the record below tells the world whom to signal.
    supervisor = Supervisor(directory, plan, cgroup, umask)
    started = {
        "marker": marker,
        "pid": os.getpid(),
        "start_time": process_tree.start_time(os.getpid()),
        "boot_id": records.boot_id(),
        "at": time.time(),
        "cgroup": cgroup and {"path": cgroup.path, "version": cgroup.version},
    }
    records.write_json(directory, records.STARTED, started)
    os.write(ready, _READY)
    os.close(ready)
    outcome = supervisor.run()
    if cgroup is not None:
        cgroup.remove()
    outcome["started_at"], outcome["finished_at"] = started["at"], time.time()
    _write_down(directory, outcome)


def _write_down(directory: str, outcome: dict) -> None:
    """Put the outcome on the disk, however long that is full: a job that filled it must not count as lost."""
    while True:
        try:
            records.write_json(directory, records.EXIT, outcome)
        except OSError:
            if records.read_text(directory, records.STOP) == records.STOP_AT_ONCE or not os.access(directory, os.F_OK):
                return  # it is being removed: nobody will read it
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _cgroup(plan: dict, marker: str) -> Cgroup | None:
    place = plan["cgroup"]
    return place and Cgroup.create(place["parent"], place["version"], f"easymaker-{marker}")
