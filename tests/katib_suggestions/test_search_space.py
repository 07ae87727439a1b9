"""Points of a space: exact texts both ways, one spelling each, an order that counts them, all problems at once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_suggestions.experiment import Distribution, Parameter, ParameterType
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from tests.katib_suggestions.generated import categorical, discrete, double, experiments, integer

INT, DISCRETE, CATEGORICAL = ParameterType.INT, ParameterType.DISCRETE, ParameterType.CATEGORICAL


def values(parameter: Parameter) -> list[str]:
    """All of a finite parameter's, in order."""
    (dimension,) = SearchSpace.of([parameter]).dimensions
    assert dimension.cardinality is not None
    return [dimension.text(dimension.from_index(index)) for index in range(dimension.cardinality)]


def problems(*parameters: Parameter) -> tuple[str, ...]:
    with pytest.raises(InvalidExperiment) as found:
        SearchSpace.of(parameters)
    assert str(found.value) == "; ".join(found.value.problems)
    return found.value.problems


def test_a_step_is_added_in_decimal_digits() -> None:
    assert values(double("x", "0.1", "0.5", "0.1")) == ["0.1", "0.2", "0.3", "0.4", "0.5"]
    assert values(double("x", "0.05", "0.5", "0.1")) == ["0.05", "0.15", "0.25", "0.35", "0.45"]
    assert values(double("x", "-0.3", "0.3", ".3")) == ["-0.3", "0.0", "0.3"]
    assert values(double("x", "1e-7", "3e-7", "1e-7")) == ["1e-07", "2e-07", "3e-07"]
    assert values(double("x", "0", "1", "0.3"))[-1] == "0.9", "the last value is the last step, not max"


def test_a_long_grid_has_no_drift() -> None:
    (dimension,) = SearchSpace.of([double("x", "0", "100000", "0.001")]).dimensions
    assert dimension.cardinality == 100_000_001
    assert dimension.from_index(99_999_999) == "99999.999"
    assert dimension.index("99999.999") == 99_999_999


def test_digits_beyond_a_double_are_kept_as_given() -> None:
    assert values(double("x", "0.10000000000000000001", "0.3", "0.1")) == [
        "0.10000000000000000001",
        "0.20000000000000000001",
    ]


def test_an_int_has_its_step() -> None:
    assert values(integer("n", "1", "10", "4")) == ["1", "5", "9"]
    assert values(integer("n", "-2", "2")) == ["-2", "-1", "0", "1", "2"]
    assert values(integer("n", "1e1", "12.0")) == ["10", "11", "12"]


def test_min_equal_to_max_holds_a_parameter_still() -> None:
    assert values(integer("n", "3", "3")) == ["3"]
    assert values(integer("n", "3", "3", "5")) == ["3"]
    assert values(double("x", "0.5", "0.50")) == ["0.5"]
    assert values(double("x", "1", "1", distribution="logNormal")) == ["1.0"]


def test_discrete_values_are_ordered_by_number_and_spelled_as_listed() -> None:
    assert values(discrete("d", "1e1", "4", "-2.50", "16")) == ["-2.50", "4", "1e1", "16"]
    assert values(categorical("c", "z", "", "a")) == ["z", "", "a"]


def test_other_spellings_of_a_value_are_read_as_it() -> None:
    space = SearchSpace.of([double("x", "0.1", "0.5", "0.1"), discrete("d", "4", "8"), integer("n", "1", "9")])
    expected = space.read({"x": "0.3", "d": "4", "n": "5"})
    assert expected == ("0.3", "4", 5)
    # Katib's own services write the first of these.
    assert space.read({"x": "0.30000000000000004", "d": "4.0", "n": "5.0"}) == expected
    assert space.read({"n": "+5", "d": " 4", "x": "3e-1"}) == expected
    (continuous,) = SearchSpace.of([double("x", "-1", "1")]).dimensions
    assert {continuous.read(text) for text in ("0.5", "0.50", "5e-1", "+.5")} == {"0.5"}
    assert {continuous.read(text) for text in ("0", "-0", "-0.0", "0e9")} == {"0.0"}


