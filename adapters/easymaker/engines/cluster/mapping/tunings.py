"""A tuning as a Katib Experiment: each of its trials is the TrainJob that a training becomes, with values of its own.

All trials read one launcher.json; what differs between them are arguments of the launcher, which Katib fills in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.cluster.api_resources import KATIB_EXPERIMENT, TRAIN_JOB
from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.mapping.launcher_specs import job_addresses, launcher_json
from adapters.easymaker.engines.cluster.mapping.metric_filters import bears_times, metrics_format
from adapters.easymaker.engines.cluster.mapping.training_jobs import (
    LAUNCHER,
    NODE,
    NODE_RANK,
    Command,
    TrainingSite,
    job_spec,
    launcher_config_map,
)
from adapters.easymaker.engines.cluster.mapping.training_volumes import training_labels
from adapters.easymaker.engines.cluster.mapping.trial_commands import encoded, shell_command
from adapters.easymaker.engines.cluster.names import labels, metadata, object_name
from adapters.easymaker.engines.tunings import nodes_of_a_trial, tuning_experiment
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.kinds.tuning_settings import MOST_TRIALS
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from kfp_components.easymaker.launcher.arguments import RUN

# Where Katib's webhook mounts the volume that a trial shares with the collector of its metrics.
METRICS_LOG = "/var/log/katib/metrics.log"
TRIAL_NAME = "${trialSpec.Name}"
# In a name, Katib would take it for the name of something of the trial's.
_META = "${trialSpec."
# Its own for a TrainJob; GJSON expressions over the job's status.
SUCCESS = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
FAILURE = 'status.conditions.#(type=="Failed")#|#(status=="True")#'
PRIMARY_POD = {"jobset.sigs.k8s.io/replicatedjob-name": NODE, "batch.kubernetes.io/job-completion-index": "0"}


def tuning_bundle(record: Record, site: TrainingSite) -> Bundle:
    """All that a tuning consists of, but for what Katib makes of it.

    Raises:
        PermanentEngineError: the catalogue no longer has what it needs, or a name in it cannot be on the cluster.
    """
    config_map = launcher_config_map(record, _launcher(record, site))
    return Bundle(_experiment(record, site), (config_map,))


def trial_limit(record: Record) -> int:
    """How many trials there may be: Katib counts them only, and repeats points of a space that is used up."""
    experiment = tuning_experiment(record)
    counts = (experiment.max_trials, space_size(record), MOST_TRIALS)
    return min(count for count in counts if count is not None)


def space_size(record: Record) -> int | None:
    """How many different trials there can be; None when there is no end to them."""
    try:
        return SearchSpace.of(tuning_experiment(record).parameters).size
    except InvalidExperiment as error:
        raise PermanentEngineError(f"the hyperparameters cannot be searched: {error}") from error


def _launcher(record: Record, site: TrainingSite) -> str:
    nodes = nodes_of_a_trial(record)
    changes: dict[str, Any] = {
        "instance_count": nodes,
        "node_addresses": job_addresses(RUN, nodes),
        "metrics_log": Path(METRICS_LOG),
        "metrics_log_names": _metrics(tuning_experiment(record)),
        "metrics_log_times": bears_times(record.spec["metricRegex"]),
    }
    return launcher_json(record, site.catalogue, site.region, **changes)


def _experiment(record: Record, site: TrainingSite) -> Json:
    given, most = tuning_experiment(record), trial_limit(record)
    spec: Json = {
        "objective": _objective(given),
        "algorithm": {"algorithmName": given.algorithm, "algorithmSettings": _settings(given.settings)},
        "parallelTrialCount": min(given.parallel_trials, most),
        "maxTrialCount": most,
        # A stopped or completed tuning never goes on, and Katib removes the suggestion service.
        "resumePolicy": "Never",
        "parameters": [_parameter(each) for each in given.parameters],
        "metricsCollectorSpec": _collector(record),
        "trialTemplate": _template(record, given, site),
    }
    # Katib takes no more than there are trials; so many failures are never reached anyway.
    if given.max_failed_trials is not None and given.max_failed_trials <= most:
        spec["maxFailedTrialCount"] = given.max_failed_trials
    if given.early_stopping:
        settings = _settings(given.early_stopping_settings)
        spec["earlyStopping"] = {"algorithmName": given.early_stopping, "algorithmSettings": settings}
    return {
        "apiVersion": KATIB_EXPERIMENT.api_version,
        "kind": KATIB_EXPERIMENT.kind,
        "metadata": metadata(record, object_name(record.id), training_labels(record)),
        "spec": spec,
    }


def _metrics(given: Experiment) -> tuple[str, ...]:
    return (given.metric, *given.additional_metrics)


def _objective(given: Experiment) -> Json:
    best = "max" if given.objective is Objective.MAXIMIZE else "min"
    objective: Json = {
        "type": given.objective.value,
        "objectiveMetricName": given.metric,
        "additionalMetricNames": list(given.additional_metrics),
        "metricStrategies": [{"name": name, "value": best} for name in _metrics(given)],
    }
    return objective | ({} if given.goal is None else {"goal": given.goal})


def _settings(settings: Mapping[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in settings.items()]


def _parameter(given: Parameter) -> Json:
    space: Json = {"distribution": given.distribution.value}
    bounds = {"min": given.min, "max": given.max, "step": given.step}
    space |= {name: value for name, value in bounds.items() if value}
    if given.list:
        # Numbers stay numbers; words are encoded, for they end up in a shell's line.
        words = given.type is ParameterType.CATEGORICAL
        space["list"] = [encoded(value) if words else value for value in given.list]
    return {"name": given.name, "parameterType": given.type.value, "feasibleSpace": space}


def _collector(record: Record) -> Json:
    """From a file and not from stdout: the container's log would be empty then, and with it the reason of a failure."""
    place = {"kind": "File", "path": METRICS_LOG, "format": "TEXT"}
    pattern = metrics_format(record.spec["metricRegex"])
    return {"collector": {"kind": "File"}, "source": {"fileSystemPath": place, "filter": {"metricsFormat": [pattern]}}}


def _template(record: Record, given: Experiment, site: TrainingSite) -> Json:
    if any(_META in each.name for each in given.parameters):
        raise PermanentEngineError(f"the name of a hyperparameter may not contain {_META} on a cluster")
    numbered = [(f"p{number}", each.name) for number, each in enumerate(given.parameters)]
    references = [("trial", TRIAL_NAME), *numbered]
    values = [word for key, name in numbered for word in ("--hyperparameter", f"{encoded(name)}={_placeholder(key)}")]
    spec_file = f"{paths.SPEC_DIRECTORY}/{paths.SPEC_FILE}"
    words = (*LAUNCHER, spec_file, "--node-rank", NODE_RANK, "--run-name", _placeholder("trial"), *values)
    *command, line = shell_command(words)
    return {
        # A finished TrainJob keeps its pods, and these their logs.
        "retain": True,
        "primaryContainerName": NODE,
        "primaryPodLabels": dict(PRIMARY_POD),
        "successCondition": SUCCESS,
        "failureCondition": FAILURE,
        "trialParameters": [{"name": name, "reference": reference} for name, reference in references],
        "trialSpec": {
            "apiVersion": TRAIN_JOB.api_version,
            "kind": TRAIN_JOB.kind,
            # No annotation with the user's name for it: it would be part of the text into which values are filled.
            "metadata": {"labels": labels(record, **training_labels(record))},
            "spec": job_spec(record, site, Command(tuple(command), (line,), nodes_of_a_trial(record))),
        },
    }


def _placeholder(name: str) -> str:
    return f"${{trialParameters.{name}}}"
