"""Even draws, decoded, have the distribution that the user declared, cut off at the box: by shares of 20,000."""

from collections import Counter
from statistics import NormalDist

import pytest

from katib_suggestions.dimensions import Dimension
from katib_suggestions.experiment import Parameter
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.service import suggest
from tests.katib_suggestions.generated import categorical, discrete, double, experiment, integer

DRAWS = 20_000


def dimension_of(parameter: Parameter) -> Dimension:
    return SearchSpace.of([parameter]).dimensions[0]


def decoded(parameter: Parameter) -> list[str]:
    dimension = dimension_of(parameter)
    return [dimension.text(dimension.from_unit((place + 0.5) / DRAWS)) for place in range(DRAWS)]


def shares(parameter: Parameter) -> dict[str, float]:
    return {text: count / DRAWS for text, count in Counter(decoded(parameter)).items()}


@pytest.mark.parametrize(
    "parameter",
    [
        integer("p", "1", "5"),
        integer("p", "1", "10", "2"),
        double("p", "0.05", "0.5", "0.1"),
        double("p", "0", "1", "0.22"),
        discrete("p", "1", "2", "4", "1000", "3"),
        categorical("p", "a", "b", "c", "d", "e"),
    ],
)
def test_every_value_of_a_grid_or_a_list_is_equally_likely(parameter: Parameter) -> None:
    """The ends too: peers that round give them half a share, or leave the box."""
    assert list(shares(parameter).values()) == pytest.approx([0.2] * 5, abs=1e-3)


def share_below(parameter: Parameter, bound: float) -> float:
    return sum(float(text) < bound for text in decoded(parameter)) / DRAWS


def test_uniform_and_log_uniform_doubles() -> None:
    assert share_below(double("p", "-5", "15"), 0) == pytest.approx(0.25, abs=1e-3)
    assert share_below(double("p", "1", "100"), 10) == pytest.approx(9 / 99, abs=1e-3), "not in logarithms unless asked"
    assert share_below(double("p", "1", "100", distribution="logUniform"), 10) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("parameter", "middle", "one_sigma_above"),
    [
        (double("p", "-6", "12", distribution="normal"), 3.0, 6.0),
        (double("p", "0.001", "1000", distribution="logNormal"), 1.0, 10.0),
    ],
)
def test_normal_is_centred_with_a_sixth_of_the_range_and_stays_in_the_box(
    parameter: Parameter, middle: float, one_sigma_above: float
) -> None:
    normal = NormalDist()
    inside = normal.cdf(3) - normal.cdf(-3)
    assert share_below(parameter, middle) == pytest.approx(0.5, abs=1e-3)
    expected = (normal.cdf(1) - normal.cdf(-3)) / inside
    assert share_below(parameter, one_sigma_above) == pytest.approx(expected, abs=1e-3)
    numbers = [float(text) for text in decoded(parameter)]
    assert min(numbers) >= float(parameter.min)
    assert max(numbers) <= float(parameter.max)


def test_a_normal_grid_is_even_on_both_sides() -> None:
    found = shares(integer("p", "1", "7", distribution="normal"))
    ordered = [found[text] for text in sorted(found, key=int)]
    assert ordered == pytest.approx(ordered[::-1], abs=1e-3)
    assert ordered[:4] == sorted(ordered[:4])
    # A sixth of the range is one step here.
    assert ordered[3] == pytest.approx(2 * NormalDist().cdf(0.5) - 1, abs=2e-3)


def test_a_log_uniform_int_gives_each_doubling_the_same_share() -> None:
    below = [share_below(integer("p", "1", "1024", distribution="logUniform"), bound) for bound in (16, 64, 256)]
    assert [below[1] - below[0], below[2] - below[1]] == pytest.approx([0.2, 0.2], abs=0.01)


@pytest.mark.parametrize("distribution", ["logUniform", "logNormal", "normal"])
@pytest.mark.parametrize("step", ["1", "3", "9"])
def test_every_value_of_a_grid_can_be_drawn_under_any_distribution(distribution: str, step: str) -> None:
    parameter = integer("p", "1", "31", step, distribution)
    assert len(shares(parameter)) == dimension_of(parameter).cardinality


@pytest.mark.parametrize(
    "parameter",
    [
        integer("p", "7051758130848585116", "7051758130848585216", "3", "normal"),
        integer("p", "-59670890346996229", "-59670890346996228", "", "normal"),
        double("p", "1e307", "1.7e308", "5e307", "logUniform"),
        double("p", "1e307", "1.7e308", "1.6e308", "logNormal"),
        double("p", "0", "1.7e308", "1.7e308", "normal"),
    ],
)
def test_the_ends_of_what_a_double_holds_are_no_ends_of_the_service(parameter: Parameter) -> None:
    dimension = dimension_of(parameter)
    values = {dimension.from_unit(unit / 100) for unit in range(101)}
    assert all(dimension.from_index(dimension.index(value)) == value for value in values)
    size = dimension.cardinality or 0
    points = suggest(experiment("random", parameter), [], size)
    assert len({point["p"] for point in points}) == size


def test_smaller_values_of_a_log_uniform_grid_are_likelier() -> None:
    found = shares(double("p", "0.1", "1.0", "0.1", "logUniform"))
    ordered = [found[text] for text in sorted(found, key=float)]
    assert ordered == sorted(ordered, reverse=True)
    assert ordered[0] < 0.35
