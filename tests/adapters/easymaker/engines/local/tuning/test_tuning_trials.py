"""What becomes of a trial, judged from its nodes; and that its names are those which the API tells."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines import tunings
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.launcher_runs import Node, Work
from adapters.easymaker.engines.local.processes import Phase, ProcessState
from adapters.easymaker.engines.local.tuning.ledger import Trial
from adapters.easymaker.engines.local.tuning.plan import Plan, Sockets, Storage
from adapters.easymaker.engines.local.tuning.trials import judge, output_uri, run_of, work_of
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from katib_suggestions.trial import TrialCondition
from tests.adapters.easymaker.engines.local.tuning.tuning_world import record_of

BOOT = "this boot"


def node(phase: Phase, status: dict[str, Any] | None = None, **state: Any) -> Node:
    return Node(ProcessState(phase, **state), status)


MISSING = node(Phase.MISSING)
RUNNING = node(Phase.RUNNING)
DONE = node(Phase.EXITED, {"exit_code": 0}, exit_code=0, cause="exited")
DONE_WHILE_STOPPED = node(Phase.EXITED, {"exit_code": 0}, exit_code=0, cause="stopped")
FAILED = node(Phase.EXITED, {"exit_code": 83, "reason": "exit code 3"}, exit_code=83, cause="exited", reason="ended")
STOPPED = node(Phase.EXITED, {"exit_code": 86}, exit_code=86, cause="stopped", reason="stopped on request")
LOST = node(Phase.LOST, cause="lost", reason="its supervisor was killed")


def trial(ending: TrialCondition | None = None, boot: str = BOOT) -> Trial:
    return Trial(1, "t-0001", {}, boot_id=boot, ending=ending, reason="why it ends" if ending else "")


AGAIN = "again"
ALIVE = "alive"


@pytest.mark.parametrize(
    ("nodes", "of", "expected"),
    [
        ([RUNNING], trial(), ALIVE),
        ([MISSING], trial(), ALIVE),
        ([DONE], trial(), "SUCCEEDED"),
        ([DONE, RUNNING], trial(), ALIVE),
        ([DONE, DONE], trial(), "SUCCEEDED"),
        ([DONE_WHILE_STOPPED], trial(TrialCondition.KILLED), "SUCCEEDED"),
        ([FAILED], trial(), "FAILED"),
        ([FAILED, RUNNING], trial(), ALIVE),
        ([STOPPED], trial(), AGAIN),
        ([STOPPED, FAILED], trial(), AGAIN),
        ([STOPPED, MISSING], trial(), AGAIN),
        ([STOPPED], trial(TrialCondition.EARLY_STOPPED), "EARLY_STOPPED"),
        ([STOPPED, FAILED], trial(TrialCondition.FAILED), "FAILED"),
        ([MISSING], trial(TrialCondition.KILLED), "KILLED"),
        ([MISSING, RUNNING], trial(TrialCondition.KILLED), ALIVE),
        ([LOST], trial(), "FAILED"),
        ([LOST], trial(boot="the boot before"), AGAIN),
        ([LOST], trial(TrialCondition.KILLED, boot="the boot before"), "KILLED"),
    ],
)
def test_verdicts(nodes: list[Node], of: Trial, expected: str) -> None:
    verdict = judge(of, nodes, BOOT)
    if verdict is None:
        assert expected == ALIVE
    else:
        assert (verdict.condition or AGAIN) == expected


def test_a_failure_says_why_and_on_which_node() -> None:
    one = judge(trial(), [FAILED], BOOT)
    two = judge(trial(), [DONE, FAILED], BOOT)
    assert one is not None
    assert one.reason == "exit code 3"
    assert two is not None
    assert two.reason == "node 1: exit code 3"


def plan(tmp_path: Path) -> Plan:
    launcher = {"datasets": (("train", "nas://d:/"),), "entry_point": "main.py", "timeout_seconds": 60.0}
    parameters = (
        Parameter("x", ParameterType.DOUBLE, "0", "1"),
        Parameter("k", ParameterType.CATEGORICAL, list=("a",)),
    )
    made = str(uuid.uuid4())
    return Plan(
        tuning_id=made,
        tuning_name="tuning",
        trial_prefix=made[:8],
        experiment=Experiment(made, parameters, Objective.MAXIMIZE, "acc", "grid", {"random_state": "1"}, 0.5, ("l",)),
        metric_regex="(a)(b)",
        nodes=2,
        work=Work("appkey", launcher, tmp_path / "python", tmp_path / "lock", 1, 2, 3),
        model_upload_uri="nas://out:/models/",
        checkpoint_upload_uri=None,
        directory=tmp_path / "jobs",
        tensorboard=tmp_path / "boards",
        home=LocalHome(tmp_path, tmp_path / "nas", tmp_path / "secrets"),
        storage=Storage("127.0.0.1:9", tmp_path / "ca", tmp_path / "key"),
        sockets=Sockets(tmp_path / "a", tmp_path / "b", tmp_path / "c"),
    )


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert Plan.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_trial_runs_with_its_own_values_and_places(tmp_path: Path) -> None:
    made = plan(tmp_path)
    work = work_of(made, Trial(7, made.trial_id(7), {"x": "0.5", "k": "a"}))
    assert work.launcher["hyperparameters"] == (("x", "0.5"), ("k", "a"))
    assert work.launcher["model_upload_uri"] == f"nas://out:/models/{made.trial_id(7)}"
    assert work.launcher["checkpoint_upload_uri"] is None
    assert work.launcher["datasets"] == (("train", "nas://d:/"),)
    first, second = (run_of(made, Trial(7, made.trial_id(7), {}, attempt=attempt)) for attempt in (1, 2))
    assert {first.name, first.directory, first.tensorboard}.isdisjoint(
        {second.name, second.directory, second.tensorboard}
    )


def test_names_and_places_are_those_that_the_api_tells(tmp_path: Path) -> None:
    record = record_of({"modelUploadUri": "nas://out:/models/", "checkPointUploadUri": "nas://out:/c"})
    prefix = tunings.trial_id(record, 1).rpartition("-")[0]
    for number in (1, 42, 12345):
        told = tunings.trial_id(record, number)
        assert told == f"{prefix}-{number:04d}"
        uris = tunings.output_uris(record, told)
        assert uris == (output_uri("nas://out:/models/", told), output_uri("nas://out:/c", told))
