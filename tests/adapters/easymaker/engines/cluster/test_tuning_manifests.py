"""What a tuning becomes on a cluster: readable golden files, strictly valid, and trials that are trainings."""

import json
import re
import subprocess
from typing import Any

import pytest
import re2
import yaml

from adapters.easymaker.engines.cluster.allowlist import require_allowed
from adapters.easymaker.engines.cluster.mapping.metric_filters import bears_times, metrics_format
from adapters.easymaker.engines.cluster.mapping.trial_commands import decoded, encoded, shell_command
from adapters.easymaker.engines.cluster.mapping.tunings import trial_limit, tuning_bundle
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds import metric_regex
from adapters.easymaker.kinds.record import Json, Record
from kfp_components.easymaker.launcher.arguments import applied, parse_arguments
from kfp_components.easymaker.launcher.spec import LauncherSpec
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.golden_files import require_golden, require_strictly_valid
from tests.adapters.easymaker.engines.cluster.training_samples import hyperparameter, site, tuning

TRIAL = f"em-{samples.TUNING_ID}-x7k2m9qd"
ODD = (
    "a b",
    'say "hi"',
    "$(id)",
    "${trialParameters.p0}",
    "it's; rm -rf /",
    "~",
    "50%",
    "a/b:c@d+1",
    "💥",
    "back\\slash",
)


def _plain() -> list[Json]:
    return tuning_bundle(tuning(), site()).manifests()


def _everything() -> list[Json]:
    record = tuning(
        hyperparameterSpecList=[
            hyperparameter("rate", min="0.001", max="0.1"),
            hyperparameter("depth", "int", min="1", max="9", step="2"),
            hyperparameter("batch", "discrete", values="16, 32, 64"),
            hyperparameter("optimizer", "categorical", values="sgd, adam"),
        ],
        metricList=[{"name": "accuracy"}, {"name": "loss"}],
        objectiveGoal=0.99,
        maxFailedTrialCount=3,
        parallelTrialCount=4,
        instanceCount=4,
        tuningStrategyName="BAYESIAN_OPTIMIZATION",
        tuningStrategyRandomState=7,
        earlyStoppingAlgorithm="MEDIAN",
        checkPointUploadUri="nas://results:/iris/checkpoints",
    )
    return tuning_bundle(record, site()).manifests()


def _nodes() -> list[Json]:
    record = tuning(
        imageId=samples.image_id("Ubuntu 22.04 GPU PyTorch Training"),
        flavorId=samples.flavor_id("g2.c8m64g1"),
        instanceCount=6,
        parallelTrialCount=2,
        useTorchrun=True,
        nprocPerNode=1,
        dataStorageSize=300,
    )
    return tuning_bundle(record, site()).manifests()


def _grid() -> list[Json]:
    record = tuning(
        hyperparameterSpecList=[hyperparameter("word", "categorical", values="a b,it's,plain")],
        tuningStrategyName="GRID",
        maxTrialCount=None,
        parallelTrialCount=5,
        instanceCount=5,
        maxFailedTrialCount=9,
        objectiveTypeCode="MINIMIZE",
        metricRegex=r"^(\w+): ([0-9.]+);",
    )
    return tuning_bundle(record, site()).manifests()


CASES = {
    "tuning-plain": _plain,
    "tuning-everything": _everything,
    "tuning-several-nodes": _nodes,
    "tuning-grid": _grid,
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_applied_is_in_a_golden_file(name: str) -> None:
    require_golden(name, CASES[name]())


@pytest.mark.parametrize("name", CASES)
def test_what_is_applied_is_strictly_valid(name: str) -> None:
    """And so is the TrainJob that Katib makes of it, which its CRD knows nothing about."""
    manifests = CASES[name]()
    require_strictly_valid([*manifests, trial_job(manifests[0], {})])


def filled_in(experiment: Json, values: dict[str, str]) -> Json:
    """The trial's object, as Katib's controller makes it: texts take the place of texts, and then it is read."""
    template = experiment["spec"]["trialTemplate"]
    text = json.dumps(template["trialSpec"])
    for parameter in template["trialParameters"]:
        reference = parameter["reference"]
        value = TRIAL if reference == "${trialSpec.Name}" else values.get(reference, "1")
        text = text.replace(f"${{trialParameters.{parameter['name']}}}", value)
    assert "${trialParameters" not in text
    return yaml.safe_load(text)


def trial_job(experiment: Json, values: dict[str, str]) -> Json:
    job = filled_in(experiment, values)
    assert not {"name", "namespace"} & set(job["metadata"])
    job["metadata"] |= {"name": TRIAL, "namespace": "team-a"}
    return job


def launched(record: Record, values: dict[str, str], rank: int = 0) -> LauncherSpec:
    """What the launcher of a trial with these values reads, past Katib, Kubernetes and a real shell."""
    bundle = tuning_bundle(record, site())
    trainer = trial_job(bundle.owner, values)["spec"]["trainer"]
    assert trainer["command"] == ["sh", "-c"]
    (line,) = trainer["args"]
    # Kubernetes replaces what it knows, before the shell sees it.
    line = line.replace("$(JOB_COMPLETION_INDEX)", str(rank))
    shown = line.replace("python -P -m kfp_components.easymaker.launcher", "printf '%s\\0'")
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, timeout=60, check=True)
    arguments = done.stdout.split("\0")[:-1]
    written = bundle.dependents[0]["data"]["launcher.json"]
    return applied(parse_arguments(arguments), LauncherSpec.from_json(written))


