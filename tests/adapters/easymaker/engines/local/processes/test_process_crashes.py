"""At most one run per name and no orphan, whoever dies when: adapter, wrapper, or both."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import Phase, ProcessRunner


def test_eight_adapters_that_start_the_same_job_at_once_run_it_once(jobs, runner, adapter, work):
    code = (
        "import time\nwhile not Path('go').exists(): time.sleep(0.001)\nrunner.start('job', spec('echo run >> runs'))"
    )
    adapters = [adapter(f"os.chdir({str(work)!r})\n{code}") for _ in range(8)]
    (work / "go").touch()
    assert [process.wait() for process in adapters] == [0] * 8
    assert jobs.end_of("job").exit_code == 0
    assert (work / "runs").read_text() == "run\n"


@pytest.mark.parametrize("point", ["process.before_spawn", "process.after_spawn"])
def test_an_adapter_killed_while_it_starts_a_job_is_continued_by_the_next(jobs, runner, adapter, work, point):
    process = adapter("runner.start('job', spec('echo run >> runs; sleep 0.2; exit 3'))", crash_at=point)
    assert process.wait() == -signal.SIGKILL
    runner.start("job", jobs.shell("echo run >> runs; sleep 0.2; exit 3"))
    assert jobs.end_of("job").exit_code == 3
    assert (work / "runs").read_text() == "run\n"


def test_an_adapter_killed_between_the_stop_request_and_its_signal_has_still_stopped_the_job(jobs, runner, adapter):
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    process = adapter("runner.stop('job')", crash_at="process.before_signal")
    assert process.wait() == -signal.SIGKILL
    assert jobs.end_of("job").cause == "stopped"


@pytest.mark.parametrize("point", ["process.before_remove", "process.after_remove"])
def test_an_adapter_killed_while_it_removes_is_continued_by_the_next(jobs, runner, adapter, tmp_path, point):
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    pid = runner.observe("job").pid
    process = adapter("while not runner.remove('job'): pass", crash_at=point)
    assert process.wait() == -signal.SIGKILL
    jobs.gone()
    assert not Path(f"/proc/{pid}").exists()
    assert list((tmp_path / "processes").iterdir()) == []


def test_a_removal_that_was_cut_short_does_not_bring_the_job_back(jobs, runner, tmp_path, work):
    """Half a directory must never look like a process that was not started yet."""
    jobs.run(jobs.shell("echo run >> runs"))
    runner.directory("job").rename(tmp_path / "processes" / ".removed-job")
    assert runner.names() == []
    assert runner.observe("job").phase == Phase.MISSING
    assert runner.remove("job")
    assert list((tmp_path / "processes").iterdir()) == []


def test_a_job_goes_on_when_its_adapter_is_killed(jobs, runner, adapter, work):
    process = adapter(
        "runner.start('job', spec('echo ready; while ! [ -e go ]; do sleep 0.02; done; exit 8'))\nos.pause()"
    )
    jobs.started_up()
    process.kill()
    process.wait()
    (work / "go").touch()
    assert jobs.end_of("job").exit_code == 8


@pytest.mark.parametrize("use_cgroups", [True, False])
def test_a_killed_wrapper_means_lost_and_leaves_no_orphan(jobs, tmp_path, work, use_cgroups):
    """Not even a grandchild in a session of its own."""
    runner = ProcessRunner(tmp_path / "processes", use_cgroups)
    script = "setsid sh -c 'echo $$ > a; setsid sleep 301 & echo $! > b; wait' & echo $$ > c; echo ready; sleep 302"
    runner.start("job", jobs.shell(script))
    jobs.started_up()
    jobs.wait_for(lambda: all((work / name).exists() and (work / name).read_text() for name in "abc"), "three pids")
    pids = [int((work / name).read_text()) for name in "abc"]
    assert all(jobs.alive(pid) for pid in pids)
    os.kill(jobs.wrapper_pid(), signal.SIGKILL)
    state = jobs.end_of("job")
    jobs.wait_for(lambda: runner.observe("job").finished_at is not None, "the record of the loss")
    assert (state.phase, state.cause) == (Phase.LOST, "lost")
    assert runner.observe("job").reason == "its supervisor was killed"
    assert not any(jobs.alive(pid) for pid in pids)
    started = json.loads((runner.directory("job") / "started").read_text())
    assert started["cgroup"] is None or not Path(started["cgroup"]["path"]).exists()


def test_a_lost_job_is_not_started_again_but_can_be_restarted(jobs, runner, work):
    spec = jobs.shell("echo run >> runs; echo ready; sleep 60")
    runner.start("job", spec)
    jobs.started_up()
    os.kill(jobs.wrapper_pid(), signal.SIGKILL)
    assert jobs.end_of("job").phase == Phase.LOST
    runner.start("job", spec)
    assert runner.observe("job").phase == Phase.LOST
    runner.restart("job", jobs.shell("echo run >> runs; exit 4"))
    assert jobs.end_of("job").exit_code == 4
    assert (work / "runs").read_text() == "run\nrun\n"


def test_a_loss_that_is_written_down_late_does_not_end_the_next_run(jobs, runner):
    """Of two observers of one loss the slower one may write after the job was restarted."""
    spec = jobs.shell("echo ready; sleep 60")
    runner.start("job", spec)
    jobs.started_up()
    os.kill(jobs.wrapper_pid(), signal.SIGKILL)
    jobs.wait_for(lambda: runner.observe("job").finished_at is not None, "the record of the loss")
    loss = runner.directory("job") / "lost"
    late = loss.read_bytes()
    runner.restart("job", spec)
    jobs.wait_for(lambda: runner.observe("job").pid is not None, "the second run")
    loss.write_bytes(late)
    second = runner.observe("job")
    assert second.phase == Phase.RUNNING
    runner.restart("job", spec)
    assert runner.observe("job") == second, "a living one is left alone"
    os.kill(jobs.wrapper_pid(), signal.SIGKILL)
    jobs.wait_for(lambda: runner.observe("job").finished_at is not None, "the second loss")
    assert runner.observe("job").started_at == second.started_at


def test_observers_never_see_a_restarted_job_as_lost(jobs, runner, tmp_path):
    """They read several files, and a restart replaces those one by one: many restarts under many looks."""
    spec = jobs.shell("sleep 60")
    runner.start("job", spec)
    seen: set[Phase] = set()
    done = threading.Event()

    def look() -> None:
        observer = ProcessRunner(tmp_path / "processes")
        while not done.is_set():
            seen.add(observer.observe("job").phase)

    observers = [threading.Thread(target=look) for _ in range(3)]
    for observer in observers:
        observer.start()
    try:
        for _ in range(15):
            jobs.wait_for(lambda: runner.observe("job").pid is not None, "the next run")
            os.kill(runner.observe("job").pid, signal.SIGKILL)
            jobs.end_of("job")
            runner.restart("job", spec)
    finally:
        done.set()
        for observer in observers:
            observer.join()
    assert Phase.RUNNING in seen
    assert Phase.LOST not in seen


def test_removing_a_lost_job_that_nobody_observed_ends_its_remains(jobs, runner, work):
    runner.start("job", jobs.shell("setsid sh -c 'echo $$ > a; exec sleep 303' & echo ready; sleep 60"))
    jobs.started_up()
    jobs.wait_for(lambda: (work / "a").exists() and (work / "a").read_text(), "the grandchild")
    os.kill(jobs.wrapper_pid(), signal.SIGKILL)
    jobs.gone()
    assert not jobs.alive(int((work / "a").read_text()))


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(jobs, runner):
    """After a reboot or many processes the recorded pids are other people's."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        jobs.run(jobs.shell("exit 0"))
        directory = runner.directory("job")
        started = json.loads((directory / "started").read_text())
        (directory / "started").write_text(json.dumps(started | {"pid": stranger.pid}))
        (directory / "pid").write_text(str(stranger.pid))
        (directory / "exit").unlink()
        runner.stop("job")
        assert runner.observe("job").phase == Phase.LOST
        assert runner.remove("job")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_run_from_before_a_reboot_is_lost_and_says_so(jobs, runner):
    jobs.run(jobs.shell("exit 0"))
    directory = runner.directory("job")
    started = json.loads((directory / "started").read_text())
    (directory / "started").write_text(json.dumps(started | {"boot_id": "another"}))
    (directory / "exit").unlink()
    state = runner.observe("job")
    assert (state.phase, state.reason) == (Phase.LOST, "the machine was restarted while it ran")


def test_a_killed_restart_loses_no_run_and_makes_no_second_one(jobs, runner, adapter, work):
    spec = "echo run >> runs; exit 3"
    jobs.run(jobs.shell(spec))
    process = adapter(f"runner.restart('job', spec({spec!r}))", crash_at="process.before_spawn")
    assert process.wait() == -signal.SIGKILL
    assert runner.observe("job").phase == Phase.MISSING
    runner.start("job", jobs.shell(spec))
    assert jobs.end_of("job").exit_code == 3
    assert (work / "runs").read_text() == "run\nrun\n"


def test_restarts_by_two_adapters_of_a_job_that_runs_on_make_one_run(jobs, runner, adapter, work):
    jobs.run(jobs.shell("exit 1"))
    code = (
        f"os.chdir({str(work)!r})\nimport time\nwhile not Path('go').exists(): time.sleep(0.001)\n"
        "runner.restart('job', spec('echo run >> runs; echo ready; sleep 60'))"
    )
    adapters = [adapter(code) for _ in range(4)]
    (work / "go").touch()
    assert [process.wait() for process in adapters] == [0] * 4
    jobs.started_up()
    assert (work / "runs").read_text() == "run\n"
    assert runner.observe("job").phase == Phase.RUNNING
