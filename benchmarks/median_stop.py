"""What median stopping saves, and what it costs, on recorded learning curves: the same trials with it and without."""

import json
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import learning_curves
from benchmarks.suggestion_quality_environments import cache, python_with
from benchmarks.suggestion_quality_table import SCIKIT_LEARN
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from katib_suggestions.experiment_yaml import Declared
from katib_suggestions.simulation import Result, simulate
from katib_suggestions.trial import TrialCondition

SEEDS = 20
TRIALS = 40
PARAMETERS = (
    Parameter("rate", ParameterType.DISCRETE, list=learning_curves.RATES),
    Parameter("width", ParameterType.DISCRETE, list=learning_curves.WIDTHS),
    Parameter("batch", ParameterType.DISCRETE, list=learning_curves.BATCHES),
)
PLAIN = Experiment("curves", PARAMETERS, Objective.MINIMIZE, "loss", "random", max_trials=TRIALS, parallel_trials=4)


def curves() -> dict[str, list[float]]:
    """Recorded once, which takes a minute, and kept."""
    kept = cache() / "learning-curves.json"
    if not kept.exists():
        script = str(Path(learning_curves.__file__))
        program = [str(python_with(SCIKIT_LEARN)), "-W", "ignore", script]
        kept.write_bytes(subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout)
    return json.loads(kept.read_text())


def run() -> dict[str, Any]:
    recorded = curves()
    by_value = {tuple(map(float, key.split(","))): losses for key, losses in recorded.items()}

    def lead(seed: int, start_step: int | None) -> Result:
        experiment = replace(PLAIN, settings={"random_state": str(seed)})
        if start_step is not None:
            settings = {"min_trials_required": "3", "start_step": str(start_step)}
            experiment = replace(experiment, early_stopping="medianstop", early_stopping_settings=settings)
        return simulate(
            Declared(experiment), lambda p: by_value[float(p["rate"]), float(p["width"]), float(p["batch"])]
        )

    told: dict[str, Any] = {"trials_per_experiment": TRIALS, "experiments": SEEDS}
    for start_step in (2, 4, 8):
        saved, worse, stopped = [], [], []
        for seed in range(SEEDS):
            whole, early = lead(seed, None), lead(seed, start_step)
            saved.append(1 - _steps(early) / _steps(whole))
            worse.append(_best(early) - _best(whole))
            stopped.append(sum(each.condition is TrialCondition.EARLY_STOPPED for each in early.trials))
        told[f"start_step_{start_step}"] = {
            "share_of_steps_saved": _spread(saved),
            "final_loss_more_by": _spread(worse),
            "trials_stopped": _spread(stopped),
        }
    default = told["start_step_4"]
    told["passed"] = default["share_of_steps_saved"]["median"] > 0 and default["final_loss_more_by"]["median"] <= 0
    return told


def _steps(result: Result) -> int:
    return sum(len(each.values.get("loss", ())) for each in result.trials)


def _best(result: Result) -> float:
    assert result.best is not None
    assert result.best.value is not None
    return result.best.value


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
