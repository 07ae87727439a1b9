"""What the suggestion services are compared on: experiments in Katib's words, with functions whose optimum is known."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.suggestion_quality_table import Table
from katib_suggestions.experiment import Distribution, Parameter, ParameterType


@dataclass(frozen=True)
class Problem:
    """`value` of a trial's assignments; `regret` is how far that is from the `optimum`, which is the least."""

    name: str
    parameters: tuple[Parameter, ...]
    value: Callable[[Mapping[str, str]], float]
    optimum: float

    def regret(self, value: float) -> float:
        return value - self.optimum


def branin(x: list[float]) -> float:
    bowl = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


_HEIGHTS = (1.0, 1.2, 3.0, 3.2)
_WIDTHS = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_PEAKS = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(x: list[float]) -> float:
    peaks = zip(_HEIGHTS, _WIDTHS, _PEAKS, strict=True)
    return -sum(
        height * math.exp(-sum(a * (v - p) ** 2 for a, v, p in zip(width, x, peak, strict=True)))
        for height, width, peak in peaks
    )


def ackley(x: list[float]) -> float:
    far = math.sqrt(sum(v * v for v in x) / len(x))
    waves = sum(math.cos(2 * math.pi * v) for v in x) / len(x)
    return -20 * math.exp(-0.2 * far) - math.exp(waves) + 20 + math.e


def levy(x: list[float]) -> float:
    w = [1 + (v - 1) / 4 for v in x]
    inner = sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + inner + last


def _double(name: str, low: float, high: float, distribution: Distribution = Distribution.UNIFORM) -> Parameter:
    return Parameter(name, ParameterType.DOUBLE, str(low), str(high), distribution=distribution)


def _box(name: str, function: Callable[[list[float]], float], box: list[tuple[float, float]], least: float) -> Problem:
    parameters = tuple(_double(f"x{place}", low, high) for place, (low, high) in enumerate(box))
    names = [each.name for each in parameters]
    return Problem(name, parameters, lambda assignments: function([float(assignments[each]) for each in names]), least)


def _svc_digits() -> Problem:
    """A support vector machine on handwritten digits, by a table of its cross-validated errors."""
    table = Table.load()
    parameters = (
        _double("C", 1e-3, 1e3, Distribution.LOG_UNIFORM),
        _double("gamma", 1e-4, 10.0, Distribution.LOG_UNIFORM),
        Parameter("degree", ParameterType.INT, "2", "5"),
        Parameter("kernel", ParameterType.CATEGORICAL, list=("sigmoid", "rbf", "poly")),
    )
    return Problem("svc_digits", parameters, table.error, table.least)


PROBLEMS: Mapping[str, Callable[[], Problem]] = {
    "branin": lambda: _box("branin", branin, [(-5, 10), (0, 15)], 0.39788735772973816),
    "hartmann6": lambda: _box("hartmann6", hartmann6, [(0, 1)] * 6, -3.322368011391339),
    "ackley5": lambda: _box("ackley5", ackley, [(-32.768, 32.768)] * 5, 0.0),
    "levy4": lambda: _box("levy4", levy, [(-10, 10)] * 4, 0.0),
    "svc_digits": _svc_digits,
}
