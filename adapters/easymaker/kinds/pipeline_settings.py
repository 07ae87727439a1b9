"""The settings of the guide's page Create Pipeline Run: those of one run, and of every run of a schedule."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import experiment, pipeline
from adapters.easymaker.kinds.fields import Body, CreateBody, Description, Id, Name, ParameterName, StorageUri
from adapters.easymaker.kinds.kind import Link, Planning, Presenting, Reference
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.pipelines import parameters
from adapters.easymaker.pipelines.parameters import VALUE_LIMIT, InvalidParameters
from adapters.easymaker.pipelines.reading import read

MOST_INSTANCES = 10
MOST_PARAMETERS = 500
PIPELINE = Link("pipeline", "pipeline", ready=pipeline.READY, pending=pipeline.PENDING, passing=True)


def _as_text(value: Any) -> Any:
    """The SDK passes values on as its user wrote them."""
    return value if isinstance(value, str) or value is None else parameters.text_of(value)


def _nas(value: str) -> str:
    if not value.startswith("nas://"):
        raise ValueError("must be nas://{NAS ID}:/{path}")
    return value


class RunParameter(Body):
    parameter_name: ParameterName
    parameter_value: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=str | float | bool | list[Any] | dict[str, Any]),
        StringConstraints(max_length=VALUE_LIMIT),
    ]


class NasMount(Body):
    mount_dir_name: Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9_-]+$")]
    nas_uri: Annotated[StorageUri, AfterValidator(_nas)]


class PipelineRunSettings(CreateBody):
    pipeline_run_or_recurring_run_name: Name
    pipeline_id: Id
    experiment_id: Id | None = None
    experiment_name: Name | None = Field(None, description="Of a new experiment, where no experimentId is given")
    experiment_description: Description | None = None
    parameter_list: Annotated[list[RunParameter], Field(max_length=MOST_PARAMETERS)] = []
    flavor_id: Id
    instance_count: int = Field(1, ge=1, le=MOST_INSTANCES, description="Steps run at once on that many instances")
    boot_storage_size: int = Field(50, ge=10, le=10000, description="GB, of each instance")
    nas_list: Annotated[list[NasMount], Field(max_length=10)] = []


def references(body: PipelineRunSettings) -> Sequence[Reference]:
    named = [Reference("pipeline", "pipeline", body.pipeline_id, "pipelineId")]
    if body.experiment_id:
        named.append(Reference("experiment", "experiment", body.experiment_id, "experimentId"))
    return named


def also_creates(body: PipelineRunSettings) -> Sequence[str]:
    return () if body.experiment_id else ("experiment",)


def resolved(body: PipelineRunSettings, planning: Planning) -> Json:
    """What is stored: the settings, the pipeline's name, and every parameter's value in its type.

    Raises:
        InvalidRequest: with all that is wrong.
    """
    source = planning.family(body.pipeline_id).record
    problems = _problems(body, planning.catalogue)
    values: Mapping[str, Any] = {}
    given = {each.parameter_name: each.parameter_value for each in body.parameter_list}
    try:
        values = parameters.check(parameters.parameters(read(pipeline.stored(source.spec))), given)
    except InvalidParameters as error:
        problems += [f"parameterList: {problem}" for problem in error.problems]
    if problems:
        raise InvalidRequest("; ".join(problems))
    return body.wire() | {"pipelineName": source.name, "arguments": dict(values)}


def _problems(body: PipelineRunSettings, catalogue: Catalogue) -> list[str]:
    problems: list[str] = []
    if body.flavor_id not in catalogue.flavors_by_id:
        problems.append(f"flavorId: there is no flavor {body.flavor_id}; GET /flavors lists them")
    if not body.experiment_id and not body.experiment_name:
        problems.append("experimentId: an experiment is needed (or give experimentName for a new one)")
    for field, names in (
        ("parameterList", [each.parameter_name for each in body.parameter_list]),
        ("nasList", [each.mount_dir_name for each in body.nas_list]),
    ):
        problems += [f"{field}: {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    return problems


def experiment_of(body: PipelineRunSettings, planning: Planning) -> tuple[str, list[NewRecord]]:
    """The experiment's id, and the experiment itself if it has to be made."""
    if body.experiment_id:
        return body.experiment_id, []
    made = experiment.ExperimentCreate.model_validate(
        {"experimentName": body.experiment_name, "description": body.experiment_description}
    )
    new = list(experiment.plan(made, planning))
    return new[0].id, new


def shown(family: Family, presenting: Presenting) -> Json:
    """The settings in an answer."""
    spec = family.record.spec
    flavor = presenting.catalogue.flavors_by_id.get(spec["flavorId"])
    return {
        "pipeline": pipeline.summary(family, spec),
        "experiment": experiment.summary(family, presenting),
        "flavor": flavor.model_dump(by_alias=True, mode="json", exclude={"groups"}) if flavor else None,
        "instanceCount": spec["instanceCount"],
        "bootStorage": {"storageSize": spec["bootStorageSize"]},
        "nasList": spec.get("nasList", []),
        "parameterList": spec.get("parameterList", []),
    }
