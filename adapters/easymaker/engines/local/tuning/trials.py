"""One trial of a tuning as a run of the launcher: where it is, what it does, and what has become of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.easymaker.engines.local.launcher_runs import Node, Run, Work
from adapters.easymaker.engines.local.processes import Phase
from adapters.easymaker.engines.local.tuning.ledger import Trial
from adapters.easymaker.engines.local.tuning.plan import Plan
from katib_suggestions.trial import TrialCondition

PREFIX = "trial-"


def process_prefix(tuning_id: str) -> str:
    """What the names of all processes of a tuning's trials begin with."""
    return f"{PREFIX}{tuning_id}-"


def run_of(plan: Plan, trial: Trial) -> Run:
    """Each attempt is a run by itself, so that nobody takes what an earlier one has left for this one's."""
    name = f"{trial.number:04d}-{trial.attempt}"
    tensorboard = trial.id if trial.attempt == 1 else f"{trial.id}-attempt-{trial.attempt}"
    return Run(
        name=process_prefix(plan.tuning_id) + name,
        nodes=plan.nodes,
        directory=plan.directory / "trials" / name,
        tensorboard=plan.tensorboard / tensorboard,
    )


def series_path(directory: Path, trial: Trial) -> Path:
    """Outside of the run's directory, in which the user's program may write."""
    return directory / "metrics" / f"{trial.number:04d}-{trial.attempt}.jsonl"


def work_of(plan: Plan, trial: Trial) -> Work:
    checkpoints = plan.checkpoint_upload_uri
    own = {
        "id": trial.id,
        "name": f"{plan.tuning_name} {trial.id}",
        "hyperparameters": tuple(trial.assignments.items()),
        "model_upload_uri": output_uri(plan.model_upload_uri, trial.id),
        "checkpoint_upload_uri": output_uri(checkpoints, trial.id) if checkpoints else None,
    }
    return replace(plan.work, launcher={**plan.work.launcher, **own})


def output_uri(uri: str, trial_id: str) -> str:
    return f"{uri.rstrip('/')}/{trial_id}"


@dataclass(frozen=True)
class Verdict:
    """Without a condition: the platform has ended the attempt, and the trial is begun again."""

    condition: TrialCondition | None
    reason: str = ""


def judge(trial: Trial, nodes: Sequence[Node], boot_id: str) -> Verdict | None:
    """What has become of an attempt; None while any of its processes lives. Missing ones count as not begun."""
    begun = [node for node in nodes if node.state.phase is not Phase.MISSING]
    if any(not node.state.over for node in begun):
        return None
    if begun and len(begun) == len(nodes) and all(map(_done, nodes)):
        return Verdict(TrialCondition.SUCCEEDED)
    if trial.ending is not None:
        return Verdict(trial.ending, trial.reason)
    if not begun:
        return None
    if any(_lost_with_the_machine(node, trial, boot_id) for node in begun):
        return Verdict(None, "the machine was restarted while it ran")
    if any(node.stopped for node in begun):
        return Verdict(None, "it was ended by a shutdown")
    return Verdict(TrialCondition.FAILED, failure(nodes) or "it did not start on all its nodes")


def failure(nodes: Sequence[Node]) -> str:
    """Of the first node that has failed by itself; empty if there is none."""
    for rank, node in enumerate(nodes):
        if node.state.over and not node.stopped and not _done(node):
            return (f"node {rank}: " if len(nodes) > 1 else "") + node.failure()
    return ""


def _done(node: Node) -> bool:
    """The launcher's last word counts also if somebody asked it to end in the moment after."""
    return node.state.succeeded or (node.status is not None and node.status.get("exit_code") == 0)


def _lost_with_the_machine(node: Node, trial: Trial, boot_id: str) -> bool:
    return node.state.phase is Phase.LOST and trial.boot_id != boot_id
