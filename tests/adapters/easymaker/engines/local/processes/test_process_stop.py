"""Stopping and removing: the job ends, with grace where it listens and without where it does not."""

import os
import signal
import time

import pytest

from adapters.easymaker.engines.local.processes import Phase, ProcessRunner


def test_stop_lets_a_job_finish_in_its_own_way(jobs, runner):
    runner.start("job", jobs.shell("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
    jobs.started_up()
    runner.stop("job")
    state = jobs.end_of("job")
    assert (state.cause, state.reason, state.exit_code) == ("stopped", "stopped on request", 9)
    assert jobs.log().endswith(b"bye\n")


def test_stop_does_not_wait_for_the_end(jobs, runner, work):
    """It is called in the reconcile loop; this job ends only when it is let go afterwards."""
    script = "trap 'until [ -e go ]; do sleep 0.05; done; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    runner.start("job", jobs.shell(script, grace_seconds=3600))
    jobs.started_up()
    runner.stop("job")
    assert runner.observe("job").phase == Phase.RUNNING
    (work / "go").touch()
    assert jobs.end_of("job").exit_code == 9


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace_period(jobs, runner):
    runner.start("job", jobs.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace_seconds=0.5))
    jobs.started_up()
    begin = time.monotonic()
    runner.stop("job")
    state = jobs.end_of("job")
    assert time.monotonic() - begin > 0.4, "it has had its grace period"
    assert (state.cause, state.signal) == ("stopped", signal.SIGKILL)
    assert state.reason == "stopped on request; it ignored SIGTERM for 0.5 s and was killed"


def test_stopping_again_does_not_prolong_the_grace_period(jobs, runner):
    runner.start("job", jobs.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace_seconds=1))
    jobs.started_up()

    def over_though_stopped_again() -> bool:
        runner.stop("job")
        return runner.observe("job").over

    jobs.wait_for(over_though_stopped_again, "the end of its one grace period")


def test_stopping_what_is_over_changes_nothing(jobs, runner):
    state = jobs.run(jobs.shell("exit 3"))
    runner.stop("job")
    assert runner.observe("job") == state


def test_a_stop_request_that_came_before_the_wrapper_is_obeyed(jobs, runner, adapter, work):
    """The adapter died between writing the spec and spawning; then somebody stopped the resource."""
    process = adapter("runner.start('job', spec('echo run >> runs'))", crash_at="process.before_spawn")
    assert process.wait() == -signal.SIGKILL
    assert runner.observe("job").phase == Phase.MISSING
    runner.stop("job")
    runner.start("job", jobs.shell("echo run >> runs"))
    state = jobs.end_of("job")
    assert (state.cause, state.reason) == ("stopped", "stopped on request before it started")
    assert not (work / "runs").exists()


def test_a_stopped_shell_job_gets_its_whole_process_group_told(jobs, runner, work):
    """torchrun and others run their workers in the group: each must hear of the stop, not only the first."""
    worker = "trap 'echo told >> told; exit 0' TERM; echo up >> up; while :; do sleep 0.05; done"
    runner.start("job", jobs.shell(f"({worker}) & ({worker}) & trap 'wait; exit 0' TERM; wait"))
    jobs.wait_for(lambda: (work / "up").exists() and (work / "up").read_text() == "up\nup\n", "both workers")
    runner.stop("job")
    assert jobs.end_of("job").cause == "stopped"
    assert (work / "told").read_text() == "told\ntold\n"


def test_a_stopped_process_that_was_suspended_ends_too(jobs, runner):
    runner.start("job", jobs.shell("echo ready; sleep 60", grace_seconds=0.3))
    jobs.started_up()
    os.kill(runner.observe("job").pid, signal.SIGSTOP)
    runner.stop("job")
    assert jobs.end_of("job").cause == "stopped"


def test_remove_ends_a_running_job_at_once_and_leaves_nothing(jobs, runner, tmp_path):
    """Without its grace period, which would outlast this test."""
    runner.start("job", jobs.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace_seconds=3600))
    jobs.started_up()
    pids = [jobs.wrapper_pid(), runner.observe("job").pid]
    jobs.gone()
    jobs.wait_for(lambda: not any(jobs.alive(pid) for pid in pids), "the end of both")
    assert list((tmp_path / "processes").iterdir()) == []
    assert runner.observe("job").phase == Phase.MISSING


def test_remove_of_much_is_spread_over_several_calls(jobs, runner, monkeypatch):
    """It runs in the reconcile loop: a call that has used up its time leaves the rest to the next."""
    from adapters.easymaker.engines.local.processes import runner as module

    jobs.run(jobs.shell("exit 0"))
    big = runner.directory("job") / "big"
    for number in range(20):
        (big / str(number)).mkdir(parents=True)
        for file in range(100):
            (big / str(number) / str(file)).touch()
    trash = runner.directory("job").with_name(".removed-job")
    monkeypatch.setattr(module, "_REMOVE_SECONDS", 0.001)
    calls_that_left_some = 0
    while not runner.remove("job"):
        calls_that_left_some += trash.exists()
    assert calls_that_left_some > 1
    assert runner.names() == []


def test_remove_gets_past_directories_without_permissions(jobs, runner):
    runner.start("job", jobs.shell("exit 0"))
    jobs.end_of("job")
    locked = runner.directory("job") / "locked"
    (locked / "inner").mkdir(parents=True)
    (locked / "inner" / "file").touch()
    locked.chmod(0)
    jobs.gone()


def test_remove_ends_a_wrapper_that_was_suspended(jobs, runner, monkeypatch):
    from adapters.easymaker.engines.local.processes import runner as module

    monkeypatch.setattr(module, "_WRAPPER_GRACE_SECONDS", 0.3)
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    job = runner.observe("job").pid
    os.kill(jobs.wrapper_pid(), signal.SIGSTOP)
    jobs.gone()
    jobs.wait_for(lambda: not jobs.alive(job), "the end of the job")


def test_a_name_can_be_used_again_after_its_removal(jobs, runner, work):
    for _ in range(3):
        jobs.run(jobs.shell("echo run >> runs"))
        jobs.gone()
    assert (work / "runs").read_text() == "run\n" * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_wrapper_itself_never_loses_the_job(jobs, runner, number):
    """A machine that shuts down sends SIGTERM to everybody: the end must still be written down."""
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    os.kill(jobs.wrapper_pid(), number)
    if number == signal.SIGTERM:
        assert jobs.end_of("job").cause == "stopped"
    else:
        assert runner.observe("job").phase == Phase.RUNNING


def test_another_runner_on_the_same_directory_sees_and_stops_the_same_process(jobs, runner, tmp_path):
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    other = ProcessRunner(tmp_path / "processes")
    assert other.names() == ["job"]
    other.stop("job")
    assert jobs.end_of("job").cause == "stopped"
