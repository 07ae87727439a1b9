"""Runs sample pipelines with the real kfp.local, whose configuration is global: a program of its own for the tests.

``python local_runs.py plain|corrected FOLDER < [[name, arguments], …]`` writes, per run, its notes and how it ended.
"""

import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any


def run(name: str, arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    from kfp import components

    notes = folder / "notes"
    notes.write_text("")
    os.environ["NOTES"] = str(notes)
    failed = ""
    try:
        components.load_component_from_file(str(folder / f"{name}.yaml"))(**arguments)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    return {"notes": [json.loads(line) for line in notes.read_text().splitlines()], "failed": failed}


def main(mode: str, folder: Path) -> None:
    warnings.simplefilter("ignore")
    from kfp import local

    if mode == "corrected":
        from adapters.easymaker.pipelines.kfp_local import install_into_kfp

        install_into_kfp()
        install_into_kfp()
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "outputs"))
    with contextlib.redirect_stdout(sys.stderr):
        results = [run(name, arguments, folder) for name, arguments in json.load(sys.stdin)]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
