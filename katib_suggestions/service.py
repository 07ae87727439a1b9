"""The Python API, and all that the gRPC services do: check an experiment, and give it its next points.

Both are functions of their arguments alone: no process state, no clock. The same question has the same answer anywhere.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from katib_suggestions.algorithms import ALGORITHMS, Algorithm, Request
from katib_suggestions.algorithms.settings import ReadSettings, read_settings
from katib_suggestions.experiment import Experiment
from katib_suggestions.history import history
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from katib_suggestions.trial import Trial

MOST_POINTS = 100_000

_log = logging.getLogger(__name__)


def validate(experiment: Experiment) -> None:
    """Raises InvalidExperiment with every problem of the space, the settings and the budget."""
    plan = _plan(experiment)
    problems = list(plan.problems)
    if plan.space is not None and plan.algorithm is not None:
        problems += plan.algorithm.validate(experiment, plan.space)
    if problems:
        raise InvalidExperiment(problems)
    for name, reason in plan.settings.ignored.items():
        _log.info("setting %s of experiment %s has no effect: %s", name, experiment.name, reason)


def within_space(experiment: Experiment, space: SearchSpace) -> Experiment:
    """The experiment with no more trials than there are points, for a caller that ends it when all have been tried."""
    if experiment.max_trials is None or space.size is None:
        return experiment
    return replace(experiment, max_trials=min(experiment.max_trials, space.size))


def suggest(
    experiment: Experiment,
    trials: Iterable[Trial],
    count: int,
    *,
    issued: int | None = None,
    checkpoint: Callable[[], None] = lambda: None,
) -> list[dict[str, str]]:
    """Exactly `count` assignments, distinct from each other and from all trials while the space has unseen points.

    Of a space that is used up, points are repeated: a controller that gets fewer than it asked for waits for ever.
    `issued` is the number of points that were given before, where the caller knows it (Katib does: total minus current
    request number): with it, random and grid do not give points again either whose trials the caller does not show,
    while Bayesian search can only guess where these were, and in a small finite space may give one again.
    `checkpoint` is called between points that take long; what it raises ends the work.
    Raises InvalidExperiment for a space or settings that `validate` refuses; the budget is not looked at again.
    """
    if not 0 <= count <= MOST_POINTS:
        raise InvalidExperiment([f"{count} points asked for; from 0 to {MOST_POINTS} can be given"])
    plan = _plan(experiment)
    space, algorithm = plan.space, plan.algorithm
    if space is None or algorithm is None or plan.problems:
        raise InvalidExperiment(plan.problems)
    past = history(experiment, space, trials)
    before = max(len(past.seen), issued or 0)
    points = algorithm.suggest(Request(experiment, space, past, count, plan.settings.parsed, before, checkpoint))
    if len(points) != count:
        raise RuntimeError(f"{experiment.algorithm} gave {len(points)} points of {count}")
    return [space.write(point) for point in points]


@dataclass(frozen=True)
class _Plan:
    space: SearchSpace | None
    algorithm: Algorithm | None
    settings: ReadSettings
    problems: tuple[str, ...]


def _plan(experiment: Experiment) -> _Plan:
    """What an experiment declares, as far as it makes sense, and what does not."""
    space, problems = None, []
    try:
        space = SearchSpace.of(experiment.parameters)
    except InvalidExperiment as invalid:
        problems += invalid.problems
    if experiment.algorithm not in ALGORITHMS:
        problems.append(f"unknown algorithm {experiment.algorithm!r}; known are {', '.join(ALGORITHMS)}")
        return _Plan(space, None, ReadSettings({}, {}, ()), tuple(problems))
    algorithm = ALGORITHMS[experiment.algorithm]
    settings = read_settings(algorithm.settings, experiment.settings)
    return _Plan(space, algorithm, settings, (*problems, *settings.problems))
