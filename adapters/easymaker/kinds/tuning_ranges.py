"""Which values a tuning may try: the ranges of its hyperparameters, and the Katib experiment that says the same."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from adapters.easymaker.catalogue import Algorithm, HyperparameterSpec
from adapters.easymaker.kinds.fields import Body, ParameterName, ParameterValue
from adapters.easymaker.kinds.record import Json
from adapters.easymaker.kinds.training_settings import twice
from katib_suggestions import service
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from katib_suggestions.search_space import InvalidExperiment, SearchSpace

ALGORITHMS = {"GRID": "grid", "RANDOM": "random", "BAYESIAN_OPTIMIZATION": "bayesianoptimization"}
EARLY_STOPPING = {"MEDIAN": "medianstop"}
LISTED = ("discrete", "categorical")


def _empty_as_absent(value: Any) -> Any:
    return None if value == "" else value


Bound = Annotated[ParameterValue | None, BeforeValidator(_empty_as_absent)]


class HyperparameterRange(Body):
    """Names and types of a provided algorithm's hyperparameters are the algorithm's; its types need not be given."""

    hyperparameter_name: ParameterName
    hyperparameter_type_code: Literal["int", "double", "discrete", "categorical"] | None = None
    hyperparameter_min_value: Bound = None
    hyperparameter_max_value: Bound = None
    hyperparameter_step: Bound = None
    hyperparameter_specified_values: Bound = Field(None, description="Separated by commas: sgd, adam")
    is_optional: bool | None = None
    default_value: Annotated[str, StringConstraints(max_length=1000)] | None = None


def resolved(ranges: Sequence[HyperparameterRange], algorithm: Algorithm | None) -> list[Json]:
    """In wire form: those of the algorithm where none are given, and its types where they are left out."""
    known = _known(algorithm)
    if not ranges:
        return [spec.model_dump(mode="json", by_alias=True, exclude_none=True) for spec in known.values()]
    types = {name: {"hyperparameterTypeCode": spec.hyperparameter_type_code} for name, spec in known.items()}
    return [types.get(each.hyperparameter_name, {}) | each.wire() for each in ranges]


def problems(settled: Json, algorithm: Algorithm | None) -> list[str]:
    """What is wrong with the ranges and the strategy of resolved settings, each with its field."""
    ranges: list[Json] = settled["hyperparameterSpecList"]
    if not ranges:
        return ["hyperparameterSpecList: needed; it says which hyperparameters are tuned"]
    told = [problem for each in ranges for problem in _type_problems(each) + _foreign_problems(each, algorithm)]
    if (name := twice(each["hyperparameterName"] for each in ranges)) is not None:
        told.append(f"{name} is given twice")
    if told:
        return [f"hyperparameterSpecList: {problem}" for problem in told + _required_problems(ranges, algorithm)]
    return _search_problems(settled) + [
        f"hyperparameterSpecList: {problem}" for problem in _required_problems(ranges, algorithm)
    ]


def _search_problems(settled: Json) -> list[str]:
    experiment = experiment_of("", settled)
    try:
        space = SearchSpace.of(experiment.parameters)
    except InvalidExperiment as error:
        return [f"hyperparameterSpecList: {problem}" for problem in error.problems]
    try:
        # More trainings than there are combinations are no mistake here: the tuning ends when all have been tried.
        service.validate(service.within_space(experiment, space))
    except InvalidExperiment as error:
        return [f"tuningStrategyName: {problem}" for problem in error.problems]
    if experiment.max_trials is None and experiment.goal is None and space.size is None:
        return ["maxTrialCount: needed, because nothing else would end the tuning: no objectiveGoal, endless ranges"]
    return []


def _known(algorithm: Algorithm | None) -> Mapping[str, HyperparameterSpec]:
    specs = algorithm.hyperparameter_spec_list if algorithm is not None else ()
    return {spec.hyperparameter_name: spec for spec in specs}


def _type_problems(given: Json) -> list[str]:
    name, of_type = given["hyperparameterName"], given.get("hyperparameterTypeCode")
    if of_type is None:
        return [f"{name}: hyperparameterTypeCode is needed"]
    values = _values(given)
    if of_type in LISTED and not all(values):
        return [f"{name}: hyperparameterSpecifiedValues has an empty value between its commas"]
    return []


def _foreign_problems(given: Json, algorithm: Algorithm | None) -> list[str]:
    """What a provided algorithm does not have: such a hyperparameter, of such a type, or with such values."""
    known = _known(algorithm)
    if algorithm is None or not known:
        return []
    name = given["hyperparameterName"]
    spec = known.get(name)
    if spec is None:
        return [f"{algorithm.algorithm_name} has no hyperparameter {name}; it has {', '.join(known)}"]
    if given["hyperparameterTypeCode"] != spec.hyperparameter_type_code:
        return [f"{name}: its type is {spec.hyperparameter_type_code} in {algorithm.algorithm_name}"]
    told: list[str] = []
    low, high = _number(spec.hyperparameter_min_value), _number(spec.hyperparameter_max_value)
    least, most = _number(given.get("hyperparameterMinValue")), _number(given.get("hyperparameterMaxValue"))
    if low is not None and least is not None and least < low:
        told.append(f"{name}: the smallest value of {algorithm.algorithm_name} is {low}")
    if high is not None and most is not None and most > high:
        told.append(f"{name}: the largest value of {algorithm.algorithm_name} is {high}")
    offered = [part.strip() for part in (spec.hyperparameter_specified_values or "").split(",") if part.strip()]
    if offered and (foreign := [value for value in _values(given) if value not in offered]):
        told.append(f"{name}: {foreign[0]} is none of {', '.join(offered)}")
    return told


def _required_problems(ranges: Sequence[Json], algorithm: Algorithm | None) -> list[str]:
    given = {each["hyperparameterName"] for each in ranges}
    return [
        f"{name} is needed: {algorithm.algorithm_name} has no default for it"
        for name, spec in _known(algorithm).items()
        if algorithm is not None and not spec.is_optional and spec.default_value is None and name not in given
    ]


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _values(given: Json) -> list[str]:
    text = given.get("hyperparameterSpecifiedValues")
    return [part.strip() for part in text.split(",")] if text else []


def experiment_of(name: str, spec: Json) -> Experiment:
    """A tuning's settings as Katib knows them. ``spec`` is resolved."""
    early = EARLY_STOPPING.get(spec.get("earlyStoppingAlgorithm", ""), "")
    metrics = [metric["name"] for metric in spec["metricList"]]
    random_state = spec.get("tuningStrategyRandomState")
    return Experiment(
        name=name,
        parameters=tuple(_parameter(each) for each in spec["hyperparameterSpecList"]),
        objective=Objective(spec["objectiveTypeCode"].lower()),
        metric=spec["objectiveMetric"]["name"],
        algorithm=ALGORITHMS[spec["tuningStrategyName"]],
        settings={} if random_state is None else {"random_state": str(random_state)},
        goal=spec.get("objectiveGoal"),
        additional_metrics=tuple(metric for metric in metrics if metric != spec["objectiveMetric"]["name"]),
        max_trials=spec.get("maxTrialCount"),
        parallel_trials=spec["parallelTrialCount"],
        max_failed_trials=spec.get("maxFailedTrialCount"),
        early_stopping=early,
        early_stopping_settings={
            "min_trials_required": str(spec["earlyStoppingMinTrialCount"]),
            "start_step": str(spec["earlyStoppingStartStep"]),
        }
        if early
        else {},
    )


def _parameter(given: Json) -> Parameter:
    of_type = ParameterType(given["hyperparameterTypeCode"])
    return Parameter(
        name=given["hyperparameterName"],
        type=of_type,
        min=given.get("hyperparameterMinValue", ""),
        max=given.get("hyperparameterMaxValue", ""),
        step=given.get("hyperparameterStep", ""),
        list=tuple(_values(given)),
    )
