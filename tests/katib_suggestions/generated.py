"""Any valid experiment and any history of it, for hypothesis; and short ways to write down one in particular."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from katib_suggestions.service import validate
from katib_suggestions.trial import Trial, TrialCondition

LOGARITHMIC = (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)
FOREIGN = {"someone-elses": "1"}


def double(name: str, low: str, high: str, step: str = "", distribution: str = "uniform") -> Parameter:
    return Parameter(name, ParameterType.DOUBLE, low, high, step, (), Distribution(distribution))


def integer(name: str, low: str, high: str, step: str = "", distribution: str = "uniform") -> Parameter:
    return Parameter(name, ParameterType.INT, low, high, step, (), Distribution(distribution))


def discrete(name: str, *values: str) -> Parameter:
    return Parameter(name, ParameterType.DISCRETE, list=values)


def categorical(name: str, *values: str) -> Parameter:
    return Parameter(name, ParameterType.CATEGORICAL, list=values)


def experiment(algorithm: str, *parameters: Parameter, **more: Any) -> Experiment:
    return Experiment(**{
        "name": "an-experiment", "parameters": parameters, "objective": Objective.MINIMIZE, "metric": "loss",
        "algorithm": algorithm, **more,
    })  # fmt: skip


def trials_of(
    answers: Sequence[dict[str, str]], condition: TrialCondition = TrialCondition.RUNNING, value: str | None = None
) -> list[Trial]:
    """What a controller makes of an answer."""
    metrics = {} if value is None else {"loss": value}
    return [Trial(f"trial-{place}", answer, condition, metrics) for place, answer in enumerate(answers)]


def problems_of(invalid: Experiment) -> tuple[str, ...]:
    try:
        validate(invalid)
    except InvalidExperiment as found:
        return found.problems
    return ()


@st.composite
def numeric(draw: st.DrawFn, name: str, *, finite: bool) -> Parameter:
    """An int or a double over a few decimal digits anywhere on the line, its max on the grid of its step or not."""
    type_ = draw(st.sampled_from((ParameterType.INT, ParameterType.DOUBLE)))
    distribution = draw(st.sampled_from(tuple(Distribution)))
    unit = Decimal(10) ** (0 if type_ is ParameterType.INT else draw(st.integers(-7, 3)))
    low = draw(st.integers(1 if distribution in LOGARITHMIC else -1000, 1000))
    width = draw(st.one_of(st.integers(0, 12), st.integers(0, 10_000)))
    step = ""
    if width and (draw(st.booleans()) or (finite and type_ is ParameterType.DOUBLE)):
        step = str(unit * draw(st.integers(max(1, width // 20), width)))
    return Parameter(name, type_, str(unit * low), str(unit * (low + width)), step, (), distribution)


@st.composite
def listed(draw: st.DrawFn, name: str) -> Parameter:
    if draw(st.booleans()):
        numbers = draw(st.lists(st.decimals(-100, 100, places=3), min_size=1, max_size=6, unique=True))
        return discrete(name, *(str(number) for number in numbers))
    return categorical(name, *draw(st.lists(st.text(max_size=5), min_size=1, max_size=6, unique=True)))


@st.composite
def experiments(draw: st.DrawFn, algorithm: str) -> Experiment:
    """Valid for the algorithm: `validate` has to let it pass."""
    names = [f"p{place}" for place in range(draw(st.integers(1, 4)))]
    finite = algorithm == "grid" or draw(st.booleans())
    parameters = [draw(st.one_of(numeric(name, finite=finite), listed(name))) for name in names]
    settings = draw(st.sampled_from(({}, {"random_state": "0"}, {"random_state": "7"})))
    objective = draw(st.sampled_from(tuple(Objective)))
    return experiment(algorithm, *parameters, settings=settings, objective=objective)


@st.composite
def histories(draw: st.DrawFn, of: Experiment, most: int = 25) -> list[Trial]:
    """Trials in every condition, with results of every sort; repeated points and another experiment's among them."""
    space = SearchSpace.of(of.parameters)
    trials = []
    for place in range(draw(st.integers(0, most))):
        units = [draw(st.floats(0, 1)) for _ in space.dimensions]
        foreign = draw(st.integers(0, 9)) == 0
        assignments = FOREIGN if foreign else space.write(space.from_unit(units))
        condition = draw(st.sampled_from(tuple(TrialCondition)))
        value = draw(st.one_of(results(), st.none()))
        trials.append(Trial(f"trial-{place}", assignments, condition, {} if value is None else {"loss": value}))
    return trials


def results() -> st.SearchStrategy[str]:
    odd = st.sampled_from(("nan", "inf", "-inf", "unavailable", "", "1e308", "-1e308", "0"))
    return st.one_of(st.floats(-1e6, 1e6).map(repr), odd)
