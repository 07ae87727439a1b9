"""The best point's surroundings: of its own categories, only where there are any, and never on level ground."""

import numpy as np

from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.gaussian_process import Hyperparameters, Posterior
from katib_suggestions.algorithms.bayesian.model import Model
from katib_suggestions.algorithms.bayesian.quasi_newton import Array
from katib_suggestions.algorithms.bayesian.search import Search
from katib_suggestions.algorithms.bayesian.surroundings import Surroundings, around, due
from katib_suggestions.experiment import Parameter
from katib_suggestions.search_space import SearchSpace
from tests.katib_suggestions.generated import categorical, double, integer

CENTRE = np.array([0.5, 0.5, 1.0])
MIXED = (double("x", "0", "1"), integer("n", "1", "60"), categorical("k", "a", "b", "c"))


def found(x: Array, values: Array, mask: tuple[bool, ...] = (False, False, True)) -> Surroundings | None:
    known = Hyperparameters(np.full(x.shape[1], 6.0), 1.0, 1e-3, 0.0)
    return around(CENTRE, Posterior(x, values, np.array(mask), known), x, values)


def spread_out(count: int) -> Array:
    rng = np.random.default_rng(3)
    return np.column_stack((rng.random((count, 2)), np.arange(float(count)) % 2))


def test_they_are_the_nearest_observations_with_the_same_categories() -> None:
    x = spread_out(60)
    near = found(x, np.arange(60.0))
    assert near is not None
    distances = np.linalg.norm(x - CENTRE, axis=1)
    own = np.flatnonzero(x[:, 2] == 1)
    assert set(near.rows) == set(own[np.argsort(distances[own])][:18])
    assert (near.lower == x[near.rows].min(0)).all()
    assert (near.upper == x[near.rows].max(0)).all()


def test_of_very_many_observations_a_bounded_number_is_near() -> None:
    near = found(spread_out(1000), np.arange(1000.0))
    assert near is not None
    assert len(near.rows) == 100


def test_there_are_none_without_categories_or_with_few_of_the_same() -> None:
    x = spread_out(60)
    assert found(x, np.arange(60.0), (False, False, False)) is None
    x[:, 2] = np.where(np.arange(60) < 11, 1, 0)
    assert found(x, np.arange(60.0)) is None
    assert found(spread_out(23), np.arange(23.0)) is None


def test_there_are_none_on_level_ground() -> None:
    x, values = spread_out(60), np.arange(60.0)
    near = found(x, values)
    assert near is not None
    values[near.rows[:6]] = 30.0
    assert found(x, values) is None


def test_they_have_every_third_point() -> None:
    assert [place for place in range(12) if due(place)] == [2, 5, 8, 11]


def _searched(parameters: tuple[Parameter, ...]) -> tuple[Surroundings, Array]:
    domain = Domain.of(SearchSpace.of(parameters))
    x = domain.from_unit(np.random.default_rng(0).random((80, domain.size)))
    values = ((x - 0.9) ** 2).sum(1)
    model = Model.of(domain, x, values, x[:0])
    near = around(model.centres[0], model.objective, x, values)
    assert near is not None
    rng = np.random.default_rng(1)
    local = Model.of(domain, x[near.rows], values[near.rows], x[:0])
    search = Search(domain, local.centres, local.lengths, rng, (near.lower, near.upper))
    return near, search.best(local.acquisition(x[:0], rng))


def test_a_search_of_them_stays_there() -> None:
    integers = (integer("n", "1", "25"), integer("m", "1", "20"), categorical("k", "a", "b"))
    for parameters in (MIXED, integers):
        near, vectors = _searched(parameters)
        assert len(vectors)
        assert (vectors >= near.lower).all()
        assert (vectors <= near.upper).all()
