"""Median stopping of running trials, by the real service over the controller's values."""

from adapters.easymaker.engines.base import Phase
from tests.adapters.easymaker.engines.local.tuning.tuning_world import STOPPED_EARLY, TuningWorld


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


def test_a_service_that_cannot_tell_rules_holds_a_tuning_up_only_for_a_while(world: TuningWorld) -> None:
    """Early stopping with settings that its service refuses ends the tuning before the first trial instead."""
    record = world.early_stopping_tuning(earlyStoppingMinTrialCount=0)
    seen = world.finish(record)
    assert seen.phase is Phase.FAILED
    assert "min_trials_required" in seen.reason
    assert world.conditions(record) == []
