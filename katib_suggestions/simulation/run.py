"""Plays Katib's controller: asks for points, lets trials run side by side, stops what a rule stops, ends at the budget.

Time is counted in steps: in each, every running trial reports once. So trials with longer curves take longer, and
points are asked for while others are under way, as on a cluster.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from katib_suggestions import service
from katib_suggestions.budget import Budget, Counts, Ending, ending, missing
from katib_suggestions.early_stopping.median import average, counts, stopping_rule
from katib_suggestions.early_stopping.settings import MedianStopSettings, median_stop_settings
from katib_suggestions.early_stopping.watch import StopWatch
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.experiment_yaml import Declared
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from katib_suggestions.simulation import objectives
from katib_suggestions.trial import Trial, TrialCondition


@dataclass
class SimulatedTrial:
    """``values`` of each metric in the order of steps; ``begun_at`` and ``ended_at`` are numbers of steps."""

    number: int
    assignments: dict[str, str]
    condition: TrialCondition = TrialCondition.RUNNING
    reason: str = ""
    value: float | None = None
    values: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    begun_at: int = 0
    ended_at: int | None = None

    @property
    def name(self) -> str:
        return f"trial-{self.number:04d}"


@dataclass(frozen=True)
class Result:
    experiment: Experiment
    trials: tuple[SimulatedTrial, ...]
    ending: Ending
    steps: int

    @property
    def best(self) -> SimulatedTrial | None:
        """Of those with a number; the first of equal ones."""
        found = [each for each in self.trials if each.value is not None and not math.isnan(each.value)]
        sign = -1 if self.experiment.objective is Objective.MAXIMIZE else 1
        return min(found, key=lambda each: sign * (each.value or 0.0), default=None)


# (experiment, trials so far, how many) -> assignments: the Python API, or a service somewhere.
Asking = Callable[[Experiment, Sequence[Trial], int], list[dict[str, str]]]
OnEnd = Callable[[SimulatedTrial], None]


def simulate(
    declared: Declared,
    objective: objectives.Objective,
    ask: Asking = service.suggest,
    on_end: OnEnd = lambda trial: None,
) -> Result:
    """``on_end`` is called with each trial that has ended, in order.

    Raises InvalidExperiment: also without a limit to the number of trials, which a cluster would run for ever.
    """
    experiment = declared.experiment
    service.validate(experiment)
    space = SearchSpace.of(experiment.parameters)
    if experiment.max_trials is None and space.size is None:
        raise InvalidExperiment(["maxTrialCount is missing: the experiment would never end"])
    return _Controller(declared, objective, ask, on_end, space.size).run()


@dataclass
class _Running:
    trial: SimulatedTrial
    reports: Iterator[dict[str, float]]
    watch: StopWatch


class _Controller:
    def __init__(
        self, declared: Declared, objective: objectives.Objective, ask: Asking, on_end: OnEnd, points: int | None
    ) -> None:
        experiment = declared.experiment
        self._declared = declared
        self._experiment = experiment
        self._objective = objective
        self._ask = ask
        self._on_end = on_end
        self._stopping = _stopping(experiment)
        self._budget = Budget(
            experiment.objective,
            experiment.parallel_trials,
            experiment.max_trials,
            experiment.max_failed_trials,
            experiment.goal,
            points,
        )
        self._trials: list[SimulatedTrial] = []
        self._running: list[_Running] = []
        self._clock = 0

    def run(self) -> Result:
        while (reached := self._ending()) is None:
            self._begin(missing(self._budget, self._counts()))
            self._clock += 1
            for running in list(self._running):
                self._step(running)
                if (reached := self._ending()) is Ending.GOAL_REACHED:
                    break
        for running in list(self._running):
            self._end(running, TrialCondition.KILLED, "the experiment is over")
        return Result(self._experiment, tuple(self._trials), reached, self._clock)

    def _counts(self) -> Counts:
        return Counts.of(each.condition for each in self._trials)

    def _ending(self) -> Ending | None:
        values = [each.value for each in self._trials if each.value is not None]
        return ending(self._budget, self._counts(), values)

    def _begin(self, count: int) -> None:
        if not count:
            return
        rule = self._rule()
        points = self._ask(self._experiment, [self._as_katib_has(each) for each in self._trials], count)
        for assignments in points:
            trial = SimulatedTrial(len(self._trials) + 1, assignments, begun_at=self._clock)
            self._trials.append(trial)
            watch = StopWatch((rule,) if rule else (), self._experiment.metric, self._experiment.objective)
            self._running.append(_Running(trial, self._reports(assignments), watch))

    def _reports(self, assignments: dict[str, str]) -> Iterator[dict[str, float]]:
        """A generator, so that the function's own errors come where its values are taken."""
        yield from objectives.steps(
            self._objective(objectives.typed(self._experiment, assignments)), self._experiment.metric
        )

    def _step(self, running: _Running) -> None:
        try:
            report = next(running.reports)
        except StopIteration:
            self._end(running, TrialCondition.SUCCEEDED, "")
            return
        except Exception as error:
            # The function is the user's, and fails as a training does: this trial alone.
            self._end(running, TrialCondition.FAILED, f"{type(error).__name__}: {error}")
            return
        for metric, value in report.items():
            running.trial.values.setdefault(metric, []).append(value)
        told = running.watch.feed((metric, repr(value)) for metric, value in report.items())
        if told:
            self._end(running, TrialCondition.EARLY_STOPPED, told)

    def _end(self, running: _Running, condition: TrialCondition, reason: str) -> None:
        trial = running.trial
        self._running.remove(running)
        metric = self._experiment.metric
        if condition in (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED):
            if metric in trial.values:
                trial.value = objectives.reduced(trial.values[metric], self._declared.strategy(metric))
            else:
                condition, reason = TrialCondition.METRICS_UNAVAILABLE, f"no value of {metric} was reported"
        trial.condition, trial.reason, trial.ended_at = condition, reason, self._clock
        self._on_end(trial)

    def _as_katib_has(self, trial: SimulatedTrial) -> Trial:
        reduced = {
            metric: repr(objectives.reduced(values, self._declared.strategy(metric)))
            for metric, values in trial.values.items()
        }
        over = trial.condition is not TrialCondition.RUNNING
        return Trial(trial.name, trial.assignments, trial.condition, reduced if over else {})

    def _rule(self):
        if self._stopping is None:
            return None
        averages = [each for trial in self._trials if (each := self._average(trial)) is not None]
        return stopping_rule(self._experiment, self._stopping, averages)

    def _average(self, trial: SimulatedTrial) -> float | None:
        if self._stopping is None or not counts(self._as_katib_has(trial)):
            return None
        logged: Iterable[str] = map(repr, trial.values.get(self._experiment.metric, ()))
        return average(logged, self._stopping.start_step)


def _stopping(experiment: Experiment) -> MedianStopSettings | None:
    if not experiment.early_stopping:
        return None
    return median_stop_settings(experiment.early_stopping, experiment.early_stopping_settings)
