"""The settings of the guide's page Create Hyperparameter Tuning beyond those of a run, and the rules between them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from adapters.easymaker.catalogue import Algorithm, Catalogue
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import metric_regex, tuning_ranges
from adapters.easymaker.kinds.fields import Body, Name
from adapters.easymaker.kinds.record import Json
from adapters.easymaker.kinds.training_settings import MOST_NODES, RunSettings, run_problems, twice
from adapters.easymaker.kinds.tuning_ranges import HyperparameterRange

MOST_PARALLEL = 100
MOST_TRIALS = 10_000
Count = Annotated[int, Field(ge=1, le=MOST_TRIALS)]
MetricName = Annotated[Name, StringConstraints(pattern=r"^[^;]*$")]


class Metric(Body):
    name: MetricName


class TuningSettings(RunSettings):
    instance_count: int | None = Field(
        None, ge=1, le=MOST_NODES * MOST_PARALLEL, description="Nodes of all parallel trainings; 1 each if left out"
    )
    parallel_trial_count: int = Field(1, ge=1, le=MOST_PARALLEL, description="Trainings that run at the same time")
    hyperparameter_spec_list: Annotated[list[HyperparameterRange], Field(max_length=100)] = []
    metric_list: Annotated[list[Metric], Field(max_length=100)] = []
    metric_regex: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        metric_regex.DEFAULT, description="RE2; the first two groups are a metric's name and value"
    )
    objective_metric: Metric
    objective_type_code: Literal["MINIMIZE", "MAXIMIZE"]
    objective_goal: float | None = Field(None, allow_inf_nan=False, description="The tuning ends once it is reached")
    max_failed_trial_count: int | None = Field(
        None, ge=0, le=MOST_TRIALS, description="The tuning fails once so many trainings have; 0 is as 1"
    )
    max_trial_count: Count | None = None
    tuning_strategy_name: Literal["BAYESIAN_OPTIMIZATION", "RANDOM", "GRID"] = "BAYESIAN_OPTIMIZATION"
    tuning_strategy_random_state: int | None = Field(
        None, ge=0, le=2**32 - 1, description="Makes a tuning reproducible"
    )
    early_stopping_algorithm: Literal["MEDIAN"] | None = None
    early_stopping_min_trial_count: Count = 3
    early_stopping_start_step: Count = 4


def _algorithm(body: TuningSettings, catalogue: Catalogue) -> Algorithm | None:
    return catalogue.algorithms_by_id.get(body.algorithm_id) if body.algorithm_id else None


def resolved(body: TuningSettings, catalogue: Catalogue) -> Json:
    """The settings in wire form with everything filled in that has a default depending on other fields."""
    algorithm = _algorithm(body, catalogue)
    metrics = [metric.name for metric in body.metric_list]
    if not metrics and algorithm is not None:
        metrics = list(algorithm.metrics)
    return body.wire() | {
        "instanceCount": body.instance_count or body.parallel_trial_count,
        "metricList": [{"name": name} for name in metrics or [body.objective_metric.name]],
        "hyperparameterSpecList": tuning_ranges.resolved(body.hyperparameter_spec_list, algorithm),
    }


def check(body: TuningSettings, catalogue: Catalogue) -> None:
    """The rules that reach over several fields.

    Raises:
        InvalidRequest: all problems at once, each with its field.
    """
    settled = resolved(body, catalogue)
    problems = [
        *run_problems(body, catalogue),
        *_node_problems(body),
        *_count_problems(body),
        *_metric_problems(body, settled),
        *tuning_ranges.problems(settled, _algorithm(body, catalogue)),
    ]
    if problems:
        raise InvalidRequest("; ".join(problems))


def _node_problems(body: TuningSettings) -> Sequence[str]:
    if body.instance_count is None:
        return []
    nodes, left = divmod(body.instance_count, body.parallel_trial_count)
    if left:
        parallel = body.parallel_trial_count
        return [f"instanceCount: {body.instance_count} nodes cannot be shared evenly by {parallel} parallel trainings"]
    if nodes > MOST_NODES:
        return [f"instanceCount: {nodes} nodes for each training, more than the {MOST_NODES} that one may have"]
    return []


def _count_problems(body: TuningSettings) -> Sequence[str]:
    most = body.max_trial_count
    given = {"parallelTrialCount": body.parallel_trial_count, "maxFailedTrialCount": body.max_failed_trial_count}
    return [
        f"{name}: {count} is more than the {most} of maxTrialCount"
        for name, count in given.items()
        if most is not None and count is not None and count > most
    ]


def _metric_problems(body: TuningSettings, settled: Json) -> Sequence[str]:
    problems: list[str] = []
    names = [metric["name"] for metric in settled["metricList"]]
    if body.objective_metric.name not in names:
        problems.append(f"objectiveMetric: {body.objective_metric.name} is none of metricList ({', '.join(names)})")
    if (name := twice(names)) is not None:
        problems.append(f"metricList: {name} is given twice")
    return problems + [f"metricRegex: {problem}" for problem in metric_regex.problems(body.metric_regex)]


def adapt_template(settings: Json, given: Mapping[str, Any]) -> Json:
    """A template counts the nodes of one training, a tuning those of all that run at the same time."""
    parallel = given.get("parallelTrialCount", 1)
    nodes = settings.get("instanceCount")
    if not isinstance(nodes, int) or not isinstance(parallel, int):
        return settings
    return settings | {"instanceCount": nodes * parallel}


def nodes_of_a_trial(spec: Json) -> int:
    return int(spec["instanceCount"]) // int(spec["parallelTrialCount"])


def trial_uri(uri: str, trial_id: str) -> str:
    """Where one training of a tuning puts what a training by itself puts at ``uri``."""
    return f"{uri.rstrip('/')}/{trial_id}"
