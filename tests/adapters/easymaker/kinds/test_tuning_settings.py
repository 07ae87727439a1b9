"""What a create request of a tuning may say: every problem is told at once with its field; defaults are filled in."""

import json
from typing import Any

import pytest

from adapters.easymaker.catalogue import Algorithm, Catalogue, HyperparameterSpec, load
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import hyperparameter_tuning, metric_regex, tuning_settings
from adapters.easymaker.kinds.hyperparameter_tuning import HyperparameterTuningCreate
from adapters.easymaker.kinds.record import Json
from adapters.easymaker.kinds.tuning_ranges import experiment_of
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType

IMAGE, FLAVOR, FOREST = "Ubuntu 22.04 CPU Python Training", "m2.c2m4", "Forest"
SPECS: tuple[Json, ...] = (
    {
        "hyperparameterName": "depth",
        "hyperparameterTypeCode": "int",
        "hyperparameterMinValue": "1",
        "hyperparameterMaxValue": "10",
        "isOptional": False,
    },
    {
        "hyperparameterName": "criterion",
        "hyperparameterTypeCode": "categorical",
        "hyperparameterSpecifiedValues": "gini, entropy",
        "defaultValue": "gini",
        "isOptional": False,
    },
    {"hyperparameterName": "rate", "hyperparameterTypeCode": "double", "hyperparameterMaxValue": "0.5"},
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The shipped one, and an algorithm that says all about its hyperparameters."""
    forest = Algorithm(
        algorithm_name=FOREST,
        source_dir_uri="nas://algorithms:/forest",
        entry_point="train.py",
        metrics=("score", "loss"),
        hyperparameter_spec_list=tuple(HyperparameterSpec.model_validate(spec) for spec in SPECS),
    )
    shipped = load(None)
    return shipped.model_copy(update={"algorithms": (*shipped.algorithms, forest)})


def tuned(name: str, of_type: str | None = "double", **values: Any) -> Json:
    """A hyperparameter; ``min=…`` becomes hyperparameterMinValue and so on."""
    keys = {"min": "MinValue", "max": "MaxValue", "step": "Step", "values": "SpecifiedValues"}
    fields = {f"hyperparameter{keys[key]}": value for key, value in values.items()}
    return {"hyperparameterName": name} | ({"hyperparameterTypeCode": of_type} if of_type else {}) | fields


RATE = tuned("rate", min="0.001", max="0.1")


def parsed(catalogue: Catalogue, **changes: Any) -> HyperparameterTuningCreate:
    body = {
        "hyperparameterTuningName": "tuning",
        "experimentId": "e",
        "imageId": next(image.image_id for image in catalogue.images if image.image_name == IMAGE),
        "flavorId": next(flavor.id for flavor in catalogue.flavors if flavor.name == FLAVOR),
        "sourceDirUri": "nas://code:/",
        "entryPoint": "main.py",
        "modelUploadUri": "nas://out:/",
        "hyperparameterSpecList": [RATE],
        "objectiveMetric": {"name": "score"},
        "objectiveTypeCode": "MAXIMIZE",
        "tuningStrategyName": "RANDOM",
        "maxTrialCount": 10,
    } | changes
    kept = {name: value for name, value in body.items() if value is not None}
    return HyperparameterTuningCreate.model_validate_json(json.dumps(kept))


def spec_of(catalogue: Catalogue, **changes: Any) -> Json:
    body = parsed(catalogue, **changes)
    tuning_settings.check(body, catalogue)
    return tuning_settings.resolved(body, catalogue)


def problems_of(catalogue: Catalogue, **changes: Any) -> str:
    with pytest.raises(InvalidRequest) as raised:
        spec_of(catalogue, **changes)
    return str(raised.value)


def with_forest(catalogue: Catalogue, *ranges: Json, **changes: Any) -> Json:
    algorithm = next(each.algorithm_id for each in catalogue.algorithms if each.algorithm_name == FOREST)
    own = {"algorithmId": algorithm, "sourceDirUri": None, "entryPoint": None}
    return own | {"hyperparameterSpecList": list(ranges)} | changes


def test_what_is_left_out_is_filled_in(catalogue: Catalogue) -> None:
    """A record says all that an engine needs, so that a later release with other defaults changes nothing."""
    spec = spec_of(catalogue, parallelTrialCount=3, maxTrialCount=12, tuningStrategyName=None)
    assert spec["instanceCount"] == 3
    assert spec["metricList"] == [{"name": "score"}]
    assert spec["metricRegex"] == metric_regex.DEFAULT
    assert spec["tuningStrategyName"] == "BAYESIAN_OPTIMIZATION"
    assert spec["timeoutMinutes"] == 43200
    assert tuning_settings.nodes_of_a_trial(spec) == 1


def test_all_problems_are_told_at_once_each_with_its_field(catalogue: Catalogue) -> None:
    told = problems_of(
        catalogue,
        imageId="nobody",
        instanceCount=4,
        parallelTrialCount=3,
        maxTrialCount=2,
        maxFailedTrialCount=5,
        metricList=[{"name": "loss"}, {"name": "loss"}],
        metricRegex="(",
        hyperparameterSpecList=[tuned("a", None), tuned("b", "categorical", values="x,,y")],
        datasetList=[{"datasetName": name, "dataUri": "nas://d:/"} for name in ("a", "A")],
        checkPointUploadUri="obs://127.0.0.1/v1/AUTH_a/c",
    )
    fields = (
        "imageId:",
        "instanceCount:",
        "parallelTrialCount:",
        "maxFailedTrialCount:",
        "objectiveMetric:",
        "metricList:",
        "metricRegex:",
        "hyperparameterSpecList: a: hyperparameterTypeCode",
        "hyperparameterSpecList: b: hyperparameterSpecifiedValues",
        "datasetList:",
        "dataStorageSize:",
    )
    assert [field for field in fields if field not in told] == []


@pytest.mark.parametrize(
    ("about", "ranges"),
    [
        ("needed", []),
        ("twice", [RATE, RATE]),
        ("min is missing", [tuned("a", max="1")]),
        ("max is missing", [tuned("a", min="1", max="")]),
        ("above max", [tuned("a", "int", min="5", max="4")]),
        ("parameter 'a': min", [tuned("a", "int", min="0.5", max="4")]),
        ("parameter 'a': max", [tuned("a", min="1", max="many")]),
        ("parameter 'a': min", [tuned("a", min="nan", max="1")]),
        ("step", [tuned("a", min="0", max="1", step="0")]),
        ("step", [tuned("a", min="0", max="1", step="-0.1")]),
        ("step", [tuned("a", "int", min="0", max="9", step="0.5")]),
        ("list", [tuned("a", min="0", max="1", values="0, 1")]),
        ("list", [tuned("a", "categorical")]),
        ("min", [tuned("a", "categorical", values="x, y", min="1")]),
        ("listed twice", [tuned("a", "categorical", values="x, y, x")]),
        ("empty value", [tuned("a", "categorical", values="x, ,y")]),
        ("a listed value", [tuned("a", "discrete", values="1, two")]),
        ("same value", [tuned("a", "discrete", values="1, 1.0")]),
    ],
)
def test_ranges_that_cannot_be(catalogue: Catalogue, about: str, ranges: list[Json]) -> None:
    told = problems_of(catalogue, hyperparameterSpecList=ranges)
    assert told.startswith("hyperparameterSpecList: ")
    assert about in told


def test_every_range_is_looked_at(catalogue: Catalogue) -> None:
    told = problems_of(catalogue, hyperparameterSpecList=[tuned("a", min="1"), tuned("b", "int", min="5", max="4")])
    assert "'a'" in told
    assert "'b'" in told


@pytest.mark.parametrize(
    ("about", "changes"),
    [
        ("instanceCount: 3 nodes cannot be shared evenly", {"instanceCount": 3, "parallelTrialCount": 2}),
        ("instanceCount: 11 nodes", {"instanceCount": 22, "parallelTrialCount": 2}),
        ("parallelTrialCount: 3 is more than", {"parallelTrialCount": 3, "maxTrialCount": 2}),
        ("maxFailedTrialCount: 11 is more than", {"maxFailedTrialCount": 11}),
        ("maxTrialCount: needed", {"maxTrialCount": None}),
        ("tuningStrategyName: parameter 'rate': grid needs a step", {"tuningStrategyName": "GRID"}),
        ("metricRegex: needs two groups", {"metricRegex": r"(\w+)=\S+"}),
        ("metricRegex: ", {"metricRegex": r"(\w+)=(?=\d)(\d)"}),
        ("metricRegex: ", {"metricRegex": r"(a{1000}){1000}(b)"}),
        ("objectiveMetric: score is none of metricList (loss)", {"metricList": [{"name": "loss"}]}),
        ("dataStorageSize", {"modelUploadUri": "obs://127.0.0.1/v1/AUTH_a/c/m"}),
        ("sourceDirUri", {"sourceDirUri": None}),
        ("useTorchrun", {"useTorchrun": True}),
    ],
)
def test_settings_that_do_not_go_together(catalogue: Catalogue, about: str, changes: Json) -> None:
    assert about in problems_of(catalogue, **changes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parallelTrialCount", 0),
        ("parallelTrialCount", 101),
        ("maxTrialCount", 0),
        ("maxTrialCount", 10_001),
        ("maxFailedTrialCount", -1),
        ("instanceCount", 0),
        ("objectiveGoal", "0.9"),
        ("objectiveGoal", True),
        ("objectiveTypeCode", "BEST"),
        ("objectiveMetric", "score"),
        ("objectiveMetric", {"name": ""}),
        ("objectiveMetric", {"name": "a;b"}),
        ("metricList", [{"name": "m" * 51}]),
        ("tuningStrategyName", "HYPERBAND"),
        ("tuningStrategyRandomState", -1),
        ("tuningStrategyRandomState", 2**32),
        ("earlyStoppingAlgorithm", "MEAN"),
        ("earlyStoppingMinTrialCount", 0),
        ("earlyStoppingStartStep", 0),
        ("timeoutMinutes", 59),
        ("hyperparameterList", []),
        ("metricRegex", ""),
    ],
)
def test_values_outside_their_limits_are_refused_by_the_body(catalogue: Catalogue, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        parsed(catalogue, **{field: value})


def test_without_a_maximum_something_else_has_to_end_it(catalogue: Catalogue) -> None:
    """A goal, or a space whose every combination has been tried."""
    assert spec_of(catalogue, maxTrialCount=None, objectiveGoal=0.9)
    assert spec_of(catalogue, maxTrialCount=None, hyperparameterSpecList=[tuned("a", "int", min="1", max="3")])


def test_a_grid_may_have_fewer_points_than_trainings_are_allowed(catalogue: Catalogue) -> None:
    """It ends with SuggestionEndReached; Katib's own check of an experiment would refuse it."""
    ranges = [tuned("a", "int", min="1", max="3"), tuned("b", "categorical", values="x, y")]
    assert spec_of(catalogue, tuningStrategyName="GRID", maxTrialCount=100, hyperparameterSpecList=ranges)


def test_numbers_in_ranges_may_be_given_as_numbers(catalogue: Catalogue) -> None:
    spec = spec_of(catalogue, hyperparameterSpecList=[tuned("a", min=0, max=0.5, step=0.1)])
    assert spec["hyperparameterSpecList"][0]["hyperparameterMaxValue"] == "0.5"


def test_the_experiment_that_katib_would_be_given(catalogue: Catalogue) -> None:
    spec = spec_of(
        catalogue,
        hyperparameterSpecList=[
            tuned("rate", min="0.1", max="0.5", step="0.1"),
            tuned("depth", "int", min="1", max="9"),
            tuned("size", "discrete", values="16, 32,64"),
            tuned("optimizer", "categorical", values="sgd, adam"),
        ],
        metricList=[{"name": "loss"}, {"name": "score"}],
        objectiveGoal=0.99,
        maxFailedTrialCount=2,
        parallelTrialCount=2,
        tuningStrategyName="BAYESIAN_OPTIMIZATION",
        tuningStrategyRandomState=7,
        earlyStoppingAlgorithm="MEDIAN",
    )
    assert experiment_of("t", spec) == Experiment(
        name="t",
        parameters=(
            Parameter("rate", ParameterType.DOUBLE, "0.1", "0.5", "0.1"),
            Parameter("depth", ParameterType.INT, "1", "9"),
            Parameter("size", ParameterType.DISCRETE, list=("16", "32", "64")),
            Parameter("optimizer", ParameterType.CATEGORICAL, list=("sgd", "adam")),
        ),
        objective=Objective.MAXIMIZE,
        metric="score",
        algorithm="bayesianoptimization",
        settings={"random_state": "7"},
        goal=0.99,
        additional_metrics=("loss",),
        max_trials=10,
        parallel_trials=2,
        max_failed_trials=2,
        early_stopping="medianstop",
        early_stopping_settings={"min_trials_required": "3", "start_step": "4"},
    )


def test_early_stopping_only_where_it_is_asked_for(catalogue: Catalogue) -> None:
    """The SDK sends its settings always."""
    spec = spec_of(catalogue, earlyStoppingMinTrialCount=3, earlyStoppingStartStep=4)
    experiment = experiment_of("t", spec)
    assert (experiment.early_stopping, experiment.early_stopping_settings) == ("", {})


def test_a_provided_algorithm_says_what_its_hyperparameters_are(catalogue: Catalogue) -> None:
    depth = tuned("depth", None, min="2", max="8")
    spec = spec_of(catalogue, **with_forest(catalogue, depth, objectiveMetric={"name": "loss"}))
    assert spec["hyperparameterSpecList"][0]["hyperparameterTypeCode"] == "int"
    assert spec["metricList"] == [{"name": "score"}, {"name": "loss"}]


@pytest.mark.parametrize(
    ("about", "ranges"),
    [
        ("Forest has no hyperparameter width; it has depth, criterion, rate", [tuned("width", min="1", max="2")]),
        ("depth: its type is int in Forest", [tuned("depth", "double", min="1", max="2")]),
        ("depth: the smallest value of Forest is 1", [tuned("depth", "int", min="0", max="2")]),
        ("depth: the largest value of Forest is 10", [tuned("depth", "int", min="1", max="11")]),
        ("criterion: log is none of gini, entropy", [tuned("criterion", "categorical", values="gini, log")]),
        ("depth is needed", [tuned("criterion", "categorical", values="gini, entropy")]),
    ],
)
def test_hyperparameters_that_a_provided_algorithm_does_not_have(
    catalogue: Catalogue, about: str, ranges: list[Json]
) -> None:
    assert about in problems_of(catalogue, **with_forest(catalogue, *ranges))


def test_a_provided_algorithm_that_says_nothing_takes_any(catalogue: Catalogue) -> None:
    silent = next(each for each in catalogue.algorithms if not each.hyperparameter_spec_list)
    told = problems_of(catalogue, algorithmId=silent.algorithm_id, sourceDirUri=None, entryPoint=None)
    assert "hyperparameterSpecList" not in told
    assert "not installed here" in told


def test_without_ranges_of_ones_own_a_provided_algorithms_are_searched(catalogue: Catalogue) -> None:
    """Here one of them has no lower bound, so that it has to be given."""
    told = problems_of(catalogue, **with_forest(catalogue))
    assert told == "hyperparameterSpecList: parameter 'rate': min is missing"


@pytest.mark.parametrize(
    ("settings", "given", "nodes"),
    [
        ({"instanceCount": 2}, {"parallelTrialCount": 3}, 6),
        ({"instanceCount": 2}, {}, 2),
        ({"instanceCount": 2}, {"parallelTrialCount": "many"}, 2),
        ({}, {"parallelTrialCount": 3}, None),
    ],
)
def test_a_templates_nodes_are_those_of_one_training(settings: Json, given: Json, nodes: int | None) -> None:
    adapted = hyperparameter_tuning.KIND.adapt_template(settings, given)
    assert adapted.get("instanceCount") == nodes