def test_a_trial_runs_what_the_training_would_with_its_own_values_and_places() -> None:
    record = tuning(checkPointUploadUri="nas://results:/iris/checkpoints", maxTrialCount=5)
    spec = launched(record, {"rate": "1e-05"})
    assert (spec.id, spec.hyperparameters, spec.timeout_seconds) == (TRIAL, (("rate", "1e-05"),), 3600)
    assert spec.model_upload_uri == f"nas://results:/iris/tuned/{TRIAL}"
    assert spec.checkpoint_upload_uri == f"nas://results:/iris/checkpoints/{TRIAL}"
    assert str(spec.tensorboard_dir) == f"/easymaker/tensorboard/{TRIAL}"
    assert (str(spec.metrics_log), spec.metrics_log_names) == ("/var/log/katib/metrics.log", ("accuracy",))


def test_nodes_of_a_trial_find_each_other() -> None:
    spec = launched(tuning(instanceCount=6, parallelTrialCount=2), {}, rank=2)
    assert (spec.node_rank, spec.instance_count) == (2, 3)
    assert spec.node_addresses[0] == f"{TRIAL}-node-0-0.{TRIAL}:29500"


@pytest.mark.parametrize("text", ODD)
def test_users_words_stay_words_on_all_the_way(text: str) -> None:
    """Neither JSON nor Katib's placeholders nor Kubernetes' variables nor a shell take a part of them for their own."""
    space = [hyperparameter("word", "categorical", values=f"{text},other"), hyperparameter(text, min="0", max="1")]
    record = tuning({"name": text}, hyperparameterSpecList=space)
    experiment = tuning_bundle(record, site()).owner
    parameters = experiment["spec"]["parameters"]
    chosen = parameters[0]["feasibleSpace"]["list"][0]
    assert decoded(chosen) == text
    assert dict(launched(record, {"word": chosen, text: "0.5"}).hyperparameters) == {"word": text, text: "0.5"}
    require_allowed(experiment)


def test_numbers_are_left_as_they_are() -> None:
    """Suggestion services read them."""
    space = [hyperparameter("n", "discrete", values="1e+05,-2,0.5")]
    experiment = tuning_bundle(tuning(hyperparameterSpecList=space), site()).owner
    assert experiment["spec"]["parameters"][0]["feasibleSpace"]["list"] == ["1e+05", "-2", "0.5"]
    assert encoded("adam") == "adam"


def test_a_name_that_katib_takes_for_a_trials_own_is_refused() -> None:
    space = [hyperparameter("${trialSpec.Name}", min="0", max="1")]
    with pytest.raises(PermanentEngineError, match="may not contain"):
        tuning_bundle(tuning(hyperparameterSpecList=space), site())


@pytest.mark.parametrize(
    ("asked", "values", "limit"), [(20, "a,b,c", 3), (2, "a,b,c", 2), (None, "a,b,c", 3), (None, None, 10_000)]
)
def test_there_is_always_a_limit(asked: int | None, values: str | None, limit: int) -> None:
    """Katib restarts a completed Experiment without one, and repeats the points of a space that is used up."""
    space = [hyperparameter("x", "categorical", values=values) if values else hyperparameter("x", min="0", max="1")]
    record = tuning(hyperparameterSpecList=space, maxTrialCount=asked, objectiveGoal=1.0)
    assert trial_limit(record) == limit
    assert tuning_bundle(record, site()).owner["spec"]["maxTrialCount"] == limit


