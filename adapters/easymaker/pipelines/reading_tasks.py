"""Tasks and outputs of a (sub-)pipeline, read from the IR's JSON."""

from adapters.easymaker.pipelines.fields import Fields
from adapters.easymaker.pipelines.specification import Dag, Loop, Retry, Source, Task

_TASK = (
    "taskInfo", "inputs", "dependentTasks", "cachingOptions", "componentRef", "triggerPolicy", "artifactIterator",
    "parameterIterator", "retryPolicy", "iteratorPolicy",
)  # fmt: skip
_STRATEGIES = ("TRIGGER_STRATEGY_UNSPECIFIED", "ALL_UPSTREAM_TASKS_SUCCEEDED", "ALL_UPSTREAM_TASKS_COMPLETED")
_AFTER_FAILURE = _STRATEGIES[2]
_PARAMETER_SOURCES = ("taskOutputParameter", "runtimeValue", "componentInputParameter", "taskFinalStatus")
_ARTIFACT_SOURCES = ("taskOutputArtifact", "componentInputArtifact")


def read_dag(fields: Fields) -> Dag:
    fields.only(("tasks", "outputs"))
    outputs = fields.message("outputs").only(("parameters", "artifacts"))
    tasks = fields.entries("tasks", "task")
    return Dag(
        tasks={name: _task(name, each) for name, each in tasks.items()},
        parameters={name: _parameter_output(each) for name, each in outputs.entries("parameters").items()},
        artifacts={name: _artifact_output(each) for name, each in outputs.entries("artifacts").items()},
    )


def _task(name: str, fields: Fields) -> Task:
    fields.only(_TASK)
    trigger = fields.message("triggerPolicy").only(("condition", "strategy"))
    strategy = trigger.text("strategy", _STRATEGIES[0])
    if strategy not in _STRATEGIES:
        fields.problems.add(trigger.place, f"strategy {strategy[:60]!r} is not one of {', '.join(_STRATEGIES)}")
    inputs = fields.message("inputs").only(("parameters", "artifacts"))
    return Task(
        name=name,
        label=fields.message("taskInfo").only(("name",)).text("name") or name,
        component=fields.message("componentRef").only(("name",)).text("name"),
        depends_on=fields.texts("dependentTasks"),
        condition=trigger.text("condition"),
        after_failure=strategy == _AFTER_FAILURE,
        loop=_loop(fields),
        retry=_retry(fields.message("retryPolicy")),
        cached=fields.message("cachingOptions").only(("enableCache", "cacheKey")).flag("enableCache"),
        parameters={key: _parameter_source(each) for key, each in inputs.entries("parameters").items()},
        artifacts={key: _artifact_source(each) for key, each in inputs.entries("artifacts").items()},
    )


def _loop(fields: Fields) -> Loop | None:
    kind = fields.one_of(("parameterIterator", "artifactIterator"))
    limit = fields.message("iteratorPolicy").only(("parallelismLimit",)).count("parallelismLimit")
    if kind is None:
        return None
    iterator = fields.message(kind).only(("items", "itemInput"))
    items = iterator.message("items")
    if kind == "artifactIterator":
        items.only(("inputArtifact",))
        loop = Loop(iterator.text("itemInput"), over=items.text("inputArtifact"), artifacts=True, parallelism=limit)
    else:
        items.only(("raw", "inputParameter")).one_of(("raw", "inputParameter"))
        raw = items.text("raw") or None
        loop = Loop(iterator.text("itemInput"), over=items.text("inputParameter"), items=raw, parallelism=limit)
    if not loop.over and loop.items is None:
        fields.problems.add(items.place, "says nothing to loop over")
    return loop


def _retry(fields: Fields) -> Retry:
    fields.only(("maxRetryCount", "backoffDuration", "backoffFactor", "backoffMaxDuration"))
    return Retry(
        count=fields.count("maxRetryCount"),
        backoff=fields.text("backoffDuration"),
        factor=fields.number("backoffFactor"),
        longest=fields.text("backoffMaxDuration"),
    )


def _parameter_source(fields: Fields) -> Source:
    kind = fields.only((*_PARAMETER_SOURCES, "parameterExpressionSelector")).one_of(_PARAMETER_SOURCES)
    selector = fields.text("parameterExpressionSelector")
    if kind == "taskOutputParameter":
        output = fields.message(kind).only(("producerTask", "outputParameterKey"))
        return Source("task_output", output.text("outputParameterKey"), output.text("producerTask"), selector=selector)
    if kind == "componentInputParameter":
        return Source("component_input", fields.text(kind), selector=selector)
    if kind == "taskFinalStatus":
        task = fields.message(kind).only(("producerTask",)).text("producerTask")
        return Source("task_final_status", task=task)
    if kind == "runtimeValue":
        return _constant(fields.message(kind))
    return _missing(fields, _PARAMETER_SOURCES)


def _constant(fields: Fields) -> Source:
    kind = fields.only(("constant", "constantValue", "runtimeParameter")).one_of(("constant", "constantValue"))
    if kind == "constantValue":
        # The betas' way: {stringValue: x}.
        return Source("constant", constant=next(iter(fields.message(kind).data.values()), None))
    if "constant" not in fields.data:
        fields.problems.add(fields.place, "only constants may be given here")
    return Source("constant", constant=fields.data.get("constant"))


def _artifact_source(fields: Fields) -> Source:
    kind = fields.only(_ARTIFACT_SOURCES).one_of(_ARTIFACT_SOURCES)
    if kind == "taskOutputArtifact":
        output = fields.message(kind).only(("producerTask", "outputArtifactKey"))
        return Source("task_output", output.text("outputArtifactKey"), output.text("producerTask"))
    if kind == "componentInputArtifact":
        return Source("component_input", fields.text(kind))
    return _missing(fields, _ARTIFACT_SOURCES)


def _missing(fields: Fields, names: tuple[str, ...]) -> Source:
    fields.problems.add(fields.place, f"none of {', '.join(names)} is there")
    return Source("missing")


def _parameter_output(fields: Fields) -> tuple[Source, ...]:
    kind = fields.only(("valueFromParameter", "valueFromOneof")).one_of(("valueFromParameter", "valueFromOneof"))
    if kind == "valueFromParameter":
        return (_selector(fields.message(kind), "outputParameterKey"),)
    if kind == "valueFromOneof":
        one_of = fields.message(kind).only(("parameterSelectors",))
        return tuple(_selector(each, "outputParameterKey") for each in one_of.messages("parameterSelectors"))
    return ()


def _artifact_output(fields: Fields) -> tuple[Source, ...]:
    fields.only(("artifactSelectors",))
    return tuple(_selector(each, "outputArtifactKey") for each in fields.messages("artifactSelectors"))


def _selector(fields: Fields, key: str) -> Source:
    fields.only(("producerSubtask", key))
    return Source("task_output", fields.text(key), fields.text("producerSubtask"))
