"""What each resource is. Pure data and functions: no I/O, no framework."""

from adapters.easymaker.kinds import (
    endpoint,
    endpoint_model,
    endpoint_stage,
    experiment,
    hyperparameter_tuning,
    model,
    pipeline,
    pipeline_recurring_run,
    pipeline_run,
    training,
    training_template,
)
from adapters.easymaker.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (
    experiment.KIND,
    training.KIND,
    hyperparameter_tuning.KIND,
    training_template.KIND,
    model.KIND,
    endpoint.KIND,
    endpoint_stage.KIND,
    endpoint_model.KIND,
    pipeline.KIND,
    pipeline_run.KIND,
    pipeline_recurring_run.KIND,
)

KIND_BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