@pytest.mark.parametrize(
    "assignments",
    [
        {},
        {"x": "0.3"},
        {"x": "0.3", "n": "5", "more": "1"},
        {"x": "0.3", "m": "5"},
        {"x": "0.35", "n": "5"},
        {"x": "0.6", "n": "5"},
        {"x": "0.0", "n": "5"},
        {"x": "nan", "n": "5"},
        {"x": "inf", "n": "5"},
        {"x": "1e9999", "n": "5"},
        {"x": "0.3", "n": "4"},
        {"x": "0.3", "n": "11"},
        {"x": "0.3", "n": "5.5"},
        {"x": "0.3", "n": "1" * 5000},
        {"x": "0.3", "n": ""},
    ],
)
def test_a_trial_of_another_space_has_no_point(assignments: dict[str, str]) -> None:
    assert SearchSpace.of([double("x", "0.1", "0.5", "0.1"), integer("n", "1", "10", "2")]).read(assignments) is None


@pytest.mark.parametrize("text", ["", "nan", "-inf", "2.1", "0.9", "x", "1,5"])
def test_a_continuous_parameter_takes_numbers_of_its_box_only(text: str) -> None:
    assert SearchSpace.of([double("x", "1", "2")]).read({"x": text}) is None


def test_places_are_counted_as_nested_loops_would() -> None:
    space = SearchSpace.of([integer("n", "1", "2"), categorical("k", "a", "b"), double("x", "0", "1", "0.5")])
    assert space.size == 12
    points = [space.point(place) for place in range(12)]
    assert points[:4] == [(1, "a", "0.0"), (1, "a", "0.5"), (1, "a", "1.0"), (1, "b", "0.0")]
    assert [space.index(point) for point in points] == list(range(12))


def test_a_space_may_be_larger_than_any_machine() -> None:
    space = SearchSpace.of([integer(f"n{place}", "1", "1000000000") for place in range(50)])
    assert space.size == 10**450
    assert space.index(space.point(10**450 - 1)) == 10**450 - 1


def test_all_problems_are_told_at_once_by_the_name_of_the_parameter() -> None:
    assert problems(
        double("x", "lo", "nan", "-1"),
        integer("n", "1.5", "2", "0"),
        double("l", "0", "1", distribution="logUniform"),
        discrete("d", "1", "1.0", "one"),
        categorical("c"),
        categorical("c", "a", "b", "a"),
        Parameter("", ParameterType.INT, "1", "2"),
    ) == (
        "parameter 7 has no name",
        "parameter 'c' is declared twice",
        "parameter 'x': min is not a finite number: 'lo'",
        "parameter 'x': max is not a finite number: 'nan'",
        "parameter 'x': step must be above 0, but is -1",
        "parameter 'n': min is not a whole number: '1.5'",
        "parameter 'n': step must be above 0, but is 0",
        "parameter 'l': min must be above 0 for logUniform, but is 0",
        "parameter 'd': '1' and '1.0' are the same value, listed twice",
        "parameter 'd': a listed value is not a finite number: 'one'",
        "parameter 'c': the list is empty",
        "parameter 'c': 'a' is listed twice",
    )


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (double("p", "", "1"), "min is missing"),
        (double("p", "0", " "), "max is missing"),
        (double("p", "0", "inf"), "max is not a finite number: 'inf'"),
        (double("p", "0", "1_000"), "max is not a finite number: '1_000'"),
        (double("p", "0", "١"), "max is not a finite number: '١'"),
        (double("p", "0", "1e400"), "max is beyond what a double can hold: '1e400'"),
        (double("p", "1e-400", "1"), "min is beyond what a double can hold: '1e-400'"),
        (double("p", "0", "1" * 101), "max has 101 characters, which is no number to compute with"),
        (double("p", "0", "1e99999999999"), "max is not a finite number: '1e99999999999'"),
        (double("p", "-1e308", "1e308"), "the range from -1e308 to 1e308 is wider than a double can hold"),
        (double("p", "1", "1.00000000001"), "the range from 1 to 1.00000000001 is too narrow to be searched"),
        (double("p", "1", "2", "1e-16"), "step 1e-16 is too fine to tell values up to 2 apart; leave it out"),
        (
            double("p", "1e-100", "1", "0.25"),
            "min 1e-100 and step 0.25 make values of 101 digits; at most 80 can be written and read again",
        ),
        (double("p", "2", "1"), "min is above max: 2 > 1"),
        (double("p", "0", "1", "1.5"), "step 1.5 is wider than the range from 0 to 1"),
        (double("p", "0", "1", "x"), "step is not a finite number: 'x'"),
        (double("p", "-1", "1", distribution="logNormal"), "min must be above 0 for logNormal, but is -1"),
        (integer("p", "0", "1e30"), "max is beyond 64 bits: '1e30'"),
        (integer("p", "1", "9", "0.5"), "step is not a whole number: '0.5'"),
        (integer("p", "1", "9", "9"), "step 9 is wider than the range from 1 to 9"),
        (Parameter("p", INT, "1", "2", list=("1",)), "a list belongs to discrete and categorical, not to int"),
        (Parameter("p", DISCRETE, max="2", list=("1",)), "max belongs to int and double, not to discrete"),
        (Parameter("p", CATEGORICAL, step="1", list=("a",)), "step belongs to int and double, not to categorical"),
        (discrete("p", ""), "a listed value is empty"),
        (discrete("p", *(str(each) for each in range(10_001))), "the list has 10001 values; at most 10000 are taken"),
        (Parameter("p", "bool"), "unknown type 'bool'; known are double, int, discrete, categorical"),  # pyright: ignore[reportArgumentType]
        (
            Parameter("p", ParameterType.INT, "1", "2", distribution="cauchy"),  # pyright: ignore[reportArgumentType]
            "unknown distribution 'cauchy'; known are uniform, logUniform, normal, logNormal",
        ),
    ],
)  # fmt: skip
def test_a_declaration_that_makes_no_sense_is_refused(parameter: Parameter, problem: str) -> None:
    assert problems(parameter) == (f"parameter 'p': {problem}",)


