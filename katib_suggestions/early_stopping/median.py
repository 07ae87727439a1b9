"""The median stopping rule: a trial ends whose best value so far is worse than the median of what others averaged.

Each ended trial counts with the average of its first ``start_step`` values: succeeded ones, and also those that were
stopped early, which have as many values and say what is bad. Katib's own service takes the arithmetic mean of these
averages in place of their median, so that one trial that diverged stops nobody or everybody, and leaves out the trials
that were stopped early. Values that are no numbers do not count; an infinite one counts as the worst or best there is.
"""

import math
import statistics
from collections.abc import Iterable, Sequence

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.early_stopping.settings import MedianStopSettings
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.trial import Trial, TrialCondition

ENDED_WITH_VALUES = (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED)


def counts(trial: Trial) -> bool:
    """Whether the values of this trial are among those that others are compared with."""
    return trial.condition in ENDED_WITH_VALUES


def average(values: Iterable[str], start_step: int) -> float | None:
    """Of the first ``start_step`` numbers, or of all if there are fewer; None without any."""
    numbers: list[float] = []
    for text in values:
        number = _number(text)
        if number is not None:
            numbers.append(number)
        if len(numbers) == start_step:
            break
    if not numbers:
        return None
    # Both infinities in one trial, or a sum beyond what a float holds.
    mean = math.fsum(each / len(numbers) for each in numbers) if all(map(math.isfinite, numbers)) else sum(numbers)
    return None if math.isnan(mean) else mean


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def stopping_rule(
    experiment: Experiment, settings: MedianStopSettings, averages: Sequence[float]
) -> StoppingRule | None:
    """None while too few trials have ended, and when the median is infinite: then nothing can be worse."""
    if len(averages) < settings.min_trials_required:
        return None
    median = statistics.median(averages)
    if not math.isfinite(median):
        return None
    worse = Comparison.LESS if experiment.objective is Objective.MAXIMIZE else Comparison.GREATER
    return StoppingRule(experiment.metric, median, worse, settings.start_step)
