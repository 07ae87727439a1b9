"""Median stopping of running trials, by the real service over the controller's values."""

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.local.tuning import asking
from adapters.easymaker.engines.local.tuning.asking import Answer, Asking, Question
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from tests.adapters.easymaker.engines.local.tuning.tuning_world import STOPPED_EARLY, TuningWorld
from tests.conftest import PATIENCE, wait_for


def test_a_trial_that_is_worse_than_the_median_is_ended_while_it_runs(world: TuningWorld) -> None:
    world.script(text=STOPPED_EARLY)
    record = world.early_stopping_tuning()
    seen = world.finish(record)
    assert world.conditions(record) == ["SUCCEEDED", "EARLY_STOPPED", "EARLY_STOPPED"], world.log(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert seen.detail["earlyStoppedTrialCount"] == 2
    stopped = world.ledger(record).trials[2]
    assert stopped.reason == "the best loss of the first 2 is 7, which is greater than 1.5"
    assert stopped.metrics["loss"].count >= 2, "what it has printed is kept"
    assert seen.detail["optimalTrial"]["trialId"] == world.ledger(record).trials[1].id


def test_settings_that_the_service_refuses_end_a_tuning_before_its_first_trial(world: TuningWorld) -> None:
    record = world.early_stopping_tuning(earlyStoppingMinTrialCount=0)
    seen = world.finish(record)
    assert seen.phase is Phase.FAILED
    assert "min_trials_required" in seen.reason
    assert world.conditions(record) == []


@pytest.mark.parametrize(("patience", "told"), [(0.0, True), (PATIENCE, False)])
def test_trials_wait_for_their_rules_only_for_a_while(
    world: TuningWorld, patience: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The early-stopping service is away; the suggestion service answers."""
    monkeypatch.setattr(asking, "RULES_SECONDS", patience)
    world.services.start()
    world.runner.stop("katib-early-stopping")
    wait_for(lambda: len(world.services.parts()) == 1, PATIENCE, "one of the two has ended")
    parameter = Parameter("x", ParameterType.INT, "0", "9")
    experiment = Experiment("e", (parameter,), Objective.MINIMIZE, "loss", "random", early_stopping="medianstop")
    monkeypatch.chdir(world.services.directory)
    asks = Asking(experiment, world.services.sockets("e"))
    answers: list[Answer] = []

    def answered() -> bool:
        if asks.ready:
            asks.ask(Question([], 2, validate=False))
        if (answer := asks.poll()) is not None:
            answers.append(answer)
        return bool(answers) or ("GetEarlyStoppingRules" in asks.trouble and not told)

    wait_for(answered, PATIENCE, "there is an answer, or a word about what is missing")
    asks.close()
    assert [len(answer.points) for answer in answers] == ([2] if told else [])
    assert all("GetEarlyStoppingRules" in answer.without_rules for answer in answers)
