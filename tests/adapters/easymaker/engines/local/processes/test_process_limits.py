"""Limits: what exceeds them ends, and is told why."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import Limits, Phase, ProcessRunner, enforcement
from adapters.easymaker.errors import TemporaryEngineError

MIB = 1024 * 1024


@pytest.fixture(params=[True, False], ids=["cgroup", "sampling"])
def jobs_with_memory_limit(request, jobs, tmp_path):
    """Both ways; where no cgroup may be created, both are sampling."""
    jobs.runner = ProcessRunner(tmp_path / "processes", use_cgroups=request.param)
    return jobs


def test_a_memory_hog_is_killed_with_the_limit_as_its_reason(jobs_with_memory_limit):
    code = "x = []\nwhile True: x.append(bytearray(4 * 1024 * 1024))"
    state = jobs_with_memory_limit.run(jobs_with_memory_limit.python(code, limits=Limits(memory_bytes=128 * MIB)))
    assert (state.cause, state.reason) == ("memory", "memory limit of 128 MiB exceeded")
    assert state.exit_code != 0


def test_the_memory_of_all_processes_of_a_job_counts(jobs_with_memory_limit):
    """Each of the three is below the limit, together they are not."""
    code = (
        "import os, time\nfor _ in range(2):\n  if os.fork() == 0: break\n"
        "x = bytearray(os.urandom(1024)) * (60 * 1024)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    state = jobs_with_memory_limit.run(jobs_with_memory_limit.python(code, limits=Limits(memory_bytes=128 * MIB)))
    assert state.cause == "memory"


def test_a_job_below_its_memory_limit_is_left_alone(jobs_with_memory_limit):
    """Memory that forked workers share counts once."""
    code = (
        "import os, time\nx = bytearray(os.urandom(1024)) * (60 * 1024)\n"
        "pids = [os.fork() for _ in range(1)]\ntime.sleep(0.7)\nos._exit(0) if 0 in pids else os.wait()"
    )
    state = jobs_with_memory_limit.run(jobs_with_memory_limit.python(code, limits=Limits(memory_bytes=128 * MIB)))
    assert (state.cause, state.exit_code) == ("exited", 0), state


def test_a_job_that_fills_its_disk_quota_with_many_files_ends(jobs, work):
    code = "i = 0\nwhile True:\n  open(f'f{i}', 'wb').write(b'x' * 1024 * 1024)\n  i += 1"
    limits = Limits(disk_bytes=40 * MIB, disk_path=work)
    state = jobs.run(jobs.python(code, limits=limits))
    assert (state.cause, state.reason) == ("disk", "disk limit of 40 MiB exceeded")


@pytest.mark.parametrize("program", ["python", "dd"])
def test_a_job_that_fills_its_disk_quota_with_one_file_ends_at_the_limit(jobs, work, program):
    """However fast it writes: the kernel stops the file, and the reason is still the disk."""
    limits = Limits(disk_bytes=20 * MIB, disk_path=work)
    if program == "python":
        spec = jobs.python("f = open('f', 'wb')\nwhile True: f.write(b'x' * 1024 * 1024)", limits=limits)
    else:
        spec = jobs.shell("exec dd if=/dev/zero of=f bs=1M 2>/dev/null", limits=limits)
    state = jobs.run(spec)
    assert (state.cause, state.reason) == ("disk", "disk limit of 20 MiB exceeded")
    assert (work / "f").stat().st_size <= 20 * MIB


def test_a_failure_for_another_reason_is_not_blamed_on_the_disk(jobs, work):
    (work / "f").write_bytes(b"x" * MIB)
    state = jobs.run(jobs.shell("exit 3", limits=Limits(disk_bytes=20 * MIB, disk_path=work)))
    assert (state.cause, state.exit_code) == ("exited", 3)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB for the process directories."""
    root = tmp_path / "processes"
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", root], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small file system")
    yield root
    subprocess.run(["umount", "--lazy", root], check=True)


def test_a_job_that_ends_while_the_disk_is_full_is_not_lost(small_disk, jobs, runner):
    """Its outcome is written down as soon as there is room."""
    filler = small_disk / "filler"
    runner.start("job", jobs.shell(f"cat /dev/zero > {filler}; echo done > done; exit 3"))
    jobs.wait_for((jobs.directory / "done").exists, "the job to have filled the disk")
    jobs.wait_for(lambda: not jobs.alive(runner.observe("job").pid or 0), "the end of the job itself")
    assert runner.observe("job").phase == Phase.RUNNING
    filler.unlink()
    assert jobs.end_of("job").exit_code == 3


def test_a_full_disk_at_the_start_is_a_temporary_error_and_then_it_runs_once(small_disk, jobs, runner):
    filler = small_disk / "filler"
    subprocess.run(["/bin/sh", "-c", f"cat /dev/zero > {filler}"], capture_output=True)
    spec = jobs.shell("echo run >> runs")
    with pytest.raises(TemporaryEngineError, match="No space left on device"):
        runner.start("job", spec)
    filler.unlink()
    jobs.run(spec)
    assert (jobs.directory / "runs").read_text() == "run\n"


def test_a_job_that_runs_too_long_is_told_to_end(jobs):
    name, seconds = jobs.run_over_its_time("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    state = jobs.runner.observe(name)
    assert (state.cause, state.reason) == ("timeout", f"ran longer than {seconds:g} s")
    assert jobs.log(name).endswith(b"saved\n")


def test_a_job_that_runs_too_long_and_does_not_listen_is_killed(jobs):
    name, seconds = jobs.run_over_its_time("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace_seconds=0.3)
    state = jobs.runner.observe(name)
    assert (state.cause, state.signal) == ("timeout", signal.SIGKILL)
    assert state.reason == f"ran longer than {seconds:g} s; it ignored SIGTERM for 0.3 s and was killed"


def test_cpus_are_an_affinity_and_a_default_for_thread_pools(jobs):
    code = "import os; print(len(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    jobs.run(jobs.python(code, limits=Limits(cpus=1)), "one")
    assert jobs.log("one") == b"1 1\n"
    jobs.run(jobs.python(code, limits=Limits(cpus=4096)), "all")
    available = len(os.sched_getaffinity(0))
    assert jobs.log("all") == f"{available} {available}\n".encode()


def test_a_crash_leaves_no_core_file(jobs):
    jobs.run(jobs.python("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"))
    assert jobs.log() == b"(0, 0)\n"


def test_the_cgroup_of_a_job_goes_with_it(jobs, runner):
    jobs.run(jobs.shell("exit 0", limits=Limits(memory_bytes=64 * MIB)))
    place = json.loads((runner.directory("job") / "started").read_text())["cgroup"]
    if place is None:
        pytest.skip("this user may not create a cgroup here")
    assert not Path(place["path"]).exists()


def test_what_is_in_force_is_told_for_every_limit():
    told = enforcement()
    assert set(told) == {"cpu", "memory", "disk", "time", "sandbox"}
    assert told["memory"].startswith(("cgroup v", "sampling"))
    assert told["sandbox"] == "bubblewrap" or told["sandbox"].startswith("none (")
