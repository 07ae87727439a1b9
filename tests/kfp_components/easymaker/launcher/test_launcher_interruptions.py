"""Stop requests, time limits and kills: a training ends when it is told to, leaves nothing behind and loses nothing."""

import signal
import socket
from pathlib import Path

import pytest

from tests.kfp_components.easymaker.launcher.conftest import Ended, Training, is_alive, wait_until

# Saves a checkpoint, says "ready <pid>" and goes on for ever.
ENDLESS = """
import os, pathlib, signal, sys, time
pathlib.Path(os.environ["EM_CHECKPOINT_DIR"], "cp").write_text("saved")
pathlib.Path(os.environ["EM_MODEL_DIR"], "model").write_text("unfinished")
def ready(): print("ready", os.getpid(), flush=True)
"""
WELL_BEHAVED = ENDLESS + "signal.signal(15, lambda *_: sys.exit(0))\nready()\nwhile True: time.sleep(60)\n"
DEAF = ENDLESS + "signal.signal(15, signal.SIG_IGN)\nready()\nwhile True: time.sleep(60)\n"
CHECKPOINTS = "nas://vol:/out/checkpoint"
# Time limits in seconds: at the first most machines have begun the entry point, at the last every one.
LIMITS = (2, 10, 50)
# So much that nobody has copied it all before the stop request arrives; the file is one hole, and takes no room.
HUGE = 16 << 30


def stopped(training: Training, number: signal.Signals = signal.SIGTERM, grace: float = 30.0) -> tuple[Ended, int]:
    """A run that gets the signal once its entry point is ready; how it ended, and the entry point's pid."""
    spec = training.spec(checkpoint_upload_uri=CHECKPOINTS, stop_grace_seconds=grace)
    launcher = training.start(spec)
    wait_until(lambda: "ready" in training.output() and training.output().endswith("\n"), "the entry point to be ready")
    assert training.status(spec)["phase"] == "RUNNING"
    launcher.send_signal(number)
    return training.wait(launcher, spec), int(training.output().split()[-1])


def assert_only_checkpoints_were_kept(training: Training) -> None:
    assert (training.nas / "out" / "checkpoint" / "cp").read_text() == "saved"
    assert not training.model.exists(), "an unfinished training has no model"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_ends_the_entry_point_and_keeps_its_checkpoints(
    training: Training, number: signal.Signals
) -> None:
    training.source(WELL_BEHAVED)
    ended, pid = stopped(training, number)
    assert ended.exit_code == 86, "stopped, although the entry point itself returned 0"
    assert ended.last_line == ended.status["reason"] == "The training was stopped on request."
    assert ended.status["result"] == "STOPPED"
    assert not is_alive(pid)
    assert_only_checkpoints_were_kept(training)


def test_an_entry_point_that_ignores_sigterm_is_killed_after_the_grace(training: Training) -> None:
    training.source(DEAF)
    ended, pid = stopped(training, grace=0.5)
    assert ended.exit_code == 86
    assert ended.status["entry_point_exit_code"] == -9
    assert ended.status["seconds"]["RUNNING"] >= 0.5
    assert not is_alive(pid)
    assert_only_checkpoints_were_kept(training)


def run_over_its_time(training: Training) -> tuple[Ended, int]:
    """The run whose entry point was ready before its time limit, and that limit."""
    for limit in LIMITS:
        ended = training.run(timeout_seconds=limit, stop_grace_seconds=0.2, checkpoint_upload_uri=CHECKPOINTS)
        if b"ready" in ended.stdout:
            return ended, limit
    raise AssertionError(f"the entry point was not ready within {LIMITS[-1]} s")


def test_the_time_limit_ends_a_training_with_its_own_reason(training: Training) -> None:
    training.source(DEAF)
    ended, limit = run_over_its_time(training)
    assert ended.exit_code == 84
    assert ended.last_line == f"The training ran longer than its time limit of {limit} s and was ended."
    assert ended.status["finished_at"] - ended.status["started_at"] >= limit / 2
    assert_only_checkpoints_were_kept(training)


def test_a_daemon_that_the_entry_point_leaves_is_ended_before_the_upload(training: Training) -> None:
    training.source(
        """
import os, subprocess, sys
subprocess.run(["setsid", "-f", "sleep", "1000"], check=True)
"""
    )
    ended = training.run()
    assert ended.exit_code == 0
    mark = str(training.root / "work" / "source").encode()
    left = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]
    assert not left


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_stop_request_breaks_a_long_download_off(training: Training) -> None:
    training.source("pass")
    with training.file("big/data", b"").open("wb") as file:
        file.truncate(HUGE)
    spec = training.spec(datasets=(("big", "nas://vol:/big"),))
    launcher = training.start(spec)
    downloads = training.root / "work" / "datasets" / "big"
    wait_until(lambda: downloads.is_dir() and any(downloads.iterdir()), "the download to begin")
    launcher.send_signal(signal.SIGTERM)
    ended = training.wait(launcher, spec)
    assert ended.exit_code == 86
    assert "downloaded the data set" not in ended.stderr
    assert "starting" not in ended.stderr
    assert ended.status["seconds"].keys() == {"PREPARING"}


def test_the_time_limit_covers_the_installation_of_requirements(training: Training) -> None:
    training.source("pass")
    training.file("source/requirements.txt", "no-such-package-at-all\n")
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        url = f"http://127.0.0.1:{silent_index.getsockname()[1]}/simple"
        ended = training.run(environ={"PIP_INDEX_URL": url, "PIP_NO_CACHE_DIR": "1"}, timeout_seconds=4)
    assert ended.exit_code == 84, ended.stderr
    assert ended.last_line == "The training ran longer than its time limit of 4 s and was ended."


def test_after_a_kill_the_next_run_starts_clean(training: Training) -> None:
    training.source(ENDLESS + "ready()\nwhile True: time.sleep(60)\n")
    spec = training.spec(checkpoint_upload_uri=CHECKPOINTS)
    launcher = training.start(spec)
    wait_until(lambda: training.output().endswith("\n"), "the entry point to be ready")
    orphan = int(training.output().split()[-1])
    launcher.kill()
    launcher.wait()
    partial = training.root / "work" / "source" / "partial.download"
    partial.write_text("half a fi")
    (training.root / "work" / "model" / "locked").mkdir(mode=0o000)
    assert is_alive(orphan), "else this test proves nothing"

    training.source("import os; print(sorted(os.listdir('.')), os.listdir(os.environ['EM_CHECKPOINT_DIR']))")
    second = training.start(spec)
    ended = training.wait(second, spec)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.decode().strip() == "['train.py'] []"
    assert not is_alive(orphan), "two entry points must not write to the same directories"
    assert not (training.nas / "out").exists()


def test_a_second_launcher_keeps_out_of_a_work_directory_in_use(training: Training) -> None:
    training.source(WELL_BEHAVED)
    spec = training.spec()
    first = training.start(spec)
    wait_until(lambda: "ready" in training.output(), "the entry point to be ready")
    intruder = training.wait(training.start(spec), spec)
    assert intruder.exit_code == 79
    assert intruder.last_line == f"Another launcher is at work in {spec.work_dir}."
    assert intruder.status["phase"] == "RUNNING", "the status file belongs to the first"
    first.terminate()
    assert training.wait(first, spec).exit_code == 86
