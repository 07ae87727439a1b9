"""What the engine needs of a run: how its process is started, where its files are, and its state. Imports no kfp.

A run ends for good when its state is final. A process that ended before that, killed or with its machine, is started
again with the same files: finished tasks are not run again. To stop a run, stop its process; one that ended on
request without a final state had not begun yet. Where the file ``interrupted`` is there, a request to stop does not
end the run: it goes on when its process is started again.
"""

import os
import stat
import sys
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.json_files import read_json, write_json
from adapters.easymaker.engines.local.pipeline_run.plan import RunPlan
from adapters.easymaker.engines.local.processes.spec import Limits, ProcessSpec

Json = Any

RUN = "run.json"
STATE = "run-state.json"
JOURNAL = "journal.jsonl"
INTERRUPTED = "interrupted"

FINAL = ("SUCCEEDED", "FAILED", "CANCELED")
# The program's exit code when another process has the run.
IN_USE = 75
# That of one that was interrupted.
GOES_ON = 76

_MODULE = "adapters.easymaker.engines.local.pipeline_run"
# For telling the end, after the last task has ended.
_GRACE = 6.0


def write_plan(plan: RunPlan) -> Path:
    """The run's ``run.json``; its folder is made, for this user alone: the environment may hold secrets."""
    plan.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = plan.directory / RUN
    write_json(path, plan.to_json())
    return path


def process_spec(plan: RunPlan, limits: Limits = Limits()) -> ProcessSpec:
    """How to start or restart the run whose plan is written. ``limits`` are for all its tasks together."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return ProcessSpec(
        argv=(sys.executable, "-P", "-m", _MODULE, str(plan.directory / RUN)),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(plan.directory), "LANG": "C.UTF-8", **kept},
        cwd=plan.directory,
        limits=limits,
        grace_seconds=plan.limits.grace_seconds + _GRACE,
    )


def read_state(directory: Path) -> dict[str, Json] | None:
    """``run-state.json``; None before the run has begun.

    state PENDING RUNNING SUCCEEDED FAILED CANCELED, reason, startedAt, endedAt (seconds), outputs, artifacts, notes,
    nodes: parents first, each with id, graphId (its id in the pipeline's graph), name, displayName, kind, parentId,
    state (also SKIPPED), startedAt, endedAt, attempts, reason, cached, resumed, logFile, inputs, outputs, artifacts
    (output, name, type, uri, metadata, size), truncated (which values are not shown whole), notes.
    """
    try:
        return read_json(directory / STATE, None)
    except ValueError:
        return None  # the machine died while it was written; the program writes it anew


def is_over(state: dict[str, Json] | None) -> bool:
    return state is not None and state["state"] in FINAL


def artifact_path(uri: str, pipeline_root: Path) -> Path | None:
    """The file or folder of an artifact that may be handed out: below the root, no link on the way.

    Addresses come from tasks, which can write there what they like.
    """
    path = Path(os.path.normpath(uri))
    root = Path(os.path.normpath(pipeline_root))
    if "\0" in uri or not path.is_relative_to(root) or path == root:
        return None
    way = root
    for part in path.relative_to(root).parts:
        way /= part
        try:
            mode = way.lstat().st_mode
        except OSError:
            return None
        if not stat.S_ISDIR(mode) and not (stat.S_ISREG(mode) and way == path):
            return None
    return path
