"""The sandbox: what a job sees of the file system, and that it stops and ends like any other."""

import signal
import sys
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import Limits, ProcessSpec, Sandbox
from adapters.easymaker.engines.local.processes.sandbox import arguments, bubblewrap, sandboxed_argv
from adapters.easymaker.engines.local.processes.wrapper import process_tree

needs_bubblewrap = pytest.mark.skipif(
    bubblewrap() is None, reason="bubblewrap is not installed or this user may not run it"
)


def test_without_a_sandbox_the_argv_is_untouched():
    assert sandboxed_argv(None, ("a", "b")) == (("a", "b"), False)


def test_deeper_paths_are_mounted_after_higher_ones(tmp_path):
    """The other way round a writable directory would uncover the secret below it."""
    secret = tmp_path / "home" / "secret"
    secret.mkdir(parents=True)
    words = arguments(Sandbox(writable=(tmp_path / "home",), hidden=(secret, tmp_path)))
    order = [words.index(str(path.resolve())) for path in (tmp_path, tmp_path / "home", secret)]
    assert order == sorted(order)


def test_paths_that_do_not_exist_are_left_out(tmp_path):
    assert str(tmp_path / "nothing") not in arguments(Sandbox(hidden=(tmp_path / "nothing",)))


@pytest.fixture
def boxed(jobs, tmp_path, work):
    """A job that may write to its work directory only, with a secret beside it."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("canary")
    (tmp_path / "readable").write_text("hello")
    sandbox = Sandbox(readable=(tmp_path / "readable",), writable=(work,), hidden=(tmp_path,))

    def spec(script: str, **options: object) -> ProcessSpec:
        return ProcessSpec(("/bin/sh", "-c", script), {"PATH": "/bin:/usr/bin"}, work, sandbox=sandbox, **options)  # type: ignore[arg-type]

    return spec


@needs_bubblewrap
def test_a_boxed_job_sees_no_secret_and_writes_only_where_it_may(jobs, boxed, tmp_path, work):
    state = jobs.run(
        boxed(f"cat {tmp_path}/secrets/token {tmp_path}/readable; touch /etc/x {tmp_path}/readable; echo y > y")
    )
    log = jobs.log().decode()
    assert "canary" not in log
    assert "hello" in log
    assert log.count("Read-only file system") == 2
    assert (work / "y").read_text() == "y\n"
    assert not Path("/etc/x").exists()
    assert state.exit_code == 0


@needs_bubblewrap
def test_a_boxed_job_sees_no_foreign_process(jobs, boxed):
    jobs.run(boxed("ls /proc | grep -c '^[0-9]*$'"))
    assert int(jobs.log()) < 10


@needs_bubblewrap
def test_exit_codes_and_signals_come_through_the_box(jobs, boxed):
    jobs.runner.start("code", boxed("exit 3"))
    jobs.runner.start("signal", boxed("kill -SEGV $$"))
    assert jobs.end_of("code").exit_code == 3
    assert jobs.end_of("signal").signal == signal.SIGSEGV


@needs_bubblewrap
def test_a_boxed_job_gets_its_grace_period(jobs, runner, boxed):
    runner.start("job", boxed("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"))
    jobs.started_up()
    runner.stop("job")
    state = jobs.end_of("job")
    assert (state.cause, state.exit_code) == ("stopped", 0)
    assert jobs.log().endswith(b"saved\n")


@needs_bubblewrap
def test_a_boxed_job_that_ignores_sigterm_is_killed(jobs, runner, boxed):
    runner.start("job", boxed("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace_seconds=0.3))
    jobs.started_up()
    runner.stop("job")
    assert jobs.end_of("job").cause == "stopped"


@needs_bubblewrap
def test_a_boxed_job_that_is_stopped_while_its_box_is_made_ends_at_once(runner, jobs, tmp_path, work):
    """Not after the grace period, which may be minutes: the box's first process does not hear SIGTERM."""
    mounts = [tmp_path / "mounts" / str(number) for number in range(300)]
    for each in mounts:
        each.mkdir(parents=True)
    sandbox = Sandbox(writable=(work, *mounts))
    spec = ProcessSpec(("/bin/sleep", "600"), {"PATH": "/bin:/usr/bin"}, work, sandbox=sandbox, grace_seconds=500.0)

    def being_made(name: str) -> bool:
        pid = runner.observe(name).pid
        inside = process_tree.descendants(pid) if pid is not None else []
        return len(inside) == 1 and process_tree.first_of_namespace(inside[0])

    def boxed(name: str) -> bool:
        pid = runner.observe(name).pid
        return pid is not None and len(process_tree.descendants(pid)) > 1

    for number in range(20):
        name = f"job-{number}"
        runner.start(name, spec)
        jobs.wait_for(lambda name=name: being_made(name) or boxed(name), "the box")
        caught = being_made(name)
        runner.stop(name)
        assert jobs.end_of(name).cause == "stopped"
        if caught:
            return
    pytest.fail("no box was seen while it was made")


@needs_bubblewrap
def test_limits_hold_in_the_box(jobs, runner, work):
    argv = (sys.executable, "-c", "x = []\nwhile True: x.append(bytearray(4 << 20))")
    limits = Limits(memory_bytes=128 << 20)
    state = jobs.run(ProcessSpec(argv, {}, work, limits, sandbox=Sandbox(writable=(work,))))
    assert state.cause == "memory"
