"""A job that starts others through a runner of its own: they go on when it ends, however it ends."""

import json
import os
import signal
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import ProcessRunner
from tests.adapters.easymaker.engines.local.processes.conftest import Jobs, wait_for

STARTS_ANOTHER = """
import time
from pathlib import Path
from adapters.easymaker.engines.local.processes import ProcessRunner, ProcessSpec
spec = ProcessSpec(("/bin/sleep", "600"), {{}}, Path("/"))
ProcessRunner(Path({root!r})).start("other", spec)
{then}
"""


@pytest.mark.parametrize("end", ["itself", "stop", "stubborn", "killed", "supervisor"])
def test_what_an_outlived_job_has_started_goes_on(jobs: Jobs, tmp_path: Path, end: str) -> None:
    others = ProcessRunner(tmp_path / "others")
    then = {
        "itself": "",
        "stubborn": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
    }
    code = STARTS_ANOTHER.format(root=str(tmp_path / "others"), then=then.get(end, "time.sleep(600)"))
    spec = jobs.python(code, outlived=True, grace_seconds=0.5)
    jobs.runner.start("starter", spec)
    wait_for(lambda: others.observe("other").pid is not None, "the other runs")
    if end in ("stop", "stubborn"):
        jobs.runner.stop("starter")
    elif end == "killed":
        os.kill(jobs.runner.observe("starter").pid or 0, signal.SIGKILL)
    elif end == "supervisor":
        started = json.loads((jobs.runner.directory("starter") / "started").read_text())
        os.kill(started["pid"], signal.SIGKILL)
    jobs.end_of("starter")
    wait_for(lambda: jobs.runner.remove("starter"), "the starter is removed")
    assert others.observe("other").pid is not None, "it lives"
    wait_for(lambda: others.remove("other"), "the other is removed")
