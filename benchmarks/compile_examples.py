"""How long the example pipelines take to compile, against a pipeline of one empty step in the same process.

The import of kfp and of the components comes first and is told apart: it is paid once however much is compiled, and no
example should take longer to compile than kfp takes to be there.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROUNDS = 7
# A file, because kfp takes a step's source from its file.
_PROGRAM = """
import json, pathlib, sys, tempfile, time
begun = time.perf_counter()
from kfp import compiler, dsl
kfp = time.perf_counter()
from importlib import import_module
names = ("train_evaluate_deploy", "tune_and_promote", "nightly_batch_inference")
made = {name: getattr(import_module(f"kfp_components.easymaker.examples.{name}"), name) for name in names}
components = time.perf_counter()

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def nothing():
    pass

@dsl.pipeline(name="empty")
def empty():
    nothing()

folder = pathlib.Path(tempfile.mkdtemp())
took = {}
for name, pipeline in {"one_step": empty, **made}.items():
    start = time.perf_counter()
    compiler.Compiler().compile(pipeline, str(folder / f"{name}.yaml"))
    took[name] = time.perf_counter() - start
print(json.dumps({"import_kfp": kfp - begun, "import_components": components - kfp, **took}))
"""


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(_PROGRAM, encoding="utf-8")
        rounds = [_round(program) for _ in range(ROUNDS)]
    times = {
        f"{name}_ms": {
            "median": statistics.median(each[name] for each in rounds) * 1000,
            "min": min(each[name] for each in rounds) * 1000,
            "max": max(each[name] for each in rounds) * 1000,
        }
        for name in rounds[0]
    }
    import_kfp = times["import_kfp_ms"]["median"]
    slowest = max(figures["median"] for name, figures in times.items() if not name.startswith("import_"))
    return times | {"slowest_by_import_of_kfp": slowest / import_kfp, "passed": slowest < import_kfp}


def _round(program: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout.splitlines()[-1])
