"""The search for the most promising points: exact in small spaces, better than chance in large ones, inside always."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.acquisition import Acquisition
from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.gaussian_process import Hyperparameters, Posterior
from katib_suggestions.algorithms.bayesian.search import Search
from katib_suggestions.experiment import Parameter
from katib_suggestions.search_space import SearchSpace
from tests.katib_suggestions.generated import categorical, discrete, double, integer

SMALL = (integer("n", "1", "9"), categorical("k", "a", "b", "c"), discrete("d", "1", "10", "100"))
MIXED = (
    double("x", "0", "1"),
    integer("n", "1", "60"),
    categorical("k", "a", "b", "c"),
    double("s", "0", "1", "0.001"),
)
CONTINUOUS = tuple(double(f"x{place}", "-1", "1") for place in range(4))


def searched(parameters: tuple[Parameter, ...], seed: int = 0) -> tuple[Domain, Search, Acquisition]:
    domain = Domain.of(SearchSpace.of(parameters))
    rng = np.random.default_rng(seed)
    x = domain.from_unit(rng.random((12, domain.size)))
    y = rng.standard_normal(12)
    known = Hyperparameters(np.full(domain.size, 6.0), 1.0, 1e-3, 0.0)
    acquisition = Acquisition(Posterior(x, y, domain.categorical, known), np.array([y.min()]))
    return domain, Search(domain, x[np.argsort(y)[:4]], np.full(domain.size, 0.4), rng), acquisition


def test_a_small_space_is_searched_whole() -> None:
    domain, search, acquisition = searched(SMALL)
    found = search.best(acquisition)
    assert len({domain.point(vector) for vector in found}) == 81
    values = acquisition.values(found)
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize("parameters", [MIXED, CONTINUOUS])
def test_it_finds_more_than_twenty_thousand_points_by_chance(parameters: tuple[Parameter, ...]) -> None:
    domain, search, acquisition = searched(parameters)
    found = search.best(acquisition)
    chance = domain.from_unit(np.random.default_rng(7).random((20_000, domain.size)))
    assert acquisition.values(found)[0] >= acquisition.values(chance).max() - 1e-9


@pytest.mark.parametrize("parameters", [MIXED, CONTINUOUS])
def test_what_it_finds_is_of_the_space(parameters: tuple[Parameter, ...]) -> None:
    domain, search, acquisition = searched(parameters)
    found = search.best(acquisition)
    again = domain.vectors([domain.point(vector) for vector in found])
    assert again == pytest.approx(found, abs=1e-3)


def test_points_and_vectors_are_the_same_thing() -> None:
    domain = Domain.of(SearchSpace.of((*SMALL, *MIXED[3:])))
    vectors = domain.from_unit(np.random.default_rng(0).random((200, domain.size)))
    points = [domain.point(vector) for vector in vectors]
    assert [domain.point(vector) for vector in domain.vectors(points)] == points
    assert len({point[1] for point in points}) == 3, "every category comes up"
