"""Early stopping of one running trial: its rules, and the values that it reports. Pure.

As Katib's metrics collector: a rule is looked at once, when exactly ``start_step`` values of its metric have been seen
(at each value for 0), and compares the best value so far where the metric is the objective; a trial ends when each of
its rules has held. Unlike there, the best value is kept from step to step, and what is no number is never compared.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.experiment import Objective


@dataclass
class StopWatch:
    """Fed with every value of a trial, in order; fed with the same values again, it gets to the same."""

    rules: tuple[StoppingRule, ...]
    metric: str
    objective: Objective
    best: float = math.nan
    steps: dict[str, int] = field(default_factory=dict[str, int])
    held: set[int] = field(default_factory=set[int])
    told: str = ""

    def feed(self, values: Iterable[tuple[str, str]]) -> str:
        """Names and values as printed; why the trial has to end now, and empty as long as it may go on."""
        if not self.rules:
            return ""
        for metric, text in values:
            self._feed(metric, float(text))
            if len(self.held) == len(self.rules):
                return self.told
        return ""

    def _feed(self, metric: str, number: float) -> None:
        step = self.steps[metric] = self.steps.get(metric, 0) + 1
        if metric == self.metric:
            number = self.best = self._better(number)
        for index, rule in enumerate(self.rules):
            due = rule.start_step == 0 or rule.start_step == step
            if rule.metric == metric and due and holds(rule, number):
                self.held.add(index)
                self.told = self._reason(rule, number, step)

    def _reason(self, rule: StoppingRule, number: float, step: int) -> str:
        seen = f"the best {rule.metric} of the first {step}" if rule.metric == self.metric else rule.metric
        than = "equal to" if rule.comparison is Comparison.EQUAL else f"{rule.comparison} than"
        return f"{seen} is {number:g}, which is {than} {rule.value:g}"

    def _better(self, number: float) -> float:
        if math.isnan(self.best) or math.isnan(number):
            return self.best if math.isnan(number) else number
        return max(self.best, number) if self.objective is Objective.MAXIMIZE else min(self.best, number)


def holds(rule: StoppingRule, number: float) -> bool:
    """False for what is no number."""
    if rule.comparison is Comparison.EQUAL:
        return number == rule.value
    return number < rule.value if rule.comparison is Comparison.LESS else number > rule.value
