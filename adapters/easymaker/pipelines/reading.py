"""From the IR's JSON to a Specification, with every problem and its place.

Every field name of the schema is listed, so that a misspelt or newer field is refused and not silently without effect.
"""

from adapters.easymaker.pipelines import structure
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.fields import Fields, Problems
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading_tasks import read_dag
from adapters.easymaker.pipelines.specification import Component, Executor, ExecutorKind, Port, Ports, Specification

ROOT = "root"

PARAMETER_TYPES = (
    "NUMBER_DOUBLE", "NUMBER_INTEGER", "STRING", "BOOLEAN", "LIST", "STRUCT", "TASK_FINAL_STATUS", "TASK_CONFIG",
)  # fmt: skip
# The field that the betas of kfp 2 wrote.
_OLD_TYPES = {"INT": "NUMBER_INTEGER", "DOUBLE": "NUMBER_DOUBLE", "STRING": "STRING"}
_PIPELINE = (
    "pipelineInfo", "deploymentSpec", "sdkVersion", "schemaVersion", "components", "root", "defaultPipelineRoot",
)  # fmt: skip
_COMPONENT = (
    "inputDefinitions", "outputDefinitions", "dag", "executorLabel", "singlePlatformSpecs", "taskConfigPassthroughs",
)  # fmt: skip
_PARAMETER = ("type", "parameterType", "defaultValue", "isOptional", "description", "literals")
_ARTIFACT = (
    "artifactType", "properties", "customProperties", "metadata", "isArtifactList", "isOptional", "description",
)  # fmt: skip
_CONTAINER = ("image", "command", "args", "lifecycle", "resources", "env")
_IMPORTER = (
    "artifactUri", "typeSchema", "properties", "customProperties", "reimport", "metadata", "downloadToWorkspace",
)  # fmt: skip
_EXECUTORS: tuple[ExecutorKind, ...] = ("container", "importer", "resolver", "customJob")


def read(pipeline: Pipeline) -> Specification:
    """The typed view of ``pipeline``; InvalidPipeline with all problems when it does not hold together."""
    problems = Problems()
    top = Fields(pipeline.spec, "pipeline", problems).only(_PIPELINE)
    info = top.message("pipelineInfo").only(("name", "displayName", "description"))
    components = {name: _component(name, each) for name, each in _top(top, "components").items()}
    specification = Specification(
        name=pipeline.name,
        display_name=info.text("displayName"),
        description=info.text("description"),
        root=_component(ROOT, Fields(top.message(ROOT).data, ROOT, problems)),
        components=components,
        executors={label: _executor(label, each) for label, each in _executors(top).items()},
    )
    if not problems.found:
        structure.check(specification, problems)
    if problems.found:
        raise InvalidPipeline(problems.found)
    return specification


def _top(top: Fields, name: str) -> dict[str, Fields]:
    """A map field at the top, whose place is told without the words that every place would begin with."""
    plain = Fields({name: top.data.get(name)}, "pipeline", top.problems)
    entries = plain.entries(name, "task")
    return {key: Fields(each.data, f"{name}.{key}", each.problems) for key, each in entries.items()}


def _executors(top: Fields) -> dict[str, Fields]:
    return _top(top.message("deploymentSpec").only(("executors",)), "executors")


def _component(name: str, fields: Fields) -> Component:
    fields.only(_COMPONENT)
    if fields.one_of(("dag", "executorLabel")) is None:
        fields.problems.add(fields.place, "neither dag nor executorLabel is there")
    dag = fields.optional("dag")
    return Component(
        name=name,
        inputs=_ports(fields.message("inputDefinitions")),
        outputs=_ports(fields.message("outputDefinitions")),
        dag=None if dag is None else read_dag(dag),
        executor=fields.text("executorLabel"),
    )


def _ports(fields: Fields) -> Ports:
    fields.only(("parameters", "artifacts"))
    return Ports(
        parameters={name: _parameter(name, each) for name, each in fields.entries("parameters").items()},
        artifacts={name: _artifact(name, each) for name, each in fields.entries("artifacts").items()},
    )


def _parameter(name: str, fields: Fields) -> Port:
    fields.only(_PARAMETER)
    kind = fields.text("parameterType") or _OLD_TYPES.get(fields.text("type"), "")
    if kind not in PARAMETER_TYPES:
        fields.problems.add(fields.place, f"parameterType {kind[:60]!r} is not one of {', '.join(PARAMETER_TYPES)}")
    return Port(
        name=name,
        type=kind,
        optional=fields.flag("isOptional"),
        has_default=fields.data.get("defaultValue") is not None,
        default=fields.data.get("defaultValue"),
        description=fields.text("description"),
        literals=fields.values("literals"),
    )


def _artifact(name: str, fields: Fields) -> Port:
    kind = fields.only(_ARTIFACT).message("artifactType")
    kind.only(("schemaTitle", "schemaUri", "instanceSchema", "schemaVersion"))
    return Port(
        name=name,
        type=kind.text("schemaTitle") or kind.text("schemaUri") or "system.Artifact",
        optional=fields.flag("isOptional"),
        is_list=fields.flag("isArtifactList"),
        description=fields.text("description"),
    )


def _executor(label: str, fields: Fields) -> Executor:
    kind = fields.only(_EXECUTORS).one_of(_EXECUTORS)
    if kind is None:
        fields.problems.add(fields.place, f"none of {', '.join(_EXECUTORS)} is there")
        return Executor(label, "missing", {})
    body = fields.message(kind)
    if kind == "importer":
        body.only(_IMPORTER)
    if kind != "container":
        return Executor(label, "importer" if kind == "importer" else _other(kind), body.data)
    body.only(_CONTAINER)
    return Executor(
        label, "container", body.data, image=body.text("image"), command=body.texts("command"), args=body.texts("args")
    )


def _other(kind: str) -> ExecutorKind:
    return "resolver" if kind == "resolver" else "customJob"
