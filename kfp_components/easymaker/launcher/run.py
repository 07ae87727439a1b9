"""A run from its spec to its exit code: prepare, run the entry point, upload, say how it ended."""

import os
import signal
import traceback
from dataclasses import dataclass

from kfp_components.easymaker.launcher.arguments import applied, parse_arguments
from kfp_components.easymaker.launcher.child import ChildCommand, ChildEnd, adopt_orphans, run_child
from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.interruption import Interrupted, Interruption
from kfp_components.easymaker.launcher.messages import duration, say, say_last
from kfp_components.easymaker.launcher.metrics_log import copied_output
from kfp_components.easymaker.launcher.prepare import Run, prepare
from kfp_components.easymaker.launcher.results import upload_results
from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError
from kfp_components.easymaker.launcher.status import StatusFile
from kfp_components.easymaker.launcher.storage import Storage
from kfp_components.easymaker.launcher.work_directory import WorkDirectoryBusy, discard, held
from kfp_components.easymaker.launcher.work_paths import WorkPaths

_HINTS = {
    int(signal.SIGKILL): ", which often means that memory ran out",
    int(signal.SIGXFSZ): ", which means that a file grew over the limit of the data storage",
}


@dataclass(frozen=True)
class Outcome:
    code: ExitCode
    reason: str


def main(arguments: list[str]) -> int:
    """Carry out the spec in the file named; the process's exit code."""
    try:
        spec = _read_spec(arguments)
    except (SpecError, OSError, UnicodeDecodeError) as error:
        say_last(f"The launcher's spec cannot be used: {error}")
        return ExitCode.BAD_SPEC
    run = Run(spec, WorkPaths.of(spec), os.environ.copy(), Interruption())
    if spec.timeout_seconds is not None:
        run.interruption.start_time_limit(spec.timeout_seconds)
    with copied_output(spec):
        outcome = _run_and_record(run, StatusFile(spec.status_path))
    say_last(outcome.reason)
    return outcome.code


def _read_spec(arguments: list[str]) -> LauncherSpec:
    given = parse_arguments(arguments)
    spec = applied(given, LauncherSpec.from_json(given.spec.read_text(encoding="utf-8")))
    if not spec.status_path.parent.is_dir():
        raise SpecError(f"status_path: there is no directory {spec.status_path.parent}")
    return spec


def _run_and_record(run: Run, status: StatusFile) -> Outcome:
    """No failure leaves the status file without a last word, but for a file that is another launcher's."""
    try:
        with held(run.paths):
            outcome = _guarded(run, status)
            status.finish(outcome.code, outcome.reason)
            discard(run.paths.inputs)
    except WorkDirectoryBusy as failure:
        return Outcome(failure.code, failure.reason)
    except LauncherError as failure:
        outcome = Outcome(failure.code, failure.reason)
        status.finish(outcome.code, outcome.reason)
    return outcome


def _guarded(run: Run, status: StatusFile) -> Outcome:
    try:
        return _carry_out(run, status)
    except LauncherError as failure:
        return Outcome(failure.code, failure.reason)
    except Interrupted:
        return _interrupted(run)
    except Exception as error:
        traceback.print_exc()
        return Outcome(ExitCode.INTERNAL, f"The launcher itself failed: {type(error).__name__}: {error}")


def _carry_out(run: Run, status: StatusFile) -> Outcome:
    status.enter("PREPARING")
    adopt_orphans()
    storage = Storage(run.environ)
    command = prepare(run, storage)
    run.interruption.check()
    status.enter("RUNNING")
    outcome = _run_entry_point(run, command, status)
    run.interruption.end_time_limit()
    status.enter("UPLOADING")
    failures = upload_results(run, storage, succeeded=outcome.code is ExitCode.SUCCESS)
    if failures and outcome.code is ExitCode.SUCCESS:
        return Outcome(ExitCode.UPLOAD, failures[0].reason)
    return outcome


def _run_entry_point(run: Run, command: ChildCommand, status: StatusFile) -> Outcome:
    say(f"starting {run.spec.entry_point}")
    try:
        end = run_child(command, run.interruption)
    except OSError as error:
        reason = f"The entry point {run.spec.entry_point!r} could not be started: {error.strerror}."
        return Outcome(ExitCode.ENTRY_POINT_INVALID, reason)
    status.entry_point_ended(end.returncode)
    if end.interrupted:
        return _interrupted(run)
    return judge(end)


def judge(end: ChildEnd) -> Outcome:
    """How an entry point that ended by itself did."""
    if end.returncode == 0:
        return Outcome(ExitCode.SUCCESS, "The training ended well.")
    say(f"exit code : {end.returncode} (pid: {end.pid})")
    if end.returncode > 0:
        by_signal = _signal_name(end.returncode - 128) if end.returncode > 128 else None
        within = f" (a process within it was ended by {by_signal})" if by_signal else ""
        return Outcome(ExitCode.ENTRY_POINT_FAILED, f"The entry point ended with exit code {end.returncode}{within}.")
    name = _signal_name(-end.returncode) or "an unknown signal"
    hint = _HINTS.get(-end.returncode, "")
    reason = f"The entry point was ended by signal {-end.returncode} ({name}){hint}: "
    return Outcome(ExitCode.ENTRY_POINT_FAILED, f"{reason}exit code : {end.returncode} (pid: {end.pid})")


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _interrupted(run: Run) -> Outcome:
    if run.interruption.reason is ExitCode.TIME_LIMIT:
        limit = duration(run.spec.timeout_seconds or 0)
        return Outcome(ExitCode.TIME_LIMIT, f"The training ran longer than its time limit of {limit} and was ended.")
    return Outcome(ExitCode.STOPPED, "The training was stopped on request.")