def test_no_parameters_and_too_many_are_refused() -> None:
    assert problems() == ("there are no parameters",)
    many = [integer(f"n{place}", "1", "2") for place in range(1001)]
    assert problems(*many) == ("1001 parameters; at most 1000 are taken",)


@given(st.data())
def test_every_point_comes_back_from_its_text_its_place_and_its_unit_cube(data: st.DataObject) -> None:
    space = SearchSpace.of(data.draw(experiments("random")).parameters)
    point = space.from_unit([data.draw(st.floats(0, 1)) for _ in space.dimensions])
    assert space.read(space.write(point)) == point
    units = space.to_unit(point)
    assert all(0 <= unit <= 1 for unit in units)
    for dimension, value, unit in zip(space.dimensions, point, units, strict=True):
        if dimension.cardinality is None:
            assert float(dimension.from_unit(unit)) == pytest.approx(float(value), rel=1e-6, abs=1e-9)
        else:
            assert dimension.from_unit(unit) == value
            assert dimension.from_index(dimension.index(value)) == value
    if space.size is not None:
        assert space.point(space.index(point)) == point


@given(st.data())
def test_no_coordinate_leads_out_of_the_box(data: st.DataObject) -> None:
    parameters = data.draw(experiments("random")).parameters
    units = [data.draw(st.floats(allow_nan=False, allow_infinity=False)) for _ in parameters]
    space = SearchSpace.of(parameters)
    answer = space.write(space.from_unit(units))
    for parameter in parameters:
        text = answer[parameter.name]
        if parameter.list:
            assert text in parameter.list
        else:
            assert Decimal(parameter.min) <= Decimal(text) <= Decimal(parameter.max)
            if parameter.step:
                assert (Decimal(text) - Decimal(parameter.min)) % Decimal(parameter.step) == 0


@pytest.mark.parametrize("distribution", list(Distribution))
def test_the_coding_rises_with_the_value(distribution: Distribution) -> None:
    space = SearchSpace.of([integer("n", "1", "50", "3", distribution), double("x", "0.001", "10", "", distribution)])
    whole, real = space.dimensions
    places = [whole.to_unit(value) for value in (1, 4, 7, 25, 46, 49)]
    assert places == sorted(set(places))
    assert [real.to_unit(text) for text in ("0.001", "10.0")] == [0, 1]
    assert real.to_unit("0.01") < real.to_unit("1.0") < real.to_unit("9.0")
