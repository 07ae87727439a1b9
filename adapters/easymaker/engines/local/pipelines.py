"""Pipelines on one machine: a pipeline is its record, once it is known that this engine can run it."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.pipelines import PipelineReports, document_text
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Goal, Record
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.support import unsupported

CHECK = "adapters.easymaker.pipelines.kfp_check"
# Far above what the largest document needs: kfp itself takes 2 CPU seconds and 300 MB of addresses.
CHECK_SECONDS = 120.0
CPU_SECONDS = 60
MEMORY_BYTES = 4 * 1024**3
PROBLEMS_SHOWN = 2_000
WATCH_SECONDS = 0.2


class PipelineDriver(PipelineReports):
    def __init__(self, tools: Tools) -> None:
        self._checked = tools.home.root / "pipeline-checks"
        self._background = tools.background

    def observe(self, family: Family) -> Observation:
        record = family.record
        if self._marker(record).exists():
            return Observation(Phase.RUNNING if record.goal is Goal.PRESENT else Phase.STOPPED)
        if record.goal is Goal.PRESENT and self._background.working(_key(record)):
            return Observation(Phase.PENDING, "the pipeline is being checked", recheck=WATCH_SECONDS)
        return Observation(Phase.MISSING)

    def start(self, family: Family) -> None:
        record = family.record
        if not self._marker(record).exists():
            self._background.ensure(_key(record), lambda: self._check(record))

    def stop(self, family: Family) -> None:
        """Nothing runs."""

    def remove(self, family: Family) -> bool:
        self._background.forget(_key(family.record))
        self._marker(family.record).unlink(missing_ok=True)
        return True

    def _marker(self, record: Record) -> Path:
        return self._checked / record.id

    def _check(self, record: Record) -> None:
        pipeline = stored(record.spec)
        problems = _unsupported(pipeline) or _kfp_problems(pipeline)
        if problems:
            raise PermanentEngineError("; ".join(problems)[:PROBLEMS_SHOWN])
        self._checked.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._marker(record).touch()


def _key(record: Record) -> str:
    return f"pipeline:{record.id}"


def _unsupported(pipeline: Pipeline) -> list[str]:
    try:
        return unsupported(pipeline)
    except InvalidPipeline as error:
        return list(error.problems)


def _kfp_problems(pipeline: Pipeline) -> list[str]:
    """What kfp has against it, found by a process of its own: that one may take memory, time, and the blame."""
    try:
        with subprocess.Popen(
            [sys.executable, "-P", "-m", CHECK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        ) as process:
            # Before it is given anything to read.
            _limit(process.pid)
            said, complained = _talk(process, document_text(pipeline).encode())
    except OSError as error:
        raise TemporaryEngineError(f"the pipeline could not be checked: {error.strerror}", retry_after=2.0) from error
    if process.returncode in (0, 1):
        try:
            return list(map(str, json.loads(said)))
        except ValueError:
            pass
    if process.returncode < 0:
        raise PermanentEngineError(f"the pipeline is too large: its check was ended by signal {-process.returncode}")
    last = complained.decode("utf-8", "replace").strip().rpartition("\n")[2]
    raise TemporaryEngineError(f"the pipeline could not be checked: {last[:500]}", retry_after=5.0)


def _talk(process: "subprocess.Popen[bytes]", document: bytes) -> tuple[bytes, bytes]:
    try:
        return process.communicate(document, timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise PermanentEngineError(f"the pipeline could not be checked within {CHECK_SECONDS:.0f} seconds") from None
    except BaseException:
        process.kill()
        raise


def _limit(pid: int) -> None:
    try:
        resource.prlimit(pid, resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except ProcessLookupError:
        return


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"} | kept
