"""What a run looks like from outside: outcomes, output, environment, idempotent calls."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import Limits, Phase, ProcessSpec
from adapters.easymaker.engines.local.processes.wrapper import process_tree


def test_a_job_that_ends_well_is_told_with_its_times(jobs):
    before = time.time()
    state = jobs.run(jobs.shell("echo out; echo err >&2"))
    assert (state.phase, state.exit_code, state.cause, state.reason) == (Phase.EXITED, 0, "exited", "exit code 0")
    assert state.succeeded
    assert before - 1 < state.started_at <= state.finished_at <= time.time()
    assert jobs.log() == b"out\nerr\n"


def test_exit_code_3_is_told(jobs):
    state = jobs.run(jobs.shell("exit 3"))
    assert (state.exit_code, state.signal, state.reason, state.succeeded) == (3, None, "exit code 3", False)


def test_a_job_that_a_signal_ended_is_told_apart(jobs):
    state = jobs.run(jobs.shell("kill -SEGV $$"))
    assert (state.exit_code, state.signal, state.cause) == (None, 11, "signalled")
    assert state.reason == "killed by SIGSEGV (signal 11)"


@pytest.mark.parametrize(
    ("argv", "cwd", "reason"),
    [
        (("/no/such/program",), None, "/no/such/program could not be started: No such file or directory"),
        (("/etc/passwd",), None, "/etc/passwd could not be started: Permission denied"),
        (("/bin/true",), "/no/such/directory", "/bin/true could not be started: No such file or directory"),
    ],
)
def test_a_program_that_cannot_be_started_ends_with_a_sentence(jobs, work, argv, cwd, reason):
    state = jobs.run(ProcessSpec(argv, {}, Path(cwd) if cwd else work))
    assert (state.phase, state.cause, state.exit_code) == (Phase.EXITED, "unstartable", None)
    assert state.reason.startswith(reason)


def test_an_unknown_name_is_missing_and_every_call_on_it_is_harmless(runner):
    assert runner.observe("nobody").phase == Phase.MISSING
    runner.stop("nobody")
    assert runner.remove("nobody")
    assert runner.names() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".removed-x", "a\0b", "a\n", "x" * 121])
def test_names_cannot_leave_the_root(runner, name):
    with pytest.raises(ValueError, match="no process name"):
        runner.directory(name)


def test_starting_again_does_not_run_again_even_after_the_end(jobs, runner, work):
    spec = jobs.shell("echo run >> runs")
    for _ in range(3):
        jobs.run(spec)
    assert (work / "runs").read_text() == "run\n"


def test_after_start_a_process_is_never_missing(jobs, runner):
    for number in range(10):
        runner.start(f"job-{number}", jobs.shell("sleep 60"))
        assert runner.observe(f"job-{number}").phase in (Phase.STARTING, Phase.RUNNING)
    assert len(runner.names()) == 10


def test_binary_output_reaches_the_log_unchanged(jobs):
    jobs.run(jobs.python("import sys; sys.stdout.buffer.write(bytes(range(256)) * 4000)"))
    assert jobs.log() == bytes(range(256)) * 4000


def test_the_log_is_capped_without_ending_or_blocking_the_job(jobs):
    code = "import sys\nfor _ in range(2000): sys.stdout.write('x' * 9999 + '\\n')\nsys.exit(7)"
    state = jobs.run(jobs.python(code, limits=Limits(log_bytes=100_000)))
    assert state.exit_code == 7
    notice = b"\n[the log reached its limit of 100000 bytes; later output is dropped]\n"
    assert jobs.log().endswith(notice)
    assert len(jobs.log()) == 100_000 + len(notice)


def test_the_last_words_of_a_job_are_not_lost(jobs):
    """Output that is still in the pipe when the process ends belongs to the log."""
    for number in range(10):
        jobs.run(jobs.shell("head -c 60000 /dev/zero; printf end"), f"job-{number}")
        assert jobs.log(f"job-{number}") == b"\0" * 60000 + b"end"


def test_a_job_gets_its_own_environment_and_nothing_of_the_adapter(jobs, monkeypatch):
    monkeypatch.setenv("EASYMAKER_CANARY", "adapter-secret")
    spec = ProcessSpec(("/usr/bin/env",), {"MINE": "väl=ue\n2"}, jobs.directory)
    jobs.run(spec)
    log = jobs.log().decode()
    assert "MINE=väl=ue\n2\n" in log
    assert "canary" not in log.lower()
    names = {line.partition("=")[0] for line in log.splitlines()} - {"2"}
    assert names == {"MINE", "EASYMAKER_PROCESS"}


def test_the_wrapper_inherits_no_secret_and_no_descriptor(jobs, runner, monkeypatch, work):
    monkeypatch.setenv("EASYMAKER_CANARY", "adapter-secret")
    with (work / "open").open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    pid = jobs.wrapper_pid()
    assert b"adapter-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    assert str(work / "open") not in held
    own = {str(link.readlink()) for link in Path(f"/proc/{runner.observe('job').pid}/fd").iterdir()}
    assert len(own) == 2, own  # /dev/null and the pipe, once as stdout and once as stderr


def test_the_environment_on_disk_is_for_the_owner_only(jobs, runner):
    runner.start("job", ProcessSpec(("/bin/true",), {"SECRET": "canary"}, jobs.directory))
    jobs.end_of("job")
    directory = runner.directory("job")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for file in directory.iterdir():
        if b"canary" in file.read_bytes():
            assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("spec.json", 0o600)


def test_everything_that_the_main_process_leaves_behind_ends_with_it(jobs, work):
    """A server that a job forgot in the background would hold its port and its memory for ever."""
    script = "sleep 300 & echo $! > a; setsid sleep 300 & setsid sh -c 'sleep 300 & echo $! > b; sleep 300' & "
    state = jobs.run(jobs.shell(script + "while ! [ -s b ]; do :; done; exit 4"))
    assert state.exit_code == 4
    assert not any(jobs.alive(int((work / name).read_text())) for name in "ab")


def test_restart_runs_again_and_keeps_the_old_log(jobs, runner, work):
    spec = jobs.shell("echo run $(cat runs | wc -l); echo x >> runs; exit 5")
    (work / "runs").touch()
    runner.restart("job", spec)
    assert jobs.end_of("job").exit_code == 5
    runner.restart("job", spec)
    jobs.end_of("job")
    assert jobs.log() == b"run 1\n"
    assert (runner.directory("job") / "log.1").read_bytes() == b"run 0\n"
    assert (work / "runs").read_text() == "x\nx\n"


def test_restart_right_after_the_end_is_never_swallowed(jobs, runner, work):
    """The wrapper lives a moment longer than the record that its job is over."""
    spec = jobs.shell("echo x >> runs")
    for _ in range(20):
        runner.restart("job", spec)
        while not runner.observe("job").over:
            pass
    assert (work / "runs").read_text() == "x\n" * 20


def test_restart_leaves_a_living_process_alone(jobs, runner, work):
    spec = jobs.shell("echo x >> runs; echo ready; sleep 60")
    runner.start("job", spec)
    jobs.started_up()
    pid = runner.observe("job").pid
    runner.restart("job", spec)
    assert runner.observe("job").pid == pid
    assert (work / "runs").read_text() == "x\n"


def test_restart_forgets_an_old_stop_request(jobs, runner):
    runner.start("job", jobs.shell("sleep 60"))
    runner.stop("job")
    assert jobs.end_of("job").cause == "stopped"
    runner.restart("job", jobs.shell("exit 6"))
    assert jobs.end_of("job").exit_code == 6


def test_no_zombie_stays_below_the_adapter(jobs, runner):
    runner.start("job", jobs.shell("sleep 60"))
    assert jobs.wrapper_pid() not in process_tree.descendants(os.getpid())


def test_the_wrapper_imports_nothing_of_the_package(jobs, runner):
    """It must start fast, and go on whatever happens to the package's files."""
    runner.start("job", jobs.shell("echo ready; sleep 60"))
    jobs.started_up()
    mapped = Path(f"/proc/{jobs.wrapper_pid()}/maps").read_text()
    assert "site-packages" not in mapped
    assert sys.executable in Path(f"/proc/{jobs.wrapper_pid()}/cmdline").read_text()


def test_a_job_keeps_the_adapters_umask_and_no_signal_is_ignored(jobs):
    """The wrapper's own settings must not leak into the job."""
    umask = os.umask(0o027)
    quit_before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        jobs.run(jobs.shell("umask; grep -E 'Sig(Blk|Ign)' /proc/self/status"))
    finally:
        os.umask(umask)
        signal.signal(signal.SIGQUIT, quit_before)
    words = jobs.log().decode().split()
    assert words[:4] == ["0027", "SigBlk:", "0" * 16, "SigIgn:"]
    # 32 and 33 are the C library's own and cannot be set.
    assert int(words[4], 16) & ~(0b11 << 31) == 0
