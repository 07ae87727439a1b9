"""The local loop with real launchers: when it ends, what counts as failed, and that it can be stopped."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.runs.program import Program
from kfp_components.easymaker.tune.local_loop import LocalLoop, tune_locally
from kfp_components.easymaker.tune.plan import Goal, Search, Tuning, TuningFailed, TuningInvalid
from tests.conftest import PATIENCE, wait_for

PROGRAM = """
import argparse, os, pathlib, time
options = argparse.ArgumentParser()
options.add_argument("--x", type=int)
options.add_argument("--marks")
options = options.parse_args()
pathlib.Path(options.marks, f"started-{options.x}").touch()
if options.x == 9:
    time.sleep(600)
if options.x == 8:
    raise SystemExit(1)
if options.x != 7:
    print(f"score={options.x}")
    print("score=0")
pathlib.Path(os.environ["EM_MODEL_DIR"], "x").write_text(str(options.x))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("nas/v/source", "work", "marks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "nas/v/source/t.py").write_text(PROGRAM)
    return tmp_path


def loop(place: Path, values: list[int], **changes: Any) -> LocalLoop:
    """Tries the values of x in this order."""
    search = {name: changes.pop(name) for name in ("parallel_trials", "early_stopping") if name in changes}
    program = Program("nas://v:/source", "t.py", {"marks": str(place / "marks")})
    space = {"x": {"type": "categorical", "values": values}}
    plan = Tuning(program, Goal("score", max_trials=10, **changes), Search(space, "grid", **search))
    environ = os.environ | {"EASYMAKER_NAS_ROOT": str(place / "nas")}
    return LocalLoop(plan, place / "work", environ)


def tune(place: Path, values: list[int], **changes: Any):
    return loop(place, values, **changes).run()


def test_it_ends_with_its_goal_and_keeps_only_the_best_model(place: Path) -> None:
    """The best value that a trial ever printed counts, as in Katib."""
    result, model = tune(place, [1, 2, 3], value=2)
    assert [(trial.parameters, trial.value) for trial in result.trials] == [({"x": "1"}, 1.0), ({"x": "2"}, 2.0)]
    assert result.best is result.trials[1]
    assert (model / "x").read_text() == "2"
    assert [path.name for path in (place / "work").iterdir() if (path / "run").exists()] == ["trial-2"]


def test_a_space_that_is_used_up_is_an_end(place: Path) -> None:
    result, _ = tune(place, [1, 2], parallel_trials=2, direction="minimize")
    # The least that each printed is 0; the first one stays.
    assert [trial.value for trial in result.trials] == [0.0, 0.0]


def test_failures_are_borne_up_to_their_number(place: Path) -> None:
    result, _ = tune(place, [7, 8, 1], max_failed_trials=2)
    assert [trial.status.partition(":")[0] for trial in result.trials] == ["METRICS_UNAVAILABLE", "FAILED", "SUCCEEDED"]
    assert result.best.parameters == {"x": "1"}


def test_more_failures_fail_the_tuning_with_the_first_reason(place: Path) -> None:
    with pytest.raises(TuningFailed, match=r"2 trial\(s\) failed.*it printed no score"):
        tune(place, [7, 8, 1], max_failed_trials=1)
    assert not (place / "marks/started-1").exists()


def test_a_stop_ends_what_runs_and_begins_nothing_new(place: Path) -> None:
    stopped = loop(place, [9, 1, 2])
    failures: list[Exception] = []

    def run() -> None:
        try:
            stopped.run()
        except TuningFailed as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for((place / "marks/started-9").exists, PATIENCE, "a trial runs")
    stopped.stop()
    thread.join(PATIENCE)
    assert [str(failure) for failure in failures] == ["The tuning was stopped on request."]
    assert [path.name for path in (place / "marks").iterdir()] == ["started-9"]


def test_what_it_cannot_do_is_told_before_it_begins(place: Path) -> None:
    plan = Tuning(Program("nas://v:/s", "t.py"), Goal("score"), Search({"x": {"values": [1]}}, early_stopping="median"))
    with pytest.raises(TuningInvalid, match="early_stopping"):
        tune_locally(plan, place / "work", {})
