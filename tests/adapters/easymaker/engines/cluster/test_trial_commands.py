"""A trial's launcher below the shell that Katib puts around it: a stop is a stop, whoever asks for it."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.easymaker.engines.cluster.mapping.trial_commands import shell_command
from tests.kfp_components.easymaker.launcher.conftest import Training, training, wait_until

__all__ = ["training"]


@pytest.mark.parametrize("stopped_by", ["collector", "kubelet"])
def test_below_katibs_shell_it_is_the_only_child_and_a_stop_keeps_checkpoints(
    training: Training, stopped_by: str
) -> None:
    """A collector ends the one child of the container's shell, the kubelet the shell itself, which passes it on."""
    training.source(
        "import os, pathlib, subprocess, time\n"
        "helpers = [subprocess.Popen(['sleep', '600']) for _ in range(2)]\n"
        "pathlib.Path(os.environ['EM_CHECKPOINT_DIR'], 'kept').write_text('x')\n"
        "print('loss=0.5', flush=True)\n"
        "time.sleep(600)\n"
    )
    log = training.root / "metrics.log"
    spec = training.spec(metrics_log=log, checkpoint_upload_uri="nas://vol:/out/checkpoints")
    file = training.root / "spec.json"
    file.write_text(spec.to_json())
    words = (sys.executable, "-m", "kfp_components.easymaker.launcher", str(file))
    argv = shell_command([shlex.quote(word) for word in words])
    mark = training.root / "pid"
    # As Katib's webhook wraps it: the shell's text, and a mark for a good end.
    process = subprocess.Popen([*argv[:-1], f"{argv[-1]} && echo completed > {mark}"], env=training.environ)
    try:
        wait_until(lambda: log.exists() and "loss" in log.read_text(), "the first metric")
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if stopped_by == "collector":
            subprocess.run(["kill", "-TERM", child], check=True)
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=90) == 86
        assert (training.nas / "out" / "checkpoints" / "kept").exists()
        assert not mark.exists()
    finally:
        process.kill()
        process.wait()
