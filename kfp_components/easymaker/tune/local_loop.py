"""Trials on this machine: points from katib_suggestions, each run by the launcher, some at the same time."""

import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from katib_suggestions import service
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.trial import Trial, TrialCondition
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kfp_components.easymaker.runs.launcher_process import LauncherProcess, RunFailed, stopped_by_signal
from kfp_components.easymaker.runs.metric_log import MetricLog
from kfp_components.easymaker.runs.program import Place, launcher_spec
from kfp_components.easymaker.tune.plan import TrialResult, Tuning, TuningFailed, TuningInvalid, TuningResult


@dataclass(frozen=True)
class _Run:
    trial: Trial
    process: LauncherProcess
    metrics: MetricLog
    model: Path


@dataclass(frozen=True)
class _Ended:
    result: TrialResult
    condition: TrialCondition
    model: Path


def tune_locally(tuning: Tuning, work: Path, environ: Mapping[str, str]) -> tuple[TuningResult, Path]:
    """The result, and the directory of the best model. Raises TuningFailed, TuningInvalid or InvalidExperiment."""
    if tuning.search.early_stopping:
        raise TuningInvalid("early_stopping needs EasyMaker's own tunings: it has no effect in the local loop")
    loop = LocalLoop(tuning, work, environ)
    with stopped_by_signal(loop.stop):
        return loop.run()


class LocalLoop:
    """``run`` it in one thread; ``stop`` it from any."""

    def __init__(self, tuning: Tuning, work: Path, environ: Mapping[str, str]) -> None:
        self._tuning = tuning
        self._work = work
        self._environ = environ
        self._size = SearchSpace.of(tuning.parameters).size
        self._experiment = service.within_space(tuning.experiment(), SearchSpace.of(tuning.parameters))
        self._processes: dict[str, LauncherProcess] = {}
        self._lock = threading.RLock()
        self._stopped = False
        self._started: list[Trial] = []
        self._ended: dict[str, _Ended] = {}
        self._best: _Ended | None = None

    def run(self) -> tuple[TuningResult, Path]:
        service.validate(self._experiment)
        running: set[Future[_Ended]] = set()
        with ThreadPoolExecutor(self._tuning.search.parallel_trials) as pool:
            while True:
                free = self._tuning.search.parallel_trials - len(running)
                for trial in self._next(min(free, self._left())):
                    running.add(pool.submit(self._try, self._prepared(trial)))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._note(future.result())
        return self._result()

    def stop(self) -> None:
        """No further trials, and an end to those that run."""
        self._stopped = True
        with self._lock:
            for process in self._processes.values():
                process.stop()

    def _left(self) -> int:
        """How many trials may still be started."""
        best = self._best
        goal = self._tuning.goal
        reached = best is not None and best.result.value is not None and goal.reached(best.result.value)
        if self._stopped or reached or self._failed() > goal.max_failed_trials:
            return 0
        most = self._experiment.max_trials or 0
        return max(most - len(self._started), 0)

    def _failed(self) -> int:
        return sum(ended.condition is not TrialCondition.SUCCEEDED for ended in self._ended.values())

    def _next(self, count: int) -> list[Trial]:
        if count <= 0:
            return []
        points = service.suggest(self._experiment, self._known(), count, issued=len(self._started))
        first = len(self._started) + 1
        trials = [
            Trial(f"trial-{first + number}", point, TrialCondition.RUNNING) for number, point in enumerate(points)
        ]
        self._started += trials
        return trials

    def _known(self) -> list[Trial]:
        """All trials as they are, those that run among them."""

        def seen(trial: Trial) -> Trial:
            ended = self._ended.get(trial.name)
            if ended is None:
                return trial
            value = ended.result.value
            metrics = {} if value is None else {self._experiment.metric: repr(value)}
            return replace(trial, condition=ended.condition, metrics=metrics)

        return [seen(trial) for trial in self._started]

    def _prepared(self, trial: Trial) -> _Run:
        """Not in the threads of the runs: what it asks of Python's sysconfig is not safe in several at once."""
        place = Place(self._work / trial.name, self._work / trial.name / "tensorboard")
        place.work.mkdir()
        hyperparameters = {**self._tuning.program.hyperparameters, **trial.assignments}
        spec = launcher_spec(
            replace(self._tuning.program, hyperparameters=hyperparameters), place, trial.name, self._environ
        )
        metrics = MetricLog(self._tuning.metric_regex, [self._experiment.metric])
        process = LauncherProcess(spec, self._environ, metrics, f"[{trial.name}] ".encode())
        with self._lock:
            self._processes[trial.name] = process
            if self._stopped:
                process.stop()
        return _Run(trial, process, metrics, place.model)

    def _try(self, run: _Run) -> _Ended:
        """Never raises for what a program does."""
        status, condition = "SUCCEEDED", TrialCondition.SUCCEEDED
        try:
            run.process.run()
        except RunFailed as failed:
            killed = failed.code == ExitCode.STOPPED
            condition = TrialCondition.KILLED if killed else TrialCondition.FAILED
            status = f"{condition}: {failed}"
        value = self._value(run.metrics) if condition is TrialCondition.SUCCEEDED else None
        if condition is TrialCondition.SUCCEEDED and value is None:
            condition = TrialCondition.METRICS_UNAVAILABLE
            status = f"{condition}: it printed no {self._experiment.metric}"
        result = TrialResult(run.trial.name, status, dict(run.trial.assignments), value)
        return _Ended(result, condition, run.model)

    def _value(self, metrics: MetricLog) -> float | None:
        """The best that it ever printed, as in Katib."""
        series = metrics.series.get(self._experiment.metric)
        if series is None:
            return None
        value = series.most if self._tuning.goal.direction == "maximize" else series.least
        return value if value == value else None

    def _note(self, ended: _Ended) -> None:
        """Of models, only the best one is kept: there may be as many as trials, each of gigabytes."""
        self._ended[ended.result.name] = ended
        value, best = ended.result.value, self._best
        if value is not None and (best is None or self._tuning.goal.better(value, best.result.value or 0.0)):
            self._best, ended = ended, best or ended
        if ended is not self._best:
            shutil.rmtree(ended.model.parent, ignore_errors=True)

    def _result(self) -> tuple[TuningResult, Path]:
        results = [self._ended[trial.name].result for trial in self._started]
        if self._stopped:
            raise TuningFailed("The tuning was stopped on request.")
        if self._failed() > self._tuning.goal.max_failed_trials:
            reasons = next(r.status for r in results if r.status != "SUCCEEDED")
            raise TuningFailed(f"{self._failed()} trial(s) failed, more than max_failed_trials; the first: {reasons}")
        if self._best is None:
            raise TuningFailed("No trial has a value of the objective metric.")
        return TuningResult(results, self._best.result), self._best.model
