"""What a step of a pipeline costs in a run of ours against kfp.local alone: the same pipeline, at the same time.

Steps take a tenth of a second, and what else a machine does changes that by as much from one minute to the next: so
both run beside each other, and share it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_run.plan import Limits, RunPlan

STEPS = 15
ROUNDS = 10
AIM = 1.1
ROOT = Path(__file__).parents[1]

# A chain, so that nothing can run side by side; how long the steps take is taken from their own clocks.
_PIPELINE = """
import sys
from kfp import compiler, dsl

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def step(before: float) -> float:
    import os
    import time

    with open(os.environ["STAMPS"], "a") as file:
        file.write(f"{time.time()}\\n")
    return before

@dsl.pipeline(name="chain")
def chain():
    last = step(before=0.0)
    for _ in range(int(sys.argv[2]) - 1):
        last = step(before=last.output)

compiler.Compiler().compile(chain, sys.argv[1])
"""  # kfp takes a step's source from its file
_BARE = """
import sys
from kfp import components, local

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[2])
components.load_component_from_file(sys.argv[1])()
"""


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pipeline = place / "chain.yaml"
        author = place / "chain.py"
        author.write_text(_PIPELINE)
        _python("-W", "ignore", str(author), str(pipeline), str(STEPS))
        bare: list[float] = []
        ours: list[float] = []
        with ThreadPoolExecutor(2) as pool:
            for number in range(ROUNDS):
                alone = pool.submit(_bare, pipeline, place / f"bare-{number}")
                ours += _ours(pipeline, place / f"ours-{number}")
                bare += alone.result()
    ratio = statistics.median(ours) / statistics.median(bare)
    return {
        "kfp_local_alone_ms": _spread(bare),
        "our_run_ms": _spread(ours),
        "ratio": ratio,
        "aim": f"<= {AIM}",
        "passed": ratio <= AIM,
    }


def _bare(pipeline: Path, place: Path) -> list[float]:
    place.mkdir()
    _python("-W", "ignore", "-c", _BARE, str(pipeline), str(place), STAMPS=str(place / "stamps"))
    return _gaps(place / "stamps")


def _ours(pipeline: Path, place: Path) -> list[float]:
    plan = RunPlan(
        directory=place / "run",
        pipeline=pipeline,
        pipeline_root=place / "artifacts",
        python=Path(sys.executable),
        environment={"STAMPS": str(place / "stamps")},
        limits=Limits(),
    )
    interface.write_plan(plan)
    _python(*interface.process_spec(plan).argv[1:])
    state = interface.read_state(plan.directory)
    assert state is not None and state["state"] == "SUCCEEDED", state
    return _gaps(place / "stamps")


def _gaps(stamps: Path) -> list[float]:
    """Milliseconds from each step to the next, without the program's own start."""
    times = [float(line) for line in stamps.read_text().split()]
    assert len(times) == STEPS
    return [1000 * (later - earlier) for earlier, later in pairwise(times)]


def _python(*arguments: str, **more: str) -> None:
    environment = {**more, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"after {time.monotonic() - began:.0f} s: {done.stderr.decode()[-2000:]}")


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