def test_the_name_of_an_experiment_is_short_enough_for_katib() -> None:
    """And that of a trial's pods for Kubernetes: the last of the ten nodes that a training may have."""
    assert len(tuning_bundle(tuning(), site()).owner["metadata"]["name"]) <= 40
    assert len(f"{TRIAL}-node-0-9-abcde") <= 63


def test_each_trial_has_a_data_storage_of_its_own() -> None:
    """Trials run side by side, also those on one node."""
    bundle = tuning_bundle(tuning(dataStorageSize=300), site())
    job = bundle.owner["spec"]["trialTemplate"]["trialSpec"]["spec"]
    replicated = job["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]
    volumes = replicated["template"]["spec"]["template"]["spec"]["volumes"]
    assert "ephemeral" in next(volume for volume in volumes if volume["name"] == "work")
    assert [each["kind"] for each in bundle.dependents] == ["ConfigMap"]


@pytest.mark.parametrize("field", ["imageId", "flavorId", "algorithmId"])
def test_what_has_left_the_catalogue_fails_the_tuning(field: str) -> None:
    with pytest.raises(PermanentEngineError, match="no longer in the catalogue"):
        tuning_bundle(tuning(None, **{field: "gone"}), site())


@pytest.mark.parametrize(
    ("regex", "sent"),
    [
        ("(a);(b)", r"(a)\x3b(b)"),
        (r"(a)\;(b)", r"(a)\x3b(b)"),
        (r"(\\;)(b)", r"(\\\x3b)(b)"),
        (r"(\Qx;\E)(b)", r"(\Qx\E\x3b\Q\E)(b)"),
        ("([;a])(b)", r"([\x3ba])(b)"),
    ],
)
def test_a_pattern_is_one_pattern_to_katib_whatever_it_holds(regex: str, sent: str) -> None:
    """It splits its patterns at semicolons."""
    assert metrics_format(regex) == sent
    for text in ("a;b", "x;b", "\\;b", ";b", "ab"):
        before, after = re2.search(regex, text), re2.search(sent, text)
        assert (before and before.groups()) == (after and after.groups())


@pytest.mark.parametrize(
    "line",
    [
        "loss=0.5 accuracy = .7",
        "loss=n/a acc=1e-05",
        "a=b=5",
        "x=-1.5E+3;y=2.",
        "x= y=1",
        "loss=nan",
        "k=+ z=3",
        "a==1",
    ],
)
def test_the_usual_pattern_finds_numbers_and_nothing_that_ends_the_collector(line: str) -> None:
    def found(regex: str) -> list[tuple[str, str]]:
        return [match.groups()[:2] for match in re2.finditer(regex, line)]

    numbers = [(name, value) for name, value in found(metric_regex.DEFAULT) if is_number(value)]
    assert found(metrics_format(metric_regex.DEFAULT)) == numbers
    assert all(is_number(value) for _, value in found(metrics_format(metric_regex.DEFAULT)))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("regex", "times"),
    [(metric_regex.DEFAULT, True), (r"(\w+): ([0-9.]+)", True), (r"^(\w+)=(.*)", False), (r"(\d+):(\d+)", False)],
)
def test_lines_have_times_where_that_changes_nothing(regex: str, times: bool) -> None:
    assert bears_times(regex) is times


def test_the_shell_ends_as_its_child_does() -> None:
    for code in (0, 3, 86):
        argv = shell_command(["sh", "-c", f"'exit {code}'"])
        assert subprocess.run(argv, timeout=60).returncode == code


def test_the_line_has_nothing_but_words() -> None:
    (line,) = _everything()[0]["spec"]["trialTemplate"]["trialSpec"]["spec"]["trainer"]["args"]
    words = line.split("}; run ")[1].split(" ")
    assert all(re.fullmatch(r"[-\w./=]*(\$\{trialParameters\.\w+\}|\$\(JOB_COMPLETION_INDEX\))?", w) for w in words)


@pytest.mark.parametrize(
    "change",
    [
        {"command": ["bash", "-c"]},
        {"args": ["rm -rf /"]},
        {"args": [shell_command(["python", "x;y"])[-1]]},
        {"args": [shell_command(["$(id)"])[-1]]},
        {"args": [shell_command(["${HOME}"])[-1]]},
    ],
)
def test_no_other_command_gets_to_the_cluster(change: Any) -> None:
    experiment = json.loads(json.dumps(_plain()[0]))
    experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["trainer"] |= change
    with pytest.raises(PermanentEngineError, match="trainer"):
        require_allowed(experiment)
